"""A daemon that has nothing to do ends after a while."""

from filmlabd.core.idle import Idle


def test_idleness_counts_from_when_the_last_thing_was_done() -> None:
    """Anything to do in between begins it anew."""
    idle = Idle(300.0)
    assert not idle.is_over(10.0, busy=True)
    assert idle.due_at() is None
    assert not idle.is_over(20.0, busy=False)
    assert not idle.is_over(319.0, busy=False)
    assert idle.due_at() == 320.0
    assert not idle.is_over(319.5, busy=True)
    assert not idle.is_over(400.0, busy=False)
    assert idle.is_over(700.0, busy=False)


def test_a_daemon_may_stay_for_ever() -> None:
    """With 0, it never ends by itself."""
    idle = Idle(0.0)
    assert not idle.is_over(0.0, busy=False)
    assert not idle.is_over(1e9, busy=False)
    assert idle.due_at() is None
