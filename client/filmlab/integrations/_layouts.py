"""How do the arrays of TensorBoard become pictures? By letters for their dimensions; batches side by side. Pure."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.media import Image
from filmlab.pictures import as_array, as_bytes

COLUMNS_MAX = 8
"""Of a batch of images."""


def picture(value: Any, dataformats: str) -> NDArray[np.uint8]:
    """(H, W, C) or (H, W) out of an image or a batch of images.

    Args:
        value: an array or a tensor; uint8, or floats, which are cut to 0…1.
        dataformats: a letter for each dimension: some order of N, C, H and W, such as `CHW` or `NHWC`.

    Raises:
        BadInput: the letters do not fit the array.
    """
    array, letters = as_array(value, "image"), dataformats.upper()
    if len(letters) != array.ndim or len(set(letters)) != len(letters) or not {"H", "W"} <= set(letters) <= set("NCHW"):
        raise BadInput(f"image: shape {array.shape} is not {dataformats!r}; say dataformats= by its dimensions")
    order = [letter for letter in "NHWC" if letter in letters]
    arranged = np.transpose(array, [letters.index(letter) for letter in order])
    pixels: NDArray[np.uint8] = as_bytes(arranged.clip(0, 1) if array.dtype.kind == "f" else arranged, "image")
    return tiled(pixels, COLUMNS_MAX) if "N" in letters else pixels


def image(value: Any, dataformats: str) -> Image:
    """The same as a medium."""
    pixels = picture(value, dataformats)
    return Image(pixels, layout="HW" if pixels.ndim == 2 else "HWC")


def clip(value: Any) -> NDArray[np.uint8]:
    """(T, H, W, C) out of a batch of clips, (N, T, C, H, W), side by side; or out of one, (T, C, H, W).

    Raises:
        BadInput: it has another shape, or values beyond 0…1 (floats) or 0…255.
    """
    array = as_array(value, "video")
    if array.ndim == 4:
        array = array[np.newaxis]
    if array.ndim != 5 or not array.shape[0]:
        raise BadInput(f"video: (N, T, C, H, W), got shape {array.shape}")
    batch = as_bytes(np.moveaxis(array, 2, 4), "video")
    if len(batch) == 1:
        only: NDArray[np.uint8] = batch[0]
        return only
    columns = math.ceil(math.sqrt(len(batch)))
    return np.stack([tiled(batch[:, moment], columns) for moment in range(batch.shape[1])])


def tiled(batch: NDArray[np.uint8], columns_max: int) -> NDArray[np.uint8]:
    """Pictures of one shape, (N, H, W) or (N, H, W, C), in rows; what is left of the last row is black."""
    count, height, width = batch.shape[:3]
    columns = min(count, columns_max)
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * height, columns * width, *batch.shape[3:]), np.uint8)
    for index, tile in enumerate(batch):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = tile
    return sheet


def settings_in(text: str) -> dict[str, Any]:
    """The rows of a Markdown table of two columns, as scripts write their hyperparameters; empty where it is none."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or set(lines[1]) - set("|-: ") or not all(line.startswith("|") for line in lines):
        return {}
    rows = [line.removeprefix("|").removesuffix("|").partition("|") for line in lines[2:]]
    return {key.strip(): _read(value.strip()) for key, _, value in rows if key.strip()}


def _read(text: str) -> Any:
    """The number, the truth or the text that was written with `str`."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
