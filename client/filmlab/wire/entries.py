"""What does stream C say? Many small entries to a record, each a fixed head (run, step, episode, wall) and a body.

Numbers travel as binary columns, texts and configurations as JSON. One record holds entries of any number of the
session's runs; its meta is an empty map, its payload the entries one after the other.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgpack

from filmlab.errors import WireError
from filmlab.wire.columns import DTYPES, JSON_COLUMN, Column, StepColumn, pack_json_column, read_json_column
from filmlab.wire.episode_entries import ClipBegin, EpisodeBegin, EpisodeEnd, Media, Steps
from filmlab.wire.frame import Envelope, Kind, seal
from filmlab.wire.head import BODY_MAX_BYTES, NO_EPISODE, NO_STEP, EntryType, FilmKind, Head
from filmlab.wire.jsonbody import Json
from filmlab.wire.names import METRIC_NAME_MAX_BYTES
from filmlab.wire.recorder_entries import Recorder, RecorderAsk, Trace, Wish
from filmlab.wire.results_entries import Results, ResultsEnd, Surroundings
from filmlab.wire.run_entries import (
    AxisSnapshot,
    Blocked,
    Dropped,
    Flush,
    MetricNames,
    RunBegin,
    RunFinish,
    RunUpdate,
    Snapshot,
)

RECORD_TARGET_BYTES = 64 * 1024
"""A sender closes a record at this size; one entry alone may be larger."""

_EMPTY_META = msgpack.packb({})
# type, flags, unused, run, step, episode, wall, body length
_HEAD = struct.Struct("<BBHIqqdI")

Entry: TypeAlias = (
    RunBegin | MetricNames | Snapshot | EpisodeBegin | Steps | EpisodeEnd | Media | Blocked | Dropped | RunUpdate
    | Flush | RunFinish | Recorder | Trace | RecorderAsk | ClipBegin | AxisSnapshot | Results | ResultsEnd
    | Surroundings
)  # fmt: skip
_READERS: dict[int, Callable[[Json, memoryview], Entry]] = {
    RunBegin.TYPE: RunBegin.read,
    MetricNames.TYPE: MetricNames.read,
    Snapshot.TYPE: Snapshot.read,
    EpisodeBegin.TYPE: EpisodeBegin.read,
    Steps.TYPE: Steps.read,
    EpisodeEnd.TYPE: EpisodeEnd.read,
    Media.TYPE: Media.read,
    Blocked.TYPE: Blocked.read,
    Dropped.TYPE: Dropped.read,
    RunUpdate.TYPE: RunUpdate.read,
    Flush.TYPE: Flush.read,
    RunFinish.TYPE: RunFinish.read,
    Recorder.TYPE: Recorder.read,
    Trace.TYPE: Trace.read,
    RecorderAsk.TYPE: RecorderAsk.read,
    ClipBegin.TYPE: ClipBegin.read,
    AxisSnapshot.TYPE: AxisSnapshot.read,
    Results.TYPE: Results.read,
    ResultsEnd.TYPE: ResultsEnd.read,
    Surroundings.TYPE: Surroundings.read,
}


def encode_entry(entry: Entry) -> bytes:
    """One entry as it lies in a record's payload.

    Raises:
        WireError: its texts, maps and data are over a limit, or its maps cannot travel as JSON.
    """
    return encode_body(entry.TYPE, entry.body(), entry.run, entry.step, entry.episode, entry.wall)


def encode_body(kind: EntryType, body: bytes, run: int, step: int, episode: int, wall: float) -> bytes:
    """The same for a body that is packed already: the sender's path for snapshots, without an object for each.

    Raises:
        WireError: the body is over 4 MiB.
    """
    if len(body) > BODY_MAX_BYTES:
        raise WireError(f"{kind.name} of {len(body)} bytes; at most {BODY_MAX_BYTES}")
    return _HEAD.pack(kind, 0, 0, run, step, episode, wall, len(body)) + body


def seal_entries(session: int, seq: int, encoded: Sequence[bytes], flags: int = 0) -> Envelope:
    """One record of stream C from entries that are encoded already.

    Raises:
        WireError: they are over 8 MiB together.
    """
    return seal(Kind.DATA_C, session, seq, _EMPTY_META, b"".join(encoded), flags)


def decode_entries(payload: bytes | memoryview) -> Iterator[Entry]:
    """The entries of a record, in order.

    Raises:
        WireError: an entry is cut, of an unknown type, or its body is not what its type says.
    """
    view = memoryview(payload)
    offset = 0
    while offset < len(view):
        if len(view) - offset < _HEAD.size:
            raise WireError("an entry's head is cut")
        kind, _, _, run, step, episode, wall, body_bytes = _HEAD.unpack_from(view, offset)
        offset += _HEAD.size
        if body_bytes > BODY_MAX_BYTES or offset + body_bytes > len(view):
            raise WireError(f"an entry's body of {body_bytes} bytes is cut, or too large")
        if kind not in _READERS:
            raise WireError(f"unknown entry type {kind}")
        body = view[offset : offset + body_bytes]
        offset += body_bytes
        yield _READERS[kind]({"run": run, "wall": wall, "step": step, "episode": episode}, body)


__all__ = [
    "BODY_MAX_BYTES",
    "DTYPES",
    "JSON_COLUMN",
    "METRIC_NAME_MAX_BYTES",
    "NO_EPISODE",
    "NO_STEP",
    "RECORD_TARGET_BYTES",
    "AxisSnapshot",
    "Blocked",
    "ClipBegin",
    "Column",
    "Dropped",
    "Entry",
    "EntryType",
    "EpisodeBegin",
    "EpisodeEnd",
    "FilmKind",
    "Flush",
    "Head",
    "Json",
    "Media",
    "MetricNames",
    "Recorder",
    "RecorderAsk",
    "Results",
    "ResultsEnd",
    "RunBegin",
    "RunFinish",
    "RunUpdate",
    "Snapshot",
    "StepColumn",
    "Steps",
    "Surroundings",
    "Trace",
    "Wish",
    "decode_entries",
    "encode_body",
    "encode_entry",
    "pack_json_column",
    "read_json_column",
    "seal_entries",
]
