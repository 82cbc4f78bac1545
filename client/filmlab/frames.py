"""What is a frame, and how is it kept? Checked against the first of its film, then copied once, in memory order."""

import mmap
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.jsonable import as_text
from filmlab.spares import keep
from filmlab.wire.chunks import SIDE_MAX_PX

Frame: TypeAlias = NDArray[np.uint8]

MOMENTS_MAX = 10_000
"""Of one episode or clip; a longer one is cut there."""

_U8 = np.dtype(np.uint8)
# From 3.14 on the interpreter does not count each reference that lies on its stack.
_COUNTABLE = sys.implementation.name == "cpython" and sys.version_info < (3, 14)
# An array: the caller's variable, this function's, and the argument of `getrefcount`. A base: the array, likewise.
_ALONE = 3


class BadFrame(BadInput):
    """A frame that this film cannot take."""


@dataclass(slots=True)
class Snapshot:
    """A frame as it was: (H, W, 3), (H, W, 1) or (H, W)."""

    data: bytes | mmap.mmap | Frame
    """In memory order; an array is in C order."""
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    """The frame's axes in the order in which they lie in `data`; empty for C order."""

    @property
    def nbytes(self) -> int:
        return self.data.nbytes if isinstance(self.data, np.ndarray) else len(self.data)


class Shutter:
    """Takes the frames of one film: all are of the first one's shape and uint8. Belongs to one thread."""

    __slots__ = ("_alpha", "_axes", "_given", "_strides", "channels", "height", "width")

    def __init__(self) -> None:
        self._given: tuple[int, ...] = ()
        self._alpha = False
        self._strides: tuple[int, ...] = ()
        self._axes: tuple[int, ...] = ()
        self.height = self.width = self.channels = 0

    def take(self, frame: Any, *, keep_it: bool = False) -> Snapshot:
        """A copy of a frame: the environment may draw on its array again.

        Args:
            keep_it: the frame itself will do: nobody else names it (see `is_unshared`).

        Raises:
            BadFrame: it is no frame, or differs from the first in shape.
        """
        if type(frame) is not np.ndarray:
            frame = _as_array(frame)
        if frame.shape != self._given or frame.dtype != _U8:
            self.adopt(frame)
        if self._alpha:
            frame = frame[..., :3]
        if frame.flags.c_contiguous and keep_it:
            return Snapshot(frame, frame.shape)
        if frame.flags.c_contiguous:
            # Not `copy`: this one keeps the interpreter's lock, so that the sender cannot hold it when it is done.
            return Snapshot(keep(frame), frame.shape)
        return self._take_strided(frame, keep_it=keep_it)

    def _take_strided(self, frame: Frame, *, keep_it: bool) -> Snapshot:
        """A frame that is not in C order stays as it lies; the sender reorders many in one step."""
        if frame.strides != self._strides:
            self._strides, self._axes = frame.strides, memory_axes(frame)
        turned = frame.transpose(self._axes)
        if turned.flags.c_contiguous:
            return Snapshot(turned if keep_it else keep(turned), frame.shape, self._axes)
        # Parts of a larger picture, or upside down: numpy is quick at these only as an array.
        return Snapshot(frame.copy("C"), frame.shape)

    def adopt(self, frame: NDArray[Any]) -> None:
        """Take the shape of the first frame. Raises BadFrame for any other: it comes here only if it differs."""
        if self._given and frame.dtype == _U8:
            raise BadFrame(f"has shape {frame.shape}; episode began with {self._given}")
        if self._given:
            raise BadFrame(f"has dtype {frame.dtype}; episode began with uint8")
        self.height, self.width, self.channels = check_shape(frame)
        self._given, self._alpha = frame.shape, frame.ndim == 3 and frame.shape[2] == 4


def is_unshared(frame: Any) -> bool:
    """Whether one variable of the caller's is all that names this array and the memory that it shows.

    A renderer that makes a new array each time and keeps none gives such a one: nobody will draw on it any more. To be
    called with that variable itself. False where this cannot be known.
    """
    if not _COUNTABLE or type(frame) is not np.ndarray or sys.getrefcount(frame) > _ALONE:
        return False
    base = frame.base
    if base is None:
        return frame.flags.owndata
    return type(base) is np.ndarray and base.flags.owndata and sys.getrefcount(base) <= _ALONE


def memory_axes(frame: Frame) -> tuple[int, ...]:
    """The axes of a frame in the order in which they lie in memory, the widest stride first."""
    return tuple(sorted(range(frame.ndim), key=lambda axis: -abs(frame.strides[axis])))


def in_c_order(frames: Iterable[Snapshot]) -> list[bytes | Frame]:
    """The pixels of these frames, each in C order. Neighbours that lie alike are reordered in one step.

    Beside a trainer in pure Python each step of numpy that lets go of the interpreter's lock waits some 5 ms for it.
    """
    out: list[Any] = []
    for (shape, axes), group in groupby(frames, key=lambda frame: (frame.shape, frame.axes)):
        members: list[Any] = [frame.data for frame in group]
        if axes:
            block = np.frombuffer(b"".join(members), np.uint8)
            block = block.reshape(len(members), *(shape[axis] for axis in axes))
            out += list(np.ascontiguousarray(block.transpose(0, *(1 + np.argsort(axes)))))
        else:
            out += members
    return out


def check_shape(frame: NDArray[Any]) -> tuple[int, int, int]:
    """(height, width, channels) as a film has them: 3 for RGB and RGBA, 1 for grey.

    Raises:
        BadFrame: it is not uint8 of (H, W, 3), (H, W, 4), (H, W, 1) or (H, W), sides 1 to 8192.
    """
    if frame.dtype != _U8:
        raise BadFrame(f"has dtype {frame.dtype}; a frame is uint8")
    channels = frame.shape[2] if frame.ndim == 3 else 1
    if frame.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise BadFrame(f"has shape {frame.shape}; a frame is (H, W, 3) RGB or (H, W) grey")
    height, width = frame.shape[:2]
    if not (1 <= height <= SIDE_MAX_PX and 1 <= width <= SIDE_MAX_PX):
        raise BadFrame(f"has shape {frame.shape}; its sides are 1 to {SIDE_MAX_PX}")
    return height, width, 1 if channels == 1 else 3


def _as_array(frame: Any) -> NDArray[Any]:
    """An array out of what is none (a torch tensor, a PIL image): this may copy and, from a GPU, wait."""
    if isinstance(frame, list | tuple | str | bytes) or frame is None:
        raise BadFrame(f"is a {type(frame).__name__}; a frame is an array")
    try:
        array = np.asarray(frame)
    except Exception as error:  # noqa: BLE001  # whatever a foreign __array__ raises, it is no frame
        raise BadFrame(f"is a {type(frame).__name__} that gives no array ({as_text(error)})") from None
    if array.dtype.hasobject:
        raise BadFrame(f"is a {type(frame).__name__}; a frame is an array")
    return array
