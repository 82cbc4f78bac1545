"""How is a tree read? Straight from a file, each length held against what is left of it before anything is allocated.

Arrays are read into place: beside the tree itself nothing large is ever in memory. Nothing that is read is ever run.
"""

import io
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filmlab.pytree.dtypes import DEPTH_MAX, DIMENSIONS_MAX, ITEMS_MAX, NODES_MAX, BadTree, dtype_of
from filmlab.pytree.write import CHUNKED, EXT_ARRAY, EXT_COMPLEX, EXT_SCALAR

_NAME_MAX_BYTES = 64
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i",
    0xD3: ">q",
}  # fmt: skip
_LENGTHS = {
    0xC4: ("bin", ">B"), 0xC5: ("bin", ">H"), 0xC6: ("bin", ">I"),
    0xC7: ("ext", ">B"), 0xC8: ("ext", ">H"), 0xC9: ("ext", ">I"),
    0xD9: ("str", ">B"), 0xDA: ("str", ">H"), 0xDB: ("str", ">I"),
    0xDC: ("array", ">H"), 0xDD: ("array", ">I"), 0xDE: ("map", ">H"), 0xDF: ("map", ">I"),
}  # fmt: skip
_FIXEXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

_Container: TypeAlias = "dict[Any, Any] | list[Any]"


def from_bytes(data: bytes) -> Any:
    """The tree in these bytes. Raises BadTree, as `read` does."""
    return read(io.BytesIO(data), len(data))


def read(file: BinaryIO, size_bytes: int) -> Any:
    """The tree in the next `size_bytes` of a file: dicts (lists where the file has lists), numbers, texts, arrays.

    Arrays are writable and of this machine's byte order. Takes about `size_bytes` of memory, whatever the file says.

    Raises:
        BadTree: it holds none, is damaged, beyond the limits, or has an array whose library is not installed.
        OSError: the file cannot be read.
    """
    reader = _Reader(file, size_bytes)
    tree = reader.tree()
    if reader.left_bytes:
        raise BadTree("", f"{reader.left_bytes} bytes behind the end")
    return tree


@dataclass(slots=True)
class _Open:
    """A container that is being filled; `key` is the next one's, in a map."""

    container: _Container
    left: int
    key: Any = None


