"""What is said of results? What they are and how long, before their bytes come in stream B; when those are whole; and
where the program runs whose function draws their episodes."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

from filmlab.errors import WireError
from filmlab.wire.frame import SEQ_MAX
from filmlab.wire.head import FRAMES_MAX, EntryType, Head, check_film, check_fps, check_whole
from filmlab.wire.jsonbody import EXACT_MAX, Doc, Json, to_json
from filmlab.wire.names import check_text

RUN_TYPES = ("training", "evaluation")
PARTS = ("config", "results", "state")
"""What lies behind one another in the film of some results: JSON, `results.msgpack`, the agent's checkpoint."""
RESULTS_NOTE_MAX_CHARS = 1000
SURROUNDINGS_PATHS_MAX = 500
SURROUNDINGS_TEXT_MAX_CHARS = 4000
VIDEOS_MAX = 1000
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Head):
    """Results begin. Their bytes come in a film of kind PARCEL; `ResultsEnd` says that all have been sent."""

    TYPE: ClassVar = EntryType.RESULTS
    film: int
    run_type: str
    """`training` or `evaluation`."""
    parts: tuple[tuple[str, int], ...]
    """(name, bytes) of what lies in the film, in this order."""
    summary: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    """As `run_metadata.yaml` has it."""
    episodes: bool = False
    """The episodes that are in the results are to be files of their own."""
    steps_per_env: int = 0
    global_step: int = 0
    render: str = ""
    """`package.module:function` that makes a frame of an observation; empty: there are no videos."""
    videos: int = 0
    """Of how many episodes, at most."""
    fps: float = 30.0
    note: str = ""

    def check(self) -> None:
        check_film("Results", self.film, none_allowed=False)
        if self.run_type not in RUN_TYPES:
            raise WireError(f"Results.run_type is one of {', '.join(RUN_TYPES)}")
        names = tuple(name for name, _ in self.parts)
        if names != tuple(name for name in PARTS if name in names) or "results" not in names:
            raise WireError(f"Results.parts are of {', '.join(PARTS)}, each once and in this order")
        for _, size_bytes in self.parts:
            check_whole("Results", "parts", size_bytes, EXACT_MAX)
        check_whole("Results", "steps_per_env", self.steps_per_env, EXACT_MAX)
        check_whole("Results", "global_step", self.global_step, EXACT_MAX)
        check_whole("Results", "videos", self.videos, VIDEOS_MAX)
        check_fps("Results", self.fps)
        if self.render:
            check_function(self.render)
        check_text(self.note, "Results.note", RESULTS_NOTE_MAX_CHARS)

    def body(self) -> bytes:
        return to_json(
            {
                "film": self.film, "type": self.run_type, "parts": [list(part) for part in self.parts],
                "summary": self.summary, "metadata": self.metadata, "episodes": self.episodes,
                "steps_per_env": self.steps_per_env, "global_step": self.global_step, "render": self.render,
                "videos": self.videos, "fps": self.fps, "note": self.note,
            }
        )  # fmt: skip

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Results":
        doc = Doc(body, "Results")
        parts = doc.items("parts")
        for part in parts:
            # Not isinstance for the number: true is an int to it.
            if not (isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and type(part[1]) is int):
                raise WireError("Results: a part is (name, bytes)")
        return cls(
            **head,
            film=doc.whole("film"),
            run_type=doc.text("type"),
            parts=tuple((name, size_bytes) for name, size_bytes in parts),
            summary=doc.map("summary"),
            metadata=doc.map("metadata"),
            episodes=doc.flag("episodes"),
            steps_per_env=doc.whole("steps_per_env"),
            global_step=doc.whole("global_step"),
            render=doc.text("render"),
            videos=doc.whole("videos"),
            fps=doc.number("fps"),
            note=doc.text("note"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsEnd(Head):
    """All bytes of some results have been sent."""

    TYPE: ClassVar = EntryType.RESULTS_END
    film: int
    pieces: int
    """How many chunks its film has."""
    last_seq: int
    """In stream B, of the last of them: once that is durable, the results are whole."""

    def check(self) -> None:
        check_film("ResultsEnd", self.film, none_allowed=False)
        check_whole("ResultsEnd", "pieces", self.pieces, FRAMES_MAX)
        check_whole("ResultsEnd", "last_seq", self.last_seq, SEQ_MAX)

    def body(self) -> bytes:
        return to_json({"film": self.film, "pieces": self.pieces, "last_seq": self.last_seq})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "ResultsEnd":
        doc = Doc(body, "ResultsEnd")
        return cls(**head, film=doc.whole("film"), pieces=doc.whole("pieces"), last_seq=doc.whole("last_seq"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings(Head):
    """Where a run's program runs, so that a function of it can be called elsewhere."""

    TYPE: ClassVar = EntryType.SURROUNDINGS
    python: str
    """The interpreter, absolute."""
    path: tuple[str, ...]
    """Its module path."""
    directory: str
    """Its working directory, absolute."""

    def check(self) -> None:
        if len(self.path) > SURROUNDINGS_PATHS_MAX:
            raise WireError(f"Surroundings: at most {SURROUNDINGS_PATHS_MAX} entries of a module path")
        for text in (self.python, self.directory, *self.path):
            if len(text) > SURROUNDINGS_TEXT_MAX_CHARS or "\0" in text:
                raise WireError(f"Surroundings: a path has at most {SURROUNDINGS_TEXT_MAX_CHARS} characters and no NUL")
        if not self.python.startswith("/") or not self.directory.startswith("/"):
            raise WireError("Surroundings: an interpreter and a working directory are absolute")

    def body(self) -> bytes:
        return to_json({"python": self.python, "path": list(self.path), "directory": self.directory})

    @classmethod
    def read(cls, head: Json, body: memoryview) -> "Surroundings":
        doc = Doc(body, "Surroundings")
        return cls(
            **head, python=doc.text("python"), path=tuple(doc.texts("path")), directory=doc.text("directory")
        )  # fmt: skip


def check_function(name: str) -> None:
    """Raises WireError unless this is `package.module:function`."""
    if len(name) > SURROUNDINGS_TEXT_MAX_CHARS or not name.isascii() or not _FUNCTION.fullmatch(name):
        raise WireError(f"a function is named package.module:function, not {name[:60]!r}")
