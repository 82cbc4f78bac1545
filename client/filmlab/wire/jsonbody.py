"""How is a JSON body read and written? With limits that keep a hostile one small, and each field asked for by type.

What is read can be written again, hashed, shown and stored without a surprise: UTF-8 without lone surrogates, finite
numbers, little nesting. The same limits hold for the writer, so nothing leaves that the other side would refuse.
"""

import json
import math
from typing import Any, Never, TypeAlias

from filmlab.errors import WireError

Json: TypeAlias = dict[str, Any]

JSON_MAX_BYTES = 1024 * 1024
"""One document; 1 MiB of `[],[],…` takes 25 times as much memory, so this limit is not that of a body."""
JSON_MAX_DEPTH = 64
EXACT_MAX = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact."""


class Doc:
    """A JSON body whose fields are asked for by type."""

    def __init__(self, body: memoryview, owner: str) -> None:
        self._owner = owner
        value = parse_json(body, owner)
        if not isinstance(value, dict):
            raise WireError(f"{owner}: its body is no JSON object")
        self._value = value

    def text(self, name: str) -> str:
        return self._get(name, str, "")  # type: ignore[no-any-return]  # checked by _get

    def flag(self, name: str) -> bool:
        return self._get(name, bool, False)  # type: ignore[no-any-return]  # checked by _get

    def map(self, name: str) -> Json:
        return self._get(name, dict, {})  # type: ignore[no-any-return]  # checked by _get

    def items(self, name: str) -> list[Any]:
        return self._get(name, list, [])  # type: ignore[no-any-return]  # checked by _get

    def texts(self, name: str) -> list[str]:
        items = self.items(name)
        if not all(isinstance(item, str) for item in items):
            raise WireError(f"{self._owner}.{name} should be a list of texts")
        return items

    def whole(self, name: str) -> int:
        value = self._get(name, int, 0)
        if isinstance(value, bool):
            raise WireError(f"{self._owner}.{name} is a bool")
        return value  # type: ignore[no-any-return]  # checked by _get

    def number(self, name: str) -> float:
        value = self._get(name, int | float, 0.0)
        if isinstance(value, bool) or not -EXACT_MAX <= value <= EXACT_MAX:
            raise WireError(f"{self._owner}.{name} is out of range")
        return float(value)

    def _get(self, name: str, kind: Any, default: Any) -> Any:
        value = self._value.get(name, default)
        if not isinstance(value, kind):
            raise WireError(f"{self._owner}.{name} is a {type(value).__name__}")
        return value


def parse_json(data: bytes | memoryview, owner: str, max_bytes: int = JSON_MAX_BYTES) -> Any:
    """A JSON document of strict UTF-8, as Python values.

    Raises:
        WireError: it is none, is over `max_bytes`, nests deeper than 64, or has NaN, infinities or lone surrogates.
    """
    if len(data) > max_bytes:
        raise WireError(f"{owner}: JSON of {len(data)} bytes; at most {max_bytes}")
    try:
        # Not json.loads(bytes): that would take UTF-16 too, and surrogates in UTF-8.
        text = str(data, "utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            # Escapes may be lone surrogates, which nothing later could write as UTF-8.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise WireError(f"{owner}: its body is no JSON of UTF-8 and finite numbers") from None
    _check_depth(text, value, owner)
    return value


def to_json(value: Any, max_bytes: int = JSON_MAX_BYTES) -> bytes:
    """Compact JSON in UTF-8.

    Raises:
        WireError: `parse_json` would refuse it, or it has values that JSON does not know.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        data = text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"this cannot travel as JSON: {type(error).__name__}") from None
    if len(data) > max_bytes:
        raise WireError(f"JSON of {len(data)} bytes; at most {max_bytes}")
    _check_depth(text, value, "JSON")
    return data


def _check_depth(text: str, value: Any, owner: str) -> None:
    """Raises WireError for nesting over 64, without recursion."""
    # Most documents have fewer brackets than that, and need no walk.
    if text.count("[") + text.count("{") <= JSON_MAX_DEPTH or not isinstance(value, dict | list | tuple):
        return
    level = [value]
    for _ in range(JSON_MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in inner if isinstance(item, dict | list | tuple)]
        if not level:
            return
    raise WireError(f"{owner}: JSON nests deeper than {JSON_MAX_DEPTH}")


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond float64")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
