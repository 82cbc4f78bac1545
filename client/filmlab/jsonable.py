"""How does a configuration or an episode's metadata become JSON? Whatever it holds, without raising."""

import enum
import math
from argparse import Namespace
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

import numpy as np

from filmlab.errors import WireError
from filmlab.wire.jsonbody import EXACT_MAX, Json, to_json

DEPTH_MAX = 24
ARRAY_MAX_ITEMS = 4096
TEXT_MAX_CHARS = 100_000
ITEMS_MAX = 500_000


def jsonable(value: Any, *, finite: bool = True) -> Any:
    """The nearest JSON value: numpy numbers become numbers, tuples and sets lists, dataclasses and namespaces objects.

    NaN and infinities become null (unless `finite` is False: then they stay), numbers that JSON readers would round
    become texts, and so does all that JSON does not know.

    Raises:
        TooMany: there are over 500 000 items in it; one that holds itself twice has no end otherwise.
    """
    return _Reader(finite).value(value, 0)


def document(value: Any, what: str) -> tuple[Json, str]:
    """A JSON object out of a mapping, a dataclass or a namespace, and a complaint (empty when all is well).

    What cannot be taken at all (no such object, or over 1 MiB) gives an empty one.
    """
    if value is None:
        return {}, ""
    try:
        found = jsonable(value)
    except TooMany as error:
        return {}, f"{what} is left out: {error}"
    if not isinstance(found, dict):
        return {}, f"{what} should be a mapping, got {type(value).__name__}; it is left out"
    try:
        to_json(found)
    except WireError as error:
        return {}, f"{what} is left out: {error}"
    return found, ""


class TooMany(ValueError):
    """There is no end to a value."""


class _Reader:
    """Reads one value, and counts what is in it."""

    def __init__(self, finite: bool) -> None:
        self._finite = finite
        self._items = 0

    def value(self, value: Any, depth: int) -> Any:
        self._items += 1
        if self._items > ITEMS_MAX:
            raise TooMany(f"over {ITEMS_MAX} items, or one that holds itself")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self.value(value.value, depth)
        if isinstance(value, str):
            return value[:TEXT_MAX_CHARS].encode("utf-8", "replace").decode()
        if isinstance(value, int):
            return int(value) if -EXACT_MAX <= value <= EXACT_MAX else as_text(value)
        if isinstance(value, float):
            return float(value) if not self._finite or math.isfinite(value) else None
        if isinstance(value, np.generic):
            return self.value(value.item(), depth) if not isinstance(value, np.void) else as_text(value)
        if depth >= DEPTH_MAX:
            return as_text(value)
        try:
            return self._container(value, depth)
        except TooMany:
            raise
        except Exception:  # noqa: BLE001  # a stranger's object may raise at any touch: then it is a text
            return as_text(value)

    def key(self, key: Any) -> Any:
        """Of an object: a text."""
        return self.value(key if isinstance(key, str) else as_text(key), 0)

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return {self.key(key): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | Set):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, np.ndarray):
            if value.size > ARRAY_MAX_ITEMS or value.dtype.hasobject:
                return f"array of shape {value.shape}, {value.dtype}"
            return self.value(value.tolist(), depth)
        if isinstance(value, Namespace | SimpleNamespace):
            return self.value(vars(value), depth)
        if is_dataclass(value) and not isinstance(value, type):
            return {item.name: self.value(getattr(value, item.name, None), depth + 1) for item in fields(value)}
        if isinstance(value, PurePath):
            return as_text(value)
        if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
            # A number of another library: a tensor without dimensions.
            return self.value(value.item(), depth + 1)
        if isinstance(value, type) or callable(value):
            return getattr(value, "__qualname__", type(value).__name__)
        return as_text(value)


def as_text(value: Any) -> str:
    """What it says of itself, at most 1000 characters; its type where it cannot say anything. Never raises."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  # a stranger's __str__ may raise anything, and this is only a description
        text = f"<{type(value).__name__}>"
    return text[:1000].encode("utf-8", "replace").decode()
