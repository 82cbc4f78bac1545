"""An episode as an MP4: H.264 by PyAV, full colour resolution, the index before the data."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from filmlab.errors import BadInput
from filmlabd.render import video_faststart
from filmlabd.render.frames import Clip, Frame, FrameGate, as_rgb
from filmlabd.render.gif_ticks import rate
from filmlabd.render.overlay import Overlay

MAX_SIDE_PX: Final = 16_384

# 4:2:0 would halve the resolution of colour, and ruin pixel art; crf 18 is visually lossless.
_PIXEL_FORMAT: Final = "yuv444p"
_OPTIONS: Final = {"crf": "18", "preset": "veryfast"}
# The matrix of BT.601 keeps saturated colours 2 dB closer to the source than that of BT.709, in fewer bytes. The
# primaries and the transfer are those of sRGB, which frames are in.
_BT601_MATRIX: Final = 6
_BT709_PRIMARIES: Final = 1
_SRGB_TRANSFER: Final = 13
_LIMITED_RANGE: Final = 1
_MOST_FINE_RATE: Final = 100_000


def encode_mp4(frames: Iterable[Frame], fps: float, *, overlay: Overlay | None = None) -> Clip:
    """One episode as an MP4 of n frames that lasts n / fps seconds; frames are read once, and few are kept.

    Args:
        frames: as `GifEncoder.add` takes them. Odd sides gain a row or a column, a copy of the last: many players
            show nothing else.

    Raises:
        BadInput: a frame is refused, there are none, or PyAV is not installed.
    """
    fps = rate(fps)
    gate = FrameGate(MAX_SIDE_PX)
    pictures = _pictures(frames, gate, overlay)
    first = next(pictures, None)
    if first is None:
        raise BadInput("a clip needs at least one frame, got none")
    height, width = first.shape[:2]
    file = io.BytesIO()
    _write(file, first, pictures, Fraction(fps).limit_denominator(_MOST_FINE_RATE))
    return Clip(video_faststart.index_first(file.getvalue()), gate.seen, width, height, gate.seen / fps)


def _pictures(frames: Iterable[Frame], gate: FrameGate, overlay: Overlay | None) -> Iterator[Frame]:
    """RGB of even sides."""
    for number, frame in enumerate(frames):
        admitted = gate.admit(frame)
        rgb = as_rgb(admitted if overlay is None else overlay.under(admitted, number))
        yield np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")


def _write(file: io.BytesIO, first: Frame, others: Iterator[Frame], rate: Fraction) -> None:
    av = _pyav()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options=_OPTIONS)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = _PIXEL_FORMAT
        codec = stream.codec_context
        # One core: the pool decides how many clips are made at a time.
        codec.thread_count = 1
        codec.colorspace, codec.color_range = _BT601_MATRIX, _LIMITED_RANGE
        codec.color_primaries, codec.color_trc = _BT709_PRIMARIES, _SRGB_TRANSFER
        picture: Frame | None = first
        while picture is not None:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            converted = frame.reformat(format=_PIXEL_FORMAT, dst_colorspace="ITU601", dst_color_range="MPEG")
            container.mux(stream.encode(converted))
            picture = next(others, None)
        container.mux(stream.encode())


def _pyav() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as missing:
        raise BadInput("MP4 needs PyAV, which is not installed: pip install 'filmlab[video]'") from missing
