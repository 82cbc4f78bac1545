"""How ink becomes an image: its rectangle, and whether unchanged pixels in it are left out or drawn again."""

from __future__ import annotations

from typing import Final

import numpy as np

from filmlabd.render import gif_container, lzw
from filmlabd.render.gif_ink import Box, Ink, bounds
from filmlabd.render.gif_source import Positions, Source
from filmlabd.render.gif_tables import ColourTable, Indices

# Below this both ways to fill a rectangle are tried each time; above, the winner of the last trial is taken.
_SMALL_BOX_PX: Final = 20_000
_TRIAL_EVERY: Final = 8


class Painter:
    """Draws inks over a canvas of `source`'s size."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._large_boxes = 0
        self._plain_won = False

    def paint(self, ink: Ink) -> gif_container.Image:
        """The image of some pixels: everything else on the canvas is left as it is."""
        frame_width = self._source.width
        box = _corners(ink.at, frame_width) if ink.opaque else bounds(ink.at, frame_width)
        if ink.at.size == box.pixels:
            data, transparent = _encoded(ink.indices.reshape(box.height, box.width)), False
        else:
            sparse = np.zeros((box.height, box.width), np.uint8)
            rows = ink.at // frame_width
            sparse.reshape(-1)[ink.at - rows * frame_width - box.left + (rows - box.top) * box.width] = ink.indices
            data, transparent = self._smaller(ink.table, sparse, box)
        return gif_container.Image(box.left, box.top, box.width, box.height, data, ink.number, ink.colours, transparent)

    def _smaller(self, table: ColourTable | None, sparse: Indices, box: Box) -> tuple[bytes, bool]:
        """The data field of `sparse`, or of the plain rectangle where that is allowed and smaller."""
        large = sparse.size > _SMALL_BOX_PX
        self._large_boxes += large
        trial = not large or self._large_boxes % _TRIAL_EVERY == 1
        plain = self._plain(table, sparse, box) if table is not None and (trial or self._plain_won) else None
        if plain is None:
            return _encoded(sparse), True
        plain_data = _encoded(plain)
        if not trial:
            return plain_data, False
        data = _encoded(sparse)
        plain_wins = len(plain_data) < len(data)
        if large:
            self._plain_won = plain_wins
        return (plain_data, False) if plain_wins else (data, True)

    def _plain(self, table: ColourTable, sparse: Indices, box: Box) -> Indices | None:
        """The rectangle with its unchanged pixels filled in; None when the table does not have all their colours."""
        colours = self._source.box(box.top, box.left, box.height, box.width)
        found = table.lookup(colours)
        # A table may know a colour by a similar one: a pixel that did not change must not come to show that.
        if found.all() and ((table.colours.take(found) == colours) | (sparse != 0)).all():
            return found
        return None


def _encoded(indices: Indices) -> bytes:
    """The data field, with the smallest code size that holds the indices."""
    return lzw.compress(indices, lzw.code_bits(int(indices.max())))


def _corners(at: Positions, frame_width: int) -> Box:
    """The rectangle that these pixels fill."""
    (top, left), (bottom, right) = divmod(int(at[0]), frame_width), divmod(int(at[-1]), frame_width)
    return Box(top, left, bottom - top + 1, right - left + 1)
