"""What can be logged beside numbers? Images, clips, texts and histograms, checked and copied when they are made."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab._foreign import IMAGE_OPTIONS, leave_out
from filmlab.errors import BadInput
from filmlab.frames import MOMENTS_MAX, Frame
from filmlab.jsonable import as_text
from filmlab.pictures import as_array, as_bytes, as_frame, channels_last, is_path, read_file
from filmlab.wire.names import clean_text

ImageLayout: TypeAlias = Literal["HWC", "CHW", "HW"]
VideoLayout: TypeAlias = Literal["THWC", "TCHW", "THW"]

FPS_MAX = 1000.0
FPS = 30.0
"""Of a clip that does not say."""
TEXT_MAX_CHARS = 200_000
BINS_MAX = 512
"""Of a histogram."""


class Medium:
    """One medium for `run.log`: pixels in `frames`, or what else it is in `data`."""

    def __init__(self, mime: str, caption: Any, frames: list[Frame], fps: float = FPS, data: bytes = b"") -> None:
        self.mime = mime
        self.caption = clean_text("" if caption is None else str(caption))
        self.frames = frames
        self.fps = fps
        self.data = data

    @property
    def nbytes(self) -> int:
        """In memory."""
        return sum(frame.nbytes for frame in self.frames) + len(self.data)


class Image(Medium):
    """One image for `run.log`.

    Args:
        data_or_path: an array (H, W, C), (C, H, W) or (H, W) with 1, 3 or 4 channels (alpha is dropped); a tensor; an
            image of Pillow; a figure of matplotlib, or its axes, or `pyplot` (drawn at once); or a PNG, JPEG, GIF or
            WebP file, which is read at once and kept as it is.
        mode: what an image of Pillow is converted to.
        caption: free text, at most 200 characters.
        layout: which of them an array is, for the case that its shape does not tell.
        normalize: values that are neither floats from 0 to 1 nor from 0 to 255 are stretched; False: refused.
        others: what `wandb.Image` takes beside these. Said once, and left out.

    Raises:
        BadInput: it is none of these, or its layout could be either.
    """

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        *,
        layout: ImageLayout | None = None,
        normalize: bool = True,
        **others: Any,
    ) -> None:
        leave_out("Image", others, IMAGE_OPTIONS)
        with _refusing("Image"):
            if is_path(data_or_path):
                mime, data = read_file(data_or_path, "image")
                super().__init__(mime, caption, [], data=data)
                return
            array = channels_last(as_array(data_or_path, "Image", mode), layout)
            frame = as_frame(as_bytes(array, "Image", normalize=normalize), "Image")
            super().__init__("image/frames", caption, [frame])


class Video(Medium):
    """One clip for `run.log`.

    Args:
        data_or_path: an array (T, H, W, C), (T, C, H, W) or (T, H, W), frames as `Image` takes them, or a GIF, WebP
            or MP4 file, which is read at once and kept as it is.
        caption: free text, at most 200 characters.
        fps: frames per second; None: 30.
        format: taken for `wandb.Video`'s sake: the run's own formats are made.
        layout: which of them an array is, for the case that its shape does not tell.

    Raises:
        BadInput: it is none of these, its frames differ, there are none or over 10 000, or its layout could be either.
    """

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,
        *,
        layout: VideoLayout | None = None,
    ) -> None:
        with _refusing("Video"):
            if isinstance(caption, int | float):
                raise BadInput(f"Video: caption is a text; say fps={caption!r} by its name")
            rate = FPS if fps is None else check_fps(fps)
            if is_path(data_or_path):
                mime, data = read_file(data_or_path, "video")
                super().__init__(mime, caption, [], rate, data)
            else:
                super().__init__("video/frames", caption, _frames(data_or_path, layout), rate)


class Text(Medium):
    """One text for `run.log`.

    Args:
        text: at most 200 000 characters are kept.
        caption: free text, at most 200 characters.
        markdown: how it is meant; the page shows its tables as tables.

    Raises:
        BadInput: it cannot be made a text.
    """

    def __init__(self, text: Any, caption: str | None = None, *, markdown: bool = False) -> None:
        with _refusing("Text"):
            data = str(text)[:TEXT_MAX_CHARS].encode("utf-8", "replace")
            super().__init__("text/markdown" if markdown else "text/plain", caption, [], data=data)


class Html(Medium):
    """One page for `run.log`, kept as a file.

    Args:
        data: its text, an open file, or (unless `data_is_not_path`) the name of an `.html` file.
        inject: taken for `wandb.Html`'s sake: nothing is added to it.

    Raises:
        BadInput: it cannot be read, or has over 200 000 characters: a page that is cut is none.
    """

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        with _refusing("Html"):
            if not data_is_not_path and is_path(data) and os.fspath(data).endswith(".html"):
                data = Path(data).read_text("utf-8")
            text = str(data.read() if hasattr(data, "read") else data)
            if len(text) > TEXT_MAX_CHARS:
                raise BadInput(f"Html: {len(text)} characters; at most {TEXT_MAX_CHARS}")
            super().__init__("text/html", None, [], data=text.encode("utf-8", "replace"))


class Histogram(Medium):
    """How many values fell where, for `run.log`. Counted at once: the values are not kept.

    Args:
        sequence: numbers of any shape. NaN and infinities are counted apart.
        np_histogram: in their place, what `numpy.histogram` gives: (counts, edges).
        num_bins: at most 512; or edges or a method, as `numpy.histogram` takes them.

    Raises:
        BadInput: there is no finite number, or the counts and edges do not fit.
    """

    MIME = "application/x-filmlab-histogram+json"

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: Any = 64) -> None:
        left_out = 0
        if (sequence is None) == (np_histogram is None):
            raise BadInput("Histogram: either a sequence of numbers, or np_histogram")
        with _refusing("Histogram"):
            if np_histogram is None:
                counts, edges, left_out = count_values(sequence, num_bins)
            else:
                counts, edges = _checked(np_histogram)
        fields = {"counts": counts.tolist(), "edges": edges.tolist(), "nonfinite": left_out}
        super().__init__(self.MIME, None, [], data=json.dumps(fields, allow_nan=False).encode())


def count_values(values: Any, bins: Any) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """(counts, edges, how many values are no finite numbers). `bins` is as `numpy.histogram` takes it.

    Raises:
        BadInput: there is no finite number, or these bins cannot be made.
    """
    if isinstance(bins, int | np.integer) and not 1 <= bins <= BINS_MAX:
        raise BadInput(f"Histogram: 1 to {BINS_MAX} bins, got {as_text(bins)}")
    given = as_array(values, "Histogram").ravel().astype(np.float64)
    known = given[np.isfinite(given)]
    if not known.size:
        raise BadInput(f"Histogram: no finite number among {given.size} values")
    counts, edges = _checked(np.histogram(known, bins=bins))
    return counts, edges, given.size - known.size


def check_fps(fps: float) -> float:
    """A frame rate as float. Raises BadInput unless it is above 0 and at most 1000."""
    try:
        value = float(fps)
    except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
        raise BadInput(f"fps: a number, got {type(fps).__name__}") from None
    if not 0 < value <= FPS_MAX:
        raise BadInput(f"fps: above 0 and at most {FPS_MAX:g}, got {fps}")
    return value


def _checked(histogram: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """(counts, edges), of at most 512 bins: neighbours are merged until they are so few."""
    try:
        counts, edges = np.asarray(histogram[0]), np.asarray(histogram[1], np.float64)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise BadInput(f"Histogram: np_histogram is (counts, edges): {error}") from None
    if counts.dtype.kind not in "uif" or counts.ndim != 1 or not counts.size or edges.shape != (len(counts) + 1,):
        raise BadInput(
            f"Histogram: counts of shape {counts.shape}, edges of shape {edges.shape}; expected (n,), (n+1,)"
        )
    if not (np.isfinite(edges).all() and np.isfinite(counts).all() and (np.diff(edges) >= 0).all()):
        raise BadInput("Histogram: counts and edges are finite, edges ascending")
    while len(counts) > BINS_MAX:
        last = len(edges) - 1
        counts = np.add.reduceat(counts, np.arange(0, len(counts), 2))
        edges = np.append(edges[:last:2], edges[last])
    return counts, edges


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """What a constructor is given may raise anything at any touch, or be too large: all of it is BadInput."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # as said
        raise BadInput(f"{what}: {as_text(error) or type(error).__name__}") from error


