"""What the legend says and where: in rows above the plot, so that it never covers data, however long the names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from filmlabd.render import fonts
from filmlabd.render.geometry import Mark, Stroke, Text

SIZE_PX: Final = 12
ROW_PX: Final = 19
MAX_ROWS: Final = 3

_SWATCH_PX: Final = 20
_SWATCH_GAP_PX: Final = 7
_SUFFIX_GAP_PX: Final = 7
_ENTRY_GAP_PX: Final = 20
# Names are cut to these shares of a row, one after the other, until all entries fit.
_SHARES: Final = (1.0, 0.48, 0.31, 0.22)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend.

    Attributes:
        suffix: what is said after the name in a quieter colour, such as how many values are missing; never cut.
        line_px: width of the sample line, drawn at `opacity`; 0 for none.
        shaded: whether the sample shows the raw values' shade behind the line.
    """

    name: str
    suffix: str
    ink: str
    line_px: float
    opacity: float = 1.0
    shaded: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    entry: Entry
    name: str
    width: float


def missing_text(nan: int, above: int, below: int) -> str:
    """How many values a legend says are not finite: "3 NaN, 1 +∞"; "" for none."""
    kinds = ((nan, "NaN"), (above, "+∞"), (below, "−∞"))
    return ", ".join(f"{count_text(count)} {kind}" for count, kind in kinds if count)


def count_text(count: int) -> str:
    """A number of things, in groups of three digits."""
    return f"{count:,}".replace(",", "\u2009") if count > 9999 else str(count)


def legend(entries: list[Entry], left: float, right: float, baseline: int) -> tuple[list[Mark], int]:
    """Rows of entries that end at `right` and begin no further left than `left`.

    Returns:
        The marks, and how many rows there are (at least 1).
    """
    rows = _fitted(entries, right - left)
    marks: list[Mark] = []
    for number, row in enumerate(rows):
        x = right - sum(placed.width for placed in row) - _ENTRY_GAP_PX * (len(row) - 1)
        for placed in row:
            marks += _entry_marks(placed, x, baseline + number * ROW_PX)
            x += placed.width + _ENTRY_GAP_PX
    return marks, max(len(rows), 1)


def _fitted(entries: list[Entry], room: float) -> list[list[_Placed]]:
    for share in _SHARES:
        rows = _rows([_placed(entry, room * share) for entry in entries], room)
        if len(rows) <= MAX_ROWS:
            return rows
    for kept in range(len(entries) - 1, 0, -1):
        rest = Entry(f"and {len(entries) - kept} more", "", "muted", 0.0)
        rows = _rows([_placed(entry, room * _SHARES[-1]) for entry in [*entries[:kept], rest]], room)
        if len(rows) <= MAX_ROWS:
            break
    return rows


def _rows(placed: list[_Placed], room: float) -> list[list[_Placed]]:
    rows: list[list[_Placed]] = []
    used = room
    for item in placed:
        if used + _ENTRY_GAP_PX + item.width > room:
            rows.append([])
            used = -_ENTRY_GAP_PX
        rows[-1].append(item)
        used += _ENTRY_GAP_PX + item.width
    return rows


def _placed(entry: Entry, max_px: float) -> _Placed:
    swatch = _SWATCH_PX + _SWATCH_GAP_PX if entry.line_px else 0
    suffix = _SUFFIX_GAP_PX + fonts.width_px(entry.suffix, SIZE_PX) if entry.suffix else 0.0
    name = fonts.cut(entry.name, max_px - swatch - suffix, SIZE_PX)
    return _Placed(entry, name, swatch + fonts.width_px(name, SIZE_PX) + suffix)


def _entry_marks(placed: _Placed, x: float, baseline: int) -> list[Mark]:
    entry, marks = placed.entry, list[Mark]()
    if entry.line_px:
        y = baseline - 4.5
        line = np.array([[x + 1, y], [x + _SWATCH_PX - 1, y]])
        if entry.shaded:
            marks.append(Stroke(line, np.array([0]), 9.0, entry.ink, 0.25))
        marks.append(Stroke(line, np.array([0]), entry.line_px, entry.ink, entry.opacity))
        x += _SWATCH_PX + _SWATCH_GAP_PX
    whole = entry.name if placed.name != entry.name else ""
    marks.append(Text(x, baseline, placed.name, SIZE_PX, "ink", whole=whole))
    if entry.suffix:
        end = x + fonts.width_px(placed.name, SIZE_PX) + _SUFFIX_GAP_PX
        marks.append(Text(end, baseline, entry.suffix, SIZE_PX, "muted"))
    return marks
