"""An episode as an animated WebP: each image is the rectangle that changed, in a container that we write."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render.frames import Clip, Frame, FrameGate, as_rgb
from filmlabd.render.gif_ink import Box, bounds
from filmlabd.render.gif_inks import Quality
from filmlabd.render.gif_natural import is_natural
from filmlabd.render.gif_source import Source
from filmlabd.render.gif_ticks import Ticks, rate
from filmlabd.render.overlay import Overlay

MAX_SIDE_PX: Final = 16_383

# Method 0 is the fastest; higher ones gain little on rendered pictures.
_LOSSLESS: Final[dict[str, Any]] = {"lossless": True, "quality": 40, "method": 0}
_LOSSY: Final[dict[str, Any]] = {"quality": 80, "method": 2}
_ANIMATED: Final = 2
_REPLACE_PIXELS: Final = 2
_MS_PER_TICK: Final = 10


def encode_webp(
    frames: Iterable[Frame], fps: float, *, quality: Quality = "balanced", overlay: Overlay | None = None
) -> Clip:
    """One episode as an animated WebP; frames are read once, and never kept.

    Args:
        frames: as `GifEncoder.add` takes them, sides up to 16 383 px.
        fps: > 0. The clip keeps the times of a GIF: n / fps seconds, to 5 ms (above 50 fps 10 ms).
        quality: `exact` is lossless; `balanced` is so but for frames that are busy all over, as a camera's are.

    Raises:
        BadInput: a frame is refused, or there are none.

    Source: WebP container specification, extended file format.
    """
    ticks, gate, encoder = Ticks(rate(fps)), FrameGate(MAX_SIDE_PX), None
    for number, frame in enumerate(frames):
        admitted = gate.admit(frame)
        if not ticks.keeps(number):
            continue
        picture = admitted if overlay is None else overlay.under(admitted, number)
        if encoder is None:
            encoder = _Encoder(picture, quality)
        else:
            encoder.add(picture, ticks.start_cs(number))
    if encoder is None:
        raise BadInput("a clip needs at least one frame, got none")
    end_cs = ticks.end_cs(gate.seen)
    return Clip(encoder.finish(end_cs), gate.seen, encoder.source.width, encoder.source.height, end_cs / 100)


class _Encoder:
    """Holds the newest frame and the compressed rectangles."""

    def __init__(self, first: Frame, quality: Quality) -> None:
        self.source = Source(first)
        self._quality = quality
        whole = Box(0, 0, self.source.height, self.source.width)
        natural = is_natural(self.source.all(), whole.pixels)
        self._images = [(0, whole, self._compressed(whole, natural))]

    def add(self, picture: Frame, start_cs: int) -> None:
        """Show another picture from this tick on."""
        change = self.source.advance(picture)
        if change is None:
            return
        box = _even(bounds(change.at, self.source.width))
        natural = is_natural(change.colours, self.source.height * self.source.width)
        self._images.append((start_cs, box, self._compressed(box, natural)))

    def finish(self, end_cs: int) -> bytes:
        """The file; its last image lasts until this tick."""
        shown = [image for image in self._images if image[0] < end_cs]
        ends_cs = [*(start_cs for start_cs, _, _ in shown[1:]), end_cs]
        parts = [_canvas(self.source.width, self.source.height), _chunk(b"ANIM", struct.pack("<IH", 0, 0))]
        for (start_cs, box, data), until_cs in zip(shown, ends_cs, strict=True):
            parts.append(_frame(box, (until_cs - start_cs) * _MS_PER_TICK, data))
        body = b"WEBP" + b"".join(parts)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    def _compressed(self, box: Box, natural: bool) -> bytes:
        rows = slice(box.top, box.top + box.height)
        rgb = np.ascontiguousarray(as_rgb(self.source.rgb()[rows, box.left : box.left + box.width]))
        return compressed(rgb, lossless=self._quality == "exact" or not natural)


def compressed(rgb: Frame, *, lossless: bool) -> bytes:
    """The image chunk (`VP8L` or `VP8 `) of one (H, W, 3) picture."""
    file = still(rgb, lossless=lossless)
    start = 12
    while start < len(file):
        name, size = struct.unpack_from("<4sI", file, start)
        end = start + 8 + size + size % 2
        if name in (b"VP8L", b"VP8 "):
            return file[start:end]
        start = end
    raise RuntimeError("Pillow wrote a WebP file without an image")


def still(rgb: Frame, *, lossless: bool) -> bytes:
    """One (H, W, 3) picture as a WebP file."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "WEBP", **(_LOSSLESS if lossless else _LOSSY))
    return file.getvalue()


def _even(box: Box) -> Box:
    """The box grown to even offsets: the container counts them in twos."""
    up, more_left = box.top % 2, box.left % 2
    return Box(box.top - up, box.left - more_left, box.height + up, box.width + more_left)


def _canvas(width: int, height: int) -> bytes:
    return _chunk(b"VP8X", struct.pack("<I", _ANIMATED) + _uint24(width - 1) + _uint24(height - 1))


def _frame(box: Box, duration_ms: int, data: bytes) -> bytes:
    place = b"".join(map(_uint24, (box.left // 2, box.top // 2, box.width - 1, box.height - 1, duration_ms)))
    return _chunk(b"ANMF", place + bytes((_REPLACE_PIXELS,)) + data)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
