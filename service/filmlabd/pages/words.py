"""How do numbers, times and sizes read? Short, and the same everywhere on a page."""

import math
import time
from typing import Any

VALUE_MAX_CHARS = 300


def number(value: float) -> str:
    """`200`, `−3.25`, `1.2e−05`, `12,500`; `–` for NaN."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == int(value) and size < 1e15:
        shown = f"{int(value):,}"
    elif 1e-3 <= size < 1e6:
        power = math.floor(math.log10(size))
        shown = f"{value:,.{max(0, 3 - power if power >= 0 else 2 - power)}f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    else:
        shown = f"{value:.3g}"
    return shown.replace("-", "−")


def duration(seconds: float) -> str:
    """`350 ns`, `4.2 µs`, `12 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    seconds = max(0.0, seconds)
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < size * 999.5:
            shown = seconds / size
            return f"{shown:.0f} {unit}" if shown >= 9.95 or shown == int(shown) else f"{shown:.1f} {unit}"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    units = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    big, big_name, small, small_name = next(unit for unit in units if whole >= unit[0])
    rest = whole % big // small
    return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")


def moment(wall: float) -> str:
    """`2026-11-21 04:12:09`, local time; `–` where there is none."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall)) if wall > 0 else "–"
    except (ValueError, OverflowError, OSError):
        return "–"


def size(count_bytes: int) -> str:
    """`512 B`, `1.5 MB`."""
    shown = float(count_bytes)
    units = ["B", "kB", "MB", "GB", "TB"]
    while shown >= 999.5 and len(units) > 1:
        shown /= 1000
        del units[0]
    return f"{shown:.0f} {units[0]}" if shown >= 99.5 or count_bytes < 1000 else f"{shown:.3g} {units[0]}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 clip`, `12 clips`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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
