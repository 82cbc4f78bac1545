"""The sender's core: what it sends when, and that nothing is lost, doubled or kept beyond its bounds."""

import pytest

from client.outboxes import FILM, HELLO, MUCH, SESSION, SMALL, ack, kinds, numbers, online, welcome
from filmlab.errors import WireError
from filmlab.link.delivery import (
    Acked,
    Draining,
    Limits,
    NewBoot,
    PlanChanged,
    Printed,
    Refused,
    Safe,
    SessionLost,
    StateChanged,
)
from filmlab.link.outbox import Outbox
from filmlab.wire import messages
from filmlab.wire.frame import WAITING, Kind
from filmlab.wire.messages import Stream


def test_nothing_goes_before_hello_is_answered() -> None:
    """A daemon is greeted first, and gets records only once it has said what it expects."""
    box = Outbox(SESSION, HELLO, SMALL)
    box.push_c([b"x"])
    assert box.take(0.0, MUCH) == []
    box.connected(0.0)
    assert kinds(box.take(0.0, MUCH)) == [Kind.HELLO]
    assert box.take(0.0, MUCH) == []
    box.receive(welcome(), 0.0)
    assert numbers(box.take(0.0, MUCH)) == [(Kind.DATA_C, 1)]


def test_control_goes_before_film() -> None:
    """However much film waits, a metric is next."""
    box = online()
    box.push_b(FILM, [b"f"])
    box.push_c([b"x"])
    assert numbers(box.take(0.0, MUCH)) == [(Kind.DATA_C, 1), (Kind.DATA_B, 1)]


def test_film_stays_within_the_credit() -> None:
    """What is in flight in stream B is never more than granted; control does not wait for it."""
    box = online(Limits())
    for _ in range(5):
        box.push_b(FILM, [bytes(40_000)])
    assert numbers(box.take(0.0, MUCH)) == [(Kind.DATA_B, 1), (Kind.DATA_B, 2)]
    assert box.take(0.0, MUCH) == []
    box.push_c([b"x"])
    assert numbers(box.take(0.0, MUCH)) == [(Kind.DATA_C, 1)]
    box.receive(ack(durable_b=1), 0.1)
    assert numbers(box.take(0.1, MUCH)) == [(Kind.DATA_B, 3)]


def test_a_record_over_the_credit_goes_alone() -> None:
    """A record larger than the whole credit does not stop the stream for ever."""
    box = online(Limits())
    box.push_b(FILM, [bytes(300_000)])
    box.push_b(FILM, [b"f"])
    assert numbers(box.take(0.0, MUCH)) == [(Kind.DATA_B, 1)]
    box.receive(ack(durable_b=1), 0.1)
    assert numbers(box.take(0.1, MUCH)) == [(Kind.DATA_B, 2)]


def test_acks_free_memory_and_are_told() -> None:
    """What is durable is forgotten; one event says how far that is, and a repeated ack says nothing."""
    box = online()
    box.push_c([b"x"])
    box.push_b(FILM, [b"f"])
    box.take(0.0, MUCH)
    assert box.receive(ack(1, 0), 0.1) == [Acked(1, 0), Safe(1, 0)]
    assert box.receive(ack(1, 0), 0.1) == []
    assert box.receive(ack(1, 1), 0.1) == [Acked(1, 1), Safe(1, 1)]
    assert box.memory_bytes == 0
    assert box.all_durable


def test_an_ack_beyond_what_was_made_is_ignored() -> None:
    """A daemon cannot make the sender forget what it has not seen."""
    box = online()
    box.push_c([b"x"])
    assert box.receive(ack(9, 9), 0.1) == []
    assert box.durable_c == 0


def test_received_is_not_durable() -> None:
    """WELCOME tells what was received and what is durable: only the second may be forgotten."""
    box = online()
    for _ in range(3):
        box.push_c([b"x"])
    box.take(0.0, MUCH)
    box.disconnected(1.0)
    box.connected(1.0)
    box.take(1.0, MUCH)
    box.receive(welcome(durable_c=1, next_c=3), 1.0)
    assert box.durable_c == 1
    assert numbers(box.take(1.0, MUCH)) == [(Kind.DATA_C, 3)]
    box.disconnected(2.0)
    box.connected(2.0)
    box.take(2.0, MUCH)
    box.receive(welcome(durable_c=1, next_c=2, boot=2), 2.0)
    assert numbers(box.take(2.0, MUCH)) == [(Kind.DATA_C, 2), (Kind.DATA_C, 3)]


