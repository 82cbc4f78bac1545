"""How do numbers, times and sizes read to people? Short, and the same on the page, in its files and in a terminal.

`words.js` of the page says the same in the browser: what changes here changes there, and a test compares the two.
"""

import math

_SECONDS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: float) -> str:
    """`200`, `−3.25`, `1.2e−5`, `12,500`, `∞`; `–` for NaN."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size_ = abs(value)
    if value == int(value) and size_ < 1e15:
        shown = f"{int(value):,}"
    elif 1e-3 <= size_ < 1e6:
        shown = f"{float(f'{value:.4g}'):,.6f}".rstrip("0").rstrip(".")
    elif 1e-4 <= size_ < 1:
        shown = f"{value:.3g}"
    else:
        digits, power = f"{value:.2e}".split("e")
        shown = f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return shown.replace("-", "−")


def duration(duration_s: float) -> str:
    """`350 ns`, `4.2 µs`, `12 ms`, `1.5 s`, `42 s`, `3 min 5 s`, `2 h 10 min`; `0 s` for nothing and less."""
    if duration_s <= 0:
        return "0 s"
    for unit, unit_s in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if duration_s < 999.5 * unit_s:
            return f"{_short(duration_s / unit_s)} {unit}"
    if duration_s < 59.5:
        return f"{_short(duration_s)} s"
    whole = round(duration_s)
    big, big_name, small, small_name = next(unit for unit in _SECONDS if whole >= unit[0])
    rest = whole % big // small
    return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")


def size(size_bytes: float) -> str:
    """`512 B`, `1.5 KiB`, `20 GiB`: binary, as sizes are set."""
    shown, units = float(size_bytes), list(_BINARY)
    while shown >= 1023.5 and len(units) > 1:
        shown /= 1024
        del units[0]
    whole = shown >= 99.5 or len(units) == len(_BINARY)
    return f"{shown:.0f} {units[0]}" if whole else f"{shown:.3g} {units[0]}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 clip`, `12 clips`, `1,200 tries`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _short(shown: float) -> str:
    return f"{shown:.0f}" if shown >= 9.95 else f"{shown:.1f}".removesuffix(".0")
