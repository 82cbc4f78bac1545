"""The sender's timers."""

from filmlab.link.delivery import Limits
from filmlab.link.liveness import BUSY_MOST_S, Liveness


def welcomed() -> Liveness:
    """At 0 s, answered."""
    live = Liveness(Limits(), 0.0)
    live.connected(0.0)
    assert live.hello_due(0.0, unanswered=False)
    live.welcome(0.0)
    return live


def test_hello_is_due_once_for_each_time() -> None:
    """A greeting without an answer is repeated every 2 s, and not in between."""
    live = Liveness(Limits(), 0.0)
    assert not live.hello_due(0.0, unanswered=False)
    live.connected(1.0)
    due = [now for now in (1.0, 1.5, 3.0, 3.5, 5.0) if live.hello_due(now, unanswered=False)]
    assert due == [1.0, 3.0, 5.0]


def test_two_seconds_without_an_answer_mean_the_spool() -> None:
    """The clock begins when the daemon is lost, not with each new try to reach it."""
    live = welcomed()
    live.disconnected(10.0)
    live.connected(11.0)
    live.disconnected(11.5)
    assert live.next_at(unanswered=False) == 12.0
    live.tick(11.9, unanswered=False)
    assert not live.spooling
    live.tick(12.0, unanswered=False)
    assert live.spooling
    live.connected(13.0)
    assert live.spooling
    live.welcome(13.1)
    assert not live.spooling


def test_a_welcome_does_not_hide_that_nothing_is_acknowledged() -> None:
    """A daemon that answers but never acknowledges is left after 15 s, and only progress ends the spooling."""
    live = welcomed()
    live.began(0.0)
    for now in (3.0, 6.0, 9.0, 12.0):
        live.welcome(now)
        live.tick(now, unanswered=True)
    live.tick(15.0, unanswered=True)
    assert live.wants_reconnect and live.spooling
    live.disconnected(15.0)
    assert not live.wants_reconnect
    live.connected(15.1)
    live.welcome(15.2)
    assert live.spooling
    live.progress(15.3)
    assert not live.spooling


def test_without_any_peer_the_socket_is_renewed_every_15_s() -> None:
    """A socket that never comes up is not waited for without end."""
    live = Liveness(Limits(), 0.0)
    live.tick(14.9, unanswered=False)
    assert not live.wants_reconnect
    live.tick(15.0, unanswered=False)
    assert live.wants_reconnect
    live.disconnected(15.0)
    live.tick(29.9, unanswered=False)
    assert not live.wants_reconnect


def test_busy_is_bounded_and_no_silence() -> None:
    """A pause that the daemon asks for moves all timers, but never by more than a minute."""
    live = welcomed()
    live.began(0.0)
    live.busy(0.0, 10**6)
    assert live.busy_until == BUSY_MOST_S
    live.began(1.0)
    live.tick(BUSY_MOST_S + 14.0, unanswered=True)
    assert not live.wants_reconnect
    live.tick(BUSY_MOST_S + 15.0, unanswered=True)
    assert live.wants_reconnect


def test_nothing_outstanding_means_no_timer() -> None:
    """A connection with nothing to wait for never wakes anybody."""
    live = welcomed()
    assert live.next_at(unanswered=False) is None
    live.tick(10**6, unanswered=False)
    assert not live.wants_reconnect
    assert not live.hello_due(10**6, unanswered=False)


def test_a_daemon_that_cannot_watch_us_is_kept_informed() -> None:
    """With a lease, something is due a third of it after the last thing that was sent; without one, never."""
    live = welcomed()
    assert live.next_at(unanswered=False) is None
    live.welcome(1.0, lease_s=60.0)
    live.spoke(5.0)
    assert live.next_at(unanswered=False) == 25.0
    assert not live.ping_due(24.9)
    assert live.ping_due(25.0)
    live.spoke(25.0)
    assert not live.ping_due(25.0)
    live.disconnected(30.0)
    assert not live.ping_due(1e9)
