"""What does a lab that draws live cost the daemon itself?

    python benchmarks/bench_live.py [--short] [--only crowd memory]

crowd: CPU of the daemon's own process while many runs log ten metrics ten times a second, their curves drawn live.
memory: the daemon's, over a million points of each of ten metrics of one run.

Nothing fails on a time. Beside other work on the machine look at the load.
"""

import contextlib
import io
import os
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure
from household import Household
from processes import answers, cpu_s, heard, main, rss_mb, told

import filmlab
from filmlab.control import NoDaemon

DAEMON_GOAL = 0.25


def log_at_10_hz(runs: int, seconds: float) -> None:
    """Runs of one process, which log ten metrics each ten times a second for as long as told, beginning at a line."""
    with contextlib.redirect_stderr(io.StringIO()):
        opened = [filmlab.init(project="bench", name=f"crowd-{number}") for number in range(runs)]
    names = [f"metric/{index}" for index in range(10)]
    random = np.random.default_rng(os.getpid())
    sys.stdin.readline()
    print(0.0, flush=True)
    began, step = time.monotonic(), 0
    pause = threading.Event()
    while step < seconds * 10:
        for run in opened:
            run.log(dict(zip(names, random.normal(size=10), strict=True)), step=step)
        step += 1
        pause.wait(max(0.0, began + step / 10 - time.monotonic()))
    print(max(run.stats.dropped_metrics for run in opened), flush=True)
    with contextlib.redirect_stderr(io.StringIO()):
        for run in opened:
            run.finish()


def bench_crowd(short: bool) -> list[Figure]:
    """CPU of the daemon's process and of its workers over the middle of the time."""
    if short:
        return _crowd(4, 4, 6.0)
    # 64 trainers leave the workers little of two cores to draw with; 8 of as many runs leave them enough.
    return [*_crowd(64, 1, 30.0), *_crowd(8, 8, 30.0)]


def _crowd(trainers: int, runs: int, seconds: float) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="filmlab-bench-") as directory, ExitStack() as stack:
        house = Household(Path(directory))
        stack.callback(house.close)
        house.daemon("--log-level", "warning", "--stop-grace-s", "1")
        loggers = [
            stack.enter_context(told(log_at_10_hz, runs, seconds, environ=house.environ)) for _ in range(trainers)
        ]
        answers(loggers)
        daemon = house.daemon_pid()
        pause = threading.Event()
        step_forward(house)
        pause.wait(seconds / 4)
        began, before_s, before_mb = time.monotonic(), cpu_s(daemon), rss_mb(daemon)
        drawn = set()
        while time.monotonic() < began + seconds / 2:
            step_forward(house)
            pause.wait(0.5)
            drawn |= {(path, path.stat().st_mtime_ns) for path in house.root.glob("films/*/*/curves/*.png")}
        share = (cpu_s(daemon) - before_s) / (time.monotonic() - began)
        after_mb = rss_mb(daemon)
        dropped = sum(map(heard, loggers))
    return [
        Figure(f"{trainers * runs} runs of {trainers} trainers, 10 metrics at 10 Hz: the daemon's own CPU",
               f"≤ {DAEMON_GOAL:.0%} of a core", f"{share:.1%}", share <= DAEMON_GOAL),
        Figure("  its memory, at a quarter and three quarters of the time", "reported",
               f"{before_mb:.0f} / {after_mb:.0f} MB"),
        Figure("  curves seen: drawn once or more / in all", "reported",
               f"{len({path for path, _ in drawn})} / {len(drawn)}"),
        Figure("  metrics dropped", "0", f"{dropped:.0f}", dropped == 0),
    ]  # fmt: skip


def bench_memory(short: bool) -> list[Figure]:
    """The daemon's memory and its largest worker's, while one run logs as fast as it is acknowledged."""
    rows = 20_000 if short else 1_000_000
    with tempfile.TemporaryDirectory(prefix="filmlab-bench-") as directory, ExitStack() as stack:
        house = Household(Path(directory))
        stack.callback(house.close)
        house.daemon("--log-level", "warning")
        found: dict[str, Any] = {}
        pushing = threading.Thread(target=lambda: found.update(house.measure("points", rows=rows)))
        pushing.start()
        daemon, seen_mb, workers_mb = house.daemon_pid(), [], [0.0]
        while pushing.is_alive():
            pushing.join(0.5)
            seen_mb.append(rss_mb(daemon))
            with contextlib.suppress(OSError, NoDaemon):
                workers_mb += [rss_mb(int(pid)) for pid in house.ask("status").get("workers", {})]
    quarter, last = max(seen_mb[: len(seen_mb) // 4 + 1]), max(seen_mb[-len(seen_mb) // 4 :])
    return [
        Figure(f"{rows:,} points of each of 10 metrics: the daemon's memory, first and last quarter", "flat",
               f"{quarter:.0f} / {last:.0f} MB", last <= quarter + 16),
        Figure("  its largest worker", "reported", f"{max(workers_mb):.0f} MB"),
        Figure("  points/s durable; lost, dropped", "–; 0, 0",
               f"{found['durable']:,.0f}; {found['lost']}, {found['dropped']}", found["lost"] == found["dropped"] == 0),
    ]  # fmt: skip


def step_forward(house: Household) -> None:
    """Workers step back behind everything on the machine. Where that is allowed, not here: curves are to come."""
    for pid in map(int, house.ask("status").get("workers", {})):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, 0)
            Path(f"/proc/{pid}/autogroup").write_text("0", "ascii")


if __name__ == "__main__":
    main(__doc__ or "", {"crowd": bench_crowd, "memory": bench_memory})
