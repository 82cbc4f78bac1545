"""How is a tree written? As flax does it: the same bytes, given piece by piece, so that nothing is in memory twice.

Formats: msgpack (github.com/msgpack/msgpack/blob/master/spec.md), and flax's use of it: extension 1 is an array,
3 a numpy scalar, both [shape, dtype's name, bytes]; 2 is a complex number, [real, imaginary]; an array over 1 GiB is a
dict of flat pieces; lists and tuples are dicts by index, named tuples and dataclasses dicts by field.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import msgpack
import numpy as np

from filmlab.pytree.dtypes import DEPTH_MAX, DIMENSIONS_MAX, ITEMS_MAX, NODES_MAX, BadTree
from filmlab.pytree.leaves import Leaf, as_leaf, data_of, is_array

MAX_CHUNK_BYTES = 2**30
"""flax's MAX_CHUNK_SIZE: larger arrays are written in pieces of this."""
CHUNKED = "__msgpack_chunked_array__"
EXT_ARRAY, EXT_COMPLEX, EXT_SCALAR = 1, 2, 3
_FIXEXT = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
_BATCH_BYTES = 64 * 1024
_PATH_MAX_CHARS = 300

Piece: TypeAlias = bytes | memoryview


def to_bytes(tree: Any, *, max_chunk_bytes: int = MAX_CHUNK_BYTES) -> bytes:
    """The whole tree as bytes. Raises BadTree, as `pieces` does."""
    return b"".join(pieces(tree, max_chunk_bytes=max_chunk_bytes))


def pieces(tree: Any, *, max_chunk_bytes: int = MAX_CHUNK_BYTES) -> Iterator[Piece]:
    """The bytes of a tree, in order. Each piece is good until the next is asked for.

    Args:
        tree: nested dicts, lists, tuples, named tuples and dataclasses of None, bools, numbers, strings, bytes, numpy
            arrays and scalars, and whatever gives an array by `__array__`. Nothing in it is changed.
        max_chunk_bytes: arrays over this are written in pieces.

    Raises:
        BadTree: something in it cannot be written; names the leaf.
    """
    return _Writer(max_chunk_bytes).write(tree)


