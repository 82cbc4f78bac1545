"""An episode as an animated GIF: small, fast, lossless where the format allows it, and exactly as long as it was."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from filmlab.errors import BadInput
from filmlabd.render.frames import Clip, FrameGate
from filmlabd.render.gif_ink import Ink
from filmlabd.render.gif_inks import Inks, Quality
from filmlabd.render.gif_painter import Painter
from filmlabd.render.gif_reel import Reel
from filmlabd.render.gif_source import Source
from filmlabd.render.gif_ticks import Ticks

__all__ = ["Clip", "GifEncoder", "Quality", "encode_gif"]


class GifEncoder:
    """Frames in, one by one; the file at the end. Keeps a copy of one frame, and the compressed images."""

    def __init__(self, fps: float, *, quality: Quality = "balanced") -> None:
        self._ticks = Ticks(fps)
        self._quality = quality
        self._gate = FrameGate()
        self._source: Source | None = None

    def add(self, frame: npt.NDArray[np.uint8]) -> None:
        """Append a frame; it may be overwritten as soon as this returns.

        Args:
            frame: uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), all alike; alpha is composited on white.

        Raises:
            BadInput: another dtype or shape, or one unlike the first frame's.
        """
        number = self._gate.seen
        admitted = self._gate.admit(frame)
        if self._source is None:
            self._source = Source(admitted)
            self._inks = Inks(self._source, self._quality)
            self._painter = Painter(self._source)
            self._reel = Reel(self._source.width, self._source.height)
            ink: Ink | None = self._inks.first()
        elif self._ticks.keeps(number):
            ink = self._inks.next(self._source.advance(admitted))
        else:
            return
        if ink is not None:
            self._reel.add(self._ticks.start_cs(number), self._painter.paint(ink))

    def finish(self) -> Clip:
        """The clip of all frames added.

        Raises:
            BadInput: there were none.
        """
        if self._source is None:
            raise BadInput("a clip needs at least one frame, got none")
        end_cs = self._ticks.end_cs(self._gate.seen)
        data = self._reel.finish(end_cs)
        return Clip(data, self._gate.seen, self._source.width, self._source.height, end_cs / 100)


def encode_gif(frames: Iterable[npt.NDArray[np.uint8]], fps: float, *, quality: Quality = "balanced") -> Clip:
    """One episode as an animated GIF, see `GifEncoder`; frames are read once and never kept."""
    encoder = GifEncoder(fps, quality=quality)
    for frame in frames:
        encoder.add(frame)
    return encoder.finish()
