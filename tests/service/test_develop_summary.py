"""The summary of a run: what was asked to be summed up of its metrics, and what the program set."""

import math
from dataclasses import replace
from typing import Any

from filmlab.definitions import define
from filmlabd.develop.summary import summary_of
from filmlabd.model import MetricRow
from service.keeping import RUN
from service.studio import Studio

ROW = MetricRow(RUN, "main", 1, "loss", 3, 2, 0.5, 0.25, 4.0)


def summed(studio: Studio, rows: list[MetricRow], **definitions: Any) -> dict[str, Any]:
    with studio.reader() as reader:
        run = replace(reader.run(RUN), metrics={name: item.to_json() for name, item in definitions.items()})
    return summary_of(replace(run, summary={"mine": 1}), rows, lambda name: 1.5)


def test_as_it_was_defined(tmp_path: Any) -> None:
    """Each word under the metric's name; `best` by its goal; attempts and writers are one metric."""
    studio = Studio(tmp_path)
    rows = [ROW, replace(ROW, attempt=2, last_step=1, last_value=0.75, least=0.125)]
    assert summed(studio, rows, loss=define(None, "min, max,mean,last,best", None)) == {
        "loss.min": 0.125, "loss.max": 4.0, "loss.mean": 1.5, "loss.last": 0.75, "loss.best": 0.125, "mine": 1,
    }  # fmt: skip
    assert summed(studio, rows, **{"l*": define(None, ["best"], "maximize")}) == {"loss.best": 4.0, "mine": 1}
    assert summed(studio, rows, loss=define("epoch", "none", None)) == {"mine": 1}
    studio.close()


def test_without_a_finite_value(tmp_path: Any) -> None:
    """There is nothing to say, and JSON has a word for that."""
    studio = Studio(tmp_path)
    row = replace(ROW, least=math.nan, most=math.nan, last_value=math.inf)
    found = summed(studio, [row], loss=define(None, "min,last", None), mine=define(None, "min", None))
    assert found == {"loss.min": None, "loss.last": None, "mine": 1}
    studio.close()
