"""Trees that flax was asked to write, and what it gives back. numpy alone, so that the tests need neither flax nor JAX.

A name that begins with `pieces:` is written with a chunk size of 16 bytes.
"""

from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PIECES_BYTES = 16
SHOWN_BYTES = 4096
"""Longer bytes stand in golden.txt as their hash."""

Moments = namedtuple("Moments", "mu nu")


@dataclass(frozen=True)
class Train:
    """As `flax.struct.dataclass` makes one: `apply` is no part of the state."""

    step: int
    params: dict[str, Any]
    apply: Any = field(default=None, metadata={"pytree_node": False})


NUMPY = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", "M8[D]", "m8[25s]")
EXTENDED = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4")
"""Written by way of ml_dtypes."""


def numbers(dtype: Any) -> np.ndarray:
    """Six values of a dtype, (2, 3)."""
    return (
        np.array([0, 1, 0, 1, 1, 0] if np.dtype(dtype).kind == "b" else [0, 1, 2, 3, 5, 8]).astype(dtype).reshape(2, 3)
    )


def plain() -> dict[str, Any]:
    """Trees of which a flax without a further library can write every one."""
    ramp = np.arange(24, dtype=np.float32).reshape(4, 6)
    cases: dict[str, Any] = {
        "none": None,
        "bools": [True, False],
        "whole numbers": [0, 1, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32, 2**63 - 1, 2**64 - 1],
        "negative numbers": [-1, -32, -33, -128, -129, -32768, -32769, -(2**31) - 1, -(2**63)],
        "numbers": [0.0, -0.0, 1.5, 1e300, 5e-324, float("inf")],
        "texts": ["", "ä", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "🎬"],
        "bytes": [b"", b"x", b"x" * 255, b"x" * 256],
        "complex": {"one": 1 + 2j, "none": 0j},
        "empty containers": {"dict": {}, "list": [], "tuple": ()},
        "containers": {"a": [1, (2.0, {"b": (ramp, "x")})], "c": {"d": {"e": None}}},
        "order is kept": {"b": 1, "a": 2, "c": {"z": 1, "y": 2}},
        "keys that are no text": {1: "a", 2.5: "b", None: "c", (1, 2): "d"},
        "sixteen": {f"k{index}": index for index in range(16)},
        "named tuple": {"opt": (Moments(ramp, [ramp[0]]), ())},
        "scalars": [np.bool_(True), np.float32(1.5), np.float64(2.5), np.int64(-3), np.uint8(4), np.float16(5)],
        "complex scalars": [np.complex64(1 + 2j), np.complex128(3 + 4j)],
        "time scalars": [np.datetime64("2026-11-21"), np.timedelta64(5, "ms")],
        "no dimensions": np.array(3.0),
        "empty": [np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int8), np.zeros(0)],
        "transposed": ramp.T,
        "strided": ramp[::2, ::3],
        "reversed": ramp[::-1, ::-1],
        "fortran": np.asfortranarray(ramp),
        "repeated": np.broadcast_to(np.arange(3), (2, 3)),
        "root array": ramp,
        "large": np.zeros(66_000, np.uint8),
        "pieces:flat": {"w": np.arange(10, dtype=np.float32)},
        "pieces:matrix": {"w": np.arange(10, dtype=np.float64).reshape(2, 5), "b": np.arange(2.0)},
        "pieces:exact": {"w": np.arange(16, dtype=np.uint8), "v": np.arange(17, dtype=np.uint8)},
        "pieces:transposed": {"w": np.arange(12, dtype=np.int16).reshape(3, 4).T},
        "pieces:wide": {"w": np.arange(3, dtype=np.complex128) * 1j},
        "pieces:deep": {"a": [{"w": np.arange(5)}]},
        "pieces:root": np.arange(9, dtype=np.int32),
    }
    cases |= {f"array {dtype}": numbers(dtype) for dtype in NUMPY}
    return cases


def swapped() -> dict[str, Any]:
    """Big-endian arrays. flax writes their bytes as they lie and so reads other numbers; here the numbers are kept."""
    return {
        f"array {dtype}": numbers(dtype).astype(np.dtype(dtype).newbyteorder(">")) for dtype in NUMPY if dtype != "?"
    }


def unreadable() -> dict[str, Any]:
    """What flax writes and cannot read back."""
    return {
        "text array": np.array(["a", "bcd"]),
        "bytes array": np.array([b"a", b"bcd"]),
        "void array": np.array([b"ab", b"cd"], "V2"),
        "text scalar": {"name": np.str_("abc"), "data": np.bytes_(b"abc")},
    }