def _frames(found: Any, layout: VideoLayout | None) -> list[Frame]:
    """A clip's frames, all of one shape. Raises BadInput where they are not."""
    if isinstance(found, Iterable) and not hasattr(found, "__array__"):
        arrays = [as_bytes(as_array(item, "Video"), "Video") for item in found]
    else:
        arrays = list(as_bytes(_time_first(as_array(found, "Video"), layout), "Video"))
    if not 1 <= len(arrays) <= MOMENTS_MAX:
        raise BadInput(f"Video: 1 to {MOMENTS_MAX} frames, got {len(arrays)}")
    frames = [as_frame(item, "Video") for item in arrays]
    if len({frame.shape for frame in frames}) > 1:
        raise BadInput(f"Video: frames of different shapes {sorted({frame.shape for frame in frames})}")
    return frames


def _time_first(clip: NDArray[Any], layout: VideoLayout | None) -> NDArray[Any]:
    """The clip as (T, H, W, C) or (T, H, W)."""
    if layout is not None and layout not in ("THWC", "TCHW", "THW"):
        raise BadInput(f"Video: layout is THWC, TCHW or THW, got {layout!r}")
    if clip.ndim != (len(layout) if layout else clip.ndim) or clip.ndim not in (3, 4):
        raise BadInput(f"Video: (T, H, W, C), (T, C, H, W) or (T, H, W), got shape {clip.shape}")
    if clip.ndim == 3:
        return clip
    if layout is None:
        last, second = clip.shape[3] in (1, 3, 4), clip.shape[1] in (1, 3, 4)
        if last and second:
            raise BadInput(
                f"Video: shape {clip.shape} could be (T, H, W, C) or (T, C, H, W): say layout='THWC' or 'TCHW'"
            )
        layout = "TCHW" if second else "THWC"
    return clip if layout == "THWC" else np.moveaxis(clip, 1, 3)