def test_resync_goes_back_and_only_back() -> None:
    """After a gap the stream goes on from where the daemon says; a late RESYNC never skips a record."""
    box = online()
    for _ in range(4):
        box.push_c([b"x"])
    box.take(0.0, MUCH)
    box.receive(messages.encode(messages.Resync(Stream.C, 3), SESSION), 0.1)
    assert numbers(box.take(0.1, MUCH)) == [(Kind.DATA_C, 3), (Kind.DATA_C, 4)]
    box.push_c([b"x"])
    box.receive(messages.encode(messages.Resync(Stream.C, 99), SESSION), 0.2)
    assert numbers(box.take(0.2, MUCH)) == [(Kind.DATA_C, 5)]


def test_silence_is_asked_then_ended() -> None:
    """Without ack progress: HELLO after 2 s and again, and a new socket after 15 s. Traffic is no progress."""
    box = online()
    box.push_c([b"x"])
    box.take(0.0, MUCH)
    assert box.next_at() == 2.0
    for now in (2.0, 4.2):
        box.tick(now)
        assert kinds(box.take(now, MUCH)) == [Kind.HELLO]
        assert box.take(now + 0.1, MUCH) == []
        box.receive(welcome(next_c=2), now + 0.1)
    box.tick(14.9)
    assert not box.wants_reconnect
    assert box.tick(15.0) == [StateChanged("spooling", "nothing was acknowledged for 15 s")]
    assert box.wants_reconnect


def test_an_idle_connection_is_left_alone() -> None:
    """With nothing outstanding no timer runs and no HELLO is sent."""
    box = online()
    assert box.next_at() is None
    box.tick(1000.0)
    assert box.take(1000.0, MUCH) == []
    assert not box.wants_reconnect


def test_an_awaited_answer_is_asked_for_and_then_the_connection_is_given_up() -> None:
    """All is durable, but the PRINT that somebody waits for may be lost: HELLO brings it, silence ends the socket."""
    box = online()
    box.await_answer(True, 1.0)
    assert box.next_at() == 1.0 + SMALL.hello_after_s
    assert box.take(2.9, MUCH) == []
    assert kinds(box.take(3.0, MUCH)) == [Kind.HELLO]
    box.receive(welcome(), 3.1)
    assert kinds(box.take(5.1, MUCH)) == [Kind.HELLO]
    box.tick(3.1 + SMALL.reconnect_after_s - 0.1)
    assert not box.wants_reconnect
    box.tick(3.1 + SMALL.reconnect_after_s)
    assert box.wants_reconnect
    box = online()
    box.await_answer(True, 1.0)
    box.await_answer(False, 1.5)
    assert (box.next_at(), box.take(9.0, MUCH)) == (None, [])


def test_hello_tells_what_is_known_to_be_durable() -> None:
    """A repeated HELLO carries the numbers that were acknowledged."""
    box = online()
    box.push_c([b"x"])
    box.push_c([b"x"])
    box.take(0.0, MUCH)
    box.receive(ack(1), 0.1)
    hello = messages.decode(box.take(5.0, MUCH)[0])
    assert isinstance(hello, messages.Hello)
    assert (hello.acked_c, hello.acked_b) == (1, 0)


def test_another_boot_is_told() -> None:
    """A restarted daemon has forgotten who waits, so its first WELCOME is an event; the first daemon's is not."""
    box = online()
    box.disconnected(1.0)
    box.connected(1.0)
    box.take(1.0, MUCH)
    assert box.receive(welcome(boot=1), 1.0) == [StateChanged("online", "")]
    box.disconnected(2.0)
    box.connected(2.0)
    assert NewBoot(2) in box.receive(welcome(boot=2), 2.0)


@pytest.mark.parametrize("next_c", [1, 9])
def test_a_daemon_that_lost_what_it_acknowledged_ends_the_session(next_c: int) -> None:
    """Numbers that contradict what was acknowledged, or made, are the end of the session, never a silent gap."""
    box = online()
    box.push_c([b"x"])
    box.push_c([b"x"])
    box.take(0.0, MUCH)
    box.receive(ack(1), 0.1)
    events = box.receive(welcome(next_c=next_c, boot=2), 1.0)
    assert [type(event) for event in events] == [SessionLost, StateChanged]
    assert box.state == "lost"
    assert box.take(1.0, MUCH) == [] and box.spill(1.0) == [] and box.next_at() is None


