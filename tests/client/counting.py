"""Environments for the tests of the wrappers: a frame shows how many steps and resets there were."""

from typing import Any

import gymnasium
import numpy as np


class Counter(gymnasium.Env[int, int]):
    """Ends after `length` steps; a frame shows how many there were. Counts how often it was rendered."""

    metadata = {"render_modes": ["rgb_array", "rgb_array_list"], "render_fps": 12}  # noqa: RUF012  # as Gymnasium has it
    observation_space = gymnasium.spaces.Discrete(1000)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length: int = 3, render_mode: str | None = "rgb_array") -> None:
        self.length, self.render_mode = length, render_mode
        self.steps = self.renders = self.closes = 0
        self.seeds: list[int | None] = []
        self.broken = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.steps = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self.steps, 1.0, self.steps >= self.length, False, {}

    def render(self) -> Any:
        self.renders += 1
        if self.broken:
            raise RuntimeError("no display")
        frame = np.full((6, 8, 3), self.shown, np.uint8)
        return [frame] if self.render_mode == "rgb_array_list" else frame

    @property
    def shown(self) -> int:
        return self.steps

    def close(self) -> None:
        self.closes += 1


class Diary(Counter):
    """Its episodes have these lengths, one after the other; a frame shows a number that no other moment shows."""

    def __init__(self, lengths: list[int], first: int = 0) -> None:
        super().__init__(lengths[0])
        self._lengths = lengths
        self._moments = first
        self._episodes = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.length = self._lengths[self._episodes % len(self._lengths)]
        self._episodes += 1
        self._moments += 1
        return super().reset(seed=seed, options=options)

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self._moments += 1
        return super().step(action)

    @property
    def shown(self) -> int:
        return self._moments % 251


def play(env: gymnasium.Env[Any, Any], episodes: int) -> None:
    """So many episodes, each to its end."""
    for _ in range(episodes):
        env.reset()
        done = False
        while not done:
            _, _, terminated, truncated, _ = env.step(0)
            done = terminated or truncated
