"""What does a browser need of a series to draw it? As many columns as it has pixels, in the part that is looked at.

Long series are answered from what the index says of their chunks; of those that are looked at closely, points are read.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from filmlab.errors import BadInput
from filmlabd.index.columns import Floats
from filmlabd.index.page import Heads, NamedSeries
from filmlabd.index.read import Reader
from filmlabd.json_text import nonfinite_name
from filmlabd.web import grains
from filmlabd.web.documents import word
from filmlabd.web.grains import BAD, FINITE, HIGH, LOW, MEAN, STEP, STEP_END, WALL, WALL_END, Granary

Axis: TypeAlias = Literal["step", "episode", "wall", "relative"]
AXES = ("step", "episode", "wall", "relative")
EPISODE_METRIC = "episode/return"
METRICS_MAX = 200
WIDTH_MAX_PX = 2000
RAW_CHUNKS = 6
"""So few full chunks in sight are read point by point."""
READ_CHUNKS = 128
"""Full chunks ground in one answer; the next answer grinds others. Until then a chunk is drawn by its head."""
OUTSIDE_COLUMNS = 60
"""On either side of what is looked at, so that it can be moved and smoothed."""
CLOCK_SHARE = 0.5
"""So many points for each episode a metric must have for its steps to say at which step an episode ended."""
_EPISODES = "episode/"
_FAR = 2**40
"""Beyond every column."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for. `start` and `stop` are in units of the axis; both None: everything."""

    metrics: tuple[str, ...]
    axis: Axis = "step"
    width_px: int = 800
    start: float | None = None
    stop: float | None = None

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise BadInput(f"x is one of {', '.join(AXES)}")
        if not 0 < len(self.metrics) <= METRICS_MAX:
            raise BadInput(f"1 to {METRICS_MAX} metrics at a time")
        if not 10 <= self.width_px <= WIDTH_MAX_PX:
            raise BadInput(f"a width is 10 to {WIDTH_MAX_PX} px")
        if (self.start is None) != (self.stop is None):
            raise BadInput("from and to go together")


@dataclass(slots=True)
class _Clock:
    """How one axis follows from another: positions at instants, both ascending."""

    wall: Floats
    at: Floats

    def __call__(self, wall: Floats) -> Floats:
        return np.interp(wall, self.wall, self.at)


