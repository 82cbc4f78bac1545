"""What do the drop-in recorders cost the training thread? Beside copies of the frames, and early beside late.

    python benchmarks/bench_recorders.py [--short] [--json FILE]

The animation recorder's call with 400 frames of 400×600 stands beside copying those frames; `log_episode` with
`checkpoint_every=10` at episode 100 beside episode 100 000. Nothing here fails on a time.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from filmlab.control import Control
from filmlab.errors import FilmlabError
from filmlab.paths import StatePaths
from filmlab.recorders import EpisodeAnimationRecorder, TrainingCurveRecorder, finish

FRAME_SHAPE = (400, 600, 3)
METRICS = {f"loss_{index}": index * 0.25 for index in range(7)}


def main() -> int:
    """Measure, print, and write the JSON that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few seconds")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-recorders-") as place:
        os.environ |= {"FILMLAB_STATE_DIR": f"{place}/state"}
        figures = {
            **animation(Path(place), rounds=2 if arguments.short else 5),
            **curves(Path(place), rows=20_000 if arguments.short else 100_000),
        }
        finish()
        stop(StatePaths.find())
    for name, value in figures.items():
        print(f"{name:58} {value:12.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def animation(place: Path, rounds: int) -> dict[str, float]:
    """Seconds: copying the frames, the call, and its prints; medians of some rounds, side by side."""
    rng = np.random.default_rng(0)
    background = rng.integers(0, 256, FRAME_SHAPE, dtype=np.uint8)
    frames = [np.roll(background, shift, axis=1) if shift % 50 == 0 else background.copy() for shift in range(400)]
    recorder = EpisodeAnimationRecorder(place / "animations")
    recorder(trace(0, frames[:1]))
    recorder.flush(60)
    copies, calls, prints = [], [], []
    for episode in range(1, rounds + 1):
        copies.append(seconds(lambda: [frame.copy() for frame in frames]))
        calls.append(seconds(lambda episode=episode: recorder(trace(episode, frames))))  # type: ignore[misc]
        prints.append(seconds(lambda: recorder.flush(600)))
    copied, called = float(np.median(copies)), float(np.median(calls))
    return {
        "400 frames of 400x600: copying them, s": copied,
        "the recorder's call, s": called,
        "the recorder's call, in copies (required: at most 2)": called / copied,
        "until the GIF is there, after the call, s": float(np.median(prints)),
    }


def curves(place: Path, rows: int) -> dict[str, float]:
    """Microseconds: p50 and p99 of `log_episode` at the beginning and at the end of a long training, and `save`."""
    agent = SimpleNamespace(
        reactive_policy=SimpleNamespace(epsilon=0.1, _options=[1, 2], training_metrics=lambda: METRICS)
    )
    recorder = TrainingCurveRecorder(place / "curves", checkpoint_every=10)
    spent = np.empty(rows)
    for episode in range(rows):
        began = time.perf_counter_ns()
        recorder.log_episode(episode, float(episode % 200), 1.0, agent)
        spent[episode] = (time.perf_counter_ns() - began) / 1e3
        if episode % 100 == 0:
            # A training is not a tight loop; its sender keeps up.
            time.sleep(0.005)
    early, late = spent[100:1100], spent[-1000:]
    saved_s = seconds(recorder.save)
    return {
        "log_episode, checkpoint_every=10, at episode 100, p50, us": float(np.percentile(early, 50)),
        "the same, p99, us": float(np.percentile(early, 99)),
        f"log_episode at episode {rows}, p50, us": float(np.percentile(late, 50)),
        f"the same at episode {rows}, p99, us": float(np.percentile(late, 99)),
        f"save of {rows} episodes and 7 metrics, s": saved_s,
    }


def trace(episode: int, frames: list[Any]) -> SimpleNamespace:
    """What a training loop hands to its recorder."""
    step = SimpleNamespace(action=np.int64(1), active_option_id=None)
    return SimpleNamespace(
        episode=episode, episode_reward=1.0, avg_reward=1.0, step_count=len(frames), solved=False, frames=frames,
        steps=[step] * len(frames), metadata={},
    )  # fmt: skip


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes. What it gives is let go within: the original's copies went as well."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def stop(paths: StatePaths) -> None:
    """End the daemon that this benchmark started."""
    try:
        Control(paths, timeout_s=5.0).ask("shutdown")
    except FilmlabError as error:
        print(f"the daemon was not there to be stopped: {error}", file=sys.stderr)


if __name__ == "__main__":
    warnings.simplefilter("always")
    sys.exit(main())
