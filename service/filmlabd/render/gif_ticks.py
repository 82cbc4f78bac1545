"""When each frame of a GIF is shown, in the format's ticks of 1/100 s, so that n frames last n / fps seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Final

from filmlab.errors import BadInput

# Browsers show anything under 2/100 s for 10/100 s instead.
MIN_DELAY_CS: Final = 2
MAX_GIF_FPS: Final = 100 / MIN_DELAY_CS


def rate(fps: object) -> float:
    """A frame rate that can be one, as a plain number: environments give numpy's, too.

    Raises:
        BadInput: not a finite number above 0.
    """
    if not (isinstance(fps, Real) and math.isfinite(fps) and float(fps) > 0):
        raise BadInput(f"expected fps > 0 and finite, got {fps!r}")
    return float(fps)


@dataclass(frozen=True, slots=True)
class Ticks:
    """The clock of one clip.

    Only every `every`-th frame is shown, for as long as those after it, too, would have been.

    Up to 50 fps a frame begins at the tick nearest to its true time: delays are dithered (3, 3, 4, … at 30 fps) and
    never drift. Above, time is cut in slots of 2/100 s: the frame on show when a slot begins is kept, others are not.
    """

    fps: float
    every: int = 1

    def keeps(self, frame: int) -> bool:
        """Whether this frame is shown at all."""
        if frame % self.every:
            return False
        return self._shown_fps <= MAX_GIF_FPS or self._first_slot(frame) < self._first_slot(frame + self.every)

    def start_cs(self, frame: int) -> int:
        """The tick at which a kept frame appears."""
        if self._shown_fps <= MAX_GIF_FPS:
            return round(100 * frame / self.fps)
        return MIN_DELAY_CS * self._first_slot(frame)

    def end_cs(self, frames: int) -> int:
        """The tick at which a clip of so many frames ends, at least one frame's least delay."""
        if self._shown_fps <= MAX_GIF_FPS:
            return max(MIN_DELAY_CS, round(100 * frames / self.fps))
        return MIN_DELAY_CS * max(1, round(MAX_GIF_FPS * frames / self.fps))

    @property
    def _shown_fps(self) -> float:
        return self.fps / self.every

    def _first_slot(self, frame: int) -> int:
        """The first slot that begins at or after this frame does."""
        return math.ceil(frame * MAX_GIF_FPS / self.fps)
