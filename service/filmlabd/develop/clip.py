"""How do a film's frames become clips? In each format that the run asked for, and one small picture to stand for it."""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlabd.artifact_names import POSTER
from filmlabd.journal.film_frames import read_frames
from filmlabd.journal.films import film_path
from filmlabd.model import EpisodeRow
from filmlabd.render.frames import Clip
from filmlabd.render.gif import encode_gif
from filmlabd.render.grid import grid
from filmlabd.render.overlay import Overlay
from filmlabd.render.video import encode_mp4, encode_webp, poster

FPS_MIN = 0.1
"""A GIF shows a frame for at most 655 s; nobody waits for 10."""
FALLBACK = "gif"
"""Needs nothing that may be missing, and is made where nothing else can be."""
LEAN = "every other frame at half its size, without overlay: at full size its worker ran out of memory"

Publish: TypeAlias = Callable[[str, bytes], str]
"""(path below the directory, contents) -> that path."""


class _Encode(Protocol):
    def __call__(self, frames: Iterator[NDArray[np.uint8]], fps: float, *, overlay: Overlay | None) -> Clip: ...


_ENCODERS: dict[str, _Encode] = {"gif": encode_gif, "mp4": encode_mp4, "webp": encode_webp}


class Shots(Protocol):
    """Frames that can be read more than once."""

    lean: bool

    def frames(self) -> Generator[NDArray[np.uint8]]: ...
    def fps(self, fps: float) -> float: ...
    def first(self) -> NDArray[np.uint8] | None: ...


class Footage:
    """The frames of one film, with what was learned when they were read last."""

    def __init__(self, room: Path, row: EpisodeRow, *, lean: bool = False) -> None:
        """`lean`: every other frame, at half its width and height."""
        self.lean = lean
        self._path = film_path(room, row.session, row.film)
        self._row = row
        self.notes: list[str] = []
        self.read = 0

    def frames(self) -> Generator[NDArray[np.uint8]]:
        """As many frames as the episode says it has, or as there are; from the first one at each call."""
        self.notes, self.read = [], 0
        shots = self._taken() if self._row.tiles <= 1 else grid(self._taken(), self._row.tiles, self._row.aspect)
        yield from _halved(shots) if self.lean else shots
        if self.read < self._row.frames and not self.notes:
            self.notes.append(f"the film has {self.read} of {self._row.frames} frames")

    def _taken(self) -> Iterator[NDArray[np.uint8]]:
        for frame in itertools.islice(read_frames(self._path, self.notes), self._row.frames):
            self.read += 1
            yield frame

    def fps(self, fps: float) -> float:
        """How fast its frames are shown, of a film that was taken at `fps`."""
        return max(fps / 2 if self.lean else fps, FPS_MIN)

    def first(self) -> NDArray[np.uint8] | None:
        """The first frame, None where there is none."""
        with contextlib.closing(self.frames()) as frames:
            return next(frames, None)


def _halved(frames: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Every other frame at half its size; equal ones stay the same object."""
    last: NDArray[np.uint8] | None = None
    half: NDArray[np.uint8] | None = None
    for frame in itertools.islice(frames, 0, None, 2):
        if half is None or frame is not last:
            last, half = frame, np.ascontiguousarray(frame[::2, ::2])
        yield half


def make_clips(
    footage: Shots, stem: str, formats: Sequence[str], fps: float, overlay: Overlay | None, publish: Publish
) -> tuple[list[str], list[str]]:
    """`<stem>.gif` and what else was asked for, then `<stem>.poster.webp`; nothing of a film without a frame.

    A format that cannot be made is a note, as long as another can. The frames are read once for each, since they
    would not fit in memory.

    Returns:
        The paths, and notes on them; notes on the film are the footage's own.

    Raises:
        BadInput: no clip can be made of these frames.
    """
    first = footage.first()
    if first is None:
        return [], []
    paths: list[str] = []
    notes: list[str] = []
    if footage.lean:
        formats, overlay, notes = (FALLBACK,), None, [LEAN]
    for kind in formats:
        try:
            clip = _ENCODERS[kind](footage.frames(), footage.fps(fps), overlay=overlay)
        except BadInput as problem:
            if kind == FALLBACK:
                raise
            notes.append(f"no {kind}: {problem}")
            continue
        paths.append(publish(f"{stem}.{kind}", clip.data))
        notes += clip.notes
    if not paths:
        notes[-1] += "; it is a GIF instead"
        paths, more = make_clips(footage, stem, (FALLBACK,), fps, overlay, publish)
        return paths, notes + more
    paths.append(publish(stem + POSTER, poster(first if overlay is None else overlay.under(first, 0))))
    return paths, notes
