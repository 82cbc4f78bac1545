"""How does a run become one file that can be given away? Its page with every picture inside, within so many bytes.

The page is `pages.run_page`'s, with a mark where a picture belongs. As the file is written, each mark is replaced by
what it stands for: memory holds the curves, at most half of the file, and a piece of one clip.
"""

import itertools
import os
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeVar

from filmlab.errors import BadInput
from filmlab.kinds import FILM, MIMES, MOVING, PICTURES
from filmlab.words import size
from filmlabd.artifact_names import POSTER
from filmlabd.artifacts import Printed
from filmlabd.develop.curve import adaptive, picture
from filmlabd.develop.page import as_linked, clip_view, is_clip, last_values, look, rank
from filmlabd.develop.tracks import Tracks
from filmlabd.export_choice import by_worth
from filmlabd.index.read import Reader
from filmlabd.model import EpisodeRow, RunRow
from filmlabd.pages.run_page import run_page
from filmlabd.pages.view import ClipView, CurveView, MediumView, Picture, RunPage

View = TypeVar("View", ClipView, MediumView)
CURVES_MAX = 100
TEXT_BYTES = 1024
"""What is said of a picture, about: what it really takes is looked at in the end."""
_READ_BYTES = 3 * 2**16
"""A multiple of 3, so that pieces in base64 can be put together."""


@dataclass(frozen=True, slots=True)
class Print:
    """A picture that is read when it is written, by its path below the run's directory."""

    path: str
    file_bytes: int


@dataclass(slots=True)
class Marks:
    """What stands for pictures in a page that is being put together: words that nobody outside can know."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    sources: list[bytes | Print] = field(default_factory=list)
    """What each mark stands for: an address, or a print that becomes one."""

    def mark(self, source: bytes | Print) -> str:
        """What to write in its place."""
        self.sources.append(source)
        return f"embedded-{self.nonce}-{len(self.sources) - 1}-"

    def split(self, page: str) -> list[str]:
        """Text, number of a source, text, number, …, text."""
        return re.split(f"embedded-{self.nonce}-([0-9]+)-", page)


@dataclass(frozen=True, slots=True)
class Export:
    """A run's page as one file: `pieces` writes it."""

    page: str
    marks: Marks
    clips: int
    clips_in_all: int
    curves: int
    curves_in_all: int

    @property
    def size_bytes(self) -> int:
        """Of the file, as long as no print is made anew before it is written."""
        return sum(_address_bytes(part) if isinstance(part, Print) else len(part) for part in self._parts())

    def pieces(self, directory: Printed) -> Iterator[bytes]:
        """The file, as it is to be written."""
        for part in self._parts():
            if isinstance(part, Print):
                yield from _read(part, directory)
            else:
                yield part

    def _parts(self) -> Iterator[bytes | Print]:
        for number, part in enumerate(self.marks.split(self.page)):
            yield self.marks.sources[int(part)] if number % 2 else part.encode("utf-8", "replace")