@dataclass(slots=True)
class Sight:
    """One answer being put together."""

    reader: Reader
    granary: Granary
    look: Look
    series: Sequence[NamedSeries]
    budget: int
    """How many full chunks may still be read."""
    _known: dict[int, Heads] = field(default_factory=dict)
    _clocks: dict[tuple[str, str, int], _Clock | None] = field(default_factory=dict)
    _starts: dict[int, float] = field(default_factory=dict)

    def _heads(self, series: int) -> Heads:
        if series not in self._known:
            self._known[series] = self.reader.heads(series)
        return self._known[series]

    def columns(self, series: NamedSeries) -> tuple[dict[str, Any], Floats]:
        """What is known of a series, and its columns: rows x, step, low, high, mean, count, not finite."""
        heads = self._heads(series.id)
        table = self._table(series, heads)
        position = self._positions(series, table)
        order = np.argsort(position[0], kind="stable")
        table, position = table[:, order], position[:, order]
        table, position = self._fit(table, position, self._window(series))
        middle = (position[0] + position[1]) / 2
        shown = np.stack([middle, table[STEP], *table[[LOW, HIGH, MEAN, FINITE, BAD]]])
        return self._facts(series, heads), shown

    def _table(self, series: NamedSeries, heads: Heads) -> Floats:
        """Grains of the whole series, finer where it is looked at."""
        rough = grains.of_heads(heads, self._walls(series, heads))
        inside = self._in_sight(series, rough) & heads.settled
        raw = inside if inside.sum() <= RAW_CHUNKS else np.zeros(len(heads), bool)
        parts = []
        for place, number in enumerate(heads.id.tolist()):
            if not heads.settled[place]:
                arrays = self.reader.chunk(number)
                # Merged into another one meanwhile: the next answer has it.
                part = grains.grind(arrays, len(arrays[0])) if arrays is not None and len(arrays[0]) else None
            else:
                part = self._settled(number, raw=bool(raw[place])) if inside[place] else None
            parts.append(part if part is not None else rough[:, place : place + 1])
        return np.concatenate(parts, axis=1) if parts else np.empty((grains.ROWS, 0))

    def _settled(self, number: int, *, raw: bool) -> Floats | None:
        held = None if raw else self.granary.held(number)
        if held is not None or self.budget <= 0:
            return held
        self.budget -= 1
        arrays = self.reader.chunk(number)
        if arrays is None:
            return None
        if raw:
            return grains.grind(arrays, len(arrays[0]))
        table = grains.grind(arrays, grains.GRAINS_PER_CHUNK)
        self.granary.keep(number, table)
        return table

    def _walls(self, series: NamedSeries, heads: Heads) -> Floats:
        if self.look.axis == "step" and not series.name.startswith(_EPISODES):
            return np.full(len(heads), np.nan)
        return self.granary.walls(self.reader, heads)

    def _in_sight(self, series: NamedSeries, rough: Floats) -> Any:
        window = self._window(series)
        if window is None:
            return np.ones(rough.shape[1], bool)
        first, last = self._positions(series, rough)
        return (last >= window[0]) & (first <= window[1])

    def _window(self, series: NamedSeries) -> tuple[float, float] | None:
        """What is looked at, for a series that is on the axis that was asked for."""
        if self.look.start is None or self.look.stop is None or self._unit(series) != self.look.axis:
            return None
        return self.look.start, self.look.stop

    def _unit(self, series: NamedSeries) -> str:
        """The axis that a series is drawn on: returns stay with their episodes where steps say too little of them."""
        if self.look.axis == "step" and series.name.startswith(_EPISODES):
            return "step" if self._clock("", series) is not None else "episode"
        if self.look.axis == "episode" and not series.name.startswith(_EPISODES):
            return "episode" if self._clock(EPISODE_METRIC, series) is not None else "step"
        return self.look.axis

    def _positions(self, series: NamedSeries, table: Floats) -> Floats:
        """Where grains begin and end on the axis, shape (2, n)."""
        steps, walls = table[[STEP, STEP_END]], table[[WALL, WALL_END]]
        of_episodes = series.name.startswith(_EPISODES)
        match self.look.axis:
            case "wall":
                return walls
            case "relative":
                return walls - self._start(series.attempt)
            case "episode":
                clock = None if of_episodes else self._clock(EPISODE_METRIC, series)
            case _:
                clock = self._clock("", series) if of_episodes else None
        return clock(walls) if clock is not None else steps

    def _clock(self, metric: str, series: NamedSeries) -> _Clock | None:
        """Episodes (or steps: of the longest series that is not of episodes) by wall time, in the series' attempt."""
        key = (metric, series.writer, series.attempt)
        if key not in self._clocks:
            same = [other for other in self.series if other.attempt == series.attempt]
            same = [other for other in same if other.writer == series.writer] or same
            if metric:
                named = [other for other in same if other.name == metric]
            else:
                others = [other for other in same if not other.name.startswith(_EPISODES)]
                named = sorted(others, key=lambda other: -self._points(other))[:1]
                if named and self._points(named[0]) < CLOCK_SHARE * self._points(series):
                    named = []
            self._clocks[key] = self._make_clock(named[0]) if named else None
        return self._clocks[key]

    def _points(self, series: NamedSeries) -> int:
        return int(self._heads(series.id).count.sum())

    def _make_clock(self, series: NamedSeries) -> _Clock | None:
        heads = self._heads(series.id)
        walls = self.granary.walls(self.reader, heads)
        at: list[Floats] = [heads.first_step[heads.settled].astype(np.float64)]
        wall: list[Floats] = [walls[heads.settled]]
        for number in heads.id[~heads.settled].tolist():
            arrays = self.reader.chunk(number)
            if arrays is not None:
                wall.append(arrays[2])
                at.append(arrays[1].astype(np.float64))
        joined = np.maximum.accumulate(np.concatenate(wall)), np.maximum.accumulate(np.concatenate(at))
        return _Clock(*joined) if len(joined[0]) else None

    def _start(self, attempt: int) -> float:
        """When the first point of an attempt came."""
        if attempt not in self._starts:
            walls = [self._first_wall(series) for series in self.series if series.attempt == attempt]
            self._starts[attempt] = min((wall for wall in walls if wall is not None), default=0.0)
        return self._starts[attempt]

    def _first_wall(self, series: NamedSeries) -> float | None:
        heads = self._heads(series.id)
        return self.reader.first_wall(int(heads.id[0])) if len(heads) else None

    def _fit(self, table: Floats, position: Floats, window: tuple[float, float] | None) -> tuple[Floats, Floats]:
        """No more columns than pixels, and a few on either side."""
        first = position[0]
        if not len(first):
            return table, position
        start, stop = window or (float(first[0]), float(position[1][-1]))
        inside = int(((first >= start) & (first <= stop)).sum())
        cell = np.arange(len(first))
        if inside > self.look.width_px and stop > start:
            cell = np.floor((first - start) / (stop - start) * self.look.width_px).astype(np.int64)
        elif window is None:
            return table, position
        # What is not in sight, roughly.
        before, after = first < start, first > stop
        rest = np.where(after, _FAR + _thin(after), np.maximum(cell, 0))
        cell = np.maximum.accumulate(np.where(before, _thin(before) - _FAR, rest))
        starts = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
        ends = np.append(starts[1:], len(cell)) - 1
        return grains.merge(table, cell), np.stack([position[0][starts], position[1][ends]])

    def _facts(self, series: NamedSeries, heads: Heads) -> dict[str, Any]:
        bad = int((heads.count - heads.finite).sum())
        facts: dict[str, Any] = {
            "metric": series.name, "writer": series.writer, "attempt": series.attempt,
            "unit": self._unit(series), "count": self._points(series), "bad": bad,
            "superseded": self._superseded(series),
        }  # fmt: skip
        arrays = self.reader.chunk(int(heads.id[-1])) if len(heads) else None
        if arrays is not None:
            facts |= {"last": word(float(arrays[3][-1])), "last_step": int(arrays[1][-1])}
        if bad:
            facts["first_bad"] = self._first_bad(heads)
        return facts

    def _superseded(self, series: NamedSeries) -> int | None:
        """From which step on a later attempt of this writer has logged the same metric anew."""
        later = [
            other for other in self.series
            if (other.name, other.writer) == (series.name, series.writer) and other.attempt > series.attempt
        ]  # fmt: skip
        steps = [int(heads.first_step[0]) for other in later if len(heads := self._heads(other.id))]
        return min(steps, default=None)

    def _first_bad(self, heads: Heads) -> dict[str, Any] | None:
        """The first value that is no number, by name and step."""
        place = int(np.flatnonzero(heads.finite < heads.count)[0])
        arrays = self.reader.chunk(int(heads.id[place]))
        if arrays is None:
            return None
        index = int(np.flatnonzero(~np.isfinite(arrays[3]))[0])
        return {"step": int(arrays[1][index]), "what": nonfinite_name(float(arrays[3][index]))}


