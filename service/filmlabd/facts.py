"""What did the daemon itself decide or learn? Facts are journal records, so that a rebuilt index remembers them too."""

import json
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeAlias

import msgpack

from filmlab.errors import WireError
from filmlab.wire.frame import Envelope, Kind, seal

_EMPTY_META = msgpack.packb({})


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A process said HELLO for the first time. `started` tells its pid from a later reuse."""

    session: int
    pid: int
    host: str
    started: int
    parent: int
    umask: int
    wall: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """How: `bye`, or `died` (its process is gone, or there was no sign of it for too long)."""

    session: int
    how: str
    wall: float


@dataclass(frozen=True, slots=True)
class RunOpened:
    """The session's run number `run` stands for this run, writer and attempt. Written just before its RunBegin."""

    session: int
    run: int
    run_id: str
    writer: str
    attempt: int
    wall: float


@dataclass(frozen=True, slots=True)
class RunRefused:
    """The session may not write to this run: nothing that it says of its run number `run` counts. Written just before
    the RunBegin that was refused."""

    session: int
    run: int
    run_id: str
    writer: str
    reason: str
    wall: float


@dataclass(frozen=True, slots=True)
class RunClosed:
    """One writer of a run has come to its end: `finished` or `crashed`."""

    session: int
    run: int
    run_id: str
    writer: str
    attempt: int
    status: str
    wall: float


@dataclass(frozen=True, slots=True)
class EpisodeCut:
    """An episode or a clip (`episode` −1) that its trainer never ended: closed by the daemon, with what had become
    durable of its film."""

    session: int
    run: int
    film: int
    episode: int
    frames: int
    note: str
    wall: float


@dataclass(frozen=True, slots=True)
class ResultsCut:
    """Results whose trainer is gone before it had sent all of them. `run_type` and `run` as in their beginning."""

    session: int
    run: int
    film: int
    run_type: str
    wall: float


@dataclass(frozen=True, slots=True)
class FilmJudged:
    """Whether a film becomes a print, decided by the daemon at the episode's end, and why."""

    session: int
    film: int
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class FilmDeleted:
    """The film file is about to go. Stream B of the session was durable up to `durable_b` by then."""

    session: int
    film: int
    durable_b: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordRefused:
    """A record that could not be accepted; its number counts as consumed."""

    session: int
    stream: int
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """The capture plan of a run from here on, and by whom."""

    run_id: str
    version: int
    schedule: str
    wanted: str
    next_episodes: int
    asked_by: str
    wall: float


@dataclass(frozen=True, slots=True)
class JobDone:
    """A print is on disk. `paths` are relative to the run's directory, joined by newlines."""

    key: str
    run_id: str
    kind: str
    session: int
    film: int
    paths: str
    notes: str
    cost_s: float
    wall: float


@dataclass(frozen=True, slots=True)
class JobStruck:
    """A job failed once more. With `final` it is quarantined, and tried no more."""

    key: str
    run_id: str
    kind: str
    session: int
    film: int
    strikes: int
    final: bool
    reason: str
    wall: float


@dataclass(frozen=True, slots=True)
class RunPrinted:
    """All final prints of a closed run are there: nothing to redraw after a restart."""

    run_id: str
    wall: float


@dataclass(frozen=True, slots=True)
class RunRemoved:
    """Somebody wanted everything of a run to go. What its sessions still say of it counts no more."""

    run_id: str
    wall: float


Fact: TypeAlias = (
    SessionOpened
    | SessionEnded
    | RunOpened
    | RunRefused
    | RunClosed
    | EpisodeCut
    | ResultsCut
    | FilmJudged
    | FilmDeleted
    | RecordRefused
    | PlanChanged
    | JobDone
    | JobStruck
    | RunPrinted
    | RunRemoved
)
_TYPES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        SessionOpened,
        SessionEnded,
        RunOpened,
        RunRefused,
        RunClosed,
        EpisodeCut,
        ResultsCut,
        FilmJudged,
        FilmDeleted,
        RecordRefused,
        PlanChanged,
        JobDone,
        JobStruck,
        RunPrinted,
        RunRemoved,
    )
}


def seal_fact(fact: Fact, boot: int, seq: int) -> Envelope:
    """Frame one fact: numbered like the records of a session whose id is the daemon's boot id."""
    body = {"fact": type(fact).__name__} | {item.name: getattr(fact, item.name) for item in fields(fact)}
    return seal(Kind.FACT, boot, seq, _EMPTY_META, json.dumps(body, separators=(",", ":")).encode())


def read_fact(envelope: Envelope) -> Fact:
    """The fact that a journal record holds. Fields that this version does not know are passed over.

    Raises:
        WireError: it holds none of ours.
    """
    try:
        body = json.loads(bytes(envelope.payload))
        cls = _TYPES[body["fact"]]
        missing = [item.name for item in fields(cls) if item.default is MISSING and item.name not in body]
        if missing:
            raise WireError(f"a fact {body['fact']} without {', '.join(missing)}")
        return cls(**{item.name: body[item.name] for item in fields(cls) if item.name in body})  # type: ignore[no-any-return]  # one of Fact
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError(f"a journal record that is no fact: {type(error).__name__}") from None
