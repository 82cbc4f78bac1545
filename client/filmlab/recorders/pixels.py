"""How does whatever a program calls a frame become one? A snapshot at the call, uint8 RGB in the sender's thread.

Images of Pillow are known by what they can do; Pillow itself is never imported here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.frames import BadFrame, Frame, Shutter, Snapshot
from filmlab.jsonable import as_text
from filmlab.wire.chunks import SIDE_MAX_PX

_U8 = np.dtype(np.uint8)


class Still:
    """A frame as it was given, copied: an array of any dtype, or an image."""

    __slots__ = ("nbytes", "taken")

    def __init__(self, taken: Any, nbytes: int) -> None:
        self.taken = taken
        self.nbytes = nbytes


def snapshot(frame: Any) -> Snapshot | Still:
    """One copy of a frame, and nothing else: the program may draw on.

    Raises:
        BadFrame: it gives no array.
    """
    if type(frame) is not np.ndarray:
        if _is_image(frame):
            return Still(frame.copy(), 4 * frame.size[0] * frame.size[1])
        frame = _array(frame)
    if frame.dtype == _U8 and frame.ndim == 3 and frame.shape[2] == 3 and frame.flags.c_contiguous:
        # As `frames.Shutter` does: a copy that keeps the interpreter's lock.
        return Snapshot(frame.tobytes(), frame.shape)
    if max(frame.shape[:2], default=0) > SIDE_MAX_PX:
        # Before it is copied: it may be larger than all memory.
        raise BadFrame(f"has shape {frame.shape}; its sides are 1 to {SIDE_MAX_PX}")
    if frame.dtype.hasobject:
        raise BadFrame(f"has dtype {frame.dtype}; a frame is an array of numbers, or an image")
    return Still(frame.copy("K"), frame.nbytes)


class Darkroom:
    """Makes the frames of one film out of snapshots; all are of the first one's size. Belongs to the sender's thread.

    Args:
        shutter: told the size that the film has.
    """

    def __init__(self, shutter: Shutter) -> None:
        self._shutter = shutter
        self._size: tuple[int, ...] = ()

    def develop(self, taken: Snapshot | Still) -> Snapshot:
        """The frame, (H, W, 3).

        Raises:
            BadFrame: it has another shape than a frame, or another size than the first.
        """
        if isinstance(taken, Still):
            array = to_rgb(taken.taken)
            taken = Snapshot(array, array.shape)
        if not self._size:
            self._shutter.adopt(np.broadcast_to(np.uint8(0), taken.shape))
            self._size = taken.shape
        if taken.shape != self._size:
            raise BadFrame(f"has size {_size(taken.shape)}; the film began with {_size(self._size)}")
        return taken


def to_rgb(frame: Any) -> Frame:
    """uint8 (H, W, 3) in C order.

    Args:
        frame: (H, W) or (H, W, 1), grey; (H, W, 3); (H, W, 4), whose alpha is dropped; of any dtype: clipped to 0…255
            and truncated, NaN as 0. Or an image of Pillow, of any mode.

    Raises:
        BadFrame: it is none of these.
    """
    array = _array(_converted(frame) if _is_image(frame) else frame)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise BadFrame(f"has shape {array.shape}; a frame is (H, W), (H, W, 3) or (H, W, 4)")
    array = _bytes_of(array[..., :3] if array.ndim == 3 else array)
    if array.ndim == 2:
        array = np.broadcast_to(array[..., None], (*array.shape, 3))
    return np.ascontiguousarray(array)


def _bytes_of(array: NDArray[Any]) -> Frame:
    if array.dtype == _U8:
        return array
    kind = array.dtype.kind
    if kind == "f":
        finite: NDArray[Any] = np.nan_to_num(array, nan=0.0, posinf=255.0, neginf=0.0)
        return finite.clip(0, 255).astype(np.uint8)
    if kind == "b":
        return array.astype(np.uint8)
    if kind in "iu":
        # 255 is no int8: its values are only cut below.
        cut: NDArray[Any] = array.clip(0) if array.dtype.itemsize == 1 else array.clip(0, 255)
        return cut.astype(np.uint8)
    raise BadFrame(f"has dtype {array.dtype}; a frame is an array of numbers, or an image")


def _is_image(frame: Any) -> bool:
    return hasattr(frame, "mode") and hasattr(frame, "convert") and hasattr(frame, "__array_interface__")


def _converted(image: Any) -> Any:
    try:
        return image.convert("RGB")
    except Exception as error:  # noqa: BLE001  # what has a picture's names need not be one
        raise BadFrame(f"is a {type(image).__name__} that cannot be converted ({as_text(error)})") from None


def _array(frame: Any) -> NDArray[Any]:
    try:
        return np.asarray(frame)
    except Exception as error:  # noqa: BLE001  # whatever a foreign __array__ raises, it is no frame
        raise BadFrame(f"is a {type(frame).__name__} that gives no array ({as_text(error)})") from None


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
