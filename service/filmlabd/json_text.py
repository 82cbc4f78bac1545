"""How do values become JSON that every reader takes? What JSON has no word for is null, and marked beside it."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DEPTH_MAX = 64


def nonfinite_name(value: float) -> str:
    """`nan`, `inf` or `-inf`."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def dump(value: Any) -> str:
    """One line of JSON. Numbers that JSON does not have, and what is nested deeper than 64 levels, become null."""
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return json.dumps(_plain(value, 0), allow_nan=False)


def dump_column(values: NDArray[Any]) -> tuple[str, dict[str, str]]:
    """A column as a JSON list, and which of its items (by index) are null for which number."""
    items = values.tolist()
    if values.dtype.kind != "f":
        return json.dumps(items), {}
    marks = {}
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        marks[str(index)] = nonfinite_name(items[index])
        items[index] = None
    return json.dumps(items), marks


def document(fields: Mapping[str, Any]) -> bytes:
    """A JSON object with one key to a line, and a newline at its end. Columns (numpy arrays) may be among the values.

    Numbers that are null for want of a word are named under a last key, `nonfinite`: `{"return": "nan"}`, and for a
    column `{"rewards": {"3": "inf"}}`.
    """
    lines: list[str] = []
    marks: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, np.ndarray):
            text, found = dump_column(value)
            if found:
                marks[key] = found
        else:
            text = dump(value)
            if isinstance(value, float) and not math.isfinite(value):
                marks[key] = nonfinite_name(value)
        lines.append(f"  {json.dumps(key)}: {text}")
    if marks:
        lines.append(f'  "nonfinite": {json.dumps(marks)}')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value
