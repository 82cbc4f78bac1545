"""Which run do the functions of the module mean? The one that `init` began last, until it is finished."""

from collections.abc import Mapping
from typing import Any

from filmlab._run import Run
from filmlab.errors import BadInput

_runs: list[Run] = []


def enter(run: Run) -> None:
    """This is the one from here on."""
    _runs[:] = [run]


def current() -> Run | None:
    """It, or None."""
    return _runs[0] if _runs else None


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """`Run.log` of the run that `init` began last.

    Raises:
        BadInput: there is none.
    """
    run = current()
    if run is None:
        raise BadInput("filmlab.log: no run is open; begin one with filmlab.init()")
    run.log(values, step)


def finish() -> None:
    """`Run.finish` of the run that `init` began last; nothing where there is none."""
    run = current()
    if run is not None:
        run.finish()
        _runs.clear()
