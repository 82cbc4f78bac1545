"""What the moving average of a series is: at once or as it grows, with the same bits, and right after any outlier.

The series is cut in blocks as long as the window. The window that ends inside a block is a suffix of the block before
and a prefix of this one, so every sum has at most `window` terms and nothing is ever subtracted: an early 1e300 is gone
as soon as the window has passed it. Sums carry their rounding errors in a second float (Ogita, Rump and Oishi's Sum2).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_BATCH: Final = 32_768
Number = TypeVar("Number", np.float64, np.int64)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of scaled finite values as unevaluated pairs hi + lo, and how many values each has; arrays of one shape."""

    hi: Floats
    lo: Floats
    count: Ints

    def at(self, index: slice | tuple[slice, slice]) -> _Sums:
        return _Sums(self.hi[index], self.lo[index], self.count[index])

    def reversed(self) -> _Sums:
        return self.at((slice(None), slice(None, None, -1)))


class MovingAverage:
    """The mean of the finite ones among the last `window` values, kept up as values come; O(1) amortised per value.

    A window below 1 counts as 1. Memory: up to four floats per value of the window. Values of magnitude 1e-290 and
    above are averaged to 1 part in 1e12 (in fact, a few in 1e16) unless they cancel by more than twenty digits.
    """

    def __init__(self, window: int) -> None:
        self.window = max(window, 1)
        # Dividing by a power of two above the number of terms is exact and keeps sums of the largest floats finite.
        self._scale = 2.0 ** -self.window.bit_length()
        self._block = array("d")
        self._filled = 0
        self._prefix = _zeros(1)
        self._suffix = _zeros(1)

    def extend(self, values: npt.ArrayLike) -> Floats:
        """The averages at `values`, (n,), the next ones of the series; NaN where a window has no finite value."""
        new = np.asarray(values, dtype=np.float64)
        if self.window == 1:
            kept: Floats = np.where(np.isfinite(new), new, np.nan)
            return kept
        head = min(self.window - self._filled, len(new)) if self._filled else 0
        tail = head + (len(new) - head) // self.window * self.window
        # Whole blocks, as many at a time as the processor's cache holds: twice as fast as all at once.
        batch = max(_BATCH // self.window, 1) * self.window
        parts = [self._into_block(new[:head])]
        parts += [self._blocks(new[at : min(at + batch, tail)]) for at in range(head, tail, batch)]
        parts.append(self._into_block(new[tail:]))
        return np.concatenate(parts)

    def _into_block(self, new: Floats) -> Floats:
        """Values that do not reach past the end of the block that is open."""
        if not len(new):
            return new
        # A copy: callers reuse their arrays.
        self._block.frombytes(new.tobytes())
        prefix = _accumulate(new[None] * self._scale, self._prefix)
        self._prefix = _Sums(prefix.hi[:, -1:].copy(), prefix.lo[:, -1:].copy(), prefix.count[:, -1:].copy())
        past = slice(self._filled + 1, self._filled + 1 + len(new))
        self._filled += len(new)
        means: Floats = self._means(prefix, self._suffix_at(past))[0]
        if self._filled == self.window:
            block = np.array(self._block)
            self._close(_accumulate(block[None, ::-1] * self._scale, _zeros(1)).reversed())
        return means

    def _blocks(self, new: Floats) -> Floats:
        """Whole blocks at once; none is open."""
        if not len(new):
            return new
        rows = new.reshape(-1, self.window) * self._scale
        prefix = _accumulate(rows, _zeros(len(rows)))
        suffix = _accumulate(rows[:, ::-1], _zeros(len(rows))).reversed()
        first = self._suffix_at(slice(1, self.window + 1))
        # Column j of a row needs the suffix from j + 1 of the row above.
        shifted = _ended(suffix.at((slice(-1), slice(1, None))))
        above = _Sums(
            np.concatenate([first.hi, shifted.hi]),
            np.concatenate([first.lo, shifted.lo]),
            np.concatenate([first.count, shifted.count]),
        )
        means = self._means(prefix, above)
        self._close(suffix.at((slice(-1, None), slice(None))))
        return means.reshape(-1)

    def _close(self, suffix: _Sums) -> None:
        self._block, self._filled, self._prefix = array("d"), 0, _zeros(1)
        self._suffix = _ended(suffix)

    def _suffix_at(self, past: slice) -> _Sums:
        """Sums of the block before from each position of `past` on; empty ones before there was such a block."""
        if self._suffix.hi.shape[1] == 1:
            return _zeros(1, past.stop - past.start)
        return self._suffix.at((slice(None), past))

    def _means(self, a: _Sums, b: _Sums) -> Floats:
        total, error = _two_sum(a.hi, b.hi)
        count = a.count + b.count
        mean = np.full(total.shape, np.nan)
        np.divide(total + (error + (a.lo + b.lo)), count, out=mean, where=count > 0)
        return mean / self._scale


def moving_average(values: npt.ArrayLike, window: int) -> Floats:
    """The mean of the finite ones among the last `window` values up to each of `values`, (n,); NaN for none."""
    return MovingAverage(window).extend(values)


def _zeros(rows: int, columns: int = 1) -> _Sums:
    return _Sums(np.zeros((rows, columns)), np.zeros((rows, columns)), np.zeros((rows, columns), np.int64))


def _ended(suffix: _Sums) -> _Sums:
    """`suffix` with the empty sum after its last column."""
    after = ((0, 0), (0, 1))
    return _Sums(np.pad(suffix.hi, after), np.pad(suffix.lo, after), np.pad(suffix.count, after))


def _accumulate(rows: Floats, start: _Sums) -> _Sums:
    """Running sums along each of `rows`, (m, k), that go on from `start`, (m, 1)."""
    finite = np.isfinite(rows)
    terms = rows if finite.all() else np.where(finite, rows, 0.0)
    hi = _running(start.hi, terms)
    before, hi = hi[:, :-1], hi[:, 1:]
    # numpy's cumsum adds from left to right, so the error of each of its additions can be had afterwards.
    taken = hi - before
    errors = (before - (hi - taken)) + (terms - taken)
    lo = _running(start.lo, errors)[:, 1:]
    count = _running(start.count, finite.astype(np.int64))[:, 1:]
    return _Sums(hi, lo, count)


def _running(start: npt.NDArray[Number], terms: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """start, start + the first term, and so on along each row: (m, k + 1)."""
    rows = np.concatenate([start, terms], axis=1)
    if rows.shape[0] <= rows.shape[1]:
        return np.cumsum(rows, axis=1)
    # Many short rows: numpy adds whole columns at once when they are contiguous; the order of additions is the same.
    return np.cumsum(np.ascontiguousarray(rows.T), axis=0).T


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """a + b as the nearest floats and the exact rest (Knuth's TwoSum)."""
    total = a + b
    taken = total - a
    return total, (a - (total - taken)) + (b - taken)
