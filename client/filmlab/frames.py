"""What is a frame, and how is it kept? Checked against the first of its film, then copied once, in memory order."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.wire.chunks import SIDE_MAX_PX

Frame: TypeAlias = NDArray[np.uint8]

SLAB_FRAMES = 16

_U8 = np.dtype(np.uint8)


class BadFrame(BadInput):
    """A frame that this film cannot take."""


class Shutter:
    """Takes the frames of one film: all are of the first one's shape and uint8. Belongs to one thread."""

    __slots__ = ("_alpha", "_axes", "_given", "_slab", "_strides", "_used", "channels", "height", "width")

    def __init__(self) -> None:
        self._given: tuple[int, ...] = ()
        self._alpha = False
        self.height = self.width = self.channels = 0
        self._strides: tuple[int, ...] = ()
        self._axes: tuple[int, ...] = ()
        self._slab: Frame | None = None
        self._used = 0

    def take(self, frame: Any) -> Frame:
        """A copy of a frame, (H, W, 3) or (H, W), in the memory order of the original: the environment may draw on.

        Raises:
            BadFrame: it is no such frame, or differs from the first in shape.
        """
        if type(frame) is not np.ndarray:
            frame = _as_array(frame)
        if frame.shape != self._given or frame.dtype != _U8:
            self.adopt(frame)
        if self._alpha:
            frame = frame[..., :3]
        if frame.flags.c_contiguous:
            return frame.copy()  # type: ignore[no-any-return]  # a uint8 array by the checks above
        return self._take_strided(frame)

    def adopt(self, frame: NDArray[Any]) -> None:
        """Take the shape of the first frame. Raises BadFrame for any other: it comes here only if it differs."""
        if self._given and frame.dtype == _U8:
            raise BadFrame(f"has shape {frame.shape}; episode began with {self._given}")
        if self._given:
            raise BadFrame(f"has dtype {frame.dtype}; episode began with uint8")
        self.height, self.width, self.channels = check_shape(frame)
        self._given, self._alpha = frame.shape, frame.ndim == 3 and frame.shape[2] == 4

    def _take_strided(self, frame: Frame) -> Frame:
        """A frame that is not in C order. Several share a slab, so that the sender reorders them in one step."""
        if frame.strides != self._strides:
            self._strides, self._axes, self._slab = frame.strides, memory_axes(frame), None
        if self._axes == tuple(range(frame.ndim)):
            return frame.copy("C")
        slab = self._slab
        if slab is None or self._used == len(slab):
            slab = self._slab = np.empty((SLAB_FRAMES, *(frame.shape[axis] for axis in self._axes)), np.uint8)
            self._used = 0
        slot = slab[self._used]
        self._used += 1
        slot[...] = frame.transpose(self._axes)
        taken: Frame = slot.transpose(np.argsort(self._axes))
        return taken


def memory_axes(frame: Frame) -> tuple[int, ...]:
    """The axes of a frame in the order in which they lie in memory, the widest stride first."""
    return tuple(sorted(range(frame.ndim), key=lambda axis: -abs(frame.strides[axis])))


def in_c_order(frames: Sequence[Frame]) -> list[Frame]:
    """The same frames, each contiguous. Those that follow each other in one slab are reordered in one step.

    Beside a trainer in pure Python each step of numpy that lets go of the interpreter's lock waits some 5 ms for it.
    """
    out: list[Frame] = []
    for _, group in groupby(frames, key=lambda frame: (id(frame.base), frame.strides)):
        members = list(group)
        block = _block(members)
        if block is None:
            out += [np.ascontiguousarray(frame) for frame in members]
        else:
            out += list(np.ascontiguousarray(block))
    return out


def _block(frames: list[Frame]) -> Frame | None:
    """Frames of one slab as one array (n, H, W, ...), or None where they do not lie there one behind the other."""
    first, slab = frames[0], frames[0].base
    if first.flags.c_contiguous or not isinstance(slab, np.ndarray) or slab.ndim != first.ndim + 1:
        return None
    at = (_address(first) - _address(slab)) // first.nbytes
    if _address(frames[-1]) != _address(first) + (len(frames) - 1) * first.nbytes:
        return None
    axes = np.argsort(memory_axes(first))
    block: Frame = slab[at : at + len(frames)].transpose(0, *(1 + axes))
    return block


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


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
        raise BadFrame(f"is a {type(frame).__name__} that gives no array ({error})") from None
    if array.dtype.hasobject:
        raise BadFrame(f"is a {type(frame).__name__}; a frame is an array")
    return array
