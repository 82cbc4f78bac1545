"""What decoders other than ours make of a clip, and how far that is from the frames it was made of."""

import importlib.util
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLIPS = Path(__file__).parent / "clips"
NAMES = ("breakout", "carracing", "cartpole", "frozenlake", "halfcheetah", "lunarlander", "mountaincar", "pong")


@dataclass(frozen=True)
class Decoded:
    """The pictures of a file in their order, RGB, and how long each is shown (ms)."""

    pictures: list[np.ndarray]
    durations_ms: list[float]

    @property
    def total_ms(self) -> float:
        return sum(self.durations_ms)

    def at_frames(self, frames: int, fps: float) -> list[np.ndarray]:
        """The picture on show in the middle of each of so many frames."""
        ends_ms = np.cumsum(self.durations_ms)
        last = len(self.pictures) - 1
        middles_ms = (np.arange(frames) + 0.5) * 1000 / fps
        return [self.pictures[min(last, number)] for number in np.searchsorted(ends_ms, middles_ms, side="right")]


def recorded(name: str) -> np.ndarray:
    """A few frames of a real environment, uint8 (n, H, W, 3)."""
    with np.load(CLIPS / f"{name}.npz") as archive:
        return archive["frames"]


def by_pillow(data: bytes) -> Decoded:
    """An animation as Pillow composes it."""
    with Image.open(io.BytesIO(data)) as clip:
        pictures, durations_ms = [], []
        for number in range(getattr(clip, "n_frames", 1)):
            clip.seek(number)
            pictures.append(np.asarray(clip.convert("RGB")))
            durations_ms.append(float(clip.info["duration"]))
    return Decoded(pictures, durations_ms)


def by_ffmpeg(data: bytes) -> Decoded:
    """An animation or a video as FFmpeg composes it: a picture lasts until the next, the last for its own duration."""
    av = needed_module("av")
    pictures, starts_ms, duration_ms = [], [], 0.0
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            pictures.append(frame.to_ndarray(format="rgb24"))
            starts_ms.append(float(frame.pts * frame.time_base) * 1000)
            duration_ms = float((frame.duration or 0) * frame.time_base) * 1000
    return Decoded(pictures, [*np.diff(starts_ms), duration_ms])


def decoders() -> list[Callable[[bytes], Decoded]]:
    """Those that are here: FFmpeg may be missing on a laptop, but not in CI."""
    has_ffmpeg = os.environ.get("CI") == "true" or importlib.util.find_spec("av") is not None
    return [by_pillow, by_ffmpeg] if has_ffmpeg else [by_pillow]


def needed_module(name: str):  # type: ignore[no-untyped-def]
    """An optional module: its absence skips the test on a laptop, and fails it in CI."""
    if os.environ.get("CI") == "true":
        return __import__(name)
    return pytest.importorskip(name)


def psnr_db(frames: np.ndarray | list[np.ndarray], pictures: list[np.ndarray]) -> float:
    """Over the whole clip, from the mean squared error of all its samples; infinite when nothing differs."""
    errors = [np.mean((frame.astype(np.int32) - picture) ** 2) for frame, picture in zip(frames, pictures, strict=True)]
    mean = float(np.mean(errors))
    return float("inf") if mean == 0 else 10 * np.log10(255**2 / mean)
