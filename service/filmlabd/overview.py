"""How does a run stand, at a glance? Returns, a sparkline, its pace, its newest clip: for the page and `top`."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from filmlabd.index.columns import Floats, Ints, join
from filmlabd.index.page import Heads
from filmlabd.index.read import Reader
from filmlabd.model import EpisodeRow, RunRow

RETURN = "episode/return"
SPARK_POINTS = 48
_PACE_POINTS = 20


@dataclass(frozen=True, slots=True)
class Glance:
    """One run in one line."""

    run: RunRow
    last_return: float
    """NaN where there is none, as `best_return`."""
    best_return: float
    spark: tuple[float, ...]
    """Means of equally many returns each, the oldest first, at most `SPARK_POINTS`; NaN where none was finite."""
    episodes_per_s: float
    """Of the last few episodes of a run that is alive; otherwise 0."""
    clip: EpisodeRow | None
    """The newest that can be watched."""
    dropped: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    """Prints that were given up."""


@dataclass(slots=True)
class Overview:
    """Glances at all runs; one that is over and printed is looked at once. Not for several threads at a time."""

    path: Path
    _known: dict[str, tuple[object, Glance]] = field(default_factory=dict)
    _identity: int = 0

    def look(self, now_wall: float) -> list[Glance]:
        """Every run, the newest first.

        Raises:
            NoIndex, BadInput, Corrupt: as `Reader`.
        """
        with Reader(self.path) as reader:
            if reader.identity() != self._identity:
                self._known, self._identity = {}, reader.identity()
            dropped = reader.dropped()
            failed = Counter(row.run_id for row in reader.failures() if row.quarantined)
            runs = reader.runs()
            out = [self._glance(reader, run, dropped.get(run.run_id, {}), failed[run.run_id], now_wall) for run in runs]
        for gone in self._known.keys() - {run.run_id for run in runs}:
            del self._known[gone]
        return out[::-1]

    def _glance(self, reader: Reader, run: RunRow, dropped: dict[str, int], failed: int, now_wall: float) -> Glance:
        settled = run.status != "running" and run.printed
        state = (run.updated_wall, run.finished_wall, run.episodes, run.attempt, dropped, failed)
        known = self._known.get(run.run_id)
        if settled and known is not None and known[0] == state:
            return known[1]
        found = glance(reader, run, dropped, failed, now_wall)
        self._known[run.run_id] = (state if settled else None, found)
        return found


def glance(reader: Reader, run: RunRow, dropped: dict[str, int], failed: int, now_wall: float) -> Glance:
    """One run, read now."""
    last, last_wall, best = math.nan, -math.inf, math.nan
    parts: list[tuple[Floats, Floats]] = []
    pace = 0.0
    for series in reader.series(run.run_id, RETURN):
        heads = reader.heads(series.id)
        if not len(heads):
            continue
        _, _, wall, value = join(
            arrays for number in _loose(heads) if (arrays := reader.chunk(int(number))) is not None
        )
        best = float(np.fmax(best, np.fmax.reduce(heads.high)))
        if len(wall) and wall[-1] >= last_wall:
            last, last_wall = float(value[-1]), float(wall[-1])
        parts.append(_weighted(heads, value))
        if series.attempt == run.attempt and run.status == "running":
            pace += _pace(wall[-_PACE_POINTS:], now_wall)
    newest = reader.latest_print(run.run_id)
    clip = reader.episode(*newest) if newest is not None else None
    return Glance(run, last, best, sparkline(parts), pace, clip, dropped, failed)


def sparkline(parts: list[tuple[Floats, Floats]]) -> tuple[float, ...]:
    """Groups of (how many, their mean), as columns of about equally many each."""
    if not parts:
        return ()
    count = np.concatenate([part[0] for part in parts])
    mean = np.concatenate([part[1] for part in parts])
    end = np.cumsum(count)
    if not len(end):
        return ()
    cell = np.minimum((end - count / 2) * SPARK_POINTS / end[-1], SPARK_POINTS - 1).astype(np.intp)
    known = np.isfinite(mean)
    weight = np.bincount(cell[known], count[known], SPARK_POINTS)
    # Weighted means, so that huge returns do not overflow.
    share = count[known] / weight[cell[known]]
    total = np.bincount(cell[known], mean[known] * share, SPARK_POINTS)
    filled = np.bincount(cell, minlength=SPARK_POINTS) > 0
    return tuple(np.where(weight > 0, total, np.nan)[filled].tolist())


def _loose(heads: Heads) -> Ints:
    """The chunks whose points are read one by one: those that are not full, or the last one."""
    loose = heads.id[~heads.settled]
    return loose if len(loose) else heads.id[-1:]


def _weighted(heads: Heads, value: Floats) -> tuple[Floats, Floats]:
    full = heads.settled if (~heads.settled).any() else heads.settled & (heads.id != heads.id[-1])
    count = np.concatenate([heads.count[full].astype(np.float64), np.ones(len(value))])
    return count, np.concatenate([heads.mean[full], value])


def _pace(wall: Floats, now_wall: float) -> float:
    """Episodes a second; it fades when none comes any more."""
    if len(wall) < 2:
        return 0.0
    usual_s = float(wall[-1] - wall[0]) / (len(wall) - 1)
    silent_s = now_wall - float(wall[-1])
    span_s = usual_s if silent_s < 5 * usual_s + 1 else (now_wall - float(wall[0])) / (len(wall) - 1)
    return 1.0 / span_s if span_s > 0 else 0.0
