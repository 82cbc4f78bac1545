"""Which run do the functions of the module mean? The one that `init` began last, until it is finished."""

from collections.abc import Mapping
from typing import Any

from filmlab._run import Run
from filmlab._values import Values
from filmlab.definitions import Metric
from filmlab.errors import BadInput

_runs: list[Run] = []


def enter(run: Run) -> None:
    """This is the one from here on."""
    _runs[:] = [run]


def current() -> Run | None:
    """It, or None."""
    return _runs[0] if _runs else None


def config() -> Values:
    """Its configuration; an empty one that cannot be set where there is no run."""
    run = current()
    return run.config if run is not None else Values("config", {})


def summary() -> Values:
    """Its summary, likewise."""
    run = current()
    return run.summary if run is not None else Values("summary", {})


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: Any = None) -> None:
    """`Run.log` of the run that `init` began last. `sync` is taken for wandb's sake.

    Raises:
        BadInput: there is none.
    """
    _open("log").log(data, step, commit)


def define_metric(name: str, step_metric: Any = None, **options: Any) -> Metric:
    """`Run.define_metric` of the run that `init` began last.

    Raises:
        BadInput: there is none.
    """
    return _open("define_metric").define_metric(name, step_metric, **options)


def finish(exit_code: int | None = None, quiet: Any = None) -> None:
    """`Run.finish` of the run that `init` began last; nothing where there is none."""
    run = current()
    if run is not None:
        run.finish(exit_code=exit_code)
        _runs.clear()


join = finish
"""What wandb called it once."""


def _open(what: str) -> Run:
    run = current()
    if run is None:
        raise BadInput(f"filmlab.{what}: no run is open; begin one with filmlab.init()")
    return run