def children_of(value: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, by name; None where it is none.

    Raises:
        ValueError: two of its keys have the same name.
    """
    if isinstance(value, Leaf):
        return None
    if isinstance(value, Mapping):
        found = [(str(key), item) for key, item in value.items()]
        if len({name for name, _ in found}) != len(found):
            raise ValueError("two of its keys are the same as text")
        return found
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(name, getattr(value, name)) for name in value._fields]
    if isinstance(value, list | tuple):
        return [(str(index), item) for index, item in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type) and not is_array(value):
        # flax.struct marks the fields that are no part of the state (functions, mostly).
        return [(item.name, getattr(value, item.name)) for item in fields(value) if item.metadata.get("pytree_node", 1)]
    return None


def check_leaf(value: Any) -> None:
    """Raise unless a leaf that is neither an array nor bytes can be written; TypeError, ValueError, OverflowError."""
    msgpack.packb(_plain(value))


def copy_tree(tree: Any, leaf: Callable[[Any], Any]) -> Any:
    """The same tree of dicts, with what `leaf` makes of every value that is no container.

    Raises:
        BadTree: as `pieces`, for containers; whatever `leaf` raises, with the path of the leaf.
    """
    root: dict[str, Any] = {}
    stack: list[tuple[str, Iterator[tuple[str, Any]], dict[str, Any]]] = [("", iter([("", tree)]), root)]
    nodes = 0
    while stack:
        _, remaining, made = stack[-1]
        found = next(remaining, None)
        if found is None:
            stack.pop()
            continue
        name, value = found
        nodes += 1
        with _Where(stack, name):
            _check_size(nodes, len(stack))
            children = children_of(value)
            if children is None:
                made[name] = leaf(value)
                continue
            _check_items(children)
            made[name] = {}
            stack.append((name, iter(children), made[name]))
    return root[""]


class _Where:
    """Gives whatever is raised within the path of the leaf that it is about."""

    def __init__(self, stack: list[Any], name: str) -> None:
        self._stack, self._name = stack, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        # A leaf's own library may raise anything: an array on a lost device, one that was given away.
        if isinstance(error, Exception) and not isinstance(error, BadTree):
            names = [entry[0] for entry in self._stack] + [self._name]
            path = "/".join(name for name in names if name)[:_PATH_MAX_CHARS] or "."
            detail = str(error) or type(error).__name__
            raise BadTree(path.encode("utf-8", "replace").decode(), " ".join(detail.split())[:500]) from error


class _Writer:
    def __init__(self, max_chunk_bytes: int) -> None:
        self._max_chunk_bytes = max_chunk_bytes
        self._batch = bytearray()
        self._packer = msgpack.Packer(autoreset=True)

    def write(self, tree: Any) -> Iterator[Piece]:
        stack: list[tuple[str, Iterator[tuple[str, Any]]]] = [("", iter([("", tree)]))]
        nodes = 0
        while stack:
            found = next(stack[-1][1], None)
            if found is None:
                stack.pop()
                continue
            name, value = found
            nodes += 1
            with _Where(stack, name):
                _check_size(nodes, len(stack))
                if len(stack) > 1:
                    self._batch += self._packer.pack(name)
                children = children_of(value)
                if children is None:
                    yield from self._leaf(value)
                else:
                    _check_items(children)
                    self._batch += self._packer.pack_map_header(len(children))
                    stack.append((name, iter(children)))
            if len(self._batch) >= _BATCH_BYTES:
                yield self._take()
        if self._batch:
            yield self._take()

    def _take(self) -> bytes:
        batch = bytes(self._batch)
        self._batch.clear()
        return batch

    def _leaf(self, value: Any) -> Iterator[Piece]:
        if isinstance(value, np.generic):
            yield from self._array(EXT_SCALAR, as_leaf(np.asarray(value)))
        elif isinstance(value, Leaf) or is_array(value):
            leaf = value if isinstance(value, Leaf) else as_leaf(value)
            if leaf.size_bytes > self._max_chunk_bytes:
                yield from self._chunked(leaf)
            else:
                yield from self._array(EXT_ARRAY, leaf)
        elif isinstance(value, bytes | bytearray | memoryview):
            data = memoryview(value).cast("B") if len(value) else memoryview(b"")
            self._batch += _bin_header(data.nbytes)
            yield self._take()
            yield data
        else:
            self._batch += self._packer.pack(_plain(value))

    def _array(self, code: int, leaf: Leaf) -> Iterator[Piece]:
        """One array, or one flat piece of one."""
        yield from self._block(code, leaf.array.shape, leaf.name, leaf.size_bytes, data_of(leaf))

    def _chunked(self, leaf: Leaf) -> Iterator[Piece]:
        array = leaf.array
        items = max(1, self._max_chunk_bytes // array.itemsize)
        counts = [min(items, array.size - begin) for begin in range(0, array.size, items)]
        shape = {str(axis): length for axis, length in enumerate(array.shape)}
        pack = self._packer.pack
        self._batch += self._packer.pack_map_header(3) + pack(CHUNKED) + pack(True) + pack("shape") + pack(shape)
        self._batch += pack("chunks") + self._packer.pack_map_header(len(counts))
        data = _Tap(data_of(leaf))
        for index, count in enumerate(counts):
            self._batch += pack(str(index))
            size_bytes = count * array.itemsize
            yield from self._block(EXT_ARRAY, (count,), leaf.name, size_bytes, data.take(size_bytes))

    def _block(
        self, code: int, shape: tuple[int, ...], name: str, size_bytes: int, data: Iterable[memoryview]
    ) -> Iterator[Piece]:
        if len(shape) > DIMENSIONS_MAX:
            raise ValueError(f"{len(shape)} dimensions; at most {DIMENSIONS_MAX}")
        inner = b"\x93" + self._packer.pack(shape) + self._packer.pack(name) + _bin_header(size_bytes)
        self._batch += _ext_header(code, len(inner) + size_bytes) + inner
        if size_bytes:
            yield self._take()
            yield from data


class _Tap:
    """Takes pieces of bytes in portions of another size."""

    def __init__(self, source: Iterator[memoryview]) -> None:
        self._source = source
        self._left = memoryview(b"")

    def take(self, size_bytes: int) -> Iterator[memoryview]:
        while size_bytes:
            if not self._left:
                self._left = next(self._source)
            piece, self._left = self._left[:size_bytes], self._left[size_bytes:]
            size_bytes -= len(piece)
            yield piece


def _plain(value: Any) -> Any:
    """A leaf that msgpack itself can say, as exactly that type."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, complex):
        return msgpack.ExtType(EXT_COMPLEX, msgpack.packb((value.real, value.imag)))
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value.value if hasattr(value, "value") else value)
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} cannot be written")


def _check_size(nodes: int, depth: int) -> None:
    if nodes > NODES_MAX:
        raise ValueError(f"over {NODES_MAX} containers and leaves")
    if depth > DEPTH_MAX:
        raise ValueError(f"nests deeper than {DEPTH_MAX}, or holds itself")


def _check_items(children: list[tuple[str, Any]]) -> None:
    if len(children) > ITEMS_MAX:
        raise ValueError(f"{len(children)} items; at most {ITEMS_MAX}")


def _bin_header(size_bytes: int) -> bytes:
    if size_bytes < 2**8:
        return struct.pack(">BB", 0xC4, size_bytes)
    if size_bytes < 2**16:
        return struct.pack(">BH", 0xC5, size_bytes)
    if size_bytes < 2**32:
        return struct.pack(">BI", 0xC6, size_bytes)
    raise ValueError(f"{size_bytes} bytes in one piece; at most 4 GiB")


def _ext_header(code: int, size_bytes: int) -> bytes:
    if size_bytes in _FIXEXT:
        return struct.pack(">BB", _FIXEXT[size_bytes], code)
    if size_bytes < 2**8:
        return struct.pack(">BBB", 0xC7, size_bytes, code)
    if size_bytes < 2**16:
        return struct.pack(">BHB", 0xC8, size_bytes, code)
    return struct.pack(">BIB", 0xC9, size_bytes, code)
