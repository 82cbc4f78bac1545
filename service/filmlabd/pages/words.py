"""How do moments and settings read on a page? Numbers, durations and sizes are as everywhere: `filmlab.words`."""

import time
from typing import Any

VALUE_MAX_CHARS = 300


def moment(wall: float) -> str:
    """`2026-11-21 04:12:09`, local time; `–` where there is none."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall)) if wall > 0 else "–"
    except (ValueError, OverflowError, OSError):
        return "–"


def value(item: Any) -> str:
    """A configuration's value in one line, cut where it is long."""
    if isinstance(item, bool) or item is None:
        shown = {True: "true", False: "false", None: "–"}[item]
    elif isinstance(item, int):
        # Not `number`: a seed is no quantity, and str refuses integers of over 4300 digits.
        shown = str(item) if abs(item) < 10**20 else f"about 10^{len(hex(item)) * 1.2:.0f}"
    elif isinstance(item, float):
        shown = repr(item)
    elif isinstance(item, list):
        shown = "[" + ", ".join(value(part) for part in item[:50]) + (", …]" if len(item) > 50 else "]")
    else:
        shown = str(item)
    return shown if len(shown) <= VALUE_MAX_CHARS else shown[:VALUE_MAX_CHARS] + "…"


def flatten(values: dict[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Nested settings as rows: (`optimizer.lr`, `0.001`)."""
    rows: list[tuple[str, str]] = []
    for key, item in values.items():
        if isinstance(item, dict) and item and depth < 8:
            rows += flatten(item, f"{prefix}{key}.", depth + 1)
        else:
            rows.append((f"{prefix}{key}", "{}" if item == {} else value(item)))
    return rows
