"""How do clips get into a program's own video folder? As MP4 and GIF beside what is there, and never over it.

Each file ends with a comment that says which film it is of. So a job that is done again knows its own files, whatever
became of the first try, and everything else is somebody else's.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from filmlab.wire.names import short_id
from filmlabd.artifact_names import POSTER
from filmlabd.artifacts import RunDirectory
from filmlabd.develop.clip import Footage, make_clips
from filmlabd.model import EpisodeRow, RecorderRow
from filmlabd.render.gif_container import TRAILER
from filmlabd.render.overlay import Overlay

FORMATS = ("mp4", "gif")


def make_video(
    footage: Footage, row: EpisodeRow, recorder: RecorderRow, stem: str, overlay: Overlay | None, umask: int
) -> tuple[list[str], list[str]]:
    """`<stem>.mp4` and `<stem>.gif` in the recorder's directory; another stem where one of these names is taken.

    Returns:
        Their absolute paths, and notes; nothing of a film without a frame.

    Raises:
        BadInput: no clip can be made of these frames, or the directory cannot be written by us.
        Transient: the disk is full or away, or somebody took the name at this very moment.
    """
    clips: dict[str, bytes] = {}

    def take(path: str, data: bytes) -> str:
        kind = path.rpartition(".")[2]
        if not path.endswith(POSTER):
            clips[kind] = data
        return path

    _, notes = make_clips(footage, stem, FORMATS, row.fps, overlay, take)
    if not clips:
        return [], notes
    with RunDirectory(Path(recorder.directory), umask) as directory:
        token = f"{row.session:016x}-{row.film}"
        marks = {kind: mark_of(kind, row) for kind in clips}
        free = next(
            name
            for name in stems(stem, row)
            if not any(directory.is_taken(f"{name}.{kind}", mark) for kind, mark in marks.items())
        )
        made = [
            directory.publish_beside(f"{free}.{kind}", signed(kind, data, row), marks[kind], token)
            for kind, data in clips.items()
        ]
    return [f"{recorder.directory}/{name}" for name in made], notes


def stems(stem: str, row: EpisodeRow) -> Iterator[str]:
    """What a clip may be called, best first; the last is no other film's."""
    yield stem
    yield f"{stem}-{short_id(row.run_id)}"
    yield f"{stem}-{short_id(row.run_id)}-{row.film}"
    yield f"{stem}-{row.session:016x}-{row.film}"


def signed(kind: str, data: bytes, row: EpisodeRow) -> bytes:
    """A clip that ends with its mark. Players pass over it."""
    return (data[: -len(TRAILER)] if kind == "gif" else data) + mark_of(kind, row)


def mark_of(kind: str, row: EpisodeRow) -> bytes:
    """What the file of a film ends with: a comment that names it, and what must stand at a file's end.

    Source: GIF89a specification, section 24 (comment extension); ISO/IEC 14496-12, section 8.1.2 (free space box).
    """
    whose = f"filmlab run {row.run_id} film {row.session:016x}-{row.film}".encode()
    if kind == "gif":
        return b"\x21\xfe" + bytes([len(whose)]) + whose + b"\0" + TRAILER
    return struct.pack(">I4s", 8 + len(whose), b"free") + whose
