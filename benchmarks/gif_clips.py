"""The clips that the render benchmarks encode: real environments with a fixed seed, one natural video by formula."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Clip = npt.NDArray[np.uint8]


def _environment(spec: str, frames: int) -> Clip:
    """The first frames of an environment under random actions; episode follows episode."""
    import gymnasium

    if spec.startswith("ALE/"):
        import ale_py

        gymnasium.register_envs(ale_py)
    environment = gymnasium.make(spec, render_mode="rgb_array")
    environment.action_space.seed(0)

    def rendered() -> Iterator[Clip]:
        seed: int | None = 0
        done = True
        for _ in range(frames):
            if done:
                environment.reset(seed=seed)
                seed, done = None, False
            else:
                _, _, terminated, truncated, _ = environment.step(environment.action_space.sample())
                done = terminated or truncated
            yield np.array(environment.render())

    try:
        return np.stack(list(rendered()))
    finally:
        environment.close()


def natural(frames: int, height_px: int = 360, width_px: int = 480) -> Clip:
    """A pan over a soft texture, a shaded ball, fresh grain in each frame: what a camera sees, by formula."""
    rng = np.random.default_rng(1)
    scene = _texture(height_px + frames, width_px + 2 * frames, rng)
    ball = _ball(100)
    clip = np.empty((frames, height_px, width_px, 3), np.uint8)
    for number in range(frames):
        view = scene[number : number + height_px, 2 * number : 2 * number + width_px].copy()
        top = int((height_px - 100) * (0.5 + 0.5 * np.sin(number / 9)))
        left = int((width_px - 100) * (0.5 + 0.5 * np.cos(number / 23)))
        spot = view[top : top + 100, left : left + 100]
        np.copyto(spot, ball, where=ball.any(axis=2, keepdims=True))
        clip[number] = np.clip(view + rng.normal(0, 1.5, view.shape), 0, 255)
    return clip


def _texture(height_px: int, width_px: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Random phases under a falling spectrum, the channels partly alike, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(height_px)[:, None], np.fft.rfftfreq(width_px)[None, :])
    frequency[0, 0] = np.inf
    layers = []
    for _ in range(3):
        phases = np.exp(2j * np.pi * rng.random(frequency.shape))
        layer = np.fft.irfft2(phases / frequency**1.6, s=(height_px, width_px))
        layers.append(layer / layer.std())
    mixed = np.stack(layers, axis=-1) @ np.array([[0.8, 0.3, 0.5], [0.2, 0.8, 0.3], [0.3, 0.2, 0.7]])
    return 118 + 40 * mixed / mixed.std()


def _ball(side_px: int) -> npt.NDArray[np.float64]:
    """A red sphere lit from the upper left; 0 outside."""
    y, x = np.mgrid[-1 : 1 : side_px * 1j, -1 : 1 : side_px * 1j]
    depth = np.sqrt(np.clip(1 - x * x - y * y, 0, None))
    light = np.clip(0.6 * depth - 0.4 * x - 0.4 * y, 0, 1)
    return np.where(depth[..., None] > 0, 40 + light[..., None] * np.array([215.0, 60, 40]), 0)


MAKERS: dict[str, Callable[[int], Clip]] = {
    "CartPole": lambda frames: _environment("CartPole-v1", frames),
    "FrozenLake": lambda frames: _environment("FrozenLake8x8-v1", frames),
    "MountainCar": lambda frames: _environment("MountainCar-v0", frames),
    "LunarLander": lambda frames: _environment("LunarLander-v3", frames),
    "Breakout": lambda frames: _environment("ALE/Breakout-v5", frames),
    "Pong": lambda frames: _environment("ALE/Pong-v5", frames),
    "CarRacing": lambda frames: _environment("CarRacing-v3", frames),
    "HalfCheetah": lambda frames: _environment("HalfCheetah-v5", frames),
    "Natural": natural,
}

_NEEDS = {"Breakout": "ale_py", "Pong": "ale_py", "LunarLander": "Box2D", "CarRacing": "Box2D", "HalfCheetah": "mujoco"}


def can_be_made(name: str) -> bool:
    """Whether the packages that this clip comes from are installed."""
    needed = [_NEEDS[name]] if name in _NEEDS else []
    if name != "Natural":
        needed.append("gymnasium")
    return all(importlib.util.find_spec(package) for package in needed)
