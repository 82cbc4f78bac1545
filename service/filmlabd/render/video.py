"""What else a clip can be than a GIF: MP4, WebP, and the small still that stands for it on a page."""

from __future__ import annotations

from typing import Final

from filmlabd.render.frames import Frame, FrameGate, as_rgb, shrunk
from filmlabd.render.video_mp4 import encode_mp4
from filmlabd.render.video_webp import MAX_SIDE_PX, encode_webp, still

__all__ = ["encode_mp4", "encode_webp", "poster"]

_POSTER_SIDE_PX: Final = 320
# Flat art stays under this without loss; a page of thumbnails should not wait for more.
_SMALL_BYTES: Final = 10_000


def poster(frame: Frame, *, max_side_px: int = _POSTER_SIDE_PX) -> bytes:
    """One frame as a small WebP file: no side longer than `max_side_px`, lossless where that is small enough.

    Raises:
        BadInput: no frame that a clip could have.
    """
    admitted = FrameGate(MAX_SIDE_PX).admit(frame)
    factor = -(-max(admitted.shape[:2]) // max_side_px)
    rgb = as_rgb(shrunk(admitted, factor))
    exact = still(rgb, lossless=True)
    return exact if len(exact) <= _SMALL_BYTES else still(rgb, lossless=False)
