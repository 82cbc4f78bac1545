"""What of a long series can still be seen: per column of the picture its range, its mean and what was missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ROWS: Final = 11
_X_FIRST, _X_LAST, _FIRST, _LAST, _LOW, _HIGH, _MEAN, _COUNT, _NAN, _ABOVE, _BELOW = range(ROWS)
# Sums are formed of values scaled by this when they could overflow; exact, being a power of two.
_LARGE: Final = 1e290
_SCALE: Final = 2.0**-64


@dataclass(frozen=True, slots=True)
class Columns:
    """Neighbouring samples in groups, in ascending x: one float64 table of shape (11, n), so it travels as one blob.

    A group holds the x of its first and last sample; of its finite values the first, last, lowest, highest, mean (all
    NaN when there are none) and their count; and how many samples were NaN, +Inf and −Inf.
    """

    table: Floats

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def _row(self, number: int) -> Floats:
        row: Floats = self.table[number]
        return row

    @property
    def x_first(self) -> Floats:
        return self._row(_X_FIRST)

    @property
    def x_last(self) -> Floats:
        return self._row(_X_LAST)

    @property
    def first(self) -> Floats:
        return self._row(_FIRST)

    @property
    def last(self) -> Floats:
        return self._row(_LAST)

    @property
    def low(self) -> Floats:
        return self._row(_LOW)

    @property
    def high(self) -> Floats:
        return self._row(_HIGH)

    @property
    def mean(self) -> Floats:
        return self._row(_MEAN)

    @property
    def count(self) -> Floats:
        return self._row(_COUNT)

    @property
    def nan(self) -> Floats:
        return self._row(_NAN)

    @property
    def above(self) -> Floats:
        return self._row(_ABOVE)

    @property
    def below(self) -> Floats:
        return self._row(_BELOW)

    @property
    def samples(self) -> int:
        """How many samples went in, finite or not."""
        return int(self.table[_COUNT:].sum())

    @property
    def exact(self) -> bool:
        """Whether every group is one sample: nothing was left out."""
        return self.samples == len(self)

    def between(self, start: float, stop: float) -> Columns:
        """The groups that begin at `start` <= x < `stop`."""
        lo, hi = np.searchsorted(self.x_first, (start, stop), side="left")
        return Columns(self.table[:, lo:hi])


EMPTY: Final = Columns(np.empty((ROWS, 0)))


def singles(x: Floats, y: Floats) -> Columns:
    """Every sample a group of its own. `x` is (n,), ascending and finite; `y` is (n,), anything."""
    table = np.zeros((ROWS, len(x)))
    table[_X_FIRST] = table[_X_LAST] = x
    finite = np.isfinite(y)
    if finite.all():
        table[_FIRST:_COUNT] = y
        table[_COUNT] = 1.0
        return Columns(table)
    table[_FIRST:_COUNT] = np.where(finite, y, np.nan)
    table[_COUNT] = finite
    table[_NAN] = np.isnan(y)
    table[_ABOVE] = y == np.inf
    table[_BELOW] = y == -np.inf
    return Columns(table)


def condense(x: Floats, y: Floats, cells: int) -> Columns:
    """`x` and `y`, as `singles` takes them, in at most `cells` groups of equal width in x; one by one if no more."""
    if len(x) <= cells:
        return singles(x, y)
    part = np.arange(1, cells) / cells
    edges = np.searchsorted(x, x[0] * (1 - part) + x[-1] * part, side="left")
    starts = np.unique(np.concatenate(([0], edges[edges < len(x)])))
    stops = np.append(starts[1:], len(x))
    table = np.zeros((ROWS, len(starts)))
    table[_X_FIRST], table[_X_LAST] = x[starts], x[stops - 1]
    finite = np.isfinite(y)
    if not finite.all():
        # Rare enough to take the general way, which is a few times slower.
        return reduce(singles(x, y), np.repeat(np.arange(len(starts)), stops - starts))
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    table[_FIRST], table[_LAST], table[_LOW], table[_HIGH] = y[starts], y[stops - 1], low, high
    table[_COUNT] = stops - starts
    scale = _SCALE if max(-low.min(), high.max()) > _LARGE else 1.0
    table[_MEAN] = np.add.reduceat(y * scale if scale != 1.0 else y, starts) / table[_COUNT] / scale
    return Columns(table)


def reduce(columns: Columns, cell: Ints) -> Columns:
    """Merges neighbouring groups of equal `cell`, an ascending (n,) array of integers."""
    if len(columns) == 0:
        return columns
    starts = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    if len(starts) == len(columns):
        return columns
    old = columns.table
    stops = np.append(starts[1:], old.shape[1])
    new = np.empty((ROWS, len(starts)))
    new[_X_FIRST], new[_X_LAST] = old[_X_FIRST][starts], old[_X_LAST][stops - 1]
    new[_LOW] = np.fmin.reduceat(old[_LOW], starts)
    new[_HIGH] = np.fmax.reduceat(old[_HIGH], starts)
    new[_COUNT:] = np.add.reduceat(old[_COUNT:], starts, axis=1)
    # Weighted means instead of sums: nothing can overflow.
    total = np.repeat(new[_COUNT], stops - starts)
    filled = old[_COUNT] > 0
    if filled.all():
        new[_FIRST], new[_LAST] = old[_FIRST][starts], old[_LAST][stops - 1]
        new[_MEAN] = np.add.reduceat(old[_MEAN] * (old[_COUNT] / total), starts)
        return Columns(new)
    index = np.arange(old.shape[1])
    new[_FIRST] = old[_FIRST][np.minimum(np.minimum.reduceat(np.where(filled, index, len(index)), starts), stops - 1)]
    new[_LAST] = old[_LAST][np.maximum(np.maximum.reduceat(np.where(filled, index, -1), starts), starts)]
    share = np.divide(old[_COUNT], total, out=np.zeros_like(total), where=total > 0)
    new[_MEAN] = np.add.reduceat(np.where(filled, old[_MEAN] * share, 0.0), starts)
    new[_MEAN][new[_COUNT] == 0] = np.nan
    return Columns(new)


def join(parts: tuple[Columns, ...]) -> Columns:
    """Groups of several tables in one, in the order given."""
    return Columns(np.concatenate([part.table for part in parts], axis=1))


def unit(values: Floats, low: float, high: float) -> Floats:
    """Where `values` lie between `low` (0.0) and `high` (1.0), for any finite range; all 0.0 when it is empty."""
    scale = max(abs(low), abs(high))
    # Halves first: the distance of two finite floats may be infinite.
    span = high / scale - low / scale if scale > 0 else 0.0
    if span == 0:
        return np.zeros_like(values)
    return (values / scale - low / scale) / span


def cells_of(columns: Columns, low: float, high: float, cells: int) -> Ints:
    """Which of `cells` equal parts of [low, high] each group's middle lies in, 0…cells − 1."""
    middle = columns.x_first / 2 + columns.x_last / 2
    return np.clip((unit(middle, low, high) * cells).astype(np.intp), 0, cells - 1)
