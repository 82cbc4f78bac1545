"""How do actions and metadata of any kind become JSON? Numpy becomes numbers and lists, a stranger its `repr`."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_DEPTH_MAX = 24
ARRAY_MAX_ITEMS = 1_000_000
"""A larger one (it may be so by its strides alone) is what numpy says of it."""


def to_text(value: Any) -> str:
    """JSON of it: None, booleans, numbers, texts, lists and maps as they are; NaN and infinities as null. Never raises.

    Most documents are plain, and go the quick way.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_known)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(plain(value), separators=(",", ":"))


def plain(value: Any, depth: int = 0) -> Any:
    """The same as Python values that JSON knows."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth >= _DEPTH_MAX:
        return described(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return plain(_known(value), depth + 1)


def described(value: Any) -> str:
    """Its `repr`, whatever that does."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # a stranger's __repr__ may raise anything, and this is only a description
        return f"<{type(value).__name__}>"


def _known(value: Any) -> Any:
    """What is no JSON by itself: arrays and their scalars (of numpy, JAX or torch) as numbers and lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        try:
            array = np.asarray(value)
            listed = array.tolist() if array.size <= ARRAY_MAX_ITEMS else described(array)
        except Exception:  # noqa: BLE001  # whatever a foreign __array__ raises, it is no array then
            return described(value)
        return listed if not isinstance(listed, complex | bytes) else described(value)
    return described(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else described(key) if key is not None else "null"
