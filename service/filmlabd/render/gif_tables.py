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


class ColourTable:
    """Exact: index 0 is transparent, the indices from 1 belong to the colours in the order they came.

    The lookup is one array of 2 ** 24 bytes, of which the system hands out only the pages that are touched.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._index_of = np.zeros(1 << 24, np.uint8)
        self.colours: Colours = np.zeros(1, np.uint32)

    @property
    def room(self) -> int:
        """How many more colours fit."""
        return ROOM + 1 - self.colours.size

    def indices(self, colours: Colours) -> Indices | None:
        """The index of every colour, the new ones appended; None, and nothing changed, when they do not fit."""
        found = self._index_of.take(colours)
        if found.all():
            return found
        new = palette.distinct(colours[found == 0])
        if new.size > self.room:
            return None
        self.append(new)
        return self._index_of.take(colours)

    def known(self, colours: Colours) -> Indices | None:
        """The index of every colour, or None when one is not in the table; nothing is appended."""
        found = self._index_of.take(colours)
        return found if found.all() else None

    def append(self, new: Colours) -> None:
        """Add distinct colours that are not in the table yet; there must be room."""
        count = self.colours.size
        self._index_of[new] = np.arange(count, count + new.size)
        # A new array: images already drawn keep the shorter one.
        self.colours = np.append(self.colours, new)

    def lookup(self, colours: Colours) -> Indices:
        """The index of every colour, 0 for those not in the table."""
        return self._index_of.take(colours)

    def restart(self, number: int) -> None:
        """Become a new, empty table that reuses the lookup."""
        self.number = number
        self._index_of[self.colours] = 0
        self.colours = np.zeros(1, np.uint32)
