"""How does a terminal show it? Tables, and numbers with all that one compares; JSON for programs."""

import json
import math
from collections.abc import Sequence
from typing import Any


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> list[str]:
    """Lines of a table; columns whose cells are all empty are left out.

    Args:
        right: the headers of the columns that are set flush right, divided by blanks.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(headers)) if not cells or any(row[at] for row in cells)]
    lines = [[headers[at] for at in kept], *([row[at] for at in kept] for row in cells)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(kept))]
    flush = [headers[at] in right.split() for at in kept]
    return [
        "  ".join(
            cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(line, widths, flush, strict=True)
        ).rstrip()
        for line in lines
    ]


def pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of a name and what is said of it."""
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {printable(text)}".rstrip() for name, text in rows]


def printable(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)


def number(value: float | None) -> str:
    """A number as short as is useful; nothing for None."""
    if value is None:
        return ""
    return f"{value:.6g}"


def dump(document: dict[str, Any]) -> str:
    """Valid JSON, indented; what JSON cannot say (NaN, infinities) is null."""
    return json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
