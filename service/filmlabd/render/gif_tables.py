"""A colour table that fills up as a clip goes on, and finds the index of every colour that it holds."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from filmlabd.render import palette
from filmlabd.render.palette import Colours

Indices = npt.NDArray[np.uint8]

TRANSPARENT: Final = 0
ROOM: Final = 255  # colours beside the transparent index

# What the transparent index is listed as. Never black: Pillow takes a table of greys that equal their indices for no
# table at all, and then misreads later tables (13.0).
UNSEEN: Final = np.array([0xFFFFFF], np.uint32)


class ColourTable:
    """Index 0 is transparent, the indices from 1 belong to the colours in the order they came.

    Besides its own colours a table may know others, which it shows as one of its own. The lookup is one array of
    2 ** 24 bytes, of which the system hands out only the pages that are touched.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.colours: Colours = UNSEEN
        self._index_of = np.zeros(1 << 24, np.uint8)
        self._approximated: list[Colours] = []

    @property
    def room(self) -> int:
        """How many more colours fit."""
        return ROOM + 1 - self.colours.size

    def lookup(self, colours: Colours) -> Indices:
        """The index of every colour, 0 for those that the table does not know."""
        return self._index_of.take(colours)

    def indices(self, colours: Colours) -> Indices | None:
        """The index of every colour, unknown ones appended; None, and nothing changed, when they do not fit."""
        found = self.lookup(colours)
        if found.all():
            return found
        new = palette.distinct(colours[found == 0])
        if new.size > self.room:
            return None
        self.append(new)
        return self.lookup(colours)

    def append(self, new: Colours) -> None:
        """Add distinct colours that the table does not know yet; there must be room."""
        count = self.colours.size
        self._index_of[new] = np.arange(count, count + new.size)
        # A new array: images already drawn keep the shorter one.
        self.colours = np.append(self.colours, new)

    def approximate(self, colours: Colours, indices: Indices) -> None:
        """Show these distinct unknown colours as these entries from now on."""
        self._index_of[colours] = indices
        self._approximated.append(colours)

    def learn(self, colours: Colours) -> None:
        """Show these distinct colours as their closest entries from now on, those that are unknown."""
        new = colours[self.lookup(colours) == 0]
        self.approximate(new, palette.nearest(new, self.colours[1:]) + np.uint8(1))

    def restart(self, number: int) -> None:
        """Become a new, empty table that reuses the lookup."""
        for known in (self.colours, *self._approximated):
            self._index_of[known] = 0
        self.number = number
        self.colours = UNSEEN
        self._approximated.clear()
