"""What may enter a clip encoder, and what leaves it: frames are checked and normalised here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from filmlab.errors import BadInput

Frame = npt.NDArray[np.uint8]

MAX_SIDE_PX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Clip:
    """One finished animation.

    Attributes:
        data: the whole file.
        frames: how many frames were handed in; equal neighbours share one image in the file.
        width_px, height_px: of the file, after any reduction.
        duration_s: how long the file plays.
        notes: what was done to it that its maker may want to know, as phrases: "rate lowered to 10 fps".
    """

    data: bytes
    frames: int
    width_px: int
    height_px: int
    duration_s: float
    notes: tuple[str, ...] = ()


class FrameGate:
    """Checks that every frame of a clip is like its first, and brings it to (H, W) grey or (H, W, 3) RGB."""

    def __init__(self, max_side_px: int = MAX_SIDE_PX) -> None:
        self._max_side_px = max_side_px
        self._shape: tuple[int, ...] | None = None
        self.seen = 0

    def admit(self, frame: Any) -> Frame:
        """The frame, uint8 and C-contiguous; alpha is composited on white; may share memory with what was given.

        Raises:
            BadInput: not a uint8 array of shape (H, W) or (H, W, 1 | 3 | 4), or another shape than the first frame had.
        """
        number = self.seen
        if not isinstance(frame, np.ndarray):
            raise BadInput(f"frame {number} is a {type(frame).__name__}; expected a numpy array of uint8")
        if frame.dtype != np.uint8:
            raise BadInput(f"frame {number} has dtype {frame.dtype}; expected uint8")
        if frame.shape != self._shape:
            self._begin(number, frame.shape)
        self.seen += 1
        return _normalised(frame)

    def _begin(self, number: int, shape: tuple[int, ...]) -> None:
        if self._shape is not None:
            raise BadInput(f"frame {number} has shape {shape}; the clip began with {self._shape}")
        if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
            raise BadInput(f"frame {number} has shape {shape}; expected (H, W) or (H, W, channels) with 1, 3 or 4")
        if not all(1 <= side_px <= self._max_side_px for side_px in shape[:2]):
            raise BadInput(f"frame {number} has shape {shape}; expected sides of 1 to {self._max_side_px} px")
        self._shape = shape


def _normalised(frame: Frame) -> Frame:
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[:, :, 0]
    elif frame.ndim == 3 and frame.shape[2] == 4:
        return _on_white(frame)
    return np.ascontiguousarray(frame)


def _on_white(rgba: Frame) -> Frame:
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    weight = alpha.astype(np.uint32)
    mixed: Frame = ((rgba[..., :3] * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)
    return mixed


def shrunk(frame: Frame, factor: int) -> Frame:
    """An admitted frame at 1 / `factor` of its sides, rounded up; averaging whole blocks adds the fewest colours."""
    return frame if factor == 1 else np.asarray(Image.fromarray(frame).reduce(factor))


def as_rgb(frame: Frame) -> Frame:
    """An admitted frame as (H, W, 3): grey is repeated."""
    return frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, axis=2)
