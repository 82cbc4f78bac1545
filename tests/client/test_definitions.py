"""What is said of metrics before they are logged: checked once, found by name, and read back by another process."""

import pytest

from filmlab.definitions import Definition, axes, axis_of, define, find, read_definitions
from filmlab.errors import BadInput


def test_the_nearest_definition_holds() -> None:
    """The name itself, then the longest beginning."""
    whole, wide, near = define("epoch", None, None), define("a", "min", None), define("b", "max", None)
    definitions = {"train/loss": whole, "*": wide, "train/*": near}
    assert find(definitions, "train/loss") is whole
    assert find(definitions, "train/acc") is near
    assert find(definitions, "x") is wide
    assert find({"train/*": near}, "x") is None
    assert axes(definitions) == {"epoch", "a", "b"}


def test_no_metric_is_its_own_axis() -> None:
    """`define_metric("*", step_metric="epoch")` is what everybody writes."""
    definitions = {"*": define("epoch", None, None)}
    assert (axis_of(definitions, "epoch"), axis_of(definitions, "loss")) == ("", "epoch")


@pytest.mark.parametrize(
    ("step_metric", "summary", "goal", "says"),
    [
        (None, "median", None, "summary is some of"),
        (None, None, "up", "goal is one of"),
        ("a*", None, None, "name of one metric"),
        (7, None, None, "name of one metric"),
    ],
)
def test_what_cannot_be_defined(step_metric: object, summary: object, goal: object, says: str) -> None:
    """The message says what there is."""
    with pytest.raises(BadInput, match=says):
        define(step_metric, summary, goal)


def test_another_process_reads_them_back() -> None:
    """And passes over what it does not understand."""
    made = define("epoch", "min,best", "maximize")
    assert made == Definition("epoch", ("min", "best"), "maximize")
    found = {"loss": made.to_json(), "a": 5, "b": {}, "c": made.to_json() | {"summary": ["new"]}}
    assert read_definitions(found) == {"loss": made}
