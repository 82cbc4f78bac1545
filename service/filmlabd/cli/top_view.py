"""What is worth seeing of all runs and of the daemon, second by second? Plain values, chosen and in their order."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filmlab.progress import Pace
from filmlabd.overview import Glance

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. NaN where there is no such number, or it is not known yet."""

    run_id: str
    name: str
    project: str
    status: str
    episodes: int
    total_episodes: int
    episodes_per_s: float
    points_per_s: float
    last_return: float
    best_return: float
    spark: tuple[float, ...]
    dropped: int
    failed: int
    """Prints that were given up."""


@dataclass(frozen=True, slots=True)
class DaemonLine:
    """The daemon. `state`: `running`, `none` or `hanging`; the rest is known of one that runs."""

    state: str
    version: str = ""
    pid: int = 0
    uptime_s: float = math.nan
    waiting: int = 0
    """Jobs, as `running` and `failed`."""
    running: int = 0
    failed: int = 0
    busy: int = 0
    workers: int = 0
    bytes_per_s: float = math.nan
    """That trainers hand over."""
    free_bytes: int | None = None
    """On the disk of the state directory."""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that is shown. `runs`: those that are alive first, then the newest."""

    state_dir: str
    wall: float
    daemon: DaemonLine
    runs: tuple[RunLine, ...]
    alive: int
    episodes_per_s: float
    """Of all runs, as `points_per_s`."""
    points_per_s: float
    troubles: tuple[str, ...]


@dataclass(slots=True)
class Rates:
    """How fast counters go, by what was seen of them in the last seconds. Instants come from the caller."""

    _paces: dict[str, Pace] = field(default_factory=dict)

    def see(self, counters: Mapping[str, int], now: float) -> dict[str, float]:
        """Each counter's pace per second; NaN when it is seen for the first time. Those not given are forgotten."""
        known = set(self._paces)
        self._paces = {name: self._paces.get(name, Pace()) for name in counters}
        for name, count in counters.items():
            self._paces[name].see(count, now)
        return {name: pace.per_s if name in known else math.nan for name, pace in self._paces.items()}


def board(
    glances: Sequence[Glance],
    document: Mapping[str, Any],
    rates: Mapping[str, float],
    free_bytes: int | None,
    wall: float,
) -> Board:
    """What there is to show.

    Args:
        glances: all runs, the newest first.
        document: as `cli.status.ask` gives it: `state_dir`, `daemon`, `status`, `trouble`.
        rates: points per second by run id, and the daemon's bytes per second under an empty name.
    """
    lines = [_line(glance, rates.get(glance.run.run_id, math.nan)) for glance in glances]
    alive = [line for line in lines if line.status == "running"]
    return Board(
        state_dir=document["state_dir"],
        wall=wall,
        daemon=_daemon(document, rates.get("", math.nan), free_bytes),
        runs=(*alive, *(line for line in lines if line.status != "running")),
        alive=len(alive),
        episodes_per_s=math.fsum(line.episodes_per_s for line in alive),
        points_per_s=math.fsum(line.points_per_s for line in alive if not math.isnan(line.points_per_s)),
        troubles=tuple(document["trouble"]),
    )


def bars(values: Sequence[float], width: int) -> str:
    """A curve as at most `width` characters; a blank where a value is no finite number.

    Args:
        values: more of them than there is room for are averaged in groups.
    """
    grouped = _grouped(values, width)
    finite = [value for value in grouped if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    # Halved: the difference of two finite numbers need not be one.
    span = high / 2 - low / 2
    return "".join(_block((value / 2 - low / 2) / span if span > 0 else 0.5, value) for value in grouped)


def _block(share: float, value: float) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, int(share * len(_BLOCKS)))] if math.isfinite(value) else " "


def _grouped(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    edges = [round(place * len(values) / width) for place in range(width + 1)]
    groups = [
        [value for value in values[start:end] if math.isfinite(value)] for start, end in itertools.pairwise(edges)
    ]
    return [math.fsum(value / len(group) for value in group) if group else math.nan for group in groups]


def _line(glance: Glance, points_per_s: float) -> RunLine:
    run = glance.run
    return RunLine(
        run_id=run.run_id,
        name=run.name or run.run_id,
        project=run.project,
        status=run.status,
        episodes=run.episodes,
        total_episodes=run.total_episodes,
        episodes_per_s=glance.episodes_per_s,
        points_per_s=points_per_s,
        last_return=glance.last_return,
        best_return=glance.best_return,
        spark=glance.spark,
        dropped=sum(glance.dropped.values()),
        failed=glance.failed,
    )


def _daemon(document: Mapping[str, Any], bytes_per_s: float, free_bytes: int | None) -> DaemonLine:
    if document["daemon"] != "running":
        return DaemonLine(document["daemon"], free_bytes=free_bytes)
    status = document["status"]
    queue, workers = status.get("queue", {}), status.get("workers", {})
    return DaemonLine(
        state="running",
        version=str(status.get("version", "")),
        pid=int(status.get("pid", 0)),
        uptime_s=float(status.get("uptime_s", math.nan)),
        waiting=int(queue.get("waiting", 0)),
        running=int(queue.get("running", 0)),
        failed=int(queue.get("failed", 0)),
        busy=sum(bool(key) for key in workers.values()),
        workers=len(workers),
        bytes_per_s=bytes_per_s,
        free_bytes=free_bytes,
    )
