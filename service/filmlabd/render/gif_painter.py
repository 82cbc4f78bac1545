"""How ink becomes an image: its rectangle, and whether unchanged pixels in it are left out or drawn again."""

from __future__ import annotations

from typing import Final

import numpy as np

from filmlabd.render import gif_container, lzw
from filmlabd.render.gif_ink import Ink
from filmlabd.render.gif_source import Source
from filmlabd.render.gif_tables import Indices

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
        width = self._source.width
        rows = ink.at // width
        columns = ink.at - rows * width
        top, left = int(rows[0]), int(columns.min())
        box_height, box_width = int(rows[-1]) - top + 1, int(columns.max()) - left + 1
        if ink.at.size == box_height * box_width:
            data, transparent = _encoded(ink.indices.reshape(box_height, box_width)), False
        else:
            sparse = np.zeros((box_height, box_width), np.uint8)
            sparse.reshape(-1)[(rows - top) * box_width + (columns - left)] = ink.indices
            data, transparent = self._smaller(ink, sparse, top, left)
        return gif_container.Image(left, top, box_width, box_height, data, ink.number, ink.colours, transparent)

    def _smaller(self, ink: Ink, sparse: Indices, top: int, left: int) -> tuple[bytes, bool]:
        """The data field of `sparse`, or of the plain rectangle where that is allowed and smaller."""
        large = sparse.size > _SMALL_BOX_PX
        self._large_boxes += large
        trial = not large or self._large_boxes % _TRIAL_EVERY == 1
        plain = None
        # Plain pixels must be on the canvas exactly as in the source: only an exact table can tell.
        if ink.table is not None and (trial or self._plain_won):
            plain = ink.table.known(self._source.box(top, left, *sparse.shape))
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


def _encoded(indices: Indices) -> bytes:
    """The data field, with the smallest code size that holds the indices."""
    return lzw.compress(indices, lzw.code_bits(int(indices.max())))
