"""How is a JSON body read? Each field is asked for by its type, and anything else is a WireError."""

import json
from typing import Any, TypeAlias

from filmlab.errors import WireError

Json: TypeAlias = dict[str, Any]


class Doc:
    """A JSON body whose fields are asked for by type."""

    def __init__(self, body: memoryview, owner: str) -> None:
        self._owner = owner
        try:
            value = json.loads(bytes(body))
        except (ValueError, RecursionError):
            raise WireError(f"{owner}: its body is no JSON") from None
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
        if isinstance(value, bool) or not 0 <= value < 2**63:
            raise WireError(f"{self._owner}.{name} should be a whole number, 0 or more")
        return value  # type: ignore[no-any-return]  # checked by _get

    def number(self, name: str) -> float:
        return float(self._get(name, int | float, 0.0))

    def film(self) -> int:
        value = self.whole("film")
        if not 0 < value < 2**32:
            raise WireError(f"{self._owner}.film is numbered from 1")
        return value

    def _get(self, name: str, kind: Any, default: Any) -> Any:
        value = self._value.get(name, default)
        if not isinstance(value, kind):
            raise WireError(f"{self._owner}.{name} is a {type(value).__name__}")
        return value


def to_json(value: Json) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
