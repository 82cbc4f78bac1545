"""When is the disk synced, and what becomes durable with it? One batch gathers while the one before is synced. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from filmlab.wire.chunks import Film
from filmlab.wire.entries import Entry, Snapshot
from filmlab.wire.messages import Stream
from filmlabd.facts import Fact, RecordRefused

SYNC_AT_BYTES = 4 * 1024 * 1024
SYNC_BUSY_S = 0.02
"""Somebody's credit is half used: the disk is the bottleneck, so records are gathered for a moment only."""
BATCH_WEIGHT_MOST = 32_768
"""A batch takes no further record once it has so much: 32,768 rows or 4,096 other entries take some 0.1 s of a core to
be indexed, and for so long whoever waits for the next batch waits. Half of it costs throughput where cores are
scarce."""
_ENTRY_WEIGHT = 8
"""Of an entry that is no row: a row of some metrics takes about 4 us to be indexed, most others 16 to 24."""
FILM_ASIDE_BYTES = 1024 * 1024
"""With so much film in a batch, whoever waits for what else is in it does not wait for the film as well."""


@dataclass(frozen=True, slots=True)
class TakenEntries:
    """A record of stream C that was appended."""

    session: int
    seq: int
    entries: tuple[Entry, ...]

    @property
    def weight(self) -> int:
        """How long it takes to be indexed, roughly: 1 is a row."""
        return sum(1 if isinstance(entry, Snapshot) else _ENTRY_WEIGHT for entry in self.entries)


@dataclass(frozen=True, slots=True)
class TakenChunk:
    """A record of stream B that was appended."""

    session: int
    seq: int
    film: Film


Staged: TypeAlias = TakenEntries | TakenChunk | Fact


@dataclass(slots=True)
class Batch:
    """What one sync makes durable, in the order in which it was appended."""

    number: int
    staged: list[Staged] = field(default_factory=list)
    size_bytes: int = 0
    weight: int = 0
    """Of its records of stream C."""
    began_at: float | None = None
    hurry_at: float = float("inf")
    film_bytes: int = 0
    """Of `size_bytes`."""
    presses: bool = False
    """Somebody waits for what in it is not film."""
    was_late: bool = False
    """Its film has let others go first: not again, or steady flushes would starve it."""
    control_only: bool = False
    """Its film was left to the next one."""
    pings: list[tuple[bytes, int, int]] = field(default_factory=list)
    """(peer, session, nonce), to be answered once this batch is on disk."""

    @property
    def films(self) -> tuple[tuple[int, int], ...]:
        """How far stream B of each session is durable with this batch: (session, seq)."""
        return tuple({item.session: item.seq for item in self.staged if isinstance(item, TakenChunk)}.items())


