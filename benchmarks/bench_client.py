"""What does filmlab cost the training thread? Ratios side by side in one run; nothing here fails on a time.

    python benchmarks/bench_client.py [--short] [--json FILE]

Each row is one kind of call, timed one by one. `run.log` stands beside trackio's where that is installed, frames beside
`numpy.copy(frame, order="K")` kept into fresh memory. Frames are paced, as a training is: what is measured is the
training's thread, with the sender's thread and the daemon at work on the same machine.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import filmlab
from filmlab.control import Control
from filmlab.errors import FilmlabError
from filmlab.paths import StatePaths

FRAME_SHAPE = (480, 480, 3)
PACE_S = 0.005
KEPT_FRAMES = 500
"""Of the copies: an episode's worth, then they go."""


def measure(call: Callable[[int], Any], count: int, pace_s: float = 0.0) -> dict[str, float]:
    """Percentiles in microseconds of `count` calls, each begun `pace_s` after the one before."""
    clock = time.perf_counter_ns
    spent_ns = np.empty(count, dtype=np.int64)
    due_at = time.perf_counter()
    for index in range(count):
        if pace_s:
            due_at += pace_s
            _work_until(due_at)
        began = clock()
        call(index)
        spent_ns[index] = clock() - began
    names = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
    return {name: float(np.percentile(spent_ns, percent)) / 1e3 for name, percent in names.items()}


def bench_log(run: filmlab.Run, count: int) -> dict[str, dict[str, float]]:
    """`run.log` of ten numbers, and trackio's."""
    values = {f"metric/{index}": index * 0.5 for index in range(10)}
    found = {"filmlab run.log, 10 keys": measure(lambda index: run.log(values, step=index), count)}
    run.flush(60)
    trackio = _trackio(values, min(count, 5000))
    if trackio is not None:
        found["trackio log, 10 keys"] = trackio
    return found


def bench_steps(run: filmlab.Run, count: int) -> dict[str, dict[str, float]]:
    """A step of an episode that is not captured."""
    with run.episode(capture=False) as episode:
        return {"episode.step, not capturing": measure(lambda _: episode.step(action=1, reward=1.0), count)}


def bench_frames(run: filmlab.Run, count: int) -> dict[str, dict[str, float]]:
    """A captured step, C-ordered and transposed, and the copy that it must make."""
    found = {}
    for name, transposed in (("C order", False), ("transposed", True)):
        frames = _frames(transposed)
        kept: list[Any] = []

        def copy(index: int, frames: list[Any] = frames, kept: list[Any] = kept) -> None:
            kept.append(np.copy(frames[index % len(frames)], order="K"))
            if len(kept) == KEPT_FRAMES:
                kept.clear()

        found[f"numpy copy kept, {name}"] = measure(copy, count, PACE_S)
        kept.clear()
        with run.episode(capture=True) as episode:
            found[f"episode.step, frame, {name}"] = measure(
                lambda index, frames=frames, episode=episode: episode.step(
                    action=1, reward=1.0, frame=frames[index % len(frames)]
                ),
                count,
                PACE_S,
            )
        run.flush(120)
    return found


def _frames(transposed: bool) -> list[Any]:
    """A few frames of a ball on a plain ground, as classic control looks."""
    frames = []
    for index in range(16):
        frame = np.full(FRAME_SHAPE, 255, dtype=np.uint8)
        frame[20 * index : 20 * index + 40, 100:140] = (200, 60, 40)
        frames.append(np.ascontiguousarray(frame.transpose(1, 0, 2)).transpose(1, 0, 2) if transposed else frame)
    return frames


def _work_until(due_at: float) -> None:
    """Pure Python, which holds the interpreter's lock as a training in Python does."""
    while time.perf_counter() < due_at:
        pass


def _trackio(values: dict[str, float], count: int) -> dict[str, float] | None:
    """The same by trackio in its own directory, or None where it is not installed or does not start."""
    os.environ["TRACKIO_DIR"] = tempfile.mkdtemp(prefix="bench-trackio-")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import trackio
    except ImportError:
        return None
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trackio.init(project="bench")
            found = measure(lambda index: trackio.log(values, step=index), count)
            trackio.finish()
    except Exception as error:  # noqa: BLE001  # another program's trouble is no reason to have no figures of ours
        print(f"trackio did not run: {type(error).__name__}: {error}", file=sys.stderr)
        return None
    return found


def show(found: dict[str, dict[str, float]], stats: filmlab.Stats) -> None:
    """The table, and the ratios that matter."""
    print(f"\n{'µs per call':<34}{'p50':>10}{'p99':>10}{'p99.9':>10}{'max':>12}")
    for name, row in found.items():
        print(
            f"{name:<34}" + "".join(f"{row[key]:>{width}.1f}" for key, width in zip(row, (10, 10, 10, 12), strict=True))
        )
    print()
    for order in ("C order", "transposed"):
        ratio = found[f"episode.step, frame, {order}"]["p50"] / found[f"numpy copy kept, {order}"]["p50"]
        print(f"frame, {order}: p50 is {ratio:.2f} x the copy")
    if "trackio log, 10 keys" in found:
        ratio = found["filmlab run.log, 10 keys"]["p50"] / found["trackio log, 10 keys"]["p50"]
        print(f"run.log: p50 is {ratio:.3f} x trackio's")
    print(
        f"{stats.film_frames} frames handed over; dropped: {stats.dropped_films} films, {stats.dropped_metrics} metrics"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the calls")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    scale = 10 if args.short else 1
    with tempfile.TemporaryDirectory(prefix="bench-filmlab-") as directory:
        os.environ["FILMLAB_STATE_DIR"] = f"{directory}/state"
        run = filmlab.init(project="bench", name="client", dir=f"{directory}/out")
        try:
            run.flush(30)
            found = bench_log(run, 50_000 // scale)
            found |= bench_steps(run, 500_000 // scale)
            found |= bench_frames(run, 2000 // scale)
            show(found, run.stats)
            if args.json:
                args.json.write_text(json.dumps(found, indent=1))
        finally:
            run.finish()
            with contextlib.suppress(FilmlabError):
                Control(StatePaths.find()).ask("shutdown")


if __name__ == "__main__":
    main()
