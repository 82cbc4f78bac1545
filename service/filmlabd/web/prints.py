"""How does a print reach the browser? Looked up by run, session and film; what is there is a file or nothing."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filmlab.errors import BadInput
from filmlab.kinds import MIMES, PICTURES, STILLS, TEXTS
from filmlabd.artifact_names import POSTER
from filmlabd.model import EpisodeRow
from filmlabd.web.documents import shown_print

_PLAIN = "text/plain; charset=utf-8"
# A page that a program wrote (`.html`) is not served from here: it would be ours.
KINDS = (
    {end: MIMES[end] for end in (*PICTURES, ".json")}
    | {".csv": "text/csv; charset=utf-8"}
    | dict.fromkeys(TEXTS, _PLAIN)
)
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""Of SVG: drawn in an image it runs nothing anyway, and opened by itself it may not either."""


@dataclass(frozen=True, slots=True)
class Found:
    """An open file. Whoever gets it closes it."""

    descriptor: int
    size_bytes: int
    etag: str
    kind: str
    name: str


def path_of(row: EpisodeRow, what: str) -> str:
    """Which of an episode's prints is meant: `clip`, `poster`, or a format such as `json`; empty if there is none."""
    if what == "clip":
        return shown_print(row)
    if what == "poster":
        shown = shown_print(row)
        return next((path for path in row.paths if path.endswith(POSTER)), shown if shown.endswith(STILLS) else "")
    plain = [path for path in row.paths if not path.endswith(POSTER)]
    return next((path for path in plain if path.endswith(f".{what}")), "")


def open_print(directory: str, path: str) -> Found | None:
    """The file, if it is one of ours: regular, of a kind that we make, below `directory` or where a recorder put it.

    Args:
        path: as the index has it: relative to the run's directory, or absolute.
    """
    kind = KINDS.get(PurePosixPath(path).suffix)
    if kind is None or "\0" in path or ".." in path.split("/"):
        return None
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(Path(directory) / path, flags)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        return None
    etag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"'
    return Found(descriptor, found.st_size, etag, kind, path.rpartition("/")[2])


def parse_range(text: str, size_bytes: int) -> tuple[int, int] | None:
    """`bytes=0-99` as (0, 100); None where all of it is meant. Films are sought in.

    Raises:
        BadInput: nothing of it is there.
    """
    unit, _, span = text.partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in span or not (first + last).isdigit() or not span.isascii():
        return None
    if not first:
        start, stop = max(0, size_bytes - int(last)), size_bytes
    else:
        start, stop = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    if start >= stop:
        raise BadInput("nothing of that is there")
    return start, stop
