"""What does a run's summary say? What its program set, and what it asked to be summed up of its metrics."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from filmlab.definitions import find, read_definitions, summed_up
from filmlabd.model import MetricRow, RunRow


def summary_of(run: RunRow, metrics: Sequence[MetricRow], mean_of: Callable[[str], float]) -> dict[str, Any]:
    """Over all attempts and writers; what the program set itself wins.

    Args:
        metrics: as the index gives them, by name: those of one name follow each other.
        mean_of: of all finite values of one metric, by its name.
    """
    definitions = read_definitions(run.metrics)
    found: dict[str, Any] = {}
    for name, group in groupby(metrics, key=lambda row: row.name):
        definition, rows = find(definitions, name), list(group)
        if definition is not None and definition.summary:
            for word, value in summed_up(definition, _values(rows) | {"mean": mean_of(name)}):
                found[f"{name}.{word}"] = value if math.isfinite(value) else None
    return found | run.summary


def _values(rows: Sequence[MetricRow]) -> dict[str, float]:
    """NaN where none is finite."""
    return {
        "min": min((row.least for row in rows if not math.isnan(row.least)), default=math.nan),
        "max": max((row.most for row in rows if not math.isnan(row.most)), default=math.nan),
        "last": max(rows, key=lambda row: (row.attempt, row.last_step)).last_value,
    }
