"""Where does one session stand? Which records of its two streams came, which are durable, what it is granted. Pure.

Two numbers per stream that must never be confused: `next_seq` is what is expected (everything before was received),
`durable` is what is on disk. Only the second is ever acknowledged.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from filmlab.wire.entries import ClipBegin, EpisodeBegin, EpisodeEnd, Media, Results, ResultsEnd
from filmlab.wire.frame import PROTOCOL
from filmlab.wire.messages import Drain, Error, Hello, Message, Print, Stream, Welcome
from filmlab.wire.names import SESSION_METRICS_MAX
from filmlabd.core.leases import LEASE_S

RESYNC_GAP_S = 0.05
CREDIT_MIN_BYTES = 1024 * 1024
CREDIT_MAX_BYTES = 16 * 1024 * 1024
LOST_MOST = 10_000
ANSWERS_KEPT = 64


class Arrival(Enum):
    """How a record's number stands to what its stream expects."""

    NEW = auto()
    SEEN = auto()
    GAP = auto()


@dataclass(slots=True)
class StreamState:
    """One stream of one session."""

    durable: int = 0
    next_seq: int = 1
    resync_at: float = float("-inf")

    def arrive(self, seq: int) -> Arrival:
        """Take note of a record; NEW ones must come in order."""
        if seq < self.next_seq:
            return Arrival.SEEN
        if seq > self.next_seq:
            return Arrival.GAP
        self.next_seq += 1
        return Arrival.NEW

    def may_resync(self, now_at: float) -> bool:
        """True at most every 50 ms: a gap is seen once for every record behind it."""
        if now_at < self.resync_at:
            return False
        self.resync_at = now_at + RESYNC_GAP_S
        return True


class Life(Enum):
    """ALIVE until its process is gone or says BYE; LEAVING until all that it left behind is durable and applied; GONE
    from then on."""

    ALIVE = auto()
    LEAVING = auto()
    GONE = auto()


@dataclass(slots=True)
class OpenFilm:
    """A film that is not whole yet: begun, maybe ended, its last chunks maybe still on their way."""

    begin: EpisodeBegin | ClipBegin | Results | None = None
    end: EpisodeEnd | Media | ResultsEnd | None = None
    frames: int = 0
    """Frames that came so far."""
    run: int = 0
    recorder: int = 0
    """The session's number of the recorder that handed it over, 0 for none: then it is a print in any case."""

    @property
    def provisional(self) -> bool:
        """Whether it is kept is decided when its run ends."""
        return isinstance(self.begin, EpisodeBegin) and self.begin.provisional


@dataclass(slots=True)
class Session:
    """One session as the core keeps it."""

    id: int
    pid: int = 0
    """As the kernel told it, 0 where its process cannot be watched: then it has a lease."""
    started: int = 0
    host: str = ""
    peer: bytes | None = None
    """Where to answer; None while no connection of it is known (after a restart, or when its spool is read)."""
    parent: int = 0
    life: Life = Life.ALIVE
    ended_how: str = ""
    streams: dict[Stream, StreamState] = field(
        default_factory=lambda: {Stream.C: StreamState(), Stream.B: StreamState()}
    )
    runs: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """run number -> (run id, writer, attempt)."""
    finishing: dict[int, str] = field(default_factory=dict)
    """run number -> status, of runs that their process has finished and whose films are not whole yet."""
    metrics: dict[int, str] = field(default_factory=dict)
    films: dict[int, OpenFilm] = field(default_factory=dict)
    recorders: dict[int, str] = field(default_factory=dict)
    """Of curves: number -> run id."""
    answers: deque[Print] = field(default_factory=lambda: deque(maxlen=ANSWERS_KEPT))
    """The last ones to flushes. Nothing says whether they arrived, so they are given again after each HELLO."""
    spool_read: bool = False
    """All that its process left on disk has been taken in."""

    @property
    def next_c(self) -> int:
        return self.streams[Stream.C].next_seq

    @property
    def next_b(self) -> int:
        return self.streams[Stream.B].next_seq

    @property
    def durable_c(self) -> int:
        return self.streams[Stream.C].durable

    @property
    def durable_b(self) -> int:
        return self.streams[Stream.B].durable

    def welcome(self, boot: int, credit: int, version: str) -> Welcome:
        """The answer to its HELLO."""
        return Welcome(
            boot, self.durable_c, self.next_c, self.durable_b, self.next_b, credit, daemon_version=version,
            lease_s=0.0 if self.pid else LEASE_S,
        )  # fmt: skip

    def learn(self, names: Iterable[tuple[int, str]]) -> None:
        """What these numbers mean; of more than one session may name, nothing is drawn."""
        for number, name in names:
            if number in self.metrics or len(self.metrics) < SESSION_METRICS_MAX:
                self.metrics[number] = name

    def remember(self, message: Message) -> None:
        """What is told now: an answer is kept, since the connection may be gone that it goes to."""
        if isinstance(message, Print) and message.token:
            self.answers.append(message)

    def pass_over(self, stream: Stream, seq: int) -> range:
        """The numbers before `seq` that will never come, since a spool has lost them; `seq` is the next one then.

        None are passed over where that would be too many to be believed.
        """
        state = self.streams[stream]
        lost = range(state.next_seq, seq)
        if len(lost) > LOST_MOST:
            return range(0)
        state.next_seq = max(seq, state.next_seq)
        return lost

    def advance(self, stream: Stream, durable: int) -> bool:
        """More of a stream is on disk. True when that is news."""
        state = self.streams[stream]
        if durable <= state.durable:
            return False
        state.durable = durable
        return True

    @property
    def has_left(self) -> bool:
        """Nothing more will come of it, and all that came is durable."""
        return self.life is Life.LEAVING and self.spool_read and self.settled

    @property
    def settled(self) -> bool:
        """Everything that was received is durable."""
        return all(state.durable == state.next_seq - 1 for state in self.streams.values())

    def check(self) -> None:
        """The invariants, for tests."""
        for name, state in self.streams.items():
            assert 0 <= state.durable < state.next_seq, (self.id, name, state)


def credit_bytes(pool_bytes: int, sessions: int) -> int:
    """What each of so many sessions may have in flight in stream B, out of a common pool."""
    return max(CREDIT_MIN_BYTES, min(CREDIT_MAX_BYTES, pool_bytes // max(1, sessions)))


def count_garbage(counts: dict[str, int], reason: str) -> None:
    """One more message that was none, for this reason."""
    # Reasons carry numbers of the sender's choice: only a bounded number of them is told apart.
    key = reason if reason in counts or len(counts) < 64 else "other"
    counts[key] = counts.get(key, 0) + 1


def answer_version(hello: Hello) -> Drain | Error | None:
    """What to say to a client that does not speak this daemon's protocol; None to one that does."""
    if hello.min_protocol > PROTOCOL:
        # A newer client of the same user: this daemon makes room, and the client starts its own.
        return Drain(f"a client of protocol {hello.min_protocol} needs a newer daemon")
    if hello.max_protocol < PROTOCOL:
        spoken = f"{hello.min_protocol} to {hello.max_protocol}"
        return Error("version", f"this daemon speaks protocol {PROTOCOL}, the client {spoken}")
    return None
