"""What was said of metrics before they are logged? Which other one is their x axis, and what is summed up of them.

Pure, and shared with the daemon, which reads it back from the index.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from filmlab.errors import BadInput
from filmlab.wire.jsonbody import Json

SUMMARIES = ("min", "max", "mean", "last", "best", "none")
GOALS = ("minimize", "maximize")
DEFINITIONS_MAX = 1000
"""Of one run."""

Definitions: TypeAlias = Mapping[str, "Definition"]
"""By name; one that ends in `*` stands for all names that begin so."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Of one metric, or of all whose names begin alike."""

    step_metric: str = ""
    """The metric whose value is the step of this one; empty: the step that it is logged at."""
    summary: tuple[str, ...] = ()
    goal: str = "minimize"
    """Which way is `best`."""

    def to_json(self) -> Json:
        """As it travels."""
        return {"step_metric": self.step_metric, "summary": list(self.summary), "goal": self.goal}


@dataclass(frozen=True, slots=True)
class Metric:
    """What `define_metric` returns: it can be given as another one's `step_metric`."""

    name: str


def define(step_metric: Any, summary: Any, goal: Any) -> Definition:
    """Checked. `summary` is one or more of `SUMMARIES`, separated by commas, or a list of them.

    Raises:
        BadInput: it is not.
    """
    words = summary.split(",") if isinstance(summary, str) else list(summary or ())
    chosen = tuple(dict.fromkeys(str(word).strip() for word in words))
    if not set(chosen) <= set(SUMMARIES):
        raise BadInput(f"define_metric: summary is some of {', '.join(SUMMARIES)}; got {summary!r}")
    if goal is not None and goal not in GOALS:
        raise BadInput(f"define_metric: goal is one of {', '.join(GOALS)}; got {goal!r}")
    # A metric may be given by what an earlier `define_metric` returned.
    axis = getattr(step_metric, "name", step_metric) or ""
    if not isinstance(axis, str) or "*" in axis:
        raise BadInput(f"define_metric: step_metric is the name of one metric; got {step_metric!r}")
    return Definition(axis, chosen, goal or "minimize")


def read_definitions(found: Json) -> dict[str, Definition]:
    """What another process wrote with `to_json`, by name. What is not understood is passed over."""
    out = {}
    for name, fields in found.items():
        try:
            out[name] = define(fields["step_metric"], fields["summary"], fields["goal"])
        except (BadInput, KeyError, TypeError):
            continue
    return out


def find(definitions: Definitions, name: str) -> Definition | None:
    """What holds for a metric: its own definition, else that of the longest beginning; None where there is none."""
    exact = definitions.get(name)
    if exact is not None:
        return exact
    begins = [pattern for pattern in definitions if pattern.endswith("*") and name.startswith(pattern[:-1])]
    return definitions[max(begins, key=len)] if begins else None


def axis_of(definitions: Definitions, name: str) -> str:
    """The metric that is the x axis of another; empty where it has none. No metric is its own."""
    found = find(definitions, name)
    return found.step_metric if found is not None and found.step_metric != name else ""


def axes(definitions: Definitions) -> frozenset[str]:
    """All metrics that are an x axis."""
    return frozenset(item.step_metric for item in definitions.values() if item.step_metric)


def summed_up(definition: Definition, values: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    """(`min`, 0.25), … as far as it was asked for. `values` has `min`, `max`, `mean` and `last`."""
    for word in definition.summary:
        if word == "best":
            yield word, values["max" if definition.goal == "maximize" else "min"]
        elif word != "none":
            yield word, values[word]
