"""What does a drop-in recorder say? What it is and where its files go, one filmed episode, and what it waits for."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from filmlab.errors import WireError
from filmlab.wire.head import NUMBER_MAX, EntryType, Head, check_film, check_fps, check_whole
from filmlab.wire.jsonbody import EXACT_MAX, Doc, Json, to_json
from filmlab.wire.names import check_text
from filmlab.wire.run_entries import check_directory

RECORDER_KINDS = ("animation", "curves", "video")
TRACE_PARTS_MAX = 64
_TRACE = struct.Struct("<IIHHH")
_ASK = struct.Struct("<IBQQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder(Head):
    """A recorder of this session: `number` stands for it from here on. The last one of a number is in force."""

    TYPE: ClassVar = EntryType.RECORDER
    number: int
    """From 1; the session's own."""
    kind: str
    directory: str
    """Absolute: where its files go, and nothing else."""
    prefix: str
    """What its file names begin with: no `/`."""
    title: str = ""
    """What the titles of its curves begin with."""
    fps: float = 30.0
    save_metadata: bool = True
    average_window: int = 100
    columns: str = ""
    """Its histories are the metrics `<columns>/reward`, `/average`, `/epsilon`, `/options` and `/metrics/<name>`."""
    colors: Json = field(default_factory=dict)
    """`reward`, `average`, `epsilon`, `options`; `metrics`: by name; `others`. As the caller wrote them."""

    def check(self) -> None:
        check_number("Recorder", self.number)
        if self.kind not in RECORDER_KINDS:
            raise WireError(f"Recorder.kind is one of {', '.join(RECORDER_KINDS)}")
        check_directory(self.directory)
        check_text(self.prefix, "Recorder.prefix")
        _check_component("Recorder.prefix", self.prefix)
        check_text(self.title, "Recorder.title")
        check_text(self.columns, "Recorder.columns")
        check_fps("Recorder", self.fps)
        check_whole("Recorder", "average_window, its sign aside,", abs(self.average_window), EXACT_MAX)

    def body(self) -> bytes:
        return to_json(
            {
                "number": self.number, "kind": self.kind, "directory": self.directory, "prefix": self.prefix,
                "title": self.title, "fps": self.fps, "save_metadata": self.save_metadata,
                "average_window": self.average_window, "columns": self.columns, "colors": self.colors,
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Recorder":
        doc = Doc(body, "Recorder")
        return cls(
            **head,
            number=doc.whole("number"),
            kind=doc.text("kind"),
            directory=doc.text("directory"),
            prefix=doc.text("prefix"),
            title=doc.text("title"),
            fps=doc.number("fps"),
            save_metadata=doc.flag("save_metadata"),
            average_window=doc.whole("average_window"),
            columns=doc.text("columns"),
            colors=doc.map("colors"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(Head):
    """The film that begins next is a recorder's: its file's stem, and part i of n of the JSON that goes beside it."""

    TYPE: ClassVar = EntryType.TRACE
    film: int
    recorder: int
    stem: str
    part: int = 0
    parts: int = 1
    data: bytes = b"{}"
    """All parts together are a JSON object; looked at by a worker, not by the daemon."""

    def check(self) -> None:
        check_film("Trace", self.film, none_allowed=False)
        check_number("Trace", self.recorder)
        check_text(self.stem, "Trace.stem", 255)
        _check_component("Trace.stem", self.stem)
        if not self.stem:
            raise WireError("Trace.stem is empty")
        if not 0 <= self.part < self.parts <= TRACE_PARTS_MAX:
            raise WireError(f"Trace: part {self.part} of {self.parts}; at most {TRACE_PARTS_MAX}")

    def body(self) -> bytes:
        stem = self.stem.encode()
        return _TRACE.pack(self.film, self.recorder, self.part, self.parts, len(stem)) + stem + self.data

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Trace":
        if len(body) < _TRACE.size:
            raise WireError("Trace is cut")
        film, recorder, part, parts, stem_bytes = _TRACE.unpack_from(body)
        at = _TRACE.size + stem_bytes
        if at > len(body):
            raise WireError("Trace is cut")
        try:
            stem = str(body[_TRACE.size : at], "utf-8")
        except UnicodeDecodeError:
            raise WireError("Trace.stem is no UTF-8") from None
        return cls(**head, film=film, recorder=recorder, stem=stem, part=part, parts=parts, data=bytes(body[at:]))


class Wish(IntEnum):
    """What a recorder can ask for."""

    FLUSH = 0
    """All prints of what it handed over so far."""
    CHECKPOINT = 1
    """Its raw history as JSON."""
    SAVE = 2
    """Its curves and its history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderAsk(Head):
    """A recorder asks for files, or waits for them; with a token the answer is a Print of a flush with this token."""

    TYPE: ClassVar = EntryType.RECORDER_ASK
    recorder: int
    wish: Wish
    rows: int = 0
    """How many episodes of its history are meant."""
    token: int = 0

    def check(self) -> None:
        check_number("RecorderAsk", self.recorder)
        check_whole("RecorderAsk", "rows", self.rows, EXACT_MAX)
        check_whole("RecorderAsk", "token", self.token, 2**64 - 1)

    def body(self) -> bytes:
        return _ASK.pack(self.recorder, self.wish, self.rows, self.token)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "RecorderAsk":
        if len(body) != _ASK.size:
            raise WireError(f"RecorderAsk has {_ASK.size} bytes")
        recorder, wish, rows, token = _ASK.unpack(body)
        if wish not in Wish.__members__.values():
            raise WireError(f"RecorderAsk: no wish has number {wish}")
        return cls(**head, recorder=recorder, wish=Wish(wish), rows=rows, token=token)


def check_number(owner: str, number: int) -> None:
    """Raises WireError unless this is the number of a recorder."""
    if not 1 <= number <= NUMBER_MAX:
        raise WireError(f"{owner}: a recorder is numbered from 1 to {NUMBER_MAX}")


def _check_component(what: str, text: str) -> None:
    if "/" in text or text in (".", ".."):
        raise WireError(f"{what} is a part of a file's name, so without a /")
