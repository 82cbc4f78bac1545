"""What do the parts of the sender tell each other? Events of the outbox, limits, and what `link` asks for and gives."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from filmlab.errors import Transient
from filmlab.paths import StatePaths
from filmlab.wire.messages import Error, Plan, Print, Stream

if TYPE_CHECKING:
    from filmlab.link.outbox import Outbox

MIB = 1024 * 1024

Mode: TypeAlias = Literal["auto", "online", "offline"]
State: TypeAlias = Literal["connecting", "online", "spooling", "lost"]
"""`connecting`: no answer yet, for less than 2 s. `online`: a daemon answers. `spooling`: what comes goes to disk.
`lost`: this session cannot go on (see `SessionLost`)."""


class Full(Transient):
    """The outbox has no room for this record: ask `film_room` or `control_room` first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the sender may take, and how patient it is."""

    memory_bytes: int = 512 * MIB
    """Of records of stream B in memory."""
    control_reserve_bytes: int = 8 * MIB
    """On top of that, for stream C alone."""
    spool_bytes: int = 2048 * MIB
    """On disk; 0: nothing is spooled."""
    hello_after_s: float = 2.0
    """Without ack progress: ask where the daemon stands."""
    reconnect_after_s: float = 15.0
    """Without ack progress: a new socket. Shorter, and every checkpoint on the same disk would cause one."""
    offline_after_s: float = 2.0
    """Without an answer: what is in memory goes to disk."""
    control_window_bytes: int = 4 * MIB
    """How much of stream C may be in flight; stream B has the daemon's credit."""
    spool_retry_s: float = 5.0
    """How long the spool is left alone after it could not be written."""


@dataclass(frozen=True, slots=True)
class Acked:
    """More is durable: everything up to these numbers survives a power loss."""

    durable_c: int
    durable_b: int


@dataclass(frozen=True, slots=True)
class Safe:
    """More is durable or spooled: everything up to these numbers survives this process."""

    safe_c: int
    safe_b: int


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """The capture schedule of one run."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Printed:
    """A print is there or has failed, or a flush is answered."""

    print: Print


@dataclass(frozen=True, slots=True)
class Refused:
    """The daemon refused a record, a run, or the session. It is final: what it names has been consumed."""

    error: Error


@dataclass(frozen=True, slots=True)
class NewBoot:
    """Another daemon answers than before: what only lived in its memory (who waits for a flush) must be said again."""

    boot: int


@dataclass(frozen=True, slots=True)
class Draining:
    """The daemon is going down; records wait for the next one."""

    reason: str


@dataclass(frozen=True, slots=True)
class FilmHeld:
    """The daemon takes no film for now, and why. It waits here, in memory and in the spool; the rest goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The outbox came into another state, and why."""

    state: State
    why: str


@dataclass(frozen=True, slots=True)
class LostInSpool:
    """Records of the own spool could not be read back. Blank ones take their numbers, so that the others go on."""

    stream: Stream
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The daemon no longer has what it had acknowledged (its state directory is gone): only a new session can go on."""

    reason: str


Event: TypeAlias = (
    Acked
    | Safe
    | PlanChanged
    | Printed
    | Refused
    | NewBoot
    | Draining
    | FilmHeld
    | StateChanged
    | LostInSpool
    | SessionLost
)


@dataclass(frozen=True, slots=True)
class SpoolWant:
    """Records that the shell should read back: of this stream, from this number, about so many bytes."""

    stream: Stream
    from_seq: int
    max_bytes: int


class Source(Protocol):
    """Whoever has records to send. All three are called by the sender's thread only, and must not raise."""

    def drain(self, outbox: "Outbox", now: float) -> bool:
        """Move what was handed over into the outbox, a few ms of work at a time; True if something was.

        While `outbox.waiting` somebody waits: hold nothing back to make a record fuller.
        """
        ...

    def handle(self, event: Event) -> None:
        """Something happened on the other side."""
        ...

    def next_at(self) -> float | None:
        """When (monotonic) `drain` will have something to do without a `wake`."""
        ...


def warn_plainly(kind: str, message: str) -> None:
    """The default of `LinkOptions.warn`."""
    warnings.warn(f"filmlab: {message}", RuntimeWarning, stacklevel=2)


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How a link reaches the daemon, and what it may take."""

    paths: StatePaths
    mode: Mode = "auto"
    endpoint: str = ""
    """`ipc:///some/path`, in place of what the endpoint file says."""
    limits: Limits = field(default_factory=Limits)
    parent_session: int = 0
    """The session of the process that this one was forked from."""
    warn: Callable[[str, str], None] = warn_plainly
    """Told (kind, sentence), once per kind, from the sender's thread or from `start`. Must not raise."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How a link stands."""

    state: State
    why: str
    """Empty when it is online."""
    durable_c: int
    durable_b: int
    last_c: int
    last_b: int
    memory_bytes: int
    spooled_bytes: int
    """On disk now."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a link ended: everything is durable; or safe (the rest is in the spool); or so many records were lost.

    Neither safe nor a record lost: the link failed before there was one, and all that was handed over is lost.
    """

    durable: bool
    safe: bool
    lost_records: int
    why: str
    """Why not everything is durable, or empty."""
