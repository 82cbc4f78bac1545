"""How is a long series made small without reading it again? A full chunk stays as it is, and so do its grains.

A table of grains is float64 of shape (9, n): neighbouring points in groups, in the order they came.
"""

import threading
from collections import OrderedDict
from typing import Final

import numpy as np

from filmlabd.index.columns import Arrays, Floats, Ints
from filmlabd.index.page import Heads
from filmlabd.index.read import Reader

ROWS: Final = 9
STEP, STEP_END, WALL, WALL_END, LOW, HIGH, MEAN, FINITE, BAD = range(ROWS)
"""First and last step and wall of a group; least, most and mean of its finite values (NaN if none), their count, and
how many values were not finite."""
GRAINS_PER_CHUNK: Final = 16
HELD_MAX_BYTES: Final = 48 * 2**20
_WALLS_MAX: Final = 200_000


def grind(arrays: Arrays, cells: int) -> Floats:
    """Points as at most `cells` grains of equally many points; each a grain of its own if there are no more."""
    _, step, wall, value = arrays
    size = max(1, -(-len(step) // cells))
    starts = np.arange(0, len(step), size)
    table = np.empty((ROWS, len(starts)))
    if not len(starts):
        return table
    ends = np.append(starts[1:], len(step)) - 1
    finite = np.isfinite(value)
    table[STEP], table[STEP_END], table[WALL], table[WALL_END] = step[starts], step[ends], wall[starts], wall[ends]
    known = np.where(finite, value, np.nan)
    table[LOW], table[HIGH] = np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts)
    table[FINITE] = np.add.reduceat(finite.astype(np.float64), starts)
    table[BAD] = ends - starts + 1 - table[FINITE]
    # Shares instead of a sum: nothing can overflow.
    share = np.divide(1.0, table[FINITE], out=np.zeros(len(starts)), where=table[FINITE] > 0)
    table[MEAN] = np.add.reduceat(np.where(finite, value, 0.0) * np.repeat(share, ends - starts + 1), starts)
    table[MEAN][table[FINITE] == 0] = np.nan
    return table


def merge(table: Floats, cell: Ints) -> Floats:
    """Neighbouring grains of equal `cell`, an ascending array of shape (n,), as one."""
    if table.shape[1] == 0:
        return table
    starts = np.concatenate(([0], np.flatnonzero(np.diff(cell)) + 1))
    if len(starts) == table.shape[1]:
        return table
    ends = np.append(starts[1:], table.shape[1]) - 1
    out = np.empty((ROWS, len(starts)))
    out[STEP], out[STEP_END], out[WALL], out[WALL_END] = (
        table[STEP][starts], table[STEP_END][ends], table[WALL][starts], table[WALL_END][ends],
    )  # fmt: skip
    out[LOW], out[HIGH] = np.fmin.reduceat(table[LOW], starts), np.fmax.reduceat(table[HIGH], starts)
    out[FINITE], out[BAD] = np.add.reduceat(table[FINITE], starts), np.add.reduceat(table[BAD], starts)
    total = np.repeat(out[FINITE], ends - starts + 1)
    share = np.divide(table[FINITE], total, out=np.zeros_like(total), where=total > 0)
    out[MEAN] = np.add.reduceat(np.where(table[FINITE] > 0, table[MEAN], 0.0) * share, starts)
    out[MEAN][out[FINITE] == 0] = np.nan
    return out


def of_heads(heads: Heads, walls: Floats) -> Floats:
    """A grain for each chunk, by what its head says. `walls`: of their first points, shape (chunks,); NaN unknown."""
    table = np.empty((ROWS, len(heads)))
    table[STEP], table[STEP_END] = heads.first_step, heads.last_step
    table[WALL], table[WALL_END] = walls, np.append(walls[1:], walls[-1:])
    table[LOW], table[HIGH], table[MEAN] = heads.low, heads.high, heads.mean
    table[FINITE], table[BAD] = heads.finite, heads.count - heads.finite
    return table


class Granary:
    """The grains and first walls of full chunks of one index, bounded; for several threads."""

    def __init__(self, max_bytes: int = HELD_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._identity = 0
        self._tables: OrderedDict[int, Floats] = OrderedDict()
        self._walls: dict[int, float] = {}
        self._size_bytes = 0

    def enter(self, reader: Reader) -> None:
        """What is held of another index is forgotten."""
        identity = reader.identity()
        with self._lock:
            if identity != self._identity:
                self._identity, self._size_bytes = identity, 0
                self._tables.clear()
                self._walls.clear()

    def held(self, chunk: int) -> Floats | None:
        """The grains of a full chunk, if they are here."""
        with self._lock:
            found = self._tables.get(chunk)
            if found is not None:
                self._tables.move_to_end(chunk)
            return found

    def keep(self, chunk: int, table: Floats) -> None:
        """Of a full chunk; what was not asked for longest goes."""
        with self._lock:
            if chunk not in self._tables:
                self._tables[chunk] = table
                self._size_bytes += table.nbytes
            while self._size_bytes > self._max_bytes:
                self._size_bytes -= self._tables.popitem(last=False)[1].nbytes

    def walls(self, reader: Reader, heads: Heads) -> Floats:
        """When the first point of each chunk came; reads those of full chunks once. NaN where a chunk is gone."""
        out = np.full(len(heads), np.nan)
        for place, (number, settled) in enumerate(zip(heads.id.tolist(), heads.settled.tolist(), strict=True)):
            wall = self._walls.get(number) if settled else None
            if wall is None:
                wall = reader.first_wall(number)
                if settled and wall is not None and len(self._walls) < _WALLS_MAX:
                    self._walls[number] = wall
            if wall is not None:
                out[place] = wall
        return out
