"""The trainers whose daemon is in trouble, and those that are one among many that flood it."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import spread
from trainer_shared import SHAPE, ball, noise

import filmlab

PACE_S = 0.005
EPISODE_STEPS = 200
METRICS = 10


def handover(seconds: float, warm_s: float, mode: str) -> dict[str, Any]:
    """Milliseconds of each `log` and each `step` with a frame, one of both every 5 ms; plain Python in between.

    Beside them, in the same loop, a copy of the frame that is kept for a while: what the machine makes of a call that
    nobody else has anything to do with.
    """
    values = {f"metric/{index}": index * 0.5 for index in range(METRICS)}
    canvas, kept = np.empty(SHAPE, np.uint8), [np.empty(0, np.uint8)] * 64
    run = filmlab.init(project="bench", name="handover", mode=mode)
    clock, spent, copied = time.perf_counter_ns, [], []
    begun = time.perf_counter()
    due_at, step = begun, 0
    while due_at - begun < warm_s + seconds:
        with run.episode(capture=True) as episode:
            for _ in range(EPISODE_STEPS):
                due_at = max(due_at + PACE_S, time.perf_counter())
                ball(canvas, step)
                while time.perf_counter() < due_at:
                    pass
                began = clock()
                run.log(values, step=step)
                logged = clock()
                episode.step(action=1, reward=1.0, frame=canvas)
                stepped = clock()
                kept[step % len(kept)] = canvas.copy()
                ended = clock()
                step += 1
                if due_at - begun > warm_s:
                    spent.append((logged - began, stepped - logged))
                    copied.append(ended - stepped)
    stats = run.stats
    run.finish()
    calls = np.array(spent) / 1e6
    return {
        "log_ms": spread(calls[:, 0]), "step_ms": spread(calls[:, 1]), "copy_ms": spread(np.array(copied) / 1e6),
        "steps": len(spent), "dropped": stats.dropped_films + stats.dropped_metrics,
    }  # fmt: skip


def flush(flooders: int, rounds: int) -> dict[str, Any]:
    """Milliseconds until what one run has just logged is durable, while so many processes hand over noise unpaced.

    Beside it, in turn, a small file written and synced on the same disk: what the disk makes of it all.
    """
    gate, opener = os.pipe()
    children = []
    for number in range(flooders):
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            _flood(number, gate)
            os._exit(0)
        children.append(pid)
    os.close(gate)
    run = filmlab.init(project="bench", name="flush")
    process: Any = run._seat.process  # type: ignore[union-attr]
    spent_ms, plain_ms, answered = [], [], 0
    for index in range(rounds):
        time.sleep(0.02)
        run.log({"loss": 0.5}, step=index)
        began = time.perf_counter()
        answered += process.link.wait_safe(30.0)
        spent_ms.append(1e3 * (time.perf_counter() - began))
        plain_ms.append(_plain_ms())
    os.close(opener)
    for pid in children:
        os.waitpid(pid, 0)
    run.finish()
    return {
        "ms": spread(np.array(spent_ms)), "plain_ms": spread(np.array(plain_ms)), "answered": answered,
        "rounds": rounds,
    }  # fmt: skip


def _plain_ms() -> float:
    """Of a new file of 4 KiB, written and synced."""
    path = Path(os.environ["FILMLAB_STATE_DIR"]) / "plain"
    began = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, bytes(4096))
    os.fdatasync(fd)
    os.close(fd)
    took_ms = 1e3 * (time.perf_counter() - began)
    path.unlink()
    return took_ms


def _flood(number: int, gate: int) -> None:
    """Noise as quickly as it goes, until the other end of the gate is closed."""
    os.set_blocking(gate, False)
    noises = noise(8)
    run = filmlab.init(
        project="bench", name=f"flood-{number}", memory_bytes=64 << 20, close_timeout_s=1.0, schedule="last:1"
    )
    while _is_open(gate):
        with run.episode() as episode:
            for index in range(50):
                episode.step(action=1, reward=1.0, frame=noises[index % 8])
        # What finds no room is dropped at once: without a pause this would be thousands of empty episodes a second.
        time.sleep(0.02)
    run.finish()


def _is_open(gate: int) -> bool:
    try:
        return bool(os.read(gate, 1))
    except BlockingIOError:
        return True
