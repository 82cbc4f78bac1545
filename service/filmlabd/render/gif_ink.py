"""What the changed pixels of a frame are drawn with: a table and indices, ready for the painter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filmlabd.render.gif_source import Colours, Positions
from filmlabd.render.gif_tables import ColourTable, Indices


@dataclass(frozen=True, slots=True)
class Ink:
    """Pixels ready to be drawn.

    Attributes:
        at: where, ascending.
        indices: of `colours`, one per pixel; 0 stands for a colour only when `opaque`.
        colours: the table, as far as it is filled.
        number: of the table; inks with the same number share a table, and the longest `colours` is that table.
        table: the growing table behind it; None when no other colour can be looked up in it.
        opaque: the pixels fill a rectangle, row by row: no index need be transparent.
        exact: every pixel is drawn in the colour that it has.
    """

    at: Positions
    indices: Indices
    colours: Colours
    number: int
    table: ColourTable | None = None
    opaque: bool = False
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a frame, px."""

    top: int
    left: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def positions(self, frame_width: int) -> Positions:
        """The pixel numbers inside, row by row."""
        rows = np.arange(self.top, self.top + self.height) * frame_width
        return (rows[:, None] + np.arange(self.left, self.left + self.width)).reshape(-1)


def bounds(at: Positions, frame_width: int) -> Box:
    """The smallest rectangle around ascending pixel numbers."""
    top, bottom = int(at[0]) // frame_width, int(at[-1]) // frame_width
    columns = at % frame_width
    left = int(columns.min())
    return Box(top, left, bottom - top + 1, int(columns.max()) - left + 1)