@dataclass(slots=True)
class Batches:
    """The batch that gathers, and the one that is being synced and indexed."""

    sync_idle_s: float = 0.25
    film_aside_bytes: int = FILM_ASIDE_BYTES
    weight_most: int = BATCH_WEIGHT_MOST
    open: Batch = field(default_factory=lambda: Batch(1))
    in_flight: Batch | None = None

    def stage(self, item: Staged, size_bytes: int, now_at: float) -> None:
        """Something was appended."""
        self.open.staged.append(item)
        self.open.size_bytes += size_bytes
        if isinstance(item, TakenChunk):
            self.open.film_bytes += size_bytes
        elif isinstance(item, TakenEntries):
            self.open.weight += item.weight
        self._begin(now_at)

    @property
    def full(self) -> bool:
        """No further record of a client is for the batch that gathers. What the daemon decides always is."""
        return self.open.weight >= self.weight_most

    def ping(self, peer: bytes, session: int, nonce: int, now_at: float) -> None:
        """Somebody asks whether the disk still answers: it is synced for that alone, if need be."""
        self.open.pings.append((peer, session, nonce))
        self._begin(now_at)
        self.hurry(now_at)

    def hurry(self, at: float) -> None:
        """Sync at `at`, or as soon after it as the disk is free."""
        self.open.hurry_at = min(self.open.hurry_at, at)

    def press(self, at: float) -> None:
        """The same for somebody who waits for a record or a fact: film that is in the way goes after it."""
        self.hurry(at)
        self.open.presses = True

    def due_at(self) -> float | None:
        """When the open batch is to be synced; None while there is none, or the one before is on its way."""
        batch = self.open
        if batch.began_at is None or self.in_flight is not None:
            return None
        if batch.size_bytes >= SYNC_AT_BYTES or self.full:
            return batch.began_at
        return min(batch.hurry_at, batch.began_at + self.sync_idle_s)

    def take_due(self, now_at: float) -> Batch | None:
        """The batch to sync now, if one is due; from here on it is in flight."""
        due_at = self.due_at()
        if due_at is None or due_at > now_at:
            return None
        batch, self.open = self.open, Batch(self.open.number + 1)
        if batch.presses and batch.film_bytes >= self.film_aside_bytes and not batch.was_late:
            self._set_film_aside(batch)
        self.in_flight = batch
        return batch

    def put_off(self, waiting: Mapping[int, int], now_at: float) -> None:
        """Take out of the batch in flight what is not on disk after all, for the next one to try again.

        `waiting`: session -> the number from which on its stream B waits. A refusal behind that number waits as well:
        it is on disk, but what counts is how far a stream is whole.
        """
        assert self.in_flight is not None
        late = [item for item in self.in_flight.staged if _waits(item, waiting)]
        if late:
            self.in_flight.staged = [item for item in self.in_flight.staged if not _waits(item, waiting)]
            self.open.staged[:0] = late
            self._begin(now_at)

    def land(self, number: int) -> Batch:
        """The batch in flight is indexed too."""
        batch = self.in_flight
        assert batch is not None and batch.number == number, (batch, number)
        self.in_flight = None
        return batch

    def holds(self, session: int) -> bool:
        """Whether something that this session sent, or that was decided of it, has not had its consequences yet."""
        batches = [self.open, self.in_flight] if self.in_flight is not None else [self.open]
        return any(getattr(item, "session", None) == session for batch in batches for item in batch.staged)

    @property
    def empty(self) -> bool:
        return self.open.began_at is None and self.in_flight is None

    def _set_film_aside(self, batch: Batch) -> None:
        """Leave all of stream B to the open batch, which is due as soon as the disk is free again.

        A refusal of stream B says how far it is whole, so it stays behind the film before it.
        """
        late = [item for item in batch.staged if _is_film(item)]
        batch.staged = [item for item in batch.staged if not _is_film(item)]
        batch.size_bytes -= batch.film_bytes
        rest = self.open
        rest.staged, rest.size_bytes, rest.film_bytes = late, batch.film_bytes, batch.film_bytes
        rest.pings, batch.pings = batch.pings, []
        rest.began_at, rest.hurry_at = batch.began_at, batch.hurry_at
        batch.film_bytes, batch.control_only, rest.was_late = 0, True, True

    def _begin(self, now_at: float) -> None:
        if self.open.began_at is None:
            self.open.began_at = now_at


def durable_of(item: Staged) -> tuple[int, Stream, int] | None:
    """(session, stream, seq) that is durable once this item is on disk; None for what no client sent."""
    match item:
        case TakenEntries():
            return item.session, Stream.C, item.seq
        case TakenChunk():
            return item.session, Stream.B, item.seq
        case RecordRefused():
            return item.session, Stream(item.stream), item.seq
        case _:
            return None


def _is_film(item: Staged) -> bool:
    durable = durable_of(item)
    return durable is not None and durable[1] is Stream.B


def _waits(item: Staged, waiting: Mapping[int, int]) -> bool:
    durable = durable_of(item)
    return durable is not None and durable[1] is Stream.B and durable[2] >= waiting.get(durable[0], durable[2] + 1)