def make_export(
    run: RunRow,
    reader: Reader,
    directory: Printed,
    clips_max: int | None,
    max_bytes: int,
    drawn: Callable[[int, int], None] = lambda _done, _left: None,
) -> Export:
    """A run as it is now.

    Args:
        clips_max: how many clips at most, those most worth showing; None: as many as fit.
        max_bytes: of the whole file.
        drawn: told how many curves are drawn, and how many there are still to draw.

    Raises:
        BadInput: not even what there is to be said of the run fits.
    """
    seen = look(run, reader, directory)
    rows = [as_linked(row, directory) for row in reader.episodes(run.run_id, filmed=True)]
    kept = [row for row in rows if is_clip(row)]
    values = last_values(reader.metrics(run.run_id))
    marks = Marks()
    curves = _curves(values, run, reader, marks, max_bytes // 2, drawn)
    page = replace(
        seen, alone=True, clips_in_all=len(kept), more_media=len(seen.media) + seen.more_media, curves=curves,
        more_curves=len(values) - len(curves),
    )  # fmt: skip
    press = _Press(page, marks, directory)
    room_bytes = max_bytes - press.make((), ()).size_bytes
    if room_bytes < 0:
        needed = size(max_bytes - room_bytes)
        raise BadInput(f"run {run.run_id} takes {needed} without any clip; {size(max_bytes)} are allowed")
    most = len(kept) if clips_max is None else clips_max
    clips, room_bytes = _fitting(_clips(kept, run.run_id, reader, directory), most, room_bytes, directory)
    shown = filter(_is_shown, seen.media)
    media, _ = _fitting(shown, len(seen.media), room_bytes, directory)
    made = press.make(clips, media)
    while made.size_bytes > max_bytes:
        # More was said of them than was thought.
        clips, media = (clips, media[:-1]) if media else (clips[:-1], ())
        made = press.make(clips, media)
    return made


@dataclass(frozen=True, slots=True)
class _Press:
    """Puts pictures into a page that has none but curves."""

    page: RunPage
    marks: Marks
    directory: Printed

    def make(self, clips: Sequence[ClipView], media: Sequence[MediumView]) -> Export:
        """The page with these; the best, if it is among them, large."""
        inside = [replace(clip, picture=self._inside(clip.picture)) for clip in clips]
        best = next((clip for clip in inside if self._is_best(clip)), None)
        in_all = self.page.clips_in_all
        said = f"{len(clips):,} of them in this file" if len(clips) < in_all else ""
        page = replace(
            self.page,
            best=best,
            progress=(),
            clips=tuple(sorted((clip for clip in inside if clip is not best), key=lambda clip: clip.wall)),
            clips_shown=said,
            media=tuple(self._alone(medium) for medium in media),
            more_media=self.page.more_media - len(media),
        )
        curves = len(page.curves)
        return Export(run_page(page), self.marks, len(clips), in_all, curves, curves + page.more_curves)

    def _is_best(self, clip: ClipView) -> bool:
        best = self.page.best
        return best is not None and (clip.episode, clip.wall, clip.whose) == (best.episode, best.wall, best.whose)

    def _alone(self, medium: MediumView) -> MediumView:
        picture = self._inside(medium.picture) if medium.picture is not None else None
        return replace(medium, picture=picture, others=(), embedded=True)

    def _inside(self, picture: Picture) -> Picture:
        path, poster = (
            self.marks.mark(Print(part, _file_bytes(part, self.directory))) if part else ""
            for part in (picture.path, picture.poster)
        )
        return replace(picture, path=path, poster=poster, embedded=True)


def _curves(
    values: Mapping[str, float],
    run: RunRow,
    reader: Reader,
    marks: Marks,
    room_bytes: int,
    drawn: Callable[[int, int], None],
) -> tuple[CurveView, ...]:
    """The first of the metrics, drawn as they are by now, for as long as there is room."""
    tracks = Tracks(0)
    out: list[CurveView] = []
    for name, last in itertools.islice(values.items(), CURVES_MAX):
        drawn(len(out), min(len(values), CURVES_MAX) - len(out))
        svg = adaptive(picture(run, name, reader, tracks))
        address = _scheme(".svg") + b64encode(svg.encode())
        room_bytes -= len(address)
        if room_bytes < 0:
            break
        out.append(CurveView(name, marks.mark(address), "", last, embedded=True))
    return tuple(out)


def _clips(kept: Sequence[EpisodeRow], run_id: str, reader: Reader, directory: Printed) -> Iterator[ClipView]:
    """Those that are still there, the most worth showing first, each in its smallest format."""
    prints = {(row.session, row.film): row for row in reader.prints(run_id) if row.film}
    best = max(range(len(kept)), key=lambda place: rank(kept[place]), default=0)
    for place in by_worth(len(kept), best):
        row = kept[place]
        view = clip_view(replace(row, paths=_smallest(row.paths, directory)), prints, directory)
        if view is not None:
            yield view


def _is_shown(medium: MediumView) -> bool:
    """Whether there is anything to see of it but its name."""
    picture = medium.picture
    return medium.text is not None or (picture is not None and picture.path.endswith(PICTURES))


def _smallest(paths: Sequence[str], directory: Printed) -> tuple[str, ...]:
    """The GIF or WebP that takes least room; where there is none, the film and its poster."""
    moving = [path for path in paths if path.endswith(MOVING) and not path.endswith(POSTER)]
    there = [path for path in moving if _file_bytes(path, directory)]
    if there:
        return (min(there, key=lambda path: _file_bytes(path, directory)),)
    return tuple(path for path in paths if path.endswith((FILM, POSTER)))


def _fitting(views: Iterable[View], most: int, room_bytes: int, directory: Printed) -> tuple[tuple[View, ...], int]:
    """The first of them that fit, and the room that is left then."""
    chosen: list[View] = []
    for view in views:
        if len(chosen) == most:
            break
        parts = [part for part in (view.picture.path, view.picture.poster) if part] if view.picture else []
        taken_bytes = TEXT_BYTES + sum(_address_bytes(Print(part, _file_bytes(part, directory))) for part in parts)
        if taken_bytes <= room_bytes:
            room_bytes -= taken_bytes
            chosen.append(view)
    return tuple(chosen), room_bytes


def _file_bytes(path: str, directory: Printed) -> int:
    """0 where it is not there."""
    file = directory.open(path)
    if file is None:
        return 0
    with file:
        return os.fstat(file.fileno()).st_size


def _address_bytes(source: Print) -> int:
    return len(_scheme(PurePosixPath(source.path).suffix)) + (source.file_bytes + 2) // 3 * 4


def _scheme(end: str) -> bytes:
    return f"data:{MIMES[end]};base64,".encode()


def _read(source: Print, directory: Printed) -> Iterator[bytes]:
    """A print as an address; an empty one, which shows its description, where it is gone."""
    yield _scheme(PurePosixPath(source.path).suffix)
    file = directory.open(source.path)
    if file is None:
        return
    with file:
        while piece := file.read(_READ_BYTES):
            yield b64encode(piece)
