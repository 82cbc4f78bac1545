"""Who waits for which prints."""

from filmlabd.core.waiters import Waiter, Waiters


def taken(waiters: Waiters) -> list[Waiter]:
    return waiters.take_ready("r", "page:r", lambda waiter: None)


def test_a_wait_is_over_after_its_prints_and_then_the_page() -> None:
    """First the films and curves, then the page that shows them."""
    waiters = Waiters()
    waiters.add(Waiter("r", {"a", "b"}, token=5))
    waiters.settle("r", "a")
    assert taken(waiters) == []
    waiters.settle("r", "b", "b: it broke")
    assert taken(waiters) == []
    waiters.settle("r", "page:r")
    over = taken(waiters)
    assert [(waiter.token, waiter.failures) for waiter in over] == [(5, ["b: it broke"])]
    assert waiters.idle


def test_a_wait_for_nothing_still_waits_for_the_page() -> None:
    """A flush with nothing to develop finds a page that is up to date."""
    waiters, wanted = Waiters(), []
    waiters.add(Waiter("r", set(), token=5))
    assert waiters.take_ready("r", "page:r", wanted.append) == []
    assert len(wanted) == 1


def test_a_run_has_one_end_and_a_further_attempt_cancels_it() -> None:
    """A run that goes on is not marked as printed by the end of the attempt before."""
    waiters = Waiters()
    waiters.add(Waiter("r", {"a"}))
    waiters.add(Waiter("r", {"b"}))
    waiters.add(Waiter("r", {"b"}, token=5, session=1))
    waiters.cancel_end("r")
    assert not waiters.idle
    waiters.cancel_session(1)
    assert waiters.idle
