"""What is said of a run as a whole? It begins, logs numbers, is told of trouble, is changed, flushed and finished."""

import struct
from dataclasses import dataclass, field
from typing import ClassVar, Self

from filmlab.errors import WireError
from filmlab.wire.head import NUMBER_MAX, EntryType, Head, check_fps, check_whole
from filmlab.wire.jsonbody import EXACT_MAX, Doc, Json, to_json
from filmlab.wire.names import check_metric, check_run_id, check_text, check_writer

DIRECTORY_MAX_BYTES = 4000
SCHEDULE_MAX_CHARS = 4096
TAGS_MAX = 100
FORMATS = ("gif", "mp4", "webp")
"""What a clip can be printed as."""
OVERLAYS = ("episode", "step", "return", "action")
"""What can stand under the picture of a clip."""
BUCKETS_MAX = 1024
"""Of the histogram of a Blocked entry: `filmlab.latency` needs half of that for all of int64."""
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
    formats: tuple[str, ...] = ("gif",)
    overlay: tuple[str, ...] = ()

    def check(self) -> None:
        check_run_id(self.run_id)
        check_writer(self.writer)
        check_directory(self.directory)
        if len(self.tags) > TAGS_MAX:
            raise WireError(f"a run has at most {TAGS_MAX} tags, this one {len(self.tags)}")
        for text in (self.project, self.name, self.group, self.resume, *self.tags):
            check_text(text, "a run's project, name, group or tag")
        check_text(self.schedule, "RunBegin.schedule", SCHEDULE_MAX_CHARS)
        check_whole("RunBegin", "total_episodes", self.total_episodes, EXACT_MAX)
        check_fps("RunBegin", self.fps)
        if not self.formats:
            raise WireError(f"RunBegin.formats: at least one of {', '.join(FORMATS)}")
        check_choices("RunBegin.formats", self.formats, FORMATS)
        check_choices("RunBegin.overlay", self.overlay, OVERLAYS)

    def body(self) -> bytes:
        return to_json(
            {
                "id": self.run_id, "writer": self.writer, "project": self.project, "name": self.name,
                "directory": self.directory, "group": self.group, "tags": list(self.tags), "config": self.config,
                "resume": self.resume, "schedule": self.schedule, "total_episodes": self.total_episodes,
                "fps": self.fps, "formats": list(self.formats), "overlay": list(self.overlay),
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunBegin":
        doc = Doc(body, "RunBegin")
        return cls(
            **head,
            run_id=doc.text("id"),
            writer=doc.text("writer"),
            project=doc.text("project"),
            name=doc.text("name"),
            directory=doc.text("directory"),
            group=doc.text("group"),
            tags=tuple(doc.texts("tags")),
            config=doc.map("config"),
            resume=doc.text("resume"),
            schedule=doc.text("schedule"),
            total_episodes=doc.whole("total_episodes"),
            fps=doc.number("fps"),
            # Records from before there was a choice have none.
            formats=tuple(doc.texts("formats")) or ("gif",),
            overlay=tuple(doc.texts("overlay")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames(Head):
    """From here on these numbers mean these metrics, for the whole session."""

    TYPE: ClassVar = EntryType.METRIC_NAMES
    names: tuple[tuple[int, str], ...]

    def check(self) -> None:
        for number, name in self.names:
            check_whole("MetricNames", "number", number, NUMBER_MAX)
            check_metric(name)

    def body(self) -> bytes:
        return to_json({"names": [list(pair) for pair in self.names]})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "MetricNames":
        pairs = Doc(body, "MetricNames").items("names")
        for pair in pairs:
            # Not isinstance for the number: true is an int to it.
            if not (isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int and isinstance(pair[1], str)):
                raise WireError("MetricNames: a pair is (number, name)")
        return cls(**head, names=tuple((number, name) for number, name in pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Head):
    """One call of `log`: n metrics at one step. `ids` is n little-endian uint32, `values` n float64, both packed."""

    TYPE: ClassVar = EntryType.SNAPSHOT
    ids: bytes
    values: bytes

    def check(self) -> None:
        if not self.ids or len(self.ids) % 4 or len(self.values) != 2 * len(self.ids):
            raise WireError(f"a snapshot of {len(self.ids)} and {len(self.values)} bytes is no row of uint32, float64")

    def body(self) -> bytes:
        return self.ids + self.values

    @classmethod
    def read(cls, head: Json, body: memoryview) -> Self:
        count, rest = divmod(len(body), 12)
        if rest:
            raise WireError(f"a snapshot of {len(body)} bytes is no row of uint32, float64")
        return cls(**head, ids=bytes(body[: 4 * count]), values=bytes(body[4 * count :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisSnapshot(Snapshot):
    """The same for metrics whose x axis is another metric: `step` is that one's value, and the run's own step stays."""

    TYPE: ClassVar = EntryType.AXIS_SNAPSHOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Head):
    """How long the training thread was inside filmlab since the last one: `counts[b]` calls fell into bucket b.

    The buckets are those of `filmlab.latency`; `max_ns` and `total_ns` are exact.
    """

    TYPE: ClassVar = EntryType.BLOCKED
    counts: tuple[tuple[int, int], ...]
    total_ns: int
    max_ns: int

    def check(self) -> None:
        if len(self.counts) > BUCKETS_MAX:
            raise WireError(f"Blocked: at most {BUCKETS_MAX} buckets")
        for bucket, count in self.counts:
            check_whole("Blocked", "bucket", bucket, BUCKETS_MAX - 1)
            check_whole("Blocked", "count", count, NUMBER_MAX)
        check_whole("Blocked", "total_ns", self.total_ns, EXACT_MAX)
        check_whole("Blocked", "max_ns", self.max_ns, EXACT_MAX)

    def body(self) -> bytes:
        flat = [number for pair in self.counts for number in pair]
        return _BLOCKED.pack(self.total_ns, self.max_ns, len(self.counts)) + struct.pack(f"<{len(flat)}I", *flat)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Blocked":
        if len(body) < _BLOCKED.size:
            raise WireError("Blocked is cut")
        total_ns, max_ns, count = _BLOCKED.unpack_from(body)
        # Here too, before a million of pairs is made.
        if count > BUCKETS_MAX:
            raise WireError(f"Blocked: at most {BUCKETS_MAX} buckets, not {count}")
        if len(body) != _BLOCKED.size + 8 * count:
            raise WireError("Blocked: the table's length differs from its count")
        flat = struct.unpack_from(f"<{2 * count}I", body, _BLOCKED.size)
        return cls(**head, counts=tuple(zip(flat[::2], flat[1::2], strict=True)), total_ns=total_ns, max_ns=max_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Head):
    """Something was not handed over, and this is said: what (`film`, `metric values`, `media`), how many, and why."""

    TYPE: ClassVar = EntryType.DROPPED
    what: str
    count: int
    size_bytes: int
    reason: str

    def check(self) -> None:
        check_text(self.what, "Dropped.what")
        check_text(self.reason, "Dropped.reason")
        check_whole("Dropped", "count", self.count, EXACT_MAX)
        check_whole("Dropped", "size_bytes", self.size_bytes, EXACT_MAX)

    def body(self) -> bytes:
        return to_json({"what": self.what, "count": self.count, "bytes": self.size_bytes, "reason": self.reason})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Dropped":
        doc = Doc(body, "Dropped")
        return cls(
            **head,
            what=doc.text("what"),
            count=doc.whole("count"),
            size_bytes=doc.whole("bytes"),
            reason=doc.text("reason"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdate(Head):
    """Keys to set in the run's configuration or summary, or among the definitions of its metrics."""

    TYPE: ClassVar = EntryType.RUN_UPDATE
    config: Json = field(default_factory=dict)
    summary: Json = field(default_factory=dict)
    metrics: Json = field(default_factory=dict)
    """As `filmlab.definitions` writes them."""

    def body(self) -> bytes:
        doc = {"config": self.config, "summary": self.summary}
        return to_json(doc | {"metrics": self.metrics} if self.metrics else doc)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunUpdate":
        doc = Doc(body, "RunUpdate")
        return cls(**head, config=doc.map("config"), summary=doc.map("summary"), metrics=doc.map("metrics"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush(Head):
    """Somebody waits until everything so far is durable and printed; the answer is a Print with this token."""

    TYPE: ClassVar = EntryType.FLUSH
    token: int

    def check(self) -> None:
        check_whole("Flush", "token", self.token, 2**64 - 1)

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

    def check(self) -> None:
        if self.status not in ("finished", "crashed"):
            raise WireError("RunFinish: status is finished or crashed")

    def body(self) -> bytes:
        return to_json({"status": self.status})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RunFinish":
        return cls(**head, status=Doc(body, "RunFinish").text("status"))


def check_choices(what: str, chosen: tuple[str, ...], choices: tuple[str, ...]) -> None:
    """Raises WireError unless all of `chosen` are different ones of `choices`."""
    if len(set(chosen)) < len(chosen) or not set(chosen) <= set(choices):
        shown = ", ".join(repr(item[:20]) for item in chosen[: len(choices) + 1])
        raise WireError(f"{what}: each of {', '.join(choices)} at most once; got {shown}")


def check_directory(text: str) -> None:
    """Raises WireError unless this is an absolute path that can be published to."""
    # A name of the file system that is no UTF-8 comes as lone surrogates: it cannot travel, and "replace" sees it here.
    if len(text.encode("utf-8", "replace")) > DIRECTORY_MAX_BYTES or text.encode("utf-8", "replace").decode() != text:
        raise WireError(f"a run's directory is a path of at most {DIRECTORY_MAX_BYTES} bytes of UTF-8")
    if not text.startswith("/") or "\0" in text or ".." in text.split("/"):
        raise WireError("a run's directory is an absolute path without `..`")
