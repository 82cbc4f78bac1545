"""What does a worker keep of a series between two redraws of it? As much as a picture shows, however long it is.

Everything here can be had from the index again: a new worker, or one that had no room, begins at the first point.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from filmlabd.index.columns import Floats
from filmlabd.index.series import Piece, SeriesAnswers, SeriesRow
from filmlabd.render.pyramid import Track

WINDOW = 100
"""Of the moving average, where there are enough points."""
BUDGET_BYTES = 128 * 1024 * 1024
"""Of one worker: some 300 series of any length, or thousands of short ones."""
_ENTRY_BYTES = 1024


@dataclass(slots=True)
class _Kept:
    """One series, up to a point. `track` is None once a step has gone back: such a series is read whole."""

    track: Track | None
    points: int = 0
    """How many of the series have been seen."""
    settled: int = 0
    """How many up to and including chunk `settled_id`, the last one seen that stays as it is."""
    settled_id: int = 0

    @property
    def size_bytes(self) -> int:
        return _ENTRY_BYTES + (self.track.size_bytes if self.track is not None else 0)

    def follow(self, pieces: Iterable[Piece]) -> bool:
        """Take in what is new in the pieces after `settled_id`; False if they are fewer points than were seen."""
        at = self.settled
        for piece in pieces:
            known = max(0, self.points - at)
            at += len(piece.step)
            if known < len(piece.step):
                self._append(piece.step[known:].astype(np.float64), piece.value[known:])
            if self.track is None:
                return True
            if piece.settled:
                self.settled, self.settled_id = at, piece.id
        fewer = at < self.points
        self.points = at
        return not fewer

    def _append(self, x: Floats, y: Floats) -> None:
        if self.track is None or x[0] < self.track.raw.last_x or (np.diff(x) < 0).any():
            self.track = None
            return
        self.track.append(x, y)


class Tracks:
    """The series that were drawn last, in at most so many bytes. Of one worker, so of one thread."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._kept: OrderedDict[tuple[int, int], _Kept] = OrderedDict()
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How much memory they take."""
        return self._held_bytes

    def track(self, series: SeriesRow, reader: SeriesAnswers) -> Track | None:
        """The series with all that the index has of it by now; None where its steps go back.

        Costs the same at any length, but for the first time, and after it was pushed out by others.
        """
        key = (reader.identity(), series.id)
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = _Kept(Track(WINDOW))
        else:
            self._held_bytes -= kept.size_bytes
        if kept.track is not None and not kept.follow(reader.pieces(series.id, kept.settled_id)):
            # An older copy of the index was put in the place of this one.
            kept = _Kept(Track(WINDOW))
            kept.follow(reader.pieces(series.id))
        self._kept[key] = kept
        self._held_bytes += kept.size_bytes
        while self._held_bytes > self._budget_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._held_bytes -= oldest.size_bytes
        return kept.track


def in_order(pieces: Iterator[Piece]) -> tuple[Floats, Floats]:
    """All points of a series by their steps (float64, (n,)) and values; of one step, the order they came in stays."""
    steps, values = [np.empty(0)], [np.empty(0)]
    for piece in pieces:
        # Copies: a view would keep its whole chunk.
        steps.append(piece.step.astype(np.float64))
        values.append(piece.value.copy())
    x, y = np.concatenate(steps), np.concatenate(values)
    if (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y
