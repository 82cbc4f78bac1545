"""What can happen to the daemon, and what it can do? Events go into the core, commands come out of it."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Message
from filmlabd.core.retention import KeptFilm, Quota
from filmlabd.facts import Fact
from filmlabd.model import Job, Outcome


@dataclass(frozen=True, slots=True)
class Now:
    """The instant of an event: `at` monotonic, s; `wall` Unix time, s."""

    at: float
    wall: float


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """A whole record from a peer. `pid` is what the kernel says of the peer, 0 where it cannot tell."""

    peer: bytes
    pid: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something from a peer that is no record."""

    peer: bytes
    reason: str
    version: int = 0
    """Not 0: it is a record of this version of the protocol, which is not ours."""


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything of this batch is on disk, but for film that found no room.

    `waiting` are (session, seq): of this session, stream B is not on disk from this number on. It is tried again with
    the next sync.
    """

    batch: int
    waiting: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index, as its readers see it, holds everything of this batch."""

    batch: int


@dataclass(frozen=True, slots=True)
class TrainerDied:
    """The process of this session is gone."""

    session: int


@dataclass(frozen=True, slots=True)
class Unwatched:
    """The process of this session cannot be watched, and may well be alive."""

    session: int


@dataclass(frozen=True, slots=True)
class SpoolFound:
    """A spool that nobody writes any more lies there for this session: its process is dead, or done with it."""

    session: int
    umask: int
    """Of the process that wrote it."""


@dataclass(frozen=True, slots=True)
class SpoolRead:
    """Some records of a dead session's spool, in order. `done` after the last."""

    session: int
    envelopes: tuple[Envelope, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A worker is done with its job, one way or the other."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Measured:
    """How the disk of the state directory stands; said every second or two."""

    free_bytes: int
    """What a process of this user may still write."""
    all_bytes: int
    free_files: int
    film_bytes: int = 0
    """What all films take."""
    film_files: int = 0
    stuck: str = ""
    """Why something that was to be written could not be, or empty: a quota says no while others have room."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What came of a Survey."""

    gone: tuple[KeptFilm, ...] = ()
    """The films that may go for what was needed, the first to go first; or all of the run that was asked about."""
    given_up: tuple[KeptFilm, ...] = ()
    """The other films whose prints were given up."""
    leftovers: tuple[tuple[int, int], ...] = ()
    """(session, film) of files whose film is gone: a crash came between the record of its end and its end."""
    orphans: tuple[tuple[int, int], ...] = ()
    """The same of files that belong to no film, of sessions that were over, or that nobody ever heard of."""
    orphan_bytes: int = 0
    """Of both."""
    unprinted: int = 0
    """Films that may not go yet, whatever is needed."""
    trouble: str = ""
    """Why nothing could be seen."""
    request: bytes = b""

    def words(self) -> dict[str, int]:
        """What of it is told to whoever asked."""
        return {
            "films": len(self.gone),
            "film_bytes": sum(film.size_bytes for film in self.gone),
            "failed": len(self.given_up),
            "failed_bytes": sum(film.size_bytes for film in self.given_up),
            "orphans": len(self.leftovers) + len(self.orphans),
            "orphan_bytes": self.orphan_bytes,
            "unprinted": self.unprinted,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on the control socket."""

    request: bytes
    """Names the answer's addressee."""
    verb: str
    args: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    """What only the shell knows: uptime, workers, the state of the disk."""


@dataclass(frozen=True, slots=True)
class WorkersFree:
    """How many workers wait for a job now."""

    count: int


@dataclass(frozen=True, slots=True)
class Woken:
    """The instant that `next_at` named has come."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A signal, or the control socket, asks for the end."""

    reason: str


Event: TypeAlias = (
    Received
    | Garbage
    | Synced
    | Indexed
    | TrainerDied
    | Unwatched
    | SpoolFound
    | SpoolRead
    | JobFinished
    | Measured
    | Surveyed
    | Asked
    | WorkersFree
    | Woken
    | StopAsked
)


# --- commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """To a peer; a peer that is gone or full loses it, which every message that is sent this way survives."""

    peer: bytes
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Append:
    """To the control journal, in this order."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class AppendFilm:
    """To the film file of this session's film."""

    session: int
    film: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Sync:
    """Make durable what was appended so far, then index it. Answered by Synced, then Indexed.

    `films` are the numbers up to which stream B of a session is durable with this batch: (session, seq).
    """

    batch: int
    films: tuple[tuple[int, int], ...] = ()
    control_only: bool = False
    """Film that was appended is for the next sync: somebody waits for the journal."""


@dataclass(frozen=True, slots=True)
class DeleteFilm:
    """The fact that says so is in the journal by now."""

    session: int
    film: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Let the journal go of what it holds of removed runs; in the background, and never in doubt."""

    begin_segment: bool
    """Also of what the segment holds that is being written: another one is begun. Without, what an earlier one left."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Look through all films. Answered by Surveyed, some time later."""

    quota: Quota
    short_bytes: int = 0
    """What the disk lacks."""
    run_id: str = ""
    """Not empty: all films of this run are asked for, printed or not."""
    thorough: bool = False
    """Also for film of sessions that nobody ever heard of: the whole journal may be read for that."""
    request: bytes = b""
    """Whose it is, where somebody asked."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell when this process ends. Answered by TrainerDied, at once where it is gone already."""

    session: int
    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Unwatch:
    session: int


@dataclass(frozen=True, slots=True)
class ReadSpool:
    """Answered by one SpoolRead. Where that one does not say `done`, this is for what comes next."""

    session: int


@dataclass(frozen=True, slots=True)
class DropSpool:
    """Everything in it is durable here."""

    session: int


@dataclass(frozen=True, slots=True)
class StartJob:
    job: Job
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to Asked."""

    request: bytes
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Warn:
    """To the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Exit:
    """Stop everything in order and end with this status."""

    status: int
    reason: str


Command: TypeAlias = (
    Send
    | Append
    | AppendFilm
    | Sync
    | DeleteFilm
    | Survey
    | Compact
    | Watch
    | Unwatch
    | ReadSpool
    | DropSpool
    | StartJob
    | Reply
    | Warn
    | Exit
)


# --- effects: what the lab decides, for the core to turn into commands ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Tell:
    """A message for the client of a session, if it is connected."""

    session: int
    message: Message


Effect: TypeAlias = Fact | Tell | DeleteFilm | Survey | Reply | Warn