def test_messages_become_events() -> None:
    """Plans, prints, refusals and the daemon's leave are handed on as they are."""
    box = online()
    plan = messages.Plan(0, 1, "always")
    print_ = messages.Print(0, "flush", True, token=9)
    error = messages.Error("bad-input", "no", 0, 1)
    assert box.receive(messages.encode(plan, SESSION), 0.0) == [PlanChanged(plan)]
    assert box.receive(messages.encode(print_, SESSION), 0.0) == [Printed(print_)]
    assert box.receive(messages.encode(error, SESSION), 0.0) == [Refused(error)]
    events = box.receive(messages.encode(messages.Drain("upgrade"), SESSION), 0.0)
    assert events[0] == Draining("upgrade")
    assert box.state == "connecting"


def test_an_unknown_session_introduces_itself_again() -> None:
    """A daemon that does not know the session is greeted at once, and nobody is bothered."""
    box = online()
    box.push_c([b"x"])
    box.take(0.0, MUCH)
    refusal = messages.encode(messages.Error("no-session", "say HELLO first"), SESSION)
    assert [type(event) for event in box.receive(refusal, 0.5)] == [StateChanged]
    assert kinds(box.take(0.5, MUCH)) == [Kind.HELLO]
    box.receive(welcome(), 0.6)
    assert numbers(box.take(0.6, MUCH)) == [(Kind.DATA_C, 1)]


def test_a_session_that_is_over_is_lost() -> None:
    """The daemon took this process for dead and closed its runs: nothing more is sent, and another session begins."""
    box = online()
    box.push_c([b"x"])
    box.take(0.0, MUCH)
    over = messages.encode(messages.Error("session-over", "this session has ended"), SESSION)
    assert SessionLost("this session has ended") in box.receive(over, 0.5)
    assert (box.state, box.take(9.0, MUCH)) == ("lost", [])


def test_another_version_means_the_spool() -> None:
    """A daemon of another version is not sent records; they go to disk, and the reason is there to be read."""
    box = online()
    text = "this daemon speaks protocol 9, the client 1 to 1"
    events = box.receive(messages.encode(messages.Error("version", text), SESSION), 0.5)
    assert isinstance(events[0], Refused)
    assert box.state == "spooling" and box.why == text


def test_an_idle_process_with_a_lease_is_heard_from() -> None:
    """PING goes when nothing else went for a third of the lease, and a record counts as well."""
    box = Outbox(SESSION, HELLO, SMALL)
    box.connected(0.0)
    box.take(0.0, MUCH)
    box.receive(messages.encode(messages.Welcome(1, 0, 1, 0, 1, 100_000, lease_s=60.0), SESSION), 0.0)
    assert box.next_at() == 20.0
    box.push_c([b"x"])
    assert kinds(box.take(15.0, MUCH)) == [Kind.DATA_C]
    box.receive(ack(1), 15.1)
    assert box.take(34.9, MUCH) == []
    assert kinds(box.take(35.0, MUCH)) == [Kind.PING]
    assert box.take(35.0, MUCH) == []
    assert box.next_at() == 55.0


def test_garbage_is_a_wire_error() -> None:
    """What no daemon sends is refused, and changes nothing."""
    box = online()
    with pytest.raises(WireError):
        box.receive(messages.encode(messages.Bye(), SESSION), 0.0)
    with pytest.raises(WireError):
        box.receive(messages.encode(messages.Ack(0, 0, 0), SESSION + 1), 0.0)
    with pytest.raises(WireError):
        box.receive(messages.encode(messages.Resync(7, 1), SESSION), 0.0)
    assert box.state == "online"


def test_who_waits_is_told_to_the_daemon() -> None:
    """Records that somebody waits for carry the flag, others do not."""
    box = online()
    box.push_c([b"x"])
    box.push_c([b"x"], waiting=True)
    box.waiting = True
    box.push_b(FILM, [b"f"])
    assert [item.flags & WAITING for item in box.take(0.0, MUCH)] == [0, WAITING, WAITING]
