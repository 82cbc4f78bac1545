"""What the changed pixels of a frame are drawn with: a table and indices, ready for the painter."""

from __future__ import annotations

from dataclasses import dataclass

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
        table: the growing table behind it; None when the colours serve this image alone.
        opaque: no index is transparent: the pixels fill a rectangle, row by row.
    """

    at: Positions
    indices: Indices
    colours: Colours
    number: int
    table: ColourTable | None = None
    opaque: bool = False
