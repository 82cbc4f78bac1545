"""What are the files of a logged medium that is no film? Of a text, a histogram, or what is a file already."""

import io
import json

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filmlab.errors import BadInput
from filmlab.kinds import CLIPS, MIMES, STILLS, TEXTS
from filmlabd.develop.curve import adaptive
from filmlabd.model import EpisodeRow
from filmlabd.render.histogram import Bars, draw
from filmlabd.render.raster import to_png
from filmlabd.render.theme import LIGHT

IMAGE, CLIP = "image/frames", "video/frames"
HISTOGRAM = "application/x-filmlab-histogram+json"
_SUFFIXES = {MIMES[end]: end for end in (*TEXTS, ".html", *STILLS, *CLIPS)}
"""Of media that are kept as they came."""


def medium_files(row: EpisodeRow, data: bytes | None) -> dict[str, bytes]:
    """Contents by suffix, of a medium that came in its own entry; of a histogram its picture and its numbers.

    Raises:
        BadInput: it has no contents, is of a kind that nothing is made of, or cannot be drawn.
    """
    if data is None:
        raise BadInput("it has no contents")
    if row.media_mime == HISTOGRAM:
        return _histogram_files(row, data)
    suffix = _SUFFIXES.get(row.media_mime)
    if suffix is None:
        raise BadInput(f"nothing is made of {row.media_mime!r}")
    return {suffix: data}


def png(frame: NDArray[np.uint8]) -> bytes:
    """An image, without loss."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG", compress_level=6)
    return out.getvalue()


def _histogram_files(row: EpisodeRow, data: bytes) -> dict[str, bytes]:
    """The picture for light and dark pages, a PNG of it, and the numbers."""
    try:
        fields = json.loads(data)
        counts = np.asarray(fields["counts"], np.float64)
        edges = np.asarray(fields["edges"], np.float64)
        left_out = int(fields.get("nonfinite", 0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"its histogram cannot be read: {error}") from None
    note = f"{left_out:,} not finite" if left_out else ""
    drawing = draw(Bars(f"{row.media_name}, step {row.media_step or 0:,}", "value", counts, edges, note))
    svg = adaptive(drawing)
    return {".png": to_png(drawing, LIGHT), ".svg": svg.encode(), ".json": data}
