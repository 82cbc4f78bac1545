"""The trainers that measure delivery: ending, durable ingest, and many at once."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from household import until
from trainer_shared import FRAME_BYTES, SHAPE, ball, noise, wait_durable

import filmlab
from filmlab.paths import StatePaths
from filmlabd.index.read import Reader

KEYS = 10
BACKLOG_CALLS = 8192
"""On their way to the sender, at which the benchmark of points waits: two or three times as many would be dropped."""


def finish(rounds: int, noise_frames: int) -> dict[str, Any]:
    """Milliseconds of `finish()`: all durable already, a small film still on its way, and one as large as told."""
    noises = noise(16)
    durable_ms, small_ms, large_ms, plain_ms = [], [], [], []
    for _ in range(rounds):
        run = _filmed(20)
        wait_durable(run)
        durable_ms.append(_finish_ms(run))
        small_ms.append(_finish_ms(_filmed(100)))
        run = filmlab.init(project="bench", name="finish")
        with run.episode(capture=True) as episode:
            for index in range(noise_frames):
                episode.step(action=1, reward=1.0, frame=noises[index % 16])
        large_ms.append(_finish_ms(run))
        plain_ms.append(1e3 * _plain_s(noises, noise_frames))
    return {"durable_ms": durable_ms, "small_ms": small_ms, "large_ms": large_ms, "plain_ms": plain_ms}


def ingest(frames: int, rounds: int) -> dict[str, Any]:
    """MB/s of incompressible frames until they are durable, and of a plain file of the same bytes, in turn."""
    noises = noise(32)
    run = filmlab.init(project="bench", name="ingest")
    with run.episode(capture=True) as episode:
        episode.step(action=1, reward=1.0, frame=noises[0])
    wait_durable(run)
    megabytes = frames * FRAME_BYTES / 1e6
    filmed, plain = [], []
    for _ in range(rounds):
        plain.append(megabytes / _plain_s(noises, frames))
        began = time.perf_counter()
        with run.episode(capture=True) as episode:
            for index in range(frames):
                episode.step(action=1, reward=1.0, frame=noises[index % 32])
        wait_durable(run)
        filmed.append(megabytes / (time.perf_counter() - began))
    stats = run.stats
    run.finish()
    return {"filmed": filmed, "plain": plain, "dropped": stats.dropped_films, "run_id": run.id}


def points(rows: int) -> dict[str, Any]:
    """Points per second of one client until they are durable, and until the index has them."""
    values = {f"metric/{index}": index * 0.5 for index in range(KEYS)}
    run = filmlab.init(project="bench", name="points")
    run.log(values)
    wait_durable(run)
    intake: Any = run._seat.process.intake  # type: ignore[union-attr]
    began = time.perf_counter()
    for index in range(rows):
        run.log(values)
        if index % 256 == 0:
            while len(intake.items) > BACKLOG_CALLS:
                time.sleep(0.001)
    handed_s = time.perf_counter() - began
    wait_durable(run)
    durable_s = time.perf_counter() - began
    expected = (rows + 1) * KEYS
    with Reader(StatePaths.find().index) as index:
        until(lambda: sum(row.count for row in index.metrics(run.id)) >= expected, "the index to have every point")
        stored = sum(row.count for row in index.metrics(run.id))
    indexed_s = time.perf_counter() - began
    stats = run.stats
    run.finish()
    return {
        "handed": rows * KEYS / handed_s, "durable": rows * KEYS / durable_s, "indexed": rows * KEYS / indexed_s,
        "lost": expected - stored, "dropped": stats.dropped_metrics,
    }  # fmt: skip


def crowd(trainers: int, rows: int, ball_frames: int, noise_frames: int) -> dict[str, Any]:
    """Many trainers at once, each a process and a session of its own. They set off together."""
    noises = noise(8)
    gate, opener = os.pipe()
    began_wall = time.time()
    children: dict[int, int] = {}
    for number in range(trainers):
        answer, teller = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(gate, 1)
            found = _one_of_many(number, rows, ball_frames, noise_frames, noises)
            os.write(teller, json.dumps(found).encode())
            os._exit(0)
        os.close(teller)
        children[pid] = answer
    os.close(gate)
    os.close(opener)
    found = []
    for pid, answer in children.items():
        with os.fdopen(answer, "rb") as pipe:
            said = pipe.read()
        os.waitpid(pid, 0)
        found.append(json.loads(said) if said else None)
    return {"trainers": found, "took_s": time.time() - began_wall}


def _one_of_many(number: int, rows: int, ball_frames: int, noise_frames: int, noises: Any) -> dict[str, Any]:
    """Metrics, one film of a moving square and one of noise; what it thinks it has handed over."""
    values = {f"metric/{index}": index * 0.5 for index in range(KEYS)}
    canvas = np.empty(SHAPE, np.uint8)
    run = filmlab.init(project="bench", name=f"crowd-{number}", close_timeout_s=120.0)
    for picture, frames in (("ball", ball_frames), ("noise", noise_frames)):
        with run.episode(capture=True) as episode:
            for index in range(frames):
                ball(canvas, index)
                episode.step(action=1, reward=1.0, frame=canvas if picture == "ball" else noises[index % len(noises)])
                for _ in range(rows // (ball_frames + noise_frames)):
                    run.log(values)
    process: Any = run._seat.process
    run.finish()
    stats, status = run.stats, process.link.status()
    acknowledged = status.durable_c == status.last_c and status.durable_b == status.last_b
    calls = (ball_frames + noise_frames) * (rows // (ball_frames + noise_frames))
    return {
        "run_id": run.id, "points": calls * KEYS, "acknowledged": acknowledged,
        "dropped": stats.dropped_films + stats.dropped_metrics, "longest_ms": stats.blocked_max_s * 1e3,
    }  # fmt: skip


def _filmed(frames: int) -> filmlab.Run:
    run = filmlab.init(project="bench", name="finish")
    canvas = np.empty(SHAPE, np.uint8)
    with run.episode(capture=True) as episode:
        for index in range(frames):
            ball(canvas, index)
            run.log({"loss": 0.5})
            episode.step(action=1, reward=1.0, frame=canvas)
    return run


def _finish_ms(run: filmlab.Run) -> float:
    began = time.perf_counter()
    run.finish()
    return 1e3 * (time.perf_counter() - began)


def _plain_s(noises: Any, frames: int) -> float:
    """Seconds to write so many frames to a new file on the same disk, and to sync it."""
    path = Path(os.environ["FILMLAB_STATE_DIR"]) / "plain"
    began = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    for index in range(frames):
        os.write(fd, noises[index % len(noises)].data)
    os.fdatasync(fd)
    os.close(fd)
    took_s = time.perf_counter() - began
    path.unlink()
    return took_s
