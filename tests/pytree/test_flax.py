"""filmlab.pytree against bytes that a real flax wrote (golden.txt, by make_golden.py)."""

import hashlib
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filmlab import pytree
from filmlab.pytree.dtypes import BadTree
from pytree import cases

LINES = (Path(__file__).parent / "golden.txt").read_text("utf-8").splitlines()
GOLDEN = dict(line.split(" = ") for line in LINES if not line.startswith("#"))
# Its unused bytes are whatever lay there before.
PADDED = "array g"


def golden(name: str) -> bytes:
    return bytes.fromhex(GOLDEN[name])


def limit(name: str) -> int:
    return cases.PIECES_BYTES if name.startswith("pieces:") else pytree.MAX_CHUNK_BYTES


def ml_dtypes() -> Any:
    """The library; it is no dependency of filmlab, but of its tests, so that it is never missing in CI."""
    if os.environ.get("CI") == "true":
        return importlib.import_module("ml_dtypes")
    return pytest.importorskip("ml_dtypes")


def state_of(tree: Any) -> Any:
    """What flax's `to_state_dict` makes of a tree: dicts all the way down."""
    if isinstance(tree, dict):
        return {str(key): state_of(value) for key, value in tree.items()}
    if hasattr(tree, "_fields"):
        return {name: state_of(getattr(tree, name)) for name in tree._fields}
    if isinstance(tree, list | tuple):
        return {str(index): state_of(value) for index, value in enumerate(tree)}
    return tree


def same(found: Any, wanted: Any) -> bool:
    """Equal in value, type, shape and dtype, byte order aside; keys in the same order."""
    if isinstance(wanted, dict):
        pairs = zip(found.items(), wanted.items(), strict=True)
        return all(ours == theirs and same(one, other) for (ours, one), (theirs, other) in pairs)
    if isinstance(wanted, np.ndarray | np.generic):
        like = type(found) is type(wanted) and found.dtype == wanted.dtype.newbyteorder("=")
        return like and found.shape == wanted.shape and bool(np.all(found == wanted))
    return type(found) is type(wanted) and found == wanted


@pytest.mark.parametrize("name", [*cases.plain(), *cases.unreadable()])
def test_the_same_bytes_as_flax(name: str) -> None:
    """A tree is written byte for byte as flax writes it."""
    written = pytree.to_bytes((cases.plain() | cases.unreadable())[name], max_chunk_bytes=limit(name))
    if GOLDEN[name].startswith("sha256 "):
        assert hashlib.sha256(written).hexdigest() == GOLDEN[name].removeprefix("sha256 ")
    elif name == PADDED:
        assert same(pytree.from_bytes(written), pytree.from_bytes(golden(name)))
    else:
        assert written.hex() == GOLDEN[name]


@pytest.mark.parametrize("name", [name for name in cases.plain() if not GOLDEN[name].startswith("sha256 ")])
def test_what_flax_wrote_is_read(name: str) -> None:
    """What flax wrote comes back as the state dict of the tree that it was given."""
    assert same(pytree.from_bytes(golden(name)), state_of(cases.plain()[name]))


@pytest.mark.parametrize("name", cases.unreadable())
def test_what_flax_cannot_read_back_is_read_here(name: str) -> None:
    """Texts and raw bytes in arrays come back, though flax itself fails on its own bytes."""
    assert same(pytree.from_bytes(golden(name)), cases.unreadable()[name])


@pytest.mark.parametrize("name", cases.swapped())
def test_big_endian_arrays_keep_their_numbers(name: str) -> None:
    """An array of the other byte order is written as flax writes the same numbers in this machine's."""
    written = pytree.to_bytes(cases.swapped()[name])
    assert same(pytree.from_bytes(written), pytree.from_bytes(golden(name)))
    assert name == PADDED or written == golden(name)


def test_dataclasses_are_written_as_flax_writes_its_own() -> None:
    """A train state is a dict of its fields, but for those that are no part of the state."""
    state = cases.Train(3, {"w": cases.numbers("f4")}, apply=print)
    assert pytree.to_bytes(state) == golden("struct")


@pytest.mark.parametrize("name", cases.EXTENDED)
def test_dtypes_of_ml_dtypes(name: str) -> None:
    """bfloat16 and its kin are written and read, where the library is installed."""
    array = cases.numbers("f4").astype(getattr(ml_dtypes(), name))
    assert pytree.to_bytes({"w": array}) == golden(f"array {name}")
    assert same(pytree.from_bytes(golden(f"array {name}")), {"w": array})


def test_extended_scalars_and_pieces() -> None:
    """A bfloat16 scalar, and a bfloat16 array in pieces, are flax's to the byte."""
    bfloat16 = ml_dtypes().bfloat16
    assert pytree.to_bytes({"x": bfloat16(1.5)}) == golden("scalar bfloat16")
    tree = {"w": np.arange(9).astype(bfloat16)}
    assert pytree.to_bytes(tree, max_chunk_bytes=cases.PIECES_BYTES) == golden("pieces:bfloat16")
    assert same(pytree.from_bytes(golden("pieces:bfloat16")), tree)


def test_bfloat16_without_its_library_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ml_dtypes the error names the array, the dtype and what to install."""
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(BadTree, match=r"^w: an array of bfloat16 needs the package ml_dtypes: pip install ml_dtypes$"):
        pytree.from_bytes(golden("array bfloat16"))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("array f4", torch.float32), ("array i8", torch.int64), ("array ?", torch.bool), ("array c8", torch.complex64),
        ("array bfloat16", torch.bfloat16), ("array float8_e4m3fn", torch.float8_e4m3fn),
        ("array float8_e5m2", torch.float8_e5m2),
    ],
)  # fmt: skip
def test_torch_tensors_are_arrays(name: str, dtype: torch.dtype) -> None:
    """A tensor is written as the array of its numbers: with a gradient, transposed, or of a dtype that numpy lacks."""
    kind = name.removeprefix("array ")
    values = cases.numbers(kind if kind in cases.NUMPY else "f4")
    tensor = torch.tensor(values).to(dtype).T.contiguous().T
    if dtype is torch.float32:
        tensor.requires_grad_()
    written = pytree.to_bytes({"w": tensor} if kind in cases.EXTENDED else tensor)
    assert written == golden(name)


def test_conjugated_tensors_are_resolved() -> None:
    """torch keeps a conjugate as a flag: what is written are the numbers that it stands for."""
    tensor = torch.tensor([1 + 2j]).conj()
    assert same(pytree.from_bytes(pytree.to_bytes(tensor)), np.array([1 - 2j], np.complex64))


class Foreign:
    """An array of a library that nobody has imported, as JAX's is."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._array


def test_whatever_gives_an_array_is_one() -> None:
    """JAX's arrays are asked for theirs by `__array__`, without an import: the bytes are those of real ones."""
    tree = {"w": Foreign(np.arange(6, dtype=np.int32).reshape(2, 3)), "x": Foreign(np.array(1.5, np.float32))}
    assert pytree.to_bytes(tree) == golden("jax")
    assert "jax" not in sys.modules and "ml_dtypes" not in pytree.__dict__
