"""What a drawing consists of: marks in pixels, in the order in which they are painted, for any emitter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from filmlabd.render.downsample import Floats, Ints, unit
from filmlabd.render.fonts import REGULAR
from filmlabd.render.ticks import Axis

WIDTH_PX: Final = 960
HEIGHT_PX: Final = 540


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle whose edges lie on pixels. `ink` is as `theme.resolve` takes it, here and below."""

    x: int
    y: int
    width: int
    height: int
    ink: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines with round joins and caps.

    Attributes:
        points: (n, 2) px, y down.
        starts: where in `points` each line begins, ascending, first 0; a line of one point is a dot.
        opacity: 0…1; where the stroke crosses itself it does not count twice.
    """

    points: Floats
    starts: Ints
    width_px: float
    ink: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """What a dense series covers.

    Attributes:
        column: (n,) the pixel columns that it covers, ascending; it is broken where one is left out.
        top, bottom: (n,) px, y down, top < bottom.
    """

    column: Ints
    top: Floats
    bottom: Floats
    ink: str
    opacity: float


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, already cut to fit.

    Attributes:
        x, baseline: px; `x` is its start, middle or end, as `anchor` says.
        whole: the text before it was cut, for a tooltip; "" when it was not.
    """

    x: float
    baseline: int
    text: str
    size_px: int
    ink: str
    anchor: str = "start"
    weight: int = REGULAR
    whole: str = ""


Mark: TypeAlias = Rect | Stroke | Band | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture before it is bytes. `title` is plain text for readers that do not see it."""

    title: str
    marks: tuple[Mark, ...]
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX


@dataclass(frozen=True, slots=True)
class Plot:
    """The area that data is drawn in, in whole px, and how values become px."""

    left: int
    top: int
    width: int
    height: int
    x: Axis
    y: Axis = field(repr=False)

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def to_x(self, values: Floats) -> Floats:
        """Data to px."""
        return self.left + unit(values, self.x.low, self.x.high) * self.width

    def to_y(self, values: Floats) -> Floats:
        """Data to px; the largest value is at the top. NaN stays."""
        return self.bottom - unit(values, self.y.low, self.y.high) * self.height
