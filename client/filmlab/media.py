"""What can be logged beside numbers? Images and short clips, checked and copied when they are made."""

import math
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.frames import MOMENTS_MAX, BadFrame, Frame, check_shape
from filmlab.wire.names import clean_text

VideoLayout: TypeAlias = Literal["THWC", "TCHW", "THW"]

FPS_MAX = 1000.0


class Image:
    """One image for `run.log`.

    Args:
        array: (H, W, 3), (H, W, 4) (alpha is dropped), (H, W, 1) or (H, W); uint8, or floats from 0 to 1, or bools.
        caption: free text, at most 200 characters.

    Raises:
        BadInput: it is no such array.
    """

    MIME = "image/frames"

    def __init__(self, array: Any, caption: str = "") -> None:
        self.frames: list[Frame] = [_frame(_bytes_of(_array(array, "Image"), "Image"), "Image")]
        self.fps = 1.0
        self.caption = clean_text(str(caption))


class Video:
    """One clip for `run.log`.

    Args:
        frames: an array (T, H, W, C), (T, C, H, W) or (T, H, W), or frames as `Image` takes them.
        fps: frames per second.
        layout: which of them it is, for the case that the shape does not tell.
        caption: free text, at most 200 characters.

    Raises:
        BadInput: it is no such array, its frames differ, there are none or over 10 000, or its layout could be either.
    """

    MIME = "video/frames"

    def __init__(
        self,
        frames: Any,
        fps: float = 30.0,
        *,
        layout: VideoLayout | None = None,
        caption: str = "",
    ) -> None:
        self.fps = check_fps(fps)
        self.caption = clean_text(str(caption))
        if isinstance(frames, Iterable) and not hasattr(frames, "__array__"):
            arrays = [_bytes_of(_array(item, "Video"), "Video") for item in frames]
        else:
            clip = _array(frames, "Video")
            arrays = list(_bytes_of(_time_first(clip, layout), "Video"))
        if not 1 <= len(arrays) <= MOMENTS_MAX:
            raise BadInput(f"Video: 1 to {MOMENTS_MAX} frames, got {len(arrays)}")
        self.frames: list[Frame] = [_frame(item, "Video") for item in arrays]
        if len({item.shape for item in self.frames}) > 1:
            raise BadInput(f"Video: frames of different shapes {sorted({item.shape for item in self.frames})}")


def check_fps(fps: float) -> float:
    """A frame rate as float. Raises BadInput unless it is above 0 and at most 1000."""
    try:
        value = float(fps)
    except (TypeError, ValueError):
        raise BadInput(f"fps: a number, got {type(fps).__name__}") from None
    if not 0 < value <= FPS_MAX:
        raise BadInput(f"fps: above 0 and at most {FPS_MAX:g}, got {fps}")
    return value


def _time_first(clip: NDArray[Any], layout: VideoLayout | None) -> NDArray[Any]:
    """The clip as (T, H, W, C) or (T, H, W)."""
    if layout is not None and layout not in ("THWC", "TCHW", "THW"):
        raise BadInput(f"Video: layout is THWC, TCHW or THW, got {layout!r}")
    if clip.ndim != (len(layout) if layout else clip.ndim) or clip.ndim not in (3, 4):
        raise BadInput(f"Video: (T, H, W, C), (T, C, H, W) or (T, H, W), got shape {clip.shape}")
    if clip.ndim == 3:
        return clip
    if layout is None:
        channels_last, channels_second = clip.shape[3] in (1, 3, 4), clip.shape[1] in (1, 3, 4)
        if channels_last and channels_second:
            raise BadInput(
                f"Video: shape {clip.shape} could be (T, H, W, C) or (T, C, H, W): say layout='THWC' or 'TCHW'"
            )
        layout = "TCHW" if channels_second else "THWC"
    return clip if layout == "THWC" else np.moveaxis(clip, 1, 3)


def _array(value: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except Exception as error:  # noqa: BLE001  # whatever a foreign __array__ raises, it is no image
        raise BadInput(f"{what}: {type(value).__name__} gives no array ({error})") from None
    return array


def _bytes_of(array: NDArray[Any], what: str) -> NDArray[np.uint8]:
    """The pixels as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f" and array.size:
        known = array[~np.isnan(array)]
        low, high = (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
        if low >= -1e-6 and high <= 1 + 1e-6:
            scaled: NDArray[np.uint8] = np.rint(np.nan_to_num(array.clip(0, 1)) * 255).astype(np.uint8)
            return scaled
        raise BadInput(f"{what}: floats are from 0 to 1, got {low:g} to {high:g}")
    raise BadInput(f"{what}: uint8, floats from 0 to 1, or bools; got {array.dtype}")


def _frame(array: NDArray[np.uint8], what: str) -> Frame:
    """A copy in C order, (H, W, 3) or (H, W)."""
    try:
        channels = check_shape(array)[2]
    except BadFrame as error:
        raise BadInput(f"{what}: it {error}") from None
    if channels == 1:
        return array.reshape(array.shape[:2]).copy("C")
    return array[..., :3].copy("C")
