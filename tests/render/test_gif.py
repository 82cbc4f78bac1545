"""The GIF encoder: what goes in is what a decoder shows, for as long as it lasted."""

import io

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render.gif import GifEncoder, encode_gif


def shown(data: bytes) -> tuple[list[np.ndarray], list[int]]:
    """Every image of a GIF as a decoder composes it, RGB, and its duration in ms."""
    with Image.open(io.BytesIO(data)) as clip:
        canvases, durations_ms = [], []
        for number in range(clip.n_frames):
            clip.seek(number)
            canvases.append(np.asarray(clip.convert("RGB")))
            durations_ms.append(clip.info["duration"])
    return canvases, durations_ms


def test_few_colours_come_back_exactly() -> None:
    """While a frame's changed pixels have at most 255 colours, decoded frames equal the source."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 5, (9, 13, 3), np.uint8) * 60 for _ in range(5)]
    canvases, _ = shown(encode_gif(frames, 10).data)
    assert all(np.array_equal(canvas, frame) for canvas, frame in zip(canvases, frames, strict=True))


def test_no_frames_is_bad_input() -> None:
    """A clip without frames is the sender's fault."""
    with pytest.raises(BadInput, match="at least one frame"):
        GifEncoder(30).finish()
