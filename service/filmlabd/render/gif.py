"""An episode as an animated GIF: small, fast, lossless where the format allows it, and exactly as long as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from filmlab.errors import BadInput
from filmlabd.render import budget
from filmlabd.render.frames import Clip, Frame, FrameGate, shrunk
from filmlabd.render.gif_inks import Inks, Quality
from filmlabd.render.gif_painter import Painter
from filmlabd.render.gif_reel import Reel
from filmlabd.render.gif_source import Source
from filmlabd.render.gif_ticks import Ticks, rate
from filmlabd.render.overlay import Overlay

__all__ = ["Clip", "GifEncoder", "Quality", "encode_gif"]

# Frames that are read once, or something that gives them anew each time it is called.
Frames = Iterable[Frame] | Callable[[], Iterable[Frame]]


class GifEncoder:
    """Frames in, one by one; the file at the end. Keeps a copy of one frame, and the compressed images.

    `balanced` is lossless too for a clip whose first frame has at most 256 colours and whose frames each change in at
    most 255. From the first frame that does not, it keeps the picture within 60 dB of the source, or as close as tables
    of each frame's own would bring it (3 dB), and shares tables between frames. `exact` gives each such frame its own
    table, and draws again what came out wrong as soon as there is room.
    """

    def __init__(
        self,
        fps: float,
        *,
        quality: Quality = "balanced",
        every: int = 1,
        shrink: int = 1,
        overlay: Overlay | None = None,
    ) -> None:
        """
        Args:
            fps: > 0. The clip lasts frames / fps seconds, to 5 ms; above 50 fps frames are left out, and it is 10 ms.
            every: only every so many-th frame is shown, for longer.
            shrink: each side is divided by this.
            overlay: what to write under the picture.
        """
        self._ticks = Ticks(rate(fps), every)
        self._quality = quality
        self._shrink = shrink
        self._overlay = overlay
        self._gate = FrameGate()
        self._film: _Film | None = None

    def add(self, frame: Frame) -> None:
        """Append a frame; it may be overwritten as soon as this returns.

        Args:
            frame: uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), all alike; alpha is composited on white.

        Raises:
            BadInput: another dtype or shape, or one unlike the first frame's.
        """
        number = self._gate.seen
        admitted = self._gate.admit(frame)
        if not self._ticks.keeps(number):
            return
        picture = shrunk(admitted, self._shrink)
        if self._overlay is not None:
            picture = self._overlay.under(picture, number)
        if self._film is None:
            self._film = _Film(picture, self._quality)
        else:
            self._film.add(picture, self._ticks.start_cs(number))

    @property
    def size_bytes(self) -> int:
        """A lower bound of the file's size so far."""
        return 0 if self._film is None else self._film.reel.size_bytes

    def finish(self) -> Clip:
        """The clip of all frames added.

        Raises:
            BadInput: there were none.
        """
        if self._film is None:
            raise BadInput("a clip needs at least one frame, got none")
        end_cs = self._ticks.end_cs(self._gate.seen)
        data = self._film.reel.finish(end_cs)
        return Clip(data, self._gate.seen, self._film.source.width, self._film.source.height, end_cs / 100)


class _Film:
    """What stands from the first frame on, when the size is known: the way from pictures to images."""

    def __init__(self, first: Frame, quality: Quality) -> None:
        self.source = Source(first)
        self.reel = Reel(self.source.width, self.source.height)
        self._inks = Inks(self.source, quality)
        self._painter = Painter(self.source)
        self.reel.add(0, self._painter.paint(self._inks.first()))

    def add(self, picture: Frame, start_cs: int) -> None:
        """Show another picture from this tick on."""
        ink = self._inks.next(self.source.advance(picture))
        if ink is not None:
            self.reel.add(start_cs, self._painter.paint(ink))


def encode_gif(
    frames: Frames,
    fps: float,
    *,
    quality: Quality = "balanced",
    max_bytes: int | None = None,
    overlay: Overlay | None = None,
) -> Clip:
    """One episode as an animated GIF, see `GifEncoder`.

    Args:
        frames: as `GifEncoder.add` takes them; none is kept. With `max_bytes` they may be read more than once: give a
            sequence, or a function that returns them from the start each time, not an iterator.
        max_bytes: ceiling on the file. Past it the frame rate, then the size is lowered, and the clip's notes say so.

    Raises:
        BadInput: a frame is refused, there are none, or no clip of them is as small as `max_bytes`.
    """
    if max_bytes is None:
        encoder = GifEncoder(fps, quality=quality, overlay=overlay)
        for frame in _read(frames):
            encoder.add(frame)
        return encoder.finish()
    if _used_up_by_reading(frames):
        raise TypeError("max_bytes needs frames that can be read again: a sequence or a function, not an iterator")
    for rung in budget.rungs(rate(fps)):
        encoder = GifEncoder(fps, quality=quality, every=rung.every, shrink=rung.shrink, overlay=overlay)
        if (clip := _within(encoder, _read(frames), max_bytes)) is not None:
            return replace(clip, notes=rung.notes(fps, max_bytes))
    raise BadInput(f"no clip of these frames fits in {max_bytes} bytes")


def _within(encoder: GifEncoder, frames: Iterable[Frame], max_bytes: int) -> Clip | None:
    """The clip, or None as soon as it is known to be too large."""
    for frame in frames:
        encoder.add(frame)
        if encoder.size_bytes > max_bytes:
            return None
    clip = encoder.finish()
    return clip if len(clip.data) <= max_bytes else None


def _read(frames: Frames) -> Iterable[Frame]:
    return frames() if callable(frames) else frames


def _used_up_by_reading(frames: Any) -> bool:
    """Whether reading once would use the frames up."""
    return hasattr(frames, "__next__")
