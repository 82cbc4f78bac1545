"""One stream on the sender's side: durable, on disk, in memory, sent."""

from collections.abc import Iterator

import pytest

from filmlab.link.outgoing import IN_FLIGHT_MOST, Outgoing, cost_bytes
from filmlab.wire.frame import Envelope, Kind, seal
from filmlab.wire.messages import Stream


def record(seq: int) -> Envelope:
    return seal(Kind.DATA_C, 7, seq, b"\x80", b"x" * 10)


RECORD_BYTES = record(1).size_bytes


@pytest.fixture
def stream() -> Iterator[Outgoing]:
    """A stream with five records; its invariants hold at the end of every test."""
    stream = Outgoing(7, Stream.C)
    for seq in range(1, 6):
        stream.push(record(seq))
    yield stream
    stream.check()


def send(stream: Outgoing) -> list[int]:
    """Send all that can be sent now; the numbers."""
    out = []
    while (envelope := stream.peek()) is not None:
        stream.sent(envelope)
        out.append(envelope.seq)
    return out


def spill(stream: Outgoing, count: int) -> list[Envelope]:
    """Move the oldest to an imagined disk."""
    out = list(stream.oldest(count * cost_bytes(RECORD_BYTES)))
    assert len(out) == count
    stream.spilled(out[-1].seq)
    return out


def test_an_ack_frees_memory_and_the_road(stream: Outgoing) -> None:
    """What is durable takes neither memory nor credit any more."""
    assert send(stream) == [1, 2, 3, 4, 5]
    assert stream.flight_bytes == 5 * RECORD_BYTES
    assert stream.ack(3)
    assert stream.flight_bytes == 2 * RECORD_BYTES
    assert stream.memory_bytes == 2 * cost_bytes(RECORD_BYTES)
    assert not stream.ack(3)
    assert not stream.ack(6)


def test_records_on_their_way_are_counted_too() -> None:
    """However small they are and however large the window: a daemon's socket holds more than all of them."""
    stream = Outgoing(7, Stream.C)
    for seq in range(1, IN_FLIGHT_MOST + 3):
        stream.push(record(seq))
    out: list[Envelope] = []
    stream.take(2**30, 2**30, out)
    assert len(out) == IN_FLIGHT_MOST
    assert stream.ack(1)
    stream.take(2**30, 2**30, out)
    assert [envelope.seq for envelope in out] == list(range(1, IN_FLIGHT_MOST + 2))
    stream.check()


def test_an_ack_of_what_was_not_sent_again_is_believed(stream: Outgoing) -> None:
    """After going back, an ack that overtakes the resending moves the next record to send."""
    send(stream)
    stream.go_to(2)
    stream.check()
    assert stream.ack(4)
    assert send(stream) == [5]


def test_going_back_never_reaches_what_is_durable(stream: Outgoing) -> None:
    """A late message that asks for acknowledged records gets those behind them."""
    send(stream)
    stream.ack(2)
    stream.go_to(1)
    assert send(stream) == [3, 4, 5]
    stream.go_to(99)
    assert send(stream) == []


def test_spilled_records_are_sent_from_the_disk(stream: Outgoing) -> None:
    """What lies in the spool is asked for before memory goes on, and only once at a time."""
    disk = spill(stream, 3)
    assert send(stream) == []
    assert stream.wanted() == 1
    assert stream.replayed(disk[:2]) is None
    assert stream.wanted() is None
    assert send(stream) == [1, 2]
    assert stream.wanted() == 3
    assert stream.replayed(disk[2:]) is None
    assert send(stream) == [3, 4, 5]


def test_an_ack_during_a_replay_skips_what_it_covers(stream: Outgoing) -> None:
    """Records read back that have become durable meanwhile are not sent again."""
    disk = spill(stream, 4)
    stream.replayed(disk)
    stream.ack(2)
    assert send(stream) == [3, 4, 5]


def test_records_may_be_spilled_after_they_were_sent(stream: Outgoing) -> None:
    """What is in flight may go to disk, and its ack still counts."""
    send(stream)
    spill(stream, 5)
    assert stream.memory_bytes == 0
    assert stream.safe == 5
    assert stream.ack(5)
    assert stream.flight_bytes == 0


def test_lost_records_are_replaced_up_to_the_first_that_is_there(stream: Outgoing) -> None:
    """A hole on disk is filled by blanks of the same numbers, and its range is given."""
    disk = spill(stream, 4)
    assert stream.replayed([disk[0], disk[3]]) is None
    assert send(stream) == [1]
    assert stream.replayed([disk[3]]) == (2, 3)
    assert [stream.peek()] != [None] and len(stream.peek().payload) == 0  # type: ignore[union-attr]  # just seen
    assert send(stream) == [2, 3, 4, 5]


def test_the_oldest_are_given_by_size_and_at_least_one(stream: Outgoing) -> None:
    """However small the batch, something moves; however large, nothing but what is there."""
    assert [item.seq for item in stream.oldest(1)] == [1]
    assert [item.seq for item in stream.oldest(2 * cost_bytes(RECORD_BYTES))] == [1, 2]
    assert [item.seq for item in stream.oldest(10**9)] == [1, 2, 3, 4, 5]
