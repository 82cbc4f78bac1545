"""How is a measurement said? One row of a table: what, the figure required, the one measured, whether it is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PERCENTS = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


@dataclass(frozen=True)
class Figure:
    """One row. `met` is None where nothing is required; a `promise` is no time: breaking it fails the benchmark."""

    what: str
    required: str
    measured: str
    met: bool | None = None
    promise: bool = False

    @property
    def verdict(self) -> str:
        if self.met is None:
            return ""
        return "met" if self.met else "BROKEN" if self.promise else "missed"


def promise(what: str, required: str, measured: str, kept: bool) -> Figure:
    """A row that must hold on any machine, however slow."""
    return Figure(what, required, measured, kept, promise=True)


def spread(values: Any) -> dict[str, float]:
    """p50, p99, p99.9 and max, in the unit of the values."""
    return {name: float(np.percentile(values, percent)) for name, percent in PERCENTS.items()}


def said(found: dict[str, float], unit: str) -> str:
    """A spread as text."""
    return " / ".join(number(found[name]) for name in PERCENTS) + f" {unit}"


def number(value: float) -> str:
    """Three digits, or as many as stand before the point."""
    if not np.isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def table(figures: Sequence[Figure]) -> str:
    """All rows as Markdown that is readable as it stands."""
    rows = [("what", "required", "measured", "")]
    rows += [(figure.what, figure.required, figure.measured, figure.verdict) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
