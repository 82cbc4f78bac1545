"""The ink that is exact while a clip allows it, and from then on keeps the canvas close to the source cheaply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from filmlabd.render import palette
from filmlabd.render.gif_exact import ExactInks
from filmlabd.render.gif_ink import Ink
from filmlabd.render.gif_source import Change, Colours, Positions, Source
from filmlabd.render.gif_tables import ROOM, ColourTable, Indices

# Errors here are squared distances in RGB, summed over the channels of one pixel.
# The whole canvas stays within 61 dB of the source ...
_CANVAS_LIMIT: Final = 3 * 255**2 / 10**6.1
# ... and where a fresh table would not reach that, within so many times what it reached.
_SLACK: Final = 2.0
# The pixels of one frame are off by this at most, on average, and a single one by that.
_FRAME_LIMIT: Final = 12.0
_PIXEL_LIMIT: Final = 1000
# A colour this close to an entry takes no entry of its own once a table is half full.
_NEAR: Final = 12
# A fresh table stops at this error, or at this share of what the canvas may have, to keep room for the next frames.
_FRESH_LIMIT: Final = 2.0
_FRESH_SHARE: Final = 0.5
_LEAST_ADDITION: Final = 8


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a table would show for some pixels, if it took `added` and knew `new` as `shown_as`."""

    indices: Indices
    entries: Colours
    added: Colours
    new: Colours
    shown_as: Indices


class BalancedInks:
    """Exact until a frame changes in more than 255 colours; then tables are kept for as long as they are good enough.

    Two tables are in use, those that `ExactInks` leaves. A table shows a colour alike each time that it is used: while
    it lasts, nothing flickers.
    """

    def __init__(self, source: Source, numbers: Iterator[int]) -> None:
        self._source = source
        self._numbers = numbers
        self._exact = ExactInks(source, numbers)
        self._exact_so_far = True
        self._tables = self._exact.tables
        self._error: npt.NDArray[np.int32] = np.zeros(source.height * source.width, np.int32)
        self._total = 0
        self._limit = _CANVAS_LIMIT * self._error.size

    def first(self, whole: Change) -> Ink:
        """The ink of the clip's first frame, all of which has changed."""
        ink = self._exact.first(whole)
        self._note(ink)
        return ink

    def next(self, change: Change | None) -> Ink | None:
        """The ink of a later frame; None when there is nothing to draw."""
        if self._exact_so_far:
            ink = self._exact.next(change)
            if ink is not None:
                self._note(ink)
                self._exact_so_far = ink.exact
            return ink
        if change is None:
            return None
        for table in self._tables:
            if (ink := self._within_limits(table, change)) is not None:
                if table is not self._tables[0]:
                    self._tables.reverse()
                return ink
        return self._afresh(change)

    def redrawn(self, at: Positions) -> None:
        """Some pixels were drawn by another ink, and need no mending."""
        self._exact.redrawn(at)
        if self._total:
            self._total -= int(self._error[at].sum())
            self._error[at] = 0

    def _note(self, ink: Ink) -> None:
        """Keep the books while exact inks draw: there is an error only where a frame had too many colours."""
        if ink.exact and self._total == 0:
            return
        self._book(ink.at, palette.squared_error(self._source.colours_at(ink.at), ink.colours.take(ink.indices)))
        if not ink.exact:
            self._relax()

    def _book(self, at: Positions, error: npt.NDArray[np.int32]) -> None:
        self._total += int(error.sum()) - int(self._error[at].sum())
        self._error[at] = error

    def _relax(self) -> None:
        """What a table of the frame's own could not reach is asked of none."""
        reachable = _CANVAS_LIMIT * self._error.size
        self._limit = reachable if self._total <= reachable else _SLACK * self._total

    def _within_limits(self, table: ColourTable, change: Change) -> Ink | None:
        draft = _drafted(table, change.colours, 0.0)
        error = palette.squared_error(change.colours, draft.entries.take(draft.indices))
        frame = int(error.sum())
        canvas = self._total + frame - int(self._error[change.at].sum())
        if error.max() > _PIXEL_LIMIT or frame > _FRAME_LIMIT * error.size or canvas > self._limit:
            return None
        self._book(change.at, error)
        return _inked(table, draft, change.at)

    def _afresh(self, change: Change) -> Ink:
        """The table that served longer ago starts again, from this frame's colours."""
        self._tables.reverse()
        table = self._tables[0]
        table.restart(next(self._numbers))
        reachable = _FRESH_SHARE * _CANVAS_LIMIT * self._error.size / change.at.size
        draft = _drafted(table, change.colours, min(_FRESH_LIMIT, reachable))
        self._book(change.at, palette.squared_error(change.colours, draft.entries.take(draft.indices)))
        self._relax()
        return _inked(table, draft, change.at)


def _drafted(table: ColourTable, colours: Colours, good_enough: float) -> _Draft:
    indices = table.lookup(colours)
    unknown = np.flatnonzero(indices == 0)
    if unknown.size == 0:
        nothing = colours[:0]
        return _Draft(indices, table.colours, nothing, nothing, indices[:0])
    new, counts = palette.counted(colours[unknown])
    added = _additions(table, new, counts, good_enough)
    entries = np.append(table.colours, added)
    shown_as = palette.nearest(new, entries[1:]) + np.uint8(1)
    indices[unknown] = shown_as[np.searchsorted(new, colours[unknown])]
    return _Draft(indices, entries, added, new, shown_as)


def _additions(table: ColourTable, new: Colours, counts: npt.NDArray[np.intp], good_enough: float) -> Colours:
    """The entries that a table should gain for colours that it does not know."""
    if new.size <= table.room // 2:
        return new
    if table.room == ROOM:
        return palette.quantise(new, counts, ROOM, good_enough=good_enough)
    present = table.colours[1:]
    far = palette.squared_error(new, present[palette.nearest(new, present)]) > _NEAR
    wanted = new[far]
    if wanted.size <= table.room:
        return wanted
    return palette.quantise(wanted, counts[far], table.room) if table.room >= _LEAST_ADDITION else wanted[:0]


def _inked(table: ColourTable, draft: _Draft, at: Positions) -> Ink:
    table.append(draft.added)
    table.approximate(draft.new, draft.shown_as)
    return Ink(at, draft.indices, table.colours, table.number, table)
