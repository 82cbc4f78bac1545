"""What stands around the data: title, axes, grid, notes; and how much room that leaves for the plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from filmlabd.render import fonts
from filmlabd.render.geometry import HEIGHT_PX, WIDTH_PX, Mark, Plot, Rect, Text
from filmlabd.render.geometry_legend import ROW_PX, Entry, legend
from filmlabd.render.ticks import Axis, round_axis

MARGIN_PX: Final = 20
TITLE_PX: Final = 16
LABEL_PX: Final = 12
NOTE_PX: Final = 11

_TITLE_BASELINE: Final = 32
_HEAD_BASELINE: Final = 56
_PLOT_BELOW_HEAD_PX: Final = 20
_PLOT_BOTTOM: Final = HEIGHT_PX - 52
_RIGHT_MARGIN_PX: Final = 26
_TICK_LABEL_GAP_PX: Final = 8
# Left of the plot at least this much: panels under one another then mostly line up.
_MIN_LEFT_PX: Final = 60
_MAX_Y_LABEL_PX: Final = 300
_MAX_X_LABEL_PX: Final = 380
_LABEL_DISTANCE_PX: Final = 18
_MOST_X_TICKS: Final = 10
_MAX_RESUME_PX: Final = 160


@dataclass(frozen=True, slots=True)
class Resume:
    """Where an attempt of one series began."""

    x: float
    attempt: int
    series: str = ""


def plot_area(x: Axis, y: Axis, legend_rows: int) -> Plot:
    """The room that a legend of so many rows and the axes' labels leave."""
    widest = max((fonts.width_px(label, LABEL_PX) for label in y.labels), default=0.0)
    first, last = (fonts.width_px(x.labels[end], LABEL_PX) if x.labels else 0.0 for end in (0, -1))
    left = max(_MIN_LEFT_PX, round(MARGIN_PX + widest + _TICK_LABEL_GAP_PX), round(first / 2) + 6)
    top = _HEAD_BASELINE + (legend_rows - 1) * ROW_PX + _PLOT_BELOW_HEAD_PX
    right = WIDTH_PX - max(_RIGHT_MARGIN_PX, round(last / 2) + 6)
    return Plot(left, top, right - left, _PLOT_BOTTOM - top, x, y)


def round_x_axis(low: float, high: float, *, whole: bool) -> Axis:
    """As many round ticks as have room beside each other."""
    for most in range(_MOST_X_TICKS, 2, -1):
        axis = round_axis(low, high, most=most, whole=whole)
        widest = max((fonts.width_px(label, LABEL_PX) for label in axis.labels), default=0.0)
        if (widest + _LABEL_DISTANCE_PX) * len(axis.labels) <= WIDTH_PX - 2 * _MIN_LEFT_PX:
            break
    return axis


def head(title: str, y_label: str, entries: list[Entry]) -> tuple[list[Mark], int]:
    """Title, the y axis' name and the legend, above the plot; and how many rows the legend takes."""
    right = WIDTH_PX - _RIGHT_MARGIN_PX
    shown = fonts.cut(title, right - MARGIN_PX, TITLE_PX, fonts.BOLD)
    marks: list[Mark] = [
        Text(
            MARGIN_PX, _TITLE_BASELINE, shown, TITLE_PX, "ink", weight=fonts.BOLD, whole=title if shown != title else ""
        )
    ]
    name = fonts.cut(y_label, _MAX_Y_LABEL_PX, LABEL_PX)
    marks.append(Text(MARGIN_PX, _HEAD_BASELINE, name, LABEL_PX, "muted", whole=y_label if name != y_label else ""))
    start = MARGIN_PX + fonts.width_px(name, LABEL_PX) + 28
    rows, count = legend(entries, start, right, _HEAD_BASELINE)
    return marks + rows, count


def grid(plot: Plot) -> list[Mark]:
    """Horizontal lines at the y ticks and the x axis with its ticks; painted below the data."""
    marks: list[Mark] = [Rect(plot.left, y, plot.width, 1, "grid") for y in _tick_rows(plot)]
    marks += [Rect(x, plot.bottom, 1, 5, "axis") for x in _tick_columns(plot)]
    marks.append(Rect(plot.left, plot.bottom, plot.width, 1, "axis"))
    return marks


def axis_texts(plot: Plot, x_label: str, note: str) -> list[Mark]:
    """Tick labels, the x axis' name, and a remark at the lower right."""
    marks: list[Mark] = [
        Text(plot.left - _TICK_LABEL_GAP_PX, y + 5, label, LABEL_PX, "muted", "end")
        for y, label in zip(_tick_rows(plot), plot.y.labels, strict=True)
    ]
    marks += [
        Text(x, plot.bottom + 22, label, LABEL_PX, "muted", "middle")
        for x, label in zip(_tick_columns(plot), plot.x.labels, strict=True)
    ]
    # The name stands in the middle: what the remark takes on the right is taken on the left as well.
    taken = 2 * (fonts.width_px(note, NOTE_PX) + _LABEL_DISTANCE_PX) if note else 0.0
    name = fonts.cut(x_label, min(_MAX_X_LABEL_PX, plot.width - taken), LABEL_PX)
    middle = plot.left + plot.width / 2
    marks.append(
        Text(middle, plot.bottom + 41, name, LABEL_PX, "muted", "middle", whole=x_label if name != x_label else "")
    )
    if note:
        marks.append(Text(plot.right, plot.bottom + 41, note, NOTE_PX, "muted", "end"))
    return marks


def with_factor(label: str, axis: Axis) -> str:
    """An axis' name with the factor of its labels: "Loss  ×10⁻⁶"."""
    return f"{label}  {axis.factor}" if axis.factor else label


def resumed(plot: Plot, resumes: Sequence[Resume], inks: Mapping[str, str]) -> list[Mark]:
    """Hairlines where later attempts began, each with its number while there is room for the text.

    Args:
        plot: where.
        resumes: of all series, in any order.
        inks: by the names of the series, where several have to be told apart: what began in one alone is in its ink.
    """
    begun: dict[tuple[float, int], list[str]] = {}
    for resume in sorted(resumes, key=lambda each: (each.x, each.attempt)):
        if plot.x.low <= resume.x <= plot.x.high:
            begun.setdefault((resume.x, resume.attempt), []).append(resume.series)
    marks: list[Mark] = []
    free_from = float(plot.left)
    for (x, attempt), names in begun.items():
        column = int(plot.to_x(np.array([x]))[0])
        text, ink = f"attempt {attempt}", "axis"
        if len(names) == 1 and names[0] in inks:
            text, ink = fonts.cut(f"{fonts.clean(names[0])}: {text}", _MAX_RESUME_PX, NOTE_PX), inks[names[0]]
        marks.append(Rect(column, plot.top, 1, plot.height, ink))
        width = fonts.width_px(text, NOTE_PX)
        if column - width / 2 >= free_from and column + width / 2 <= WIDTH_PX:
            marks.append(Text(column, plot.top - 4, text, NOTE_PX, "muted", "middle"))
            free_from = column + width / 2 + 6
    return marks


def _tick_rows(plot: Plot) -> list[int]:
    return [min(round(y), plot.bottom) for y in plot.to_y(np.array(plot.y.at)).tolist()]


def _tick_columns(plot: Plot) -> list[int]:
    return [min(round(x), plot.right - 1) for x in plot.to_x(np.array(plot.x.at)).tolist()]
