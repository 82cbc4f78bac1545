"""What do the pool and its workers say to each other? Small msgpack maps behind a length, on a socketpair."""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgpack

from filmlab.errors import WireError
from filmlabd.model import Job, JobKind, Outcome

_LENGTH = struct.Struct("<I")
BODY_MAX_BYTES = 1024 * 1024
ERROR_MAX_CHARS = 2000
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is told at its start. Everything else it learns from its jobs."""

    index: str
    """The index's file, absolute."""
    film: str
    """The directory of all films, absolute."""
    path: tuple[str, ...]
    """Added to its module path, behind the standard library."""
    entry: str = "filmlabd.pool.worker:main"
    jobs_max: int = 2000
    """It ends after so many jobs, and another takes its place: one that has to read every series from its beginning."""
    rss_max_bytes: int = GIB
    """The same when it has grown beyond this after a job."""
    address_space_bytes: int = 6 * GIB
    file_bytes: int = 9 * GIB
    """An agent's state may have 8 GiB."""
    descriptors: int = 256
    nice: int = 19
    """How far it steps back behind others, trainers among them."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The first thing that a worker says. `notes` name the limits that the system did not grant."""

    notes: tuple[str, ...] = ()


class FrameReader:
    """Bytes in, whole bodies out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every body that is whole by now.

        Raises:
            WireError: a length is over the limit.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            size = _LENGTH.unpack_from(self._buffer)[0]
            if size > BODY_MAX_BYTES:
                raise WireError(f"a worker's message of {size} bytes")
            end = _LENGTH.size + size
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield body


def pack_spec(spec: WorkerSpec, fd: int, parent: int) -> str:
    """The worker's one argument: the spec, which descriptor is its line, and who its parent is."""
    return json.dumps(asdict(spec) | {"fd": fd, "parent": parent})


def read_spec(values: dict[str, Any]) -> tuple[WorkerSpec, int, int]:
    """(spec, descriptor, parent pid), as `pack_spec` wrote them."""
    values = dict(values)
    fd, parent = int(values.pop("fd")), int(values.pop("parent"))
    values["path"] = tuple(values["path"])
    return WorkerSpec(**values), fd, parent


def pack_job(job: Job, deadline_s: float) -> bytes:
    """A job, with how long it may take."""
    return _frame({"job": asdict(job), "deadline_s": deadline_s})


def read_job(body: bytes) -> tuple[Job, float]:
    """As `pack_job` wrote it."""
    values = _unpack(body)
    job = values["job"]
    return Job(**(job | {"kind": JobKind(job["kind"])})), float(values["deadline_s"])


def pack_ready(ready: Ready) -> bytes:
    """The first message of a worker."""
    return _frame({"ready": list(ready.notes)})


def read_ready(body: bytes) -> Ready | None:
    """A worker's first message; None where it is an outcome."""
    values = _unpack(body)
    return Ready(tuple(values["ready"])) if "ready" in values else None


def pack_outcome(outcome: Outcome, *, retiring: bool) -> bytes:
    """What came of a job. `retiring`: the worker takes no further one."""
    body = asdict(outcome) | {"error": outcome.error[:ERROR_MAX_CHARS]}
    return _frame({"outcome": body, "retiring": retiring})


def read_outcome(body: bytes) -> tuple[Outcome, bool]:
    """As `pack_outcome` wrote it.

    Raises:
        WireError: it is something else.
    """
    values = _unpack(body)
    try:
        outcome = values["outcome"]
        pairs = outcome | {"paths": tuple(outcome["paths"]), "notes": tuple(outcome["notes"])}
        return Outcome(**pairs), bool(values["retiring"])
    except (KeyError, TypeError) as error:
        raise WireError(f"a worker said something else than an outcome: {type(error).__name__}") from None


def _frame(value: dict[str, Any]) -> bytes:
    body: bytes = msgpack.packb(value)
    return _LENGTH.pack(len(body)) + body


def _unpack(body: bytes) -> dict[str, Any]:
    try:
        values = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"a worker's message is no msgpack: {type(error).__name__}") from None
    if not isinstance(values, dict):
        raise WireError("a worker's message is no map")
    return values
