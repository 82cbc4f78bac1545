"""What is said of a run as a whole? It begins, logs numbers, is told of trouble, is changed, flushed and finished."""

import struct
from dataclasses import dataclass, field
from typing import ClassVar

from filmlab.errors import WireError
from filmlab.wire.head import EntryType, Head
from filmlab.wire.jsonbody import Doc, Json, to_json
from filmlab.wire.names import check_run_id, check_text, check_writer

METRIC_NAME_MAX_BYTES = 200
_TOKEN = struct.Struct("<Q")
_BLOCKED = struct.Struct("<QQI")


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
        return to_json(
            {
                "id": self.run_id, "writer": self.writer, "project": self.project, "name": self.name,
                "directory": self.directory, "group": self.group, "tags": list(self.tags), "config": self.config,
                "resume": self.resume, "schedule": self.schedule, "total_episodes": self.total_episodes,
                "fps": self.fps,
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunBegin":
        doc = Doc(body, "RunBegin")
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
        return to_json({"names": [list(pair) for pair in self.names]})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "MetricNames":
        pairs = Doc(body, "MetricNames").items("names")
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
        return to_json({"what": self.what, "count": self.count, "bytes": self.size_bytes, "reason": self.reason})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Dropped":
        doc = Doc(body, "Dropped")
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
        return to_json({"config": self.config, "summary": self.summary})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunUpdate":
        doc = Doc(body, "RunUpdate")
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
        return to_json({"status": self.status})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunFinish":
        status = Doc(body, "RunFinish").text("status")
        if status not in ("finished", "crashed"):
            raise WireError("RunFinish: status is finished or crashed")
        return cls(**head, status=status)


def _check_directory(text: str) -> str:
    if not text.startswith("/") or "\0" in text or ".." in text.split("/") or len(text.encode()) > 4000:
        raise WireError("a run's directory is an absolute path without `..`")
    return text
