"""What stands for a clip that has no poster? Its own first frame; and any frame, for browsers that cannot take GIFs
apart."""

import io
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.journal.film_frames import read_frames
from filmlabd.journal.films import film_path
from filmlabd.model import EpisodeRow

FRAME_MAX_PX = 640


def first_frame(data: bytes) -> bytes | None:
    """The first frame of a GIF or WebP as WebP; None where it cannot be read."""
    try:
        with Image.open(io.BytesIO(data), formats=("GIF", "WEBP")) as image:
            return _webp(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def film_frame(room: Path, row: EpisodeRow, number: int) -> bytes | None:
    """Frame `number` of a film as WebP; None where the film is gone or shorter."""
    try:
        frames = read_frames(film_path(room, row.session, row.film))
        frame = next(itertools.islice(frames, number, None), None)
    except BadInput:
        return None
    return _encode(frame) if frame is not None else None


def _encode(frame: NDArray[np.uint8]) -> bytes:
    return _webp(Image.fromarray(frame))


def _webp(image: Image.Image) -> bytes:
    small = image.convert("RGB")
    small.thumbnail((FRAME_MAX_PX, FRAME_MAX_PX))
    out = io.BytesIO()
    small.save(out, "WEBP", lossless=True, quality=20, method=0)
    return out.getvalue()