class _Reader:
    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self.left_bytes = size_bytes
        self._file = file
        self._stack: list[_Open] = []
        self._nodes = 0

    def tree(self) -> Any:
        """One value, with all that is in it. Without recursion: a file cannot exhaust the interpreter's stack."""
        try:
            while True:
                value = self._next()
                while not isinstance(value, _Open):
                    if not self._stack:
                        return value
                    top = self._stack[-1]
                    self._put(top, value)
                    if top.left:
                        break
                    value = self._close()
                if isinstance(value, _Open):
                    self._stack.append(value)
        except BadTree:
            raise
        except (ValueError, OverflowError, struct.error) as error:
            raise BadTree(self._path(), str(error)) from None

    def _next(self) -> Any:
        """The next value, or the container that begins."""
        if self._stack and isinstance(self._stack[-1].container, dict):
            self._stack[-1].key = self._key(self._stack[-1].container)
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise ValueError(f"over {NODES_MAX} containers and leaves")
        kind, value = self._head()
        if kind == "value":
            return value
        if kind in ("map", "array"):
            return self._begin(kind, value)
        if kind == "str":
            return str(self._take(value), "utf-8")
        if kind == "bin":
            return self._take(value)
        return self._extension(value)

    def _begin(self, kind: str, count: int) -> Any:
        # Each item takes a byte at least.
        if count > ITEMS_MAX or count > self.left_bytes:
            raise ValueError(f"a container of {count} items; at most {ITEMS_MAX}, and no more than there are bytes")
        if len(self._stack) >= DEPTH_MAX:
            raise ValueError(f"nests deeper than {DEPTH_MAX}")
        container: _Container = {} if kind == "map" else []
        return _Open(container, count) if count else container

    def _key(self, container: dict[Any, Any]) -> Any:
        kind, value = self._head()
        if kind == "str":
            value = str(self._take(value), "utf-8")
        elif kind != "value" or type(value) is not int:
            raise ValueError("a key that is no text and no whole number")
        if value in container:
            raise ValueError(f"the key {str(value)[:60]!r} comes twice")
        if container and type(next(iter(container))) is not type(value):
            raise ValueError("keys of which some are texts and some are numbers")
        return value

    def _put(self, top: _Open, value: Any) -> None:
        if isinstance(top.container, dict):
            top.container[top.key] = value
        else:
            top.container.append(value)
        top.left -= 1

    def _close(self) -> Any:
        """The container that is full by now."""
        container = self._stack[-1].container
        if isinstance(container, dict) and CHUNKED in container:
            whole = _join(container)
            self._stack.pop()
            return whole
        self._stack.pop()
        return container

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _take(self, size_bytes: int) -> bytes:
        if size_bytes > self.left_bytes:
            raise ValueError(f"{size_bytes} bytes are announced and {self.left_bytes} are left")
        data = self._file.read(size_bytes)
        if len(data) != size_bytes:
            raise ValueError("the file is shorter than it was")
        self.left_bytes -= size_bytes
        return data

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _head(self) -> tuple[str, Any]:
        """("value", it) for what is whole with its head; else the kind, and how long it is."""
        first = self._take(1)[0]
        if first < 0x80:
            return "value", first
        if first >= 0xE0:
            return "value", first - 256
        if first in _CONSTANTS:
            return "value", _CONSTANTS[first]
        if first in _NUMBERS:
            return "value", self._number(_NUMBERS[first])
        if first < 0xC0:
            kind, mask = (("map", 15), ("array", 15), ("str", 31), ("str", 31))[(first - 0x80) >> 4]
            return kind, first & mask
        if first in _LENGTHS:
            kind, form = _LENGTHS[first]
            return kind, self._number(form)
        if first in _FIXEXT:
            return "ext", _FIXEXT[first]
        raise ValueError("a byte that msgpack does not have")

    def _extension(self, size_bytes: int) -> Any:
        code = self._number(">b")
        if size_bytes > self.left_bytes:
            raise ValueError(f"{size_bytes} bytes are announced and {self.left_bytes} are left")
        end_bytes = self.left_bytes - size_bytes
        if code == EXT_COMPLEX:
            value: Any = complex(*self._items(2, lambda: self._value_of(int, float)))
        elif code in (EXT_ARRAY, EXT_SCALAR):
            value = self._array(end_bytes)
            value = value[()] if code == EXT_SCALAR else value
        else:
            raise ValueError(f"unknown extension {code}")
        if self.left_bytes != end_bytes:
            raise ValueError("an extension of another length than it says")
        return value

    def _array(self, end_bytes: int) -> NDArray[Any]:
        kind, count = self._head()
        if (kind, count) != ("array", 3):
            raise ValueError("an array is [shape, dtype, bytes]")
        shape = tuple(self._items(None, lambda: self._value_of(int)))
        kind, length = self._head()
        if kind not in ("str", "bin") or length > _NAME_MAX_BYTES:
            raise ValueError("an array's dtype is a short name")
        dtype = dtype_of(str(self._take(length), "ascii"))
        kind, length = self._head()
        # In Python's own numbers, which do not overflow.
        size_bytes = math.prod(shape) * dtype.itemsize
        if kind not in ("str", "bin") or length != size_bytes or self.left_bytes - length != end_bytes:
            raise ValueError(f"an array of shape {shape} and {dtype.name} has {size_bytes} bytes, not {length}")
        array = np.empty(shape, dtype)
        if size_bytes:
            view = array.reshape(-1).view(np.uint8).data
            if self._file.readinto(view) != size_bytes:  # type: ignore[attr-defined]  # binary files have it
                raise ValueError("the file is shorter than it was")
            self.left_bytes -= size_bytes
        return array

    def _items(self, wanted: int | None, item: Callable[[], Any]) -> list[Any]:
        kind, count = self._head()
        if kind != "array" or count > DIMENSIONS_MAX or (wanted is not None and count != wanted):
            raise ValueError("a short list was expected")
        return [item() for _ in range(count)]

    def _value_of(self, *types: type) -> Any:
        kind, value = self._head()
        if kind != "value" or type(value) not in types or (types == (int,) and value < 0):
            raise ValueError("a number was expected")
        return value

    def _path(self) -> str:
        names = [str(top.key if isinstance(top.container, dict) else len(top.container)) for top in self._stack]
        return "/".join(names)[:300] or "."


def _join(chunked: dict[Any, Any]) -> NDArray[Any]:
    """A large array out of its pieces, each of which is let go as soon as it is copied.

    Raises:
        ValueError: they do not make one.
    """
    shape, parts = chunked.get("shape"), chunked.get("chunks")
    if set(chunked) != {CHUNKED, "shape", "chunks"} or not isinstance(shape, dict) or not isinstance(parts, dict):
        raise ValueError("an array in pieces that lacks some")
    sides: list[Any] = [shape.get(str(axis)) for axis in range(len(shape))]
    arrays: list[Any] = [parts.get(str(index)) for index in range(len(parts))]
    if not all(type(side) is int and side >= 0 for side in sides) or len(sides) > DIMENSIONS_MAX:
        raise ValueError("an array in pieces without a shape")
    if not arrays or not all(isinstance(item, np.ndarray) and item.ndim == 1 for item in arrays):
        raise ValueError("an array in pieces that are no flat arrays")
    dtype, size = arrays[0].dtype, sum(item.size for item in arrays)
    if any(item.dtype != dtype for item in arrays) or size != math.prod(sides):
        raise ValueError(f"an array in pieces that do not make the shape {tuple(sides)}")
    whole = np.empty(size, dtype)
    parts.clear()
    arrays.reverse()
    at = 0
    while arrays:
        item = arrays.pop()
        whole[at : at + item.size] = item
        at += item.size
    return whole.reshape(sides)
