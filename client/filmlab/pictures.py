"""How does what programs call an image become pixels? Arrays, tensors, images of Pillow, figures of matplotlib, files.

Pillow and matplotlib are known by what their objects can do, and never imported before the program itself did.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.frames import BadFrame, Frame, check_shape
from filmlab.jsonable import as_text
from filmlab.kinds import CLIPS, MIMES, MOVING, STILLS
from filmlab.wire.head import BODY_MAX_BYTES

FILE_MAX_BYTES = BODY_MAX_BYTES - 64 * 1024
"""Of a file that is handed over as it is: its entry has a name and a caption, too."""
_FILES = {
    "image": {end: MIMES[end] for end in (*STILLS, *MOVING)} | {".jpeg": MIMES[".jpg"]},
    "video": {end: MIMES[end] for end in CLIPS},
}


def is_path(value: Any) -> bool:
    """Whether this names a file."""
    return isinstance(value, str | os.PathLike)


def read_file(path: Any, what: str) -> tuple[str, bytes]:
    """(mime, bytes) of an image or a video, as it is: nothing is decoded.

    Args:
        path: ends in what its file is.
        what: `image` or `video`.

    Raises:
        BadInput: it cannot be read, is of another kind or over 4 MiB.
    """
    kinds = _FILES[what]
    mime = kinds.get(Path(path).suffix.lower())
    if mime is None:
        raise BadInput(f"{what.capitalize()}: a file is {', '.join(kinds)}; got {os.fspath(path)!r}")
    try:
        with Path(path).open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{what.capitalize()}: {error}") from None
    if len(data) > FILE_MAX_BYTES:
        raise BadInput(f"{what.capitalize()}: {os.fspath(path)!r} is over {FILE_MAX_BYTES} bytes; give its frames")
    return mime, data


def as_array(value: Any, what: str, mode: str | None = None) -> NDArray[Any]:
    """An array out of what is none. A tensor on a GPU is waited for; a figure is drawn.

    Args:
        mode: what an image of Pillow is converted to.

    Raises:
        BadInput: it gives no array of numbers.
    """
    try:
        if callable(getattr(value, "gcf", None)):
            value = value.gcf()
        figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
        if figure is not None and hasattr(figure, "savefig"):
            return _drawn(figure)
        if callable(getattr(value, "convert", None)) and hasattr(value, "size"):
            # A palette's numbers are no pixels.
            value = value.convert(mode or ("L" if value.mode in ("1", "L", "I;16") else "RGB"))
        elif callable(getattr(value, "detach", None)):
            value = value.detach().cpu()
        array = np.asarray(value)
    except Exception as error:  # noqa: BLE001  # whatever a stranger's object raises, it is no image
        raise BadInput(f"{what}: {type(value).__name__} gives no array ({as_text(error)})") from None
    if array.dtype.kind not in "buif":
        holds = "texts" if array.dtype.kind in "US" else f"{array.dtype}"
        raise BadInput(f"{what}: real numbers are wanted; this {type(value).__name__} holds {holds}")
    return array


def as_bytes(array: NDArray[Any], what: str, *, normalize: bool = False) -> NDArray[np.uint8]:
    """Pixels as uint8: bools, floats from 0 to 1, or anything from 0 to 255 as it is.

    Args:
        normalize: values beyond that are stretched, the smallest to 0 and the largest to 255. NaN is 0.

    Raises:
        BadInput: they are beyond that, or there are none.
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    known = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if not known.size:
        raise BadInput(f"{what}: shape {array.shape}, {array.dtype}, has no number in it")
    low, high = float(known.min()), float(known.max())
    if array.dtype.kind == "f" and low >= -1e-6 and high <= 1 + 1e-6:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif not normalize:
        raise BadInput(f"{what}: floats from 0 to 1, or values from 0 to 255; got {low:g} to {high:g}")
    wide = np.nan_to_num(array.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled: NDArray[np.uint8] = np.rint((wide.clip(low, high) - low) * (255 / (high - low or 1))).astype(np.uint8)
    return scaled


def channels_last(image: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """(H, W, C) or (H, W) out of one image, which may have its channels first.

    Raises:
        BadInput: it has other dimensions than `layout` says, or could be either.
    """
    if layout not in (None, "HWC", "CHW", "HW"):
        raise BadInput(f"Image: layout is HWC, CHW or HW, got {layout!r}")
    if image.ndim != (len(layout) if layout else image.ndim) or image.ndim not in (2, 3):
        raise BadInput(f"Image: (H, W, C), (C, H, W) or (H, W), got shape {image.shape}")
    if image.ndim == 2:
        return image
    first, last = image.shape[0] in (1, 3), image.shape[2] in (1, 3, 4)
    if layout is None and image.shape[0] == 3 and image.shape[2] in (3, 4):
        raise BadInput(f"Image: shape {image.shape} could be (H, W, C) or (C, H, W): say layout='HWC' or 'CHW'")
    return np.moveaxis(image, 0, 2) if layout == "CHW" or (layout is None and first and not last) else image


def as_frame(array: NDArray[np.uint8], what: str) -> Frame:
    """A copy in C order, (H, W, 3) or (H, W). Raises BadInput for any other shape."""
    try:
        channels = check_shape(array)[2]
    except BadFrame as error:
        raise BadInput(f"{what}: it {error}") from None
    if channels == 1:
        return array.reshape(array.shape[:2]).copy("C")
    return array[..., :3].copy("C")


def _drawn(figure: Any) -> NDArray[np.uint8]:
    """A figure's pixels, (H, W, 4). It is drawn here and now: matplotlib belongs to the thread that made it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    shown = figure.canvas
    try:
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba()).copy()
    finally:
        # The figure may be on somebody's screen.
        figure.set_canvas(shown)
