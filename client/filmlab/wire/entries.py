"""What does stream C say? Many small entries to a record, each a fixed head (run, step, episode, wall) and a body.

Numbers travel as binary columns, texts and configurations as JSON. One record holds entries of any number of the
session's runs; its meta is an empty map, its payload the entries one after the other.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, TypeAlias

import msgpack

from filmlab.errors import WireError
from filmlab.wire.frame import Envelope, Kind, seal
from filmlab.wire.names import check_run_id, check_text, check_writer

RECORD_TARGET_BYTES = 64 * 1024
"""A sender closes a record at this size; one entry alone may be larger."""
BODY_MAX_BYTES = 4 * 1024 * 1024
METRIC_NAME_MAX_BYTES = 200
NO_STEP = -(2**63)
NO_EPISODE = -1

_EMPTY_META = msgpack.packb({})
# type, flags, unused, run, step, episode, wall, body length
_HEAD = struct.Struct("<BBHIqqdI")
_COUNT = struct.Struct("<I")
_TOKEN = struct.Struct("<Q")
_TOTALS = struct.Struct("<dqIIQB")
_COLUMN = struct.Struct("<BBBBIIIII")
_BLOCKED = struct.Struct("<QQI")

Json: TypeAlias = dict[str, Any]


class EntryType(IntEnum):
    """The number of each entry on the wire. 64 and above are left to results and tapes."""

    RUN_BEGIN = 1
    METRIC_NAMES = 2
    SNAPSHOT = 3
    EPISODE_BEGIN = 4
    STEPS = 5
    EPISODE_END = 6
    MEDIA = 7
    BLOCKED = 8
    DROPPED = 9
    RUN_UPDATE = 10
    FLUSH = 11
    RUN_FINISH = 12


class FilmKind(IntEnum):
    """What a film is made of."""

    FRAMES = 0
    TAPE = 1
    STATES = 2


class Column(IntEnum):
    """The columns of a Steps entry."""

    ACTION = 0
    REWARD = 1


DTYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "|u1", "<u2", "<u4", "<u8", "|b1")
"""Numbers for the dtypes that a column may have; a dtype never travels as text."""
JSON_COLUMN = 255
"""The dtype number of a column that is a JSON list, for actions that are no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every entry carries. `run` is the session's own small number for it; `wall` is Unix time, s."""

    run: int
    wall: float
    step: int = NO_STEP
    episode: int = NO_EPISODE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegin(Head):
    """A run opens under this session: `run` stands for `run_id` and `writer` from here on."""

    TYPE: ClassVar = EntryType.RUN_BEGIN
    run_id: str
    writer: str
    project: str
    name: str
    directory: str
    """Absolute: where the prints go."""
    group: str = ""
    tags: tuple[str, ...] = ()
    config: Json = field(default_factory=dict)
    resume: str = "allow"
    schedule: str = "cubic"
    total_episodes: int = 0
    fps: float = 30.0

    def body(self) -> bytes:
        return _json(
            {
                "id": self.run_id, "writer": self.writer, "project": self.project, "name": self.name,
                "directory": self.directory, "group": self.group, "tags": list(self.tags), "config": self.config,
                "resume": self.resume, "schedule": self.schedule, "total_episodes": self.total_episodes,
                "fps": self.fps,
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunBegin":
        doc = _Doc(body, "RunBegin")
        return cls(
            **head,
            run_id=check_run_id(doc.text("id")),
            writer=check_writer(doc.text("writer")),
            project=check_text(doc.text("project"), "project"),
            name=check_text(doc.text("name"), "name"),
            directory=_check_directory(doc.text("directory")),
            group=check_text(doc.text("group"), "group"),
            tags=tuple(check_text(tag, "tag") for tag in doc.texts("tags")),
            config=doc.map("config"),
            resume=doc.text("resume"),
            schedule=doc.text("schedule"),
            total_episodes=doc.whole("total_episodes"),
            fps=doc.number("fps"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames(Head):
    """From here on these numbers mean these metrics, for the whole session."""

    TYPE: ClassVar = EntryType.METRIC_NAMES
    names: tuple[tuple[int, str], ...]

    def body(self) -> bytes:
        return _json({"names": [list(pair) for pair in self.names]})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "MetricNames":
        pairs = _Doc(body, "MetricNames").list("names")
        names = []
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int) and 0 <= pair[0] < 2**32):
                raise WireError("MetricNames: a pair is (number, name)")
            if not isinstance(pair[1], str) or not 0 < len(pair[1].encode()) <= METRIC_NAME_MAX_BYTES:
                raise WireError(f"a metric's name has 1 to {METRIC_NAME_MAX_BYTES} bytes of UTF-8")
            names.append((pair[0], pair[1]))
        return cls(**head, names=tuple(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Head):
    """One call of `log`: n metrics at one step. `ids` is n little-endian uint32, `values` n float64, both packed."""

    TYPE: ClassVar = EntryType.SNAPSHOT
    ids: bytes
    values: bytes

    def body(self) -> bytes:
        return self.ids + self.values

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Snapshot":
        count, rest = divmod(len(body), 12)
        if rest or not count:
            raise WireError(f"a snapshot of {len(body)} bytes is no row of (uint32, float64)")
        return cls(**head, ids=bytes(body[: 4 * count]), values=bytes(body[4 * count :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeBegin(Head):
    """An episode whose film will come begins. Episodes that are not captured have an EpisodeEnd only."""

    TYPE: ClassVar = EntryType.EPISODE_BEGIN
    film: int
    """The session's own number of the film, from 1."""
    reason: str = ""
    """Why it is captured, such as `every 100`."""
    provisional: bool = False
    """True when the daemon decides at the end (the last N of an unknown total)."""
    plan_version: int = 0

    def body(self) -> bytes:
        return _json(
            {"film": self.film, "reason": self.reason, "provisional": self.provisional, "plan": self.plan_version}
        )

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "EpisodeBegin":
        doc = _Doc(body, "EpisodeBegin")
        reason = check_text(doc.text("reason"), "reason")
        return cls(
            **head,
            film=doc.film(),
            reason=reason,
            provisional=doc.flag("provisional"),
            plan_version=doc.whole("plan"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepColumn:
    """One column of some consecutive steps: `data` is `count` items of `shape` in the dtype, C order; or a JSON list."""

    column: Column
    dtype: int
    """A number of `DTYPES`, or JSON_COLUMN."""
    count: int
    shape: tuple[int, ...] = ()
    """Of one item, at most 3 dimensions; () for scalars."""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Head):
    """Actions and rewards of consecutive steps of one episode's film; `step` is the first one's index in the episode."""

    TYPE: ClassVar = EntryType.STEPS
    film: int
    columns: tuple[StepColumn, ...]

    def body(self) -> bytes:
        table, blobs = [_COUNT.pack(self.film), _COUNT.pack(len(self.columns))], []
        for item in self.columns:
            dims = (*item.shape, 0, 0, 0)[:3]
            table.append(_COLUMN.pack(item.column, item.dtype, len(item.shape), 0, item.count, *dims, len(item.data)))
            blobs.append(item.data)
        return b"".join(table + blobs)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Steps":
        film, columns = _read_columns(body)
        return cls(**head, film=film, columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEnd(Head):
    """The totals of an episode, and of its film when there is one (`film` 0: none). `return_` may be NaN or infinite."""

    TYPE: ClassVar = EntryType.EPISODE_END
    return_: float
    length: int
    solved: bool | None = None
    film: int = 0
    frames: int = 0
    """How many frames the film has."""
    last_seq: int = 0
    """The number in stream B of the film's last record: once that is durable, the film is whole."""
    metadata: Json = field(default_factory=dict)
    reason: str = ""
    """Why it was kept, or not."""
    note: str = ""
    """What befell the film, such as `film ends at frame 40: shape (64, 84), began with (84, 84, 3)`."""
    complete: bool = True
    """False when the loop left the episode before its end."""

    def body(self) -> bytes:
        solved = 2 if self.solved is None else int(self.solved)
        fixed = _TOTALS.pack(self.return_, self.length, self.film, self.frames, self.last_seq, solved)
        doc = {"metadata": self.metadata, "reason": self.reason, "note": self.note, "complete": self.complete}
        return fixed + _json(doc)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "EpisodeEnd":
        if len(body) < _TOTALS.size:
            raise WireError("EpisodeEnd is cut")
        return_, length, film, frames, last_seq, solved = _TOTALS.unpack_from(body)
        doc = _Doc(body[_TOTALS.size :], "EpisodeEnd")
        return cls(
            **head,
            return_=return_,
            length=length,
            solved=None if solved == 2 else bool(solved),
            film=film,
            frames=frames,
            last_seq=last_seq,
            metadata=doc.map("metadata"),
            reason=doc.text("reason"),
            note=doc.text("note"),
            complete=doc.flag("complete"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(Head):
    """One image, clip or other medium under a name. Pixels lie in a film; anything else in `data`."""

    TYPE: ClassVar = EntryType.MEDIA
    name: str
    mime: str
    """`image/frames` (one frame) and `video/frames` are made from a film; others say what `data` is."""
    film: int = 0
    frames: int = 0
    last_seq: int = 0
    fps: float = 30.0
    caption: str = ""
    data: bytes = b""

    def body(self) -> bytes:
        doc = _json(
            {
                "name": self.name, "mime": self.mime, "film": self.film, "frames": self.frames,
                "last_seq": self.last_seq, "fps": self.fps, "caption": self.caption,
            }
        )  # fmt: skip
        return _COUNT.pack(len(doc)) + doc + self.data

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Media":
        if len(body) < _COUNT.size or _COUNT.unpack_from(body)[0] > len(body) - _COUNT.size:
            raise WireError("Media is cut")
        end = _COUNT.size + _COUNT.unpack_from(body)[0]
        doc = _Doc(body[_COUNT.size : end], "Media")
        return cls(
            **head,
            name=check_text(doc.text("name"), "media name"),
            mime=check_text(doc.text("mime"), "mime"),
            film=doc.whole("film"),
            frames=doc.whole("frames"),
            last_seq=doc.whole("last_seq"),
            fps=doc.number("fps"),
            caption=check_text(doc.text("caption"), "caption"),
            data=bytes(body[end:]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Head):
    """How long the training thread was inside filmlab since the last one: `counts[b]` calls fell into bucket b.

    The buckets are those of `filmlab.latency`; `max_ns` and `total_ns` are exact.
    """

    TYPE: ClassVar = EntryType.BLOCKED
    counts: tuple[tuple[int, int], ...]
    total_ns: int
    max_ns: int

    def body(self) -> bytes:
        flat = [number for pair in self.counts for number in pair]
        return _BLOCKED.pack(self.total_ns, self.max_ns, len(self.counts)) + struct.pack(f"<{len(flat)}I", *flat)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Blocked":
        if len(body) < _BLOCKED.size:
            raise WireError("Blocked is cut")
        total_ns, max_ns, count = _BLOCKED.unpack_from(body)
        if len(body) != _BLOCKED.size + 8 * count:
            raise WireError("Blocked: the table's length differs from its count")
        flat = struct.unpack_from(f"<{2 * count}I", body, _BLOCKED.size)
        return cls(**head, counts=tuple(zip(flat[::2], flat[1::2], strict=True)), total_ns=total_ns, max_ns=max_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Head):
    """Something was not handed over, and this is said: what (`film`, `metrics`, `media`), how many, and why."""

    TYPE: ClassVar = EntryType.DROPPED
    what: str
    count: int
    size_bytes: int
    reason: str

    def body(self) -> bytes:
        return _json({"what": self.what, "count": self.count, "bytes": self.size_bytes, "reason": self.reason})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Dropped":
        doc = _Doc(body, "Dropped")
        return cls(
            **head,
            what=check_text(doc.text("what"), "what"),
            count=doc.whole("count"),
            size_bytes=doc.whole("bytes"),
            reason=check_text(doc.text("reason"), "reason"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdate(Head):
    """Keys to set in the run's configuration or summary."""

    TYPE: ClassVar = EntryType.RUN_UPDATE
    config: Json = field(default_factory=dict)
    summary: Json = field(default_factory=dict)

    def body(self) -> bytes:
        return _json({"config": self.config, "summary": self.summary})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunUpdate":
        doc = _Doc(body, "RunUpdate")
        return cls(**head, config=doc.map("config"), summary=doc.map("summary"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush(Head):
    """Somebody waits until everything so far is durable and printed; the answer is a Print with this token."""

    TYPE: ClassVar = EntryType.FLUSH
    token: int

    def body(self) -> bytes:
        return _TOKEN.pack(self.token)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Flush":
        if len(body) != _TOKEN.size:
            raise WireError("Flush is a token of 8 bytes")
        return cls(**head, token=_TOKEN.unpack(body)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinish(Head):
    """This writer is done with the run."""

    TYPE: ClassVar = EntryType.RUN_FINISH
    status: str = "finished"
    """`finished`, or `crashed` when an exception left the `with` block."""

    def body(self) -> bytes:
        return _json({"status": self.status})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunFinish":
        status = _Doc(body, "RunFinish").text("status")
        if status not in ("finished", "crashed"):
            raise WireError("RunFinish: status is finished or crashed")
        return cls(**head, status=status)


Entry: TypeAlias = (
    RunBegin | MetricNames | Snapshot | EpisodeBegin | Steps | EpisodeEnd | Media | Blocked | Dropped | RunUpdate
    | Flush | RunFinish
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
}


def encode_entry(entry: Entry) -> bytes:
    """One entry as it lies in a record's payload."""
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
    """One record of stream C from entries that are encoded already."""
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
        body = view[offset : offset + body_bytes]
        if len(body) != body_bytes or body_bytes > BODY_MAX_BYTES:
            raise WireError(f"an entry's body of {body_bytes} bytes is cut, or too large")
        if kind not in _READERS:
            raise WireError(f"unknown entry type {kind}")
        offset += body_bytes
        yield _READERS[kind]({"run": run, "wall": wall, "step": step, "episode": episode}, body)


class _Doc:
    """A JSON body whose fields are asked for by type."""

    def __init__(self, body: memoryview, owner: str) -> None:
        self._owner = owner
        try:
            value = json.loads(bytes(body))
        except (ValueError, RecursionError):
            raise WireError(f"{owner}: its body is no JSON") from None
        if not isinstance(value, dict):
            raise WireError(f"{owner}: its body is no JSON object")
        self._value = value

    def text(self, name: str) -> str:
        return self._get(name, str, "")  # type: ignore[no-any-return]  # checked by _get

    def flag(self, name: str) -> bool:
        return self._get(name, bool, False)  # type: ignore[no-any-return]  # checked by _get

    def map(self, name: str) -> Json:
        return self._get(name, dict, {})  # type: ignore[no-any-return]  # checked by _get

    def list(self, name: str) -> list[Any]:
        return self._get(name, list, [])  # type: ignore[no-any-return]  # checked by _get

    def texts(self, name: str) -> list[str]:
        items = self.list(name)
        if not all(isinstance(item, str) for item in items):
            raise WireError(f"{self._owner}.{name} should be a list of texts")
        return items

    def whole(self, name: str) -> int:
        value = self._get(name, int, 0)
        if isinstance(value, bool) or not 0 <= value < 2**63:
            raise WireError(f"{self._owner}.{name} should be a whole number, 0 or more")
        return value  # type: ignore[no-any-return]  # checked by _get

    def number(self, name: str) -> float:
        return float(self._get(name, int | float, 0.0))

    def film(self) -> int:
        value = self.whole("film")
        if not 0 < value < 2**32:
            raise WireError(f"{self._owner}.film is numbered from 1")
        return value

    def _get(self, name: str, kind: Any, default: Any) -> Any:
        value = self._value.get(name, default)
        if not isinstance(value, kind):
            raise WireError(f"{self._owner}.{name} is a {type(value).__name__}")
        return value


def _json(value: Json) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _check_directory(text: str) -> str:
    if not text.startswith("/") or "\0" in text or ".." in text.split("/") or len(text.encode()) > 4000:
        raise WireError("a run's directory is an absolute path without `..`")
    return text


def _read_columns(body: memoryview) -> tuple[int, tuple[StepColumn, ...]]:
    if len(body) < 2 * _COUNT.size:
        raise WireError("Steps is cut")
    film, count = _COUNT.unpack_from(body)[0], _COUNT.unpack_from(body, _COUNT.size)[0]
    data_at = 2 * _COUNT.size + count * _COLUMN.size
    if count > len(Column) or data_at > len(body):
        raise WireError("Steps: more columns than there are")
    columns = []
    for index in range(count):
        row = _COLUMN.unpack_from(body, 2 * _COUNT.size + index * _COLUMN.size)
        column, dtype, ndim, _, items, *dims, size = row
        data = body[data_at : data_at + size]
        data_at += size
        _check_column(column, dtype, ndim, items, dims, size, len(data))
        shape = tuple(dims[:ndim])
        columns.append(StepColumn(column=Column(column), dtype=dtype, count=items, shape=shape, data=bytes(data)))
    if data_at != len(body):
        raise WireError("Steps: bytes left over")
    return film, tuple(columns)


def _check_column(column: int, dtype: int, ndim: int, items: int, dims: list[int], size: int, got: int) -> None:
    if column not in set(Column) or ndim > 3 or size != got:
        raise WireError("Steps: a column that is cut or unknown")
    if dtype == JSON_COLUMN:
        return
    if dtype >= len(DTYPES):
        raise WireError(f"Steps: no dtype has number {dtype}")
    expected = items * int(DTYPES[dtype][2:])
    for dim in dims[:ndim]:
        expected *= dim
    if expected != size:
        raise WireError(f"Steps: a column of {size} bytes, its shape needs {expected}")
