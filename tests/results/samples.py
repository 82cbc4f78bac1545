"""Results as a training platform makes them."""

from pathlib import Path
from typing import Any

import numpy as np

from filmlab.results import EvaluationMetrics, EvaluationResults, TrainingMetrics, TrainingResults

CONFIG = {
    "seed": 7, "agent": {"lr": 3e-4, "layers": [64, 64], "clip": float("inf")}, "env": {"name": "CartPole-v1"},
    "tags": [{"a": None}, True], "note": "1e-3", "items": 2,
}  # fmt: skip


def agent() -> dict[str, Any]:
    return {
        "params": {"w": np.arange(6, dtype=np.float32).reshape(2, 3)},
        "opt": (np.int32(4), [np.zeros(2)]),
        "step": 9,
    }


def training(run_dir: Path, state: Any = None, scale: float = 1.0) -> TrainingResults:
    return TrainingResults(
        agent() if state is None else state,
        TrainingMetrics([1000, 2000], [10, 20], [0.5, float("nan")], None, {"entropy": [1.0, 0.9]}),
        EvaluationMetrics(
            [1000, 2000], [10, 20],
            [np.array([1.0, 2.0]), np.array([3.0, 1231.5])], [np.array([5, 6]), np.array([7, 8])],
            [1.5, 1234.5 * scale], [0.5, 12.25], [5.5, 7.5],
        ),
        CONFIG,
        run_dir,
        final_env_state=object(),
    )  # fmt: skip


def episodes(count: int = 2, most: int = 5) -> dict[str, np.ndarray]:
    return {
        "observations": np.arange(count * most * 3, dtype=np.float32).reshape(count, most, 3),
        "actions": np.arange(count * most).reshape(count, most),
        "rewards": np.ones((count, most)),
        "dones": np.zeros((count, most), bool),
    }


def evaluation(run_dir: Path, *, kept: bool = True) -> EvaluationResults:
    return EvaluationResults(
        4.0, 1.0, 3.0, 5.0, 4.0, 1.0, 3.0, 5.0, np.array([3.0, 5.0]), np.array([3, 5]), 2, 11, CONFIG, run_dir,
        episodes() if kept else None, agent(),
    )  # fmt: skip
