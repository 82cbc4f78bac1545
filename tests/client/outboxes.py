"""An outbox as its tests want it: online, with little memory, and what a daemon would say to it."""

from filmlab.link.delivery import (
    Limits,
    StateChanged,
)
from filmlab.link.outbox import Outbox
from filmlab.wire import messages
from filmlab.wire.chunks import Film
from filmlab.wire.frame import Envelope, Kind
from filmlab.wire.messages import Stream

SESSION = 7
HELLO = messages.Hello(1, "host")
FILM = Film(run=0, film=1, first=0, count=1, height=2, width=2, channels=3)
SMALL = Limits(memory_bytes=64 * 1024, control_reserve_bytes=32 * 1024, spool_bytes=10**9, control_window_bytes=20_000)
MUCH = 10**9


def welcome(durable_c: int = 0, next_c: int = 1, durable_b: int = 0, next_b: int = 1, boot: int = 1) -> Envelope:
    return messages.encode(messages.Welcome(boot, durable_c, next_c, durable_b, next_b, 100_000), SESSION)


def ack(durable_c: int = 0, durable_b: int = 0) -> Envelope:
    return messages.encode(messages.Ack(durable_c, durable_b, 100_000), SESSION)


def online(limits: Limits = SMALL) -> Outbox:
    """An outbox at 0 s whose HELLO has been answered."""
    box = Outbox(SESSION, HELLO, limits)
    box.connected(0.0)
    assert kinds(box.take(0.0, MUCH)) == [Kind.HELLO]
    assert box.receive(welcome(), 0.0) == [StateChanged("online", "")]
    return box


def kinds(envelopes: list[Envelope]) -> list[Kind]:
    return [envelope.kind for envelope in envelopes]


def numbers(envelopes: list[Envelope]) -> list[tuple[Kind, int]]:
    return [(envelope.kind, envelope.seq) for envelope in envelopes]


def spill_all(box: Outbox, now: float) -> dict[tuple[Stream, int], Envelope]:
    """Do what the shell does with a disk that takes everything."""
    disk = {}
    while batch := box.spill(now):
        for stream, envelope in batch:
            disk[stream, envelope.seq] = envelope
            box.spilled(stream, envelope.seq)
    return disk