def answer(reader: Reader, granary: Granary, run_id: str, look: Look, *, read_chunks: int = READ_CHUNKS) -> bytes:
    """Columns of some metrics of a run.

    Args:
        read_chunks: so many full chunks are read at most.

    Returns:
        uint32 length of a JSON head, the head (padded to a multiple of 8 with it), then for each of its `series` 7 rows
        of `n` little-endian float64: x, step, least, most, mean, how many were finite, and how many were not.
    """
    granary.enter(reader)
    series = reader.named_series(run_id)
    sight = Sight(reader, granary, look, series, read_chunks)
    wanted = set(look.metrics)
    found, blocks = [], []
    for item in series:
        if item.name in wanted:
            facts, rows = sight.columns(item)
            found.append(facts | {"n": rows.shape[1]})
            blocks.append(np.ascontiguousarray(rows, "<f8").tobytes())
    head = json.dumps({"axis": look.axis, "series": found}, separators=(",", ":")).encode()
    head += b" " * (-(4 + len(head)) % 8)
    return b"".join([struct.pack("<I", len(head)), head, *blocks])


def _thin(mask: Any) -> Any:
    """Numbers that put what is in the mask into a few groups of equally many."""
    size = max(1, -(-int(mask.sum()) // OUTSIDE_COLUMNS))
    counted = (np.cumsum(mask) - 1) // size
    return np.maximum(counted, 0)
