"""The ink that loses nothing while each frame's changed pixels have at most 255 colours, and mends what it lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from filmlabd.render import palette
from filmlabd.render.gif_ink import Ink, bounds
from filmlabd.render.gif_source import Change, Colours, Positions, Source
from filmlabd.render.gif_tables import ROOM, ColourTable, Indices

_NOWHERE: Positions = np.empty(0, np.intp)
_NO_COLOURS: Colours = np.empty(0, np.uint32)
_NO_INDICES: Indices = np.empty(0, np.uint8)


class ExactInks:
    """Two growing tables are in use: the clip's first, and the latest one begun because a frame did not fit.

    A frame with more than 255 colours gets a table of its own from the quantiser. The pixels that came out wrong are
    remembered: they join later crowded frames whose tables suit them better, and the first frame whose table has room.
    """

    def __init__(self, source: Source, numbers: Iterator[int]) -> None:
        self._source = source
        self._numbers = numbers
        self._main = ColourTable(next(self._numbers))
        self._latest = ColourTable(next(self._numbers))
        self._crowded = ColourTable(next(self._numbers))
        self._wrong: npt.NDArray[np.bool_] = np.zeros(source.height * source.width, np.bool_)
        # What is on show instead, where `_wrong`.
        self._shown: Colours = np.zeros(self._wrong.size, np.uint32)
        self._any_wrong = False

    @property
    def tables(self) -> list[ColourTable]:
        """Both, for an ink that goes on where this one ends."""
        return [self._main, self._latest]

    def first(self, whole: Change) -> Ink:
        """The ink of the clip's first frame, all of which has changed."""
        at, colours = whole.at, whole.colours
        if (indices := self._main.indices(colours)) is not None:
            return _grown(self._main, at, indices)
        needed, counts = palette.counted(colours)
        if needed.size <= ROOM + 1:
            return self._opaque(at, colours, needed)
        entries = palette.quantise(needed, counts, ROOM + 1)
        shown_as = palette.nearest(needed, entries)[np.searchsorted(needed, colours)]
        self._remember(at, colours, entries[shown_as])
        return Ink(at, shown_as, entries, next(self._numbers), opaque=True, exact=False)

    def redrawn(self, at: Positions) -> None:
        """Some pixels were drawn by another ink, and need no mending."""
        if self._any_wrong:
            self._wrong[at] = False

    def next(self, change: Change | None) -> Ink | None:
        """The ink of a later frame; None when there is nothing to draw."""
        at, colours = (_NOWHERE, _NO_COLOURS) if change is None else (change.at, change.colours)
        if self._any_wrong:
            self._wrong[at] = False
            if change is None:
                return self._mended(self._spare(), at, _NO_INDICES)
        if (indices := self._main.indices(colours)) is not None:
            return self._mended(self._main, at, indices)
        needed, counts = palette.counted(colours)
        if needed.size > ROOM:
            return self._boxed(at, needed) or self._closest(at, colours, needed, counts)
        if (indices := self._latest.indices(colours)) is not None:
            return self._mended(self._latest, at, indices)
        self._latest.restart(next(self._numbers))
        self._latest.append(needed)
        return self._mended(self._latest, at, self._latest.lookup(colours))

    def _spare(self) -> ColourTable:
        """A table for a quiet frame, in which there is only what was wrong to draw."""
        if self._main.room == 0:
            self._latest.restart(next(self._numbers))
            return self._latest
        return self._main

    def _mended(self, table: ColourTable, at: Positions, indices: Indices) -> Ink | None:
        """The ink of exact pixels, joined by as many of the wrong ones as the table has or takes."""
        if self._any_wrong:
            old = np.flatnonzero(self._wrong)
            colours = self._source.colours_at(old)
            table.append(palette.commonest(colours[table.lookup(colours) == 0], table.room))
            found = table.lookup(colours)
            old, found = old[found > 0], found[found > 0]
            self._wrong[old] = False
            self._any_wrong = old.size < colours.size
            at, indices = _merged(at, indices, old, found)
        return _grown(table, at, indices) if at.size else None

    def _boxed(self, at: Positions, needed: Colours) -> Ink | None:
        """256 colours leave no index for transparency: draw the whole rectangle, if it has no other colour."""
        if needed.size > ROOM + 1:
            return None
        box = bounds(at, self._source.width)
        colours = self._source.box(box.top, box.left, box.height, box.width).reshape(-1)
        if not np.isin(colours, needed).all():
            return None
        inside = box.positions(self._source.width)
        self._wrong[inside] = False
        return self._opaque(inside, colours, needed)

    def _opaque(self, at: Positions, colours: Colours, needed: Colours) -> Ink:
        # Backwards, lest they be greys that equal their indices: see UNSEEN.
        indices = (needed.size - 1 - np.searchsorted(needed, colours)).astype(np.uint8)
        return Ink(at, indices, needed[::-1], next(self._numbers), opaque=True)

    def _closest(self, at: Positions, colours: Colours, needed: Colours, counts: npt.NDArray[np.intp]) -> Ink:
        """A table of the frame's own, as close as 255 colours come."""
        table = self._crowded
        table.restart(next(self._numbers))
        table.append(palette.refined(palette.quantise(needed, counts, ROOM), needed, counts))
        table.learn(needed)
        indices = table.lookup(colours)
        if self._any_wrong:
            at, indices = _merged(at, indices, *self._improved(table))
            colours = self._source.colours_at(at)
        self._remember(at, colours, table.colours[indices])
        return Ink(at, indices, table.colours, table.number, exact=False)

    def _improved(self, table: ColourTable) -> tuple[Positions, Indices]:
        """The wrong pixels that this table, made for others, would show better; and by which entry."""
        old = np.flatnonzero(self._wrong)
        colours = self._source.colours_at(old)
        table.learn(palette.distinct(colours))
        indices = table.lookup(colours)
        error = palette.squared_error(colours, table.colours[indices])
        better = np.flatnonzero(error < palette.squared_error(colours, self._shown[old]))
        return old[better], indices[better]

    def _remember(self, at: Positions, colours: Colours, shown: Colours) -> None:
        self._wrong[at] = shown != colours
        self._shown[at] = shown
        self._any_wrong = True


def _merged(at: Positions, indices: Indices, others: Positions, more: Indices) -> tuple[Positions, Indices]:
    """Two disjoint sets of pixels as one, ascending."""
    both = np.concatenate((at, others))
    order = np.argsort(both, kind="stable")
    return both[order], np.concatenate((indices, more))[order]


def _grown(table: ColourTable, at: Positions, indices: Indices) -> Ink:
    return Ink(at, indices, table.colours, table.number, table)
