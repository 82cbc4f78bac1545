"""What the outbox lets go to disk, and what comes back from there."""

import pytest

from client.outboxes import FILM, HELLO, MUCH, SESSION, SMALL, numbers, online, spill_all, welcome
from filmlab.link.delivery import (
    Full,
    LostInSpool,
    StateChanged,
)
from filmlab.link.outbox import Outbox
from filmlab.wire.frame import Kind
from filmlab.wire.messages import Stream


def test_without_an_answer_everything_goes_to_disk() -> None:
    """Two seconds without a daemon and memory is emptied into the spool, control first; WELCOME brings it back."""
    box = Outbox(SESSION, HELLO, SMALL)
    box.push_b(FILM, [b"f"])
    box.push_c([b"x"])
    assert box.spill(0.0) == []
    assert box.next_at() == 2.0
    assert [event.state for event in box.tick(2.0) if isinstance(event, StateChanged)] == ["spooling"]
    disk = spill_all(box, 2.0)
    assert list(disk) == [(Stream.C, 1), (Stream.B, 1)]
    assert box.all_safe and not box.all_durable and box.memory_bytes == 0
    box.push_c([b"y"])
    box.connected(3.0)
    box.take(3.0, MUCH)
    box.receive(welcome(), 3.0)
    assert box.take(3.0, MUCH) == []
    want = box.need_from_spool()
    assert want is not None and (want.stream, want.from_seq) == (Stream.C, 1)
    box.replayed(Stream.C, [disk[Stream.C, 1]])
    assert numbers(box.take(3.0, MUCH)) == [(Kind.DATA_C, 1), (Kind.DATA_C, 2)]
    want = box.need_from_spool()
    assert want is not None and want.stream is Stream.B
    box.replayed(Stream.B, [disk[Stream.B, 1]])
    assert numbers(box.take(3.0, MUCH)) == [(Kind.DATA_B, 1)]
    box.check()


def test_offline_spools_at_once_and_never_greets() -> None:
    """Mode offline writes everything to disk and wants nothing of a socket."""
    box = Outbox(SESSION, HELLO, SMALL, "offline")
    box.push_c([b"x"])
    assert list(spill_all(box, 0.0)) == [(Stream.C, 1)]
    assert box.state == "spooling"
    assert box.tick(1000.0) == []
    assert not box.wants_reconnect


def test_a_slow_daemon_lets_old_film_go_to_disk() -> None:
    """Over half of the memory the oldest film is spilled, so that there is room for what comes."""
    box = online()
    while box.film_room(8000):
        box.push_b(FILM, [bytes(8000)])
    disk = spill_all(box, 0.0)
    assert disk and {stream for stream, _ in disk} == {Stream.B}
    assert box.memory_bytes <= SMALL.memory_bytes // 2
    assert box.film_room(8000)
    box.check()


def test_a_full_memory_refuses_film_and_keeps_room_for_control() -> None:
    """Film never takes the reserve of the metrics; only when that is full too are they refused."""
    box = Outbox(SESSION, HELLO, SMALL)
    while box.film_room(4000):
        box.push_b(FILM, [bytes(4000)])
    with pytest.raises(Full):
        box.push_b(FILM, [bytes(4000)])
    assert box.control_room(1000)
    while box.control_room(1000):
        box.push_c([bytes(1000)])
    with pytest.raises(Full):
        box.push_c([bytes(1000)])
    box.check()


def test_a_failed_spool_is_left_alone_for_a_while() -> None:
    """After a failed write nothing is spilled for some seconds, and the timer says when to try again."""
    box = Outbox(SESSION, HELLO, SMALL, "offline")
    box.push_c([b"x"])
    assert box.spill(0.0)
    box.spool_failed(0.0)
    assert box.spill(1.0) == []
    assert box.next_at() == SMALL.spool_retry_s
    box.tick(SMALL.spool_retry_s)
    assert box.spill(SMALL.spool_retry_s)


def test_what_the_spool_lost_is_replaced_by_blanks() -> None:
    """A record that cannot be read back must not stop those behind it: a blank takes its number, and this is told."""
    box = Outbox(SESSION, HELLO, SMALL, "auto")
    for _ in range(4):
        box.push_c([b"x"])
    box.tick(2.0)
    disk = spill_all(box, 2.0)
    box.connected(3.0)
    box.take(3.0, MUCH)
    box.receive(welcome(), 3.0)
    assert box.replayed(Stream.C, [disk[Stream.C, 3]]) == [LostInSpool(Stream.C, 1, 2)]
    sent = box.take(3.0, MUCH)
    assert [(item.seq, bytes(item.payload)) for item in sent] == [(1, b""), (2, b""), (3, b"x")]
    assert box.replayed(Stream.C, []) == [LostInSpool(Stream.C, 4, 4)]
