"""filmlab: trainers shoot film, the lab develops it.

import filmlab

run = filmlab.init(project="cartpole", config={"lr": 1e-3})
for index in range(1000):
    with run.episode(index) as episode:
        ...
        episode.step(action=action, reward=reward, frame=env.render if episode.capturing else None)
    run.log({"loss": loss}, step=index)
run.finish()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from filmlab._current import define_metric, finish, join, log
    from filmlab._episode import Episode
    from filmlab._foreign import (
        AlertLevel,
        Artifact,
        Audio,
        Graph,
        Molecule,
        Object3D,
        Plotly,
        Settings,
        Table,
        alert,
        link_model,
        log_artifact,
        log_code,
        log_model,
        login,
        plot,
        plot_table,
        require,
        save,
        setup,
        unwatch,
        watch,
    )
    from filmlab._init import init
    from filmlab._refused import Api, agent, restore, sweep, use_artifact, use_model, util
    from filmlab._run import Run
    from filmlab._stats import Stats
    from filmlab._values import Values
    from filmlab.errors import BadInput, Corrupt, FilmlabError, Transient, WireError
    from filmlab.media import Histogram, Html, Image, Text, Video
    from filmlab.notices import FilmlabWarning
    from filmlab.schedule import CaptureSchedule

    run: Run | None
    """The run that `init` began last, until `filmlab.finish`."""
    config: Values
    """Its configuration."""
    summary: Values
    """Its summary."""

# Loaded at their first use: a script that only imports filmlab, or records nothing today, does not pay for the rest.
_WHERE = {
    "AlertLevel": "_foreign",
    "Api": "_refused",
    "Artifact": "_foreign",
    "Audio": "_foreign",
    "BadInput": "errors",
    "CaptureSchedule": "schedule",
    "Corrupt": "errors",
    "Episode": "_episode",
    "FilmlabError": "errors",
    "FilmlabWarning": "notices",
    "Graph": "_foreign",
    "Histogram": "media",
    "Html": "media",
    "Image": "media",
    "Molecule": "_foreign",
    "Object3D": "_foreign",
    "Plotly": "_foreign",
    "Run": "_run",
    "Settings": "_foreign",
    "Stats": "_stats",
    "Table": "_foreign",
    "Text": "media",
    "Transient": "errors",
    "Video": "media",
    "WireError": "errors",
    "agent": "_refused",
    "alert": "_foreign",
    "define_metric": "_current",
    "finish": "_current",
    "init": "_init",
    "join": "_current",
    "link_model": "_foreign",
    "log": "_current",
    "log_artifact": "_foreign",
    "log_code": "_foreign",
    "log_model": "_foreign",
    "login": "_foreign",
    "plot": "_foreign",
    "plot_table": "_foreign",
    "require": "_foreign",
    "restore": "_refused",
    "save": "_foreign",
    "setup": "_foreign",
    "sweep": "_refused",
    "unwatch": "_foreign",
    "use_artifact": "_refused",
    "use_model": "_refused",
    "util": "_refused",
    "watch": "_foreign",
}
_OF_THE_RUN = {"run": "current", "config": "config", "summary": "summary"}
"""Asked for each time: they are those of the run that is open at that moment."""


def __getattr__(name: str) -> Any:
    if name in _OF_THE_RUN:
        return getattr(import_module("filmlab._current"), _OF_THE_RUN[name])()
    if name not in _WHERE:
        raise AttributeError(f"module 'filmlab' has no attribute {name!r}")
    found = getattr(import_module(f"filmlab.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AlertLevel", "Api", "Artifact", "Audio", "BadInput", "CaptureSchedule", "Corrupt", "Episode", "FilmlabError",
    "FilmlabWarning", "Graph", "Histogram", "Html", "Image", "Molecule", "Object3D", "Plotly", "Run",
    "Settings", "Stats", "Table", "Text", "Transient", "Video", "WireError", "agent", "alert", "config",
    "define_metric", "finish", "init", "join", "link_model", "log", "log_artifact", "log_code", "log_model",
    "login", "plot", "plot_table", "require", "restore", "run", "save", "setup", "summary", "sweep", "unwatch",
    "use_artifact", "use_model", "util", "watch",
]  # fmt: skip
