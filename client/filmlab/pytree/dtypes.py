"""Which arrays may stand in a tree, and under which name? Those of numpy that have one, and those of ml_dtypes.

A name from a file never reaches numpy's own parser, which takes far more than names: it is looked up here.
"""

import importlib
import re

import numpy as np
from numpy.typing import DTypeLike

from filmlab.errors import BadInput

DEPTH_MAX = 256
ITEMS_MAX = 65_536
"""Of one dict, list or tuple."""
NODES_MAX = 262_144
"""Of a whole tree: containers and leaves."""
DIMENSIONS_MAX = 32

_PLAIN = {
    np.dtype(kind).name: np.dtype(kind)
    for kind in (
        "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", np.longdouble, "c8", "c16",
        np.clongdouble,
    )
}  # fmt: skip
_EXTENDED = frozenset(
    {
        "bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz",
        "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn",
        "int1", "int2", "int4", "uint1", "uint2", "uint4",
    }
)  # fmt: skip
_TIME = re.compile(r"(datetime64|timedelta64)(\[[1-9]?\d{0,5}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?")
# flax writes these three and cannot read them back; here they come back. By their bits.
_SIZED = re.compile(r"(str|bytes|void)([1-9]\d{0,7})")


class BadTree(BadInput):
    """No tree, or one that is damaged or beyond the limits. `path` names the leaf: `params/dense/kernel`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)


def name_of(dtype: np.dtype[np.generic]) -> str:
    """The name of an array's dtype in a tree.

    Raises:
        ValueError: it has none: objects and structures cannot be written.
    """
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"an array of dtype {dtype} cannot be written: it holds objects or structures")
    if not is_known(dtype.name):
        raise ValueError(f"an array of dtype {dtype} cannot be written")
    return dtype.name


def is_known(name: str) -> bool:
    """Whether an array of this name can be written, and read where its library is there."""
    return name in _PLAIN or name in _EXTENDED or bool(_TIME.fullmatch(name) or _SIZED.fullmatch(name))


def dtype_of(name: str) -> np.dtype[np.generic]:
    """The dtype of a name.

    Raises:
        ValueError: there is no such name, or the library that has this dtype is not installed.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _EXTENDED:
        return _extended(name)
    sized = _SIZED.fullmatch(name)
    if sized:
        unit_bits, letter = {"str": (32, "U"), "bytes": (8, "S"), "void": (8, "V")}[sized[1]]
        count, rest = divmod(int(sized[2]), unit_bits)
        if not rest:
            return _dtype(f"{letter}{count}")
    if _TIME.fullmatch(name):
        return _dtype(name)
    raise ValueError(f"unknown dtype {name[:40]!r}")


def _extended(name: str) -> np.dtype[np.generic]:
    try:
        library = importlib.import_module("ml_dtypes")
    except ImportError:
        raise ValueError(f"an array of {name} needs the package ml_dtypes: pip install ml_dtypes") from None
    if not hasattr(library, name):
        raise ValueError(f"an array of {name} needs a newer ml_dtypes: pip install -U ml_dtypes")
    return _dtype(getattr(library, name))


def _dtype(like: DTypeLike) -> np.dtype[np.generic]:
    return np.dtype(like)
