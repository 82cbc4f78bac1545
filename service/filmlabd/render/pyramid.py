"""How the history of a series is kept so that a picture of it costs the same at a thousand and at a million points.

Each level of a pyramid of min, max, mean and count halves the one below. A picture of the whole history reads one
level, so only that level is held: when it has grown too fine for any picture, it is folded into the next. Memory is
bounded whatever the history's length, and an append costs O(1) amortised.
"""

from __future__ import annotations

import math
from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from filmlab.errors import BadInput
from filmlabd.render import downsample
from filmlabd.render.downsample import Columns, Floats
from filmlabd.render.smoothing import MovingAverage

# After a fold there are 1024…2048 groups over the whole of x: at least one per column of a picture (864).
CELLS: Final = 2048
# Samples waiting to be folded; they are drawn one by one meanwhile.
TAIL: Final = 2048
# Of a moving average's window, at most.
_FLOATS_PER_VALUE: Final = 4


class Pyramid:
    """One series, appended to for ever; not thread-safe.

    Up to `CELLS + TAIL` samples are kept as they came; past that, groups as wide as a power of two in x.

    Attributes:
        samples: how many were appended.
        last_x: x of the newest sample; −Inf before the first.
    """

    __slots__ = ("_folded", "_x", "_y", "last_x", "samples")

    def __init__(self) -> None:
        self._folded = downsample.EMPTY
        # Waiting to be folded. Not numpy: a daemon's series grow one sample at a time.
        self._x = array("d")
        self._y = array("d")
        self.samples = 0
        self.last_x = -math.inf

    def add(self, x: float, y: float) -> None:
        """One sample: `append` without its cost.

        Raises:
            BadInput: as `append`.
        """
        if not self.last_x <= x < math.inf:
            raise BadInput(f"x is {x:g}; expected a finite value, at least {self.last_x:g}")
        if len(self._x) == TAIL:
            self._fold()
        self._x.append(x)
        self._y.append(y)
        self.last_x = x
        self.samples += 1

    def append(self, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
        """Adds samples: x of shape (n,), ascending, finite and not below what is there; y of shape (n,), anything.

        Raises:
            BadInput: shapes differ, or x goes back or is not finite. Nothing was added.
        """
        new_x, new_y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        self._check(new_x, new_y)
        done = 0
        while done < len(new_x):
            if len(self._x) == TAIL:
                self._fold()
            part = slice(done, done + TAIL - len(self._x))
            self._x.frombytes(new_x[part].tobytes())
            self._y.frombytes(new_y[part].tobytes())
            done = min(part.stop, len(new_x))
        if done:
            self.last_x = float(new_x[-1])
            self.samples += done

    @property
    def size_bytes(self) -> int:
        """What it holds in memory, but for a few hundred bytes."""
        return self._folded.table.nbytes + 8 * (len(self._x) + len(self._y))

    def groups(self) -> Columns:
        """Everything, in at most `2 * CELLS + TAIL` groups: what a curve is drawn from."""
        tail = downsample.singles(np.array(self._x), np.array(self._y))
        return downsample.join((self._folded, tail)) if len(self._folded) else tail

    def columns(self, n: int) -> Columns:
        """Everything, in at most `n` groups of equal width in x; one by one if no more samples than `n`."""
        groups = self.groups()
        if len(groups) <= n:
            return groups
        return downsample.reduce(groups, downsample.cells_of(groups, groups.x_first[0], groups.x_last[-1], n))

    def _check(self, x: Floats, y: Floats) -> None:
        if x.ndim != 1 or x.shape != y.shape:
            raise BadInput(f"x has shape {x.shape} and y has shape {y.shape}; expected one x for each y")
        if not np.isfinite(x).all():
            raise BadInput("x holds a value that is not finite")
        if len(x) and (x[0] < self.last_x or (np.diff(x) < 0).any()):
            raise BadInput(f"x goes back: expected ascending values from {self.last_x:g} on")

    def _fold(self) -> None:
        groups = self.groups()
        self._x, self._y = array("d"), array("d")
        self._folded = groups if len(groups) <= CELLS else _coarser(groups)


class Track:
    """A series and its moving average, appended to together; averages are worked out when asked for, or in bulk."""

    __slots__ = ("_average", "_due_x", "_due_y", "_smoother", "raw")

    def __init__(self, window: int) -> None:
        self._smoother = MovingAverage(window)
        self._average = Pyramid()
        self._due_x = array("d")
        self._due_y = array("d")
        self.raw = Pyramid()

    @property
    def window(self) -> int:
        return self._smoother.window

    @property
    def average(self) -> Pyramid:
        """The moving average up to now."""
        self._settle()
        return self._average

    @property
    def size_bytes(self) -> int:
        """What it holds in memory: at most 0.5 MB at a window of 100, however long the series is."""
        due = 8 * (len(self._due_x) + len(self._due_y))
        return self.raw.size_bytes + self._average.size_bytes + due + _FLOATS_PER_VALUE * 8 * self.window

    def add(self, x: float, y: float) -> None:
        """As `Pyramid.add`."""
        self.raw.add(x, y)
        self._due_x.append(x)
        self._due_y.append(y)
        if len(self._due_x) >= TAIL:
            self._settle()

    def append(self, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
        """As `Pyramid.append`."""
        # First, because it refuses what it cannot take.
        self.raw.append(x, y)
        self._settle()
        self._average.append(x, self._smoother.extend(y))

    def _settle(self) -> None:
        if self._due_x:
            self._average.append(np.array(self._due_x), self._smoother.extend(np.array(self._due_y)))
            self._due_x, self._due_y = array("d"), array("d")


def _coarser(groups: Columns) -> Columns:
    """`groups` merged by the smallest power of two in x that leaves at most `CELLS` of them."""
    low, high = float(groups.x_first[0]), float(groups.x_last[-1])
    span = high / 2 - low / 2
    if span == 0:
        return downsample.reduce(groups, np.zeros(len(groups), np.intp))
    # Cells start at multiples of their width, so that those of one level are halves of the next one's.
    width = math.ldexp(1.0, math.frexp(span)[1] + 2 - CELLS.bit_length())
    cell = np.floor(groups.x_first / width)
    return downsample.reduce(groups, (cell - cell[0]).astype(np.intp))
