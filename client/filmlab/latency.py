"""How long was the training thread inside filmlab? Durations are counted in buckets of 1/8 of a power of two.

Below 8 ns a bucket holds one value, above it the relative width is at most 1/8, so that a percentile is at most
12.5 % too high and never too low. Shared with the daemon, which adds up what its clients send.
"""

import math
import threading
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from filmlab.wire.entries import Blocked

SUB_BUCKETS = 8
_SUB_BITS = 3
_COUNT_MAX = 2**32 - 1
_FOLD_AT = 4096


def bucket_of(duration_ns: int) -> int:
    """The bucket of a duration; what is below 0 (a clock that went back) falls into the first."""
    if duration_ns < SUB_BUCKETS:
        return max(duration_ns, 0)
    shift = duration_ns.bit_length() - 1 - _SUB_BITS
    return (shift + 1) * SUB_BUCKETS + (duration_ns >> shift) - SUB_BUCKETS


def bucket_top_ns(bucket: int) -> int:
    """The largest duration that falls into a bucket."""
    if bucket < SUB_BUCKETS:
        return bucket
    shift = bucket // SUB_BUCKETS - 1
    return ((bucket % SUB_BUCKETS + SUB_BUCKETS + 1) << shift) - 1


class Histogram:
    """Counts per bucket, with the exact total and maximum. Not for two threads at once."""

    __slots__ = ("counts", "max_ns", "total_ns")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total_ns = 0
        self.max_ns = 0

    @property
    def count(self) -> int:
        """How many calls were counted."""
        return sum(self.counts.values())

    def add(self, durations_ns: ArrayLike) -> None:
        """Count durations: int64, any number of them."""
        values = np.maximum(np.atleast_1d(np.asarray(durations_ns, dtype=np.int64)), 0)
        if not len(values):
            return
        self.total_ns += int(values.sum())
        self.max_ns = max(self.max_ns, int(values.max()))
        # frexp of an int64 as float64 is exact below 2**53 ns, which is 104 days.
        mantissa, exponent = np.frexp(values.astype(np.float64))
        shift = np.maximum(exponent - 1 - _SUB_BITS, 0)
        large = (shift + 1) * SUB_BUCKETS + np.floor(mantissa * 2 * SUB_BUCKETS).astype(np.int64) - SUB_BUCKETS
        buckets, counts = np.unique(np.where(values < SUB_BUCKETS, values, large), return_counts=True)
        self._count(zip(buckets.tolist(), counts.tolist(), strict=True))

    def merge(self, other: "Histogram") -> None:
        """Add what another one counted."""
        self.total_ns += other.total_ns
        self.max_ns = max(self.max_ns, other.max_ns)
        self._count(other.counts.items())

    def percentile_ns(self, percent: float) -> int:
        """The smallest duration that at least `percent` (0 to 100) of the calls did not exceed, rounded up to the top
        of its bucket and never above the maximum; 0 when nothing was counted."""
        rank = max(1, math.ceil(self.count * percent / 100))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return min(bucket_top_ns(bucket), self.max_ns)
        return self.max_ns

    def words(self) -> dict[str, int]:
        """As JSON tells it, whoever asks."""
        return {
            "calls": self.count,
            "total_ns": self.total_ns,
            "p50_ns": self.percentile_ns(50),
            "p99_ns": self.percentile_ns(99),
            "max_ns": self.max_ns,
        }

    def entry(self, run: int, wall: float) -> Blocked:
        """As it is sent."""
        counts = tuple((bucket, min(count, _COUNT_MAX)) for bucket, count in sorted(self.counts.items()))
        return Blocked(run=run, wall=wall, counts=counts, total_ns=self.total_ns, max_ns=self.max_ns)

    @classmethod
    def of(cls, blocked: Blocked) -> "Histogram":
        """As it was sent."""
        out = cls()
        out.total_ns, out.max_ns = blocked.total_ns, blocked.max_ns
        out._count(blocked.counts)
        return out

    def _count(self, pairs: Iterable[tuple[int, int]]) -> None:
        for bucket, count in pairs:
            self.counts[bucket] = self.counts.get(bucket, 0) + count


class Meter:
    """Where the hot path leaves its durations: `pending.append(ns)`, and `fold()` once `full`.

    Whoever finds 4096 of them counts them, so that memory stays bounded even while the sender thread sleeps. Appending
    is atomic; folding is tried, never waited for.
    """

    __slots__ = ("_lock", "_sent", "pending", "recent")

    def __init__(self) -> None:
        self.pending = array("q")
        self.recent = Histogram()
        """Since the last `take`."""
        self._sent = Histogram()
        self._lock = threading.Lock()

    def add(self, duration_ns: int) -> None:
        """Leave one duration."""
        self.pending.append(duration_ns)
        if len(self.pending) >= _FOLD_AT:
            self.fold()

    @property
    def busy(self) -> bool:
        """Something was counted since the last `take`."""
        return bool(self.pending) or bool(self.recent.counts)

    def fold(self) -> None:
        """Count what is pending, unless another thread (or a caller further down this stack) is at it."""
        if self._lock.acquire(blocking=False):
            try:
                self._fold()
            finally:
                self._lock.release()

    def take(self) -> Histogram:
        """What was counted since the last time; empty also when another thread is counting just now."""
        if not self._lock.acquire(blocking=False):
            return Histogram()
        try:
            self._fold()
            taken, self.recent = self.recent, Histogram()
            self._sent.merge(taken)
            return taken
        finally:
            self._lock.release()

    def total(self) -> Histogram:
        """Everything so far."""
        out = Histogram()
        with self._lock:
            self._fold()
            out.merge(self._sent)
            out.merge(self.recent)
        return out

    def _fold(self) -> None:
        taken = self.pending[:]
        del self.pending[: len(taken)]
        self.recent.add(np.frombuffer(taken, dtype=np.int64))
