"""What is said of an episode or a medium? It begins, steps and ends; its pixels travel in stream B."""

import struct
from dataclasses import dataclass, field
from typing import ClassVar

from filmlab.errors import WireError
from filmlab.wire.columns import StepColumn, check_columns, pack_columns, read_columns
from filmlab.wire.frame import SEQ_MAX
from filmlab.wire.head import FRAMES_MAX, NO_STEP, EntryType, Head, check_film, check_fps, check_whole
from filmlab.wire.jsonbody import EXACT_MAX, Doc, Json, to_json
from filmlab.wire.names import check_text

NOTE_MAX_CHARS = 1000
TILES_MAX = 1024
ASPECT_MAX = 100.0
_TOTALS = struct.Struct("<dqIIQB")
_DOC_BYTES = struct.Struct("<I")


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
    fps: float = 0.0
    """Of this film; 0: the run's."""

    def check(self) -> None:
        check_film("EpisodeBegin", self.film, none_allowed=False)
        if self.fps:
            check_fps("EpisodeBegin", self.fps)
        check_text(self.reason, "EpisodeBegin.reason")
        check_whole("EpisodeBegin", "plan_version", self.plan_version, EXACT_MAX)

    def body(self) -> bytes:
        doc = {"film": self.film, "reason": self.reason, "provisional": self.provisional, "plan": self.plan_version}
        return to_json(doc | ({"fps": self.fps} if self.fps else {}))

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "EpisodeBegin":
        doc = Doc(body, "EpisodeBegin")
        return cls(
            **head,
            film=doc.whole("film"),
            reason=doc.text("reason"),
            provisional=doc.flag("provisional"),
            plan_version=doc.whole("plan"),
            fps=doc.number("fps"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipBegin(Head):
    """A clip that is shot frame by frame begins, and belongs to no episode; a Media of the same film ends it."""

    TYPE: ClassVar = EntryType.CLIP_BEGIN
    film: int
    name: str
    reason: str = ""
    fps: float = 30.0
    tiles: int = 1
    """So many frames in a row are one moment: the clip shows them side by side."""
    aspect: float = 1.0
    """Width by height that the picture of all tiles should come near."""

    def check(self) -> None:
        check_film("ClipBegin", self.film, none_allowed=False)
        check_text(self.name, "ClipBegin.name")
        check_text(self.reason, "ClipBegin.reason")
        check_fps("ClipBegin", self.fps)
        if not 1 <= self.tiles <= TILES_MAX:
            raise WireError(f"ClipBegin.tiles is from 1 to {TILES_MAX}")
        if not 1 / ASPECT_MAX <= self.aspect <= ASPECT_MAX:
            raise WireError(f"ClipBegin.aspect is at most {ASPECT_MAX:g}, and as little the other way")

    def body(self) -> bytes:
        return to_json(
            {
                "film": self.film, "name": self.name, "reason": self.reason, "fps": self.fps, "tiles": self.tiles,
                "aspect": self.aspect,
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "ClipBegin":
        doc = Doc(body, "ClipBegin")
        return cls(
            **head,
            film=doc.whole("film"),
            name=doc.text("name"),
            reason=doc.text("reason"),
            fps=doc.number("fps"),
            tiles=doc.whole("tiles"),
            aspect=doc.number("aspect"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Head):
    """Actions and rewards of consecutive steps of one film; `step` is the first one's index in the episode."""

    TYPE: ClassVar = EntryType.STEPS
    film: int
    columns: tuple[StepColumn, ...]

    def check(self) -> None:
        check_film("Steps", self.film, none_allowed=False)
        if self.step != NO_STEP:
            check_whole("Steps", "step", self.step, EXACT_MAX)
        check_columns(self.columns)

    def body(self) -> bytes:
        return pack_columns(self.film, self.columns)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Steps":
        film, columns = read_columns(body)
        return cls(**head, film=film, columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEnd(Head):
    """The totals of an episode, and of its film if there is one (`film` 0: none). `return_` may be NaN or infinite."""

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

    def check(self) -> None:
        check_whole("EpisodeEnd", "length", self.length, EXACT_MAX)
        check_film("EpisodeEnd", self.film, none_allowed=True)
        check_whole("EpisodeEnd", "frames", self.frames, FRAMES_MAX)
        check_whole("EpisodeEnd", "last_seq", self.last_seq, SEQ_MAX)
        check_text(self.reason, "EpisodeEnd.reason")
        check_text(self.note, "EpisodeEnd.note", NOTE_MAX_CHARS)

    def body(self) -> bytes:
        solved = 2 if self.solved is None else int(self.solved)
        fixed = _TOTALS.pack(self.return_, self.length, self.film, self.frames, self.last_seq, solved)
        doc = {"metadata": self.metadata, "reason": self.reason, "note": self.note, "complete": self.complete}
        return fixed + to_json(doc)

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "EpisodeEnd":
        if len(body) < _TOTALS.size:
            raise WireError("EpisodeEnd is cut")
        return_, length, film, frames, last_seq, solved = _TOTALS.unpack_from(body)
        if solved > 2:
            raise WireError("EpisodeEnd.solved is 0 (no), 1 (yes) or 2 (not said)")
        doc = Doc(body[_TOTALS.size :], "EpisodeEnd")
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
    """The session's own number of it, also where `data` is all there is."""
    frames: int = 0
    last_seq: int = 0
    fps: float = 30.0
    caption: str = ""
    data: bytes = b""

    def check(self) -> None:
        check_text(self.name, "Media.name")
        check_text(self.mime, "Media.mime")
        check_text(self.caption, "Media.caption")
        check_film("Media", self.film, none_allowed=True)
        check_whole("Media", "frames", self.frames, FRAMES_MAX)
        check_whole("Media", "last_seq", self.last_seq, SEQ_MAX)
        check_fps("Media", self.fps)

    def body(self) -> bytes:
        doc = to_json(
            {
                "name": self.name, "mime": self.mime, "film": self.film, "frames": self.frames,
                "last_seq": self.last_seq, "fps": self.fps, "caption": self.caption,
            }
        )  # fmt: skip
        return _DOC_BYTES.pack(len(doc)) + doc + self.data

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Media":
        if len(body) < _DOC_BYTES.size or _DOC_BYTES.unpack_from(body)[0] > len(body) - _DOC_BYTES.size:
            raise WireError("Media is cut")
        end = _DOC_BYTES.size + _DOC_BYTES.unpack_from(body)[0]
        doc = Doc(body[_DOC_BYTES.size : end], "Media")
        return cls(
            **head,
            name=doc.text("name"),
            mime=doc.text("mime"),
            film=doc.whole("film"),
            frames=doc.whole("frames"),
            last_seq=doc.whole("last_seq"),
            fps=doc.number("fps"),
            caption=doc.text("caption"),
            data=bytes(body[end:]),
        )
