"""The trainers that measure results: an agent's state on disk, and one on its way to the lab."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from household import status_kib, until
from trainer_shared import wait_durable

import filmlab
from filmlab import pytree
from filmlab.results import TrainingMetrics, TrainingResults, load_run

MIB = 1024 * 1024
LAYERS = 8


def states(mib: int, rounds: int) -> dict[str, Any]:
    """Seconds to write and read a state and plain bytes as many, in turn; memory beyond the state, in parts of it."""
    path = Path("state.msgpack")
    state = _state(mib)
    pytree.save_state({"warm": np.zeros(3)}, path)
    found: dict[str, list[float]] = {"mine": [], "plain": [], "saving": [], "loading": []}
    for _ in range(rounds):
        found["plain"].append(_plain_s(state, path))
        began = time.perf_counter()
        saving, _ = _grown(lambda: pytree.save_state(state, path))
        loading, loaded = _grown(lambda: pytree.load_state(path))
        found["mine"].append(time.perf_counter() - began)
        assert np.array_equal(loaded["params"]["7"], state["params"][7])
        del loaded
        found["saving"].append(saving / (mib * MIB))
        found["loading"].append(loading / (mib * MIB))
    path.unlink()
    return found


def results(mib: int) -> dict[str, Any]:
    """One state handed over: what the call costs beside a copy, and how numbers fare while it is on its way."""
    run = filmlab.init(project="bench", name="results", results_bytes=4 * mib * MIB)
    state = _state(mib)
    small = TrainingResults({"w": np.zeros(3)}, TrainingMetrics([1], [1]), None, {"lr": 0.1}, run.dir)
    run.log_results(small, save_checkpoint=True)
    wait_durable(run)
    quiet_ms = [_durable_ms(run) for _ in range(5)]
    began = time.perf_counter()
    copies = [layer.copy() for layer in state["params"]]
    copy_s = time.perf_counter() - began
    del copies
    began = time.perf_counter()
    run.log_results(TrainingResults(state, TrainingMetrics([2], [2]), None, {"lr": 0.1}, run.dir), save_checkpoint=True)
    call_s = time.perf_counter() - began
    log_us, busy_ms = [], []
    while not busy_ms or _under_way(run):
        for _ in range(20):
            called = time.perf_counter_ns()
            run.log({"loss": 1.0})
            log_us.append((time.perf_counter_ns() - called) / 1e3)
        busy_ms.append(_durable_ms(run))
    durable_s = time.perf_counter() - began
    flushed = run.flush(300)
    written_s = time.perf_counter() - began
    whole = np.array_equal(load_run(run.dir).load_checkpoint()["params"]["7"], state["params"][7])
    stats = run.stats
    run.finish()
    return {
        "call_s": call_s, "copy_s": copy_s, "log_us": log_us, "quiet_ms": quiet_ms, "busy_ms": busy_ms,
        "durable_s": durable_s, "written_s": written_s, "whole": bool(whole and flushed),
        "dropped": stats.dropped_metrics,
    }  # fmt: skip


def _state(mib: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"params": [rng.random(mib * MIB // 8 // LAYERS) for _ in range(LAYERS)], "step": 7}


def _plain_s(state: dict[str, Any], path: Path) -> float:
    """The same bytes as a file, synced, and read into memory."""
    began = time.perf_counter()
    with path.open("wb") as file:
        for layer in state["params"]:
            file.write(layer.data)
        file.flush()
        os.fsync(file.fileno())
    np.fromfile(path)
    return time.perf_counter() - began


def _grown(call: Callable[[], Any]) -> tuple[float, Any]:
    """How far the process's memory grows at most, in bytes; and what the call gives."""
    before_kib = status_kib("self", "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    kept = call()
    return max(0, status_kib("self", "VmHWM") - before_kib) * 1024.0, kept


def _durable_ms(run: filmlab.Run) -> float:
    """From a call of `log` to its acknowledgement."""
    process: Any = run._seat.process
    began = time.perf_counter()
    run.log({"probe": 1.0})
    sent = process.link.status().last_c
    until(lambda: process.link.status().last_c > sent or not process.intake.items, "the probe to be packed")
    target = process.link.status().last_c + 1 if process.intake.items else process.link.status().last_c
    until(lambda: process.link.status().durable_c >= target, "the probe to be durable")
    return 1e3 * (time.perf_counter() - began)


def _under_way(run: filmlab.Run) -> bool:
    process: Any = run._seat.process
    status = process.link.status()
    return bool(process.packer._postings.busy or status.durable_b < status.last_b)
