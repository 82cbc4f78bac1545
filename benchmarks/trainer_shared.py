"""What do the benchmarks' trainers have in common? Pictures, work that holds the interpreter, when all is safe."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from household import until
from numpy.typing import NDArray

import filmlab

SHAPE = (480, 480, 3)
FRAME_BYTES = 480 * 480 * 3
_SIDE = 40


def ball(canvas: NDArray[np.uint8], index: int) -> None:
    """Draw a square on a flat ground, in another place each time, as classic control looks."""
    height, width = canvas.shape[0] - _SIDE, canvas.shape[1] - _SIDE
    top, left = 7 * index % height, index % width
    canvas[...] = 255
    canvas[top : top + _SIDE, left : left + _SIDE] = (200, 60, 40)


def noise(count: int) -> NDArray[np.uint8]:
    """Frames that no compressor makes smaller."""
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), np.uint8)


def work(rounds: int) -> int:
    """Plain Python, which holds the interpreter's lock as a training in Python does."""
    total = 0
    for index in range(rounds):
        total += index * index % 7
    return total


def work_count(seconds: float) -> int:
    """How many rounds of `work` take so long when nobody disturbs."""
    spent: list[float] = []
    for _ in range(50):
        began = time.perf_counter()
        work(10_000)
        spent.append(time.perf_counter() - began)
    return round(10_000 * seconds / float(np.percentile(spent, 20)))


def thread_s() -> tuple[float, float]:
    """How long this thread has run, and how long it was ready and other processes had the processors.

    A trainer that never sleeps spends the rest of its time waiting for the interpreter's lock.
    """
    ran_ns, queued_ns, _ = Path("/proc/thread-self/schedstat").read_text().split()
    return int(ran_ns) / 1e9, int(queued_ns) / 1e9


def wait_durable(run: filmlab.Run) -> None:
    """Until the daemon has acknowledged everything that was handed over. Spooled is not enough."""
    process: Any = run._seat.process
    process.link.wait_safe(120.0)
    until(lambda: _is_durable(process.link.status()), "the last acknowledgement")


def _is_durable(status: Any) -> bool:
    return bool(status.durable_c == status.last_c and status.durable_b == status.last_b)
