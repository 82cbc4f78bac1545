"""The trainers that the benchmarks start, each in a process of its own: `trainer.py PROGRAM JSON-ARGUMENTS`.

Each prints one line with what it found. They are no one's model of how to use filmlab: some look at its inside, to see
when the last record is durable.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_client import bench_frames
from figures import spread
from household import RESULT, status_kib
from trainer_delivery import crowd, finish, ingest, points
from trainer_faults import flush, handover
from trainer_gym import gym
from trainer_results import results, states
from trainer_shared import SHAPE, ball, noise, thread_s, wait_durable, work, work_count

import filmlab


def calibrate(work_ms: list[float]) -> dict[str, Any]:
    """How many rounds of `work` take so long here, when nobody disturbs."""
    return {"counts": [work_count(each / 1e3) for each in work_ms]}


def log(calls: int, block: int) -> dict[str, Any]:
    """`run.log` of ten numbers beside trackio's, block by block in turn; microseconds."""
    values = {f"metric/{index}": index * 0.5 for index in range(10)}
    run = filmlab.init(project="bench", name="log")
    contestants: dict[str, Callable[..., Any]] = {"filmlab": run.log}
    try:
        import trackio

        trackio.init(project="bench", embed=False)
        contestants["trackio"] = trackio.log
    except ImportError:
        trackio = None
    spent: dict[str, list[int]] = {name: [] for name in contestants}
    for first in range(0, calls, block):
        for name, call in contestants.items():
            for step in range(first, first + block):
                began = time.perf_counter_ns()
                call(values, step=step)
                spent[name].append(time.perf_counter_ns() - began)
    dropped = run.stats.dropped_metrics
    run.finish()
    if trackio is not None:
        trackio.finish()
    return {"us": {name: spread(np.array(each) / 1e3) for name, each in spent.items()}, "dropped": dropped}


def frames(count: int, rounds: int) -> dict[str, Any]:
    """One frame handed over, and the copy that it must make; as `bench_client` does it, a few times over."""
    run = filmlab.init(project="bench", name="frames")
    found = [bench_frames(run, count) for _ in range(rounds)]
    run.finish()
    return {"rounds": found, "dropped": run.stats.dropped_films}


def film(frames: int, work_rounds: int, recorded: bool, picture: str) -> dict[str, Any]:
    """One episode of a trainer that is all Python: each step is so much work, a frame drawn in place, a step said."""
    run = filmlab.init(project="bench", name="film", mode="auto" if recorded else "disabled")
    canvas, noises = np.empty(SHAPE, np.uint8), noise(16)
    spent_ns = np.zeros(frames, np.int64)
    work(work_rounds)
    if recorded:
        run.log({"warm": 1.0})
        wait_durable(run)
    began, spent_s = time.perf_counter(), thread_s()
    with run.episode(capture=True) as episode:
        for index in range(frames):
            step_began = time.perf_counter_ns()
            work(work_rounds)
            ball(canvas, index)
            episode.step(action=1, reward=1.0, frame=canvas if picture == "ball" else noises[index % 16])
            spent_ns[index] = time.perf_counter_ns() - step_began
    loop_s = time.perf_counter() - began
    ran_s, queued_s = (after - before for after, before in zip(thread_s(), spent_s, strict=True))
    printed = run.flush(120) if recorded and picture == "ball" else True
    stats = run.stats
    run.finish()
    return {
        "steps_per_s": frames / loop_s, "step_ms": spread(spent_ns / 1e6), "blocked_s": stats.blocked_total_s,
        "blocked_max_ms": stats.blocked_max_s * 1e3, "dropped": stats.dropped_films, "printed": printed,
        "run_dir": str(run.dir), "ran_s": ran_s, "queued_s": queued_s, "held_up_s": loop_s - ran_s - queued_s,
    }  # fmt: skip


def tight(frames: int, episodes: int, cap_mib: int, picture: str) -> dict[str, Any]:
    """Episode after episode with no work between the frames; how far memory grows beyond what it was before."""
    run = filmlab.init(project="bench", name="tight", memory_bytes=cap_mib << 20)
    canvas, noises = np.empty(SHAPE, np.uint8), noise(4)
    with run.episode(capture=True) as episode:
        for index in range(4):
            ball(canvas, index)
            episode.step(action=1, reward=1.0, frame=canvas)
    wait_durable(run)
    baseline_kib = status_kib("self", "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began = time.perf_counter()
    for _ in range(episodes):
        with run.episode(capture=True) as episode:
            for index in range(frames):
                ball(canvas, index)
                episode.step(action=1, reward=1.0, frame=canvas if picture == "ball" else noises[index % 4])
    loop_s = time.perf_counter() - began
    wait_durable(run)
    peak_kib = status_kib("self", "VmHWM")
    stats = run.stats
    run.finish()
    return {
        "grown_mib": (peak_kib - baseline_kib) / 1024, "dropped": stats.dropped_films, "reasons": stats.dropped_reasons,
        "steps_per_s": frames * episodes / loop_s, "run_id": run.id,
    }  # fmt: skip


PROGRAMS: dict[str, Callable[..., dict[str, Any]]] = {
    call.__name__: call
    for call in (
        calibrate, log, frames, film, tight, finish, ingest, points, crowd, gym, states, results, handover, flush,
    )
}  # fmt: skip


if __name__ == "__main__":
    print(RESULT + json.dumps(PROGRAMS[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)
