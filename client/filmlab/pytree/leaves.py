"""What is an array? numpy's, JAX's, torch's and whatever else gives one, found without importing their libraries."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.pytree.dtypes import name_of

COPY_BYTES = 4 * 1024 * 1024
"""How much of an array that does not lie as it is written is copied at a time."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array as it is written. `array` may be of another dtype of the same size, which then holds the same bits."""

    name: str
    array: NDArray[Any]
    owned: bool = False
    """It is a copy already: of what lies on a graphics card, for one."""

    @property
    def size_bytes(self) -> int:
        return self.array.size * self.array.itemsize


def is_array(value: Any) -> bool:
    """Whether a value is, or gives, an array. numpy's scalars are none."""
    return isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not isinstance(value, np.generic | type))


def as_leaf(value: Any) -> Leaf:
    """An array, without a copy where it lies in this process's memory.

    Raises:
        ValueError: its dtype cannot be written. Also whatever the library that it comes from raises.
    """
    if type(value).__module__.split(".")[0] == "torch":
        return _torch_leaf(value)
    # Naming it would load it, and that takes 40 ms of a training's time.
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray):
        raise ValueError("a masked array would lose its mask; write .data and .mask")
    array = np.asarray(value)
    return Leaf(name_of(array.dtype), array)


def data_of(leaf: Leaf) -> Iterator[memoryview]:
    """The bytes of an array in C order, little-endian; each piece is good until the next is asked for."""
    array = leaf.array
    if not array.size:
        return
    native = array.dtype.newbyteorder("<")
    if array.flags.c_contiguous and array.dtype == native:
        yield array.reshape(-1).view(np.uint8).data
        return
    pieces = np.nditer(
        [array],
        flags=["external_loop", "buffered"],
        op_flags=[["readonly"]],
        op_dtypes=[native],
        casting="equiv",
        order="C",
        buffersize=max(1, COPY_BYTES // array.itemsize),
    )
    for piece in pieces:
        yield np.ascontiguousarray(piece).view(np.uint8).data


def snapshot(value: Any) -> Leaf:
    """A copy of an array that nobody else can change or take away: one copy, and none but that."""
    leaf = as_leaf(value)
    if leaf.owned and leaf.array.flags.c_contiguous:
        return leaf
    native = leaf.array.dtype.newbyteorder("<")
    # Not `order="K"`: written later, it must lie in C order anyway.
    return Leaf(leaf.name, np.array(leaf.array, dtype=native, order="C", copy=True))


def _torch_leaf(value: Any) -> Leaf:
    tensor = value.detach()
    owned = tensor.device.type != "cpu" or tensor.is_conj() or tensor.is_neg()
    if tensor.is_conj():
        tensor = tensor.resolve_conj()
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    tensor = tensor.cpu()
    name = str(tensor.dtype).removeprefix("torch.")
    bits = _TORCH_BITS.get(name)
    if bits is None:
        array = tensor.numpy()
        return Leaf(name_of(array.dtype), array, owned)
    # numpy does not know it: the same bits as whole numbers. Its own module is loaded, since there is a tensor.
    return Leaf(name, tensor.view(getattr(_module_of(value), bits)).numpy(), owned)


_TORCH_BITS = {
    "bfloat16": "int16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8", "float8_e4m3fnuz": "uint8",
    "float8_e5m2fnuz": "uint8", "float8_e8m0fnu": "uint8",
}  # fmt: skip


def _module_of(value: Any) -> Any:
    return sys.modules[type(value).__module__.split(".")[0]]
