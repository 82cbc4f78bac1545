"""A loop over a Gymnasium environment: bare, under Gymnasium's RecordVideo, under RecordEpisodes, in turn."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import filmlab
from filmlab.integrations.gym import RecordEpisodes

EVERY = 10
_COPIES = 200
"""At least so many frames are copied, 144 MB of them."""


class Stopwatch(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Around the environment: how long it steps and renders by itself."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.spent_ns = 0

    def step(self, action: Any) -> Any:
        began = time.perf_counter_ns()
        try:
            return self.env.step(action)
        finally:
            self.spent_ns += time.perf_counter_ns() - began

    def render(self) -> Any:
        began = time.perf_counter_ns()
        try:
            return self.env.render()
        finally:
            self.spent_ns += time.perf_counter_ns() - began


def gym(env_id: str, rounds: int, episodes: int, steps: int) -> dict[str, Any]:
    """Steps per second of each loop, by round; and what the recorder takes for a frame, beside copying it.

    Args:
        episodes: of each loop in each round; every tenth is recorded.
        steps: at most so many to an episode.
    """
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    run = filmlab.init(project="bench", name=env_id, schedule=f"every:{EVERY}")
    loops: dict[str, Callable[[int], gymnasium.Env[Any, Any]]] = {
        "bare": lambda _: _make(env_id, steps),
        "RecordEpisodes": lambda number: RecordEpisodes(
            _make(env_id, steps), f"ours-{env_id}-{number}", _is_tenth, run=run
        ),
    }
    if _has_moviepy():
        loops["RecordVideo"] = lambda number: gymnasium.wrappers.RecordVideo(
            _make(env_id, steps), f"theirs-{env_id}-{number}", _is_tenth
        )
    # First: memory that the loops have let go is not fresh any more.
    costs, copies = _cost(env_id, steps, run)
    run.flush(300)
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds):
        for name, make in loops.items():
            env = make(number)
            rates[name].append(_rate(env, episodes, steps))
            env.close()
            # What the workers still do is not to be in the way of the others, who have no part in it.
            run.flush(300)
    dropped = run.stats.dropped_films
    run.finish()
    films = sum(1 for _ in Path().glob(f"ours-{env_id}-*/*.gif"))
    return {
        "rates": rates, "cost_us": costs, "copy_us": copies, "dropped": dropped, "films": films,
        "expected": rounds * -(-episodes // EVERY),
    }  # fmt: skip


def _rate(env: gymnasium.Env[Any, Any], episodes: int, steps: int) -> float:
    """Steps per second of a loop in which somebody acts at random, the same each time."""
    rng = np.random.default_rng(0)
    actions = rng.integers(0, int(env.action_space.n), episodes * steps).tolist()  # type: ignore[attr-defined]  # both are Discrete
    taken = 0
    began = time.perf_counter()
    for episode in range(episodes):
        env.reset(seed=episode)
        done = False
        while not done:
            _, _, terminated, truncated, _ = env.step(actions[taken])
            taken += 1
            done = terminated or truncated
    return taken / (time.perf_counter() - began)


def _cost(env_id: str, steps: int, run: filmlab.Run) -> tuple[list[float], list[float]]:
    """Microseconds that the recorder takes for each frame beside `step` and `render`; and those of a copy, in turn.

    The copies are kept, so that each goes into fresh memory, as those of whoever films in memory do.
    """
    watch = Stopwatch(_make(env_id, steps))
    env = RecordEpisodes(watch, f"cost-{env_id}", lambda _: True, run=run)
    env.action_space.seed(0)
    kept: list[Any] = []
    costs, copies = [], []
    for episode in range(20):
        env.reset(seed=episode)
        done = False
        while not done:
            action, watch.spent_ns = env.action_space.sample(), 0
            began = time.perf_counter_ns()
            _, _, terminated, truncated, _ = env.step(action)
            ended = time.perf_counter_ns()
            costs.append((ended - began - watch.spent_ns) / 1e3)
            frame = watch.env.render()
            began = time.perf_counter_ns()
            kept.append(np.copy(frame, order="K"))
            copies.append((time.perf_counter_ns() - began) / 1e3)
            done = terminated or truncated
        if len(kept) >= _COPIES:
            break
    env.close()
    return costs, copies


def _make(env_id: str, steps: int) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(env_id, render_mode="rgb_array", max_episode_steps=steps)


def _is_tenth(episode: int) -> bool:
    return episode % EVERY == 0


def _has_moviepy() -> bool:
    try:
        import moviepy  # noqa: F401  # RecordVideo asks for it in just this way
    except ImportError:
        return False
    return True
