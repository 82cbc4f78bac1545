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
    from filmlab._current import finish, log
    from filmlab._episode import Episode
    from filmlab._init import init
    from filmlab._run import Run
    from filmlab._stats import Stats
    from filmlab.errors import BadInput, Corrupt, FilmlabError, Transient, WireError
    from filmlab.media import Image, Video
    from filmlab.notices import FilmlabWarning
    from filmlab.schedule import CaptureSchedule

    run: Run | None
    """The run that `init` began last, until `filmlab.finish`."""

# Loaded at their first use: a script that only imports filmlab, or records nothing today, does not pay for the rest.
_WHERE = {
    "BadInput": "errors",
    "CaptureSchedule": "schedule",
    "Corrupt": "errors",
    "Episode": "_episode",
    "FilmlabError": "errors",
    "FilmlabWarning": "notices",
    "Image": "media",
    "Run": "_run",
    "Stats": "_stats",
    "Transient": "errors",
    "Video": "media",
    "WireError": "errors",
    "finish": "_current",
    "init": "_init",
    "log": "_current",
}


def __getattr__(name: str) -> Any:
    if name == "run":
        return import_module("filmlab._current").current()
    if name not in _WHERE:
        raise AttributeError(f"module 'filmlab' has no attribute {name!r}")
    found = getattr(import_module(f"filmlab.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "BadInput", "CaptureSchedule", "Corrupt", "Episode", "FilmlabError", "FilmlabWarning", "Image", "Run", "Stats",
    "Transient", "Video", "WireError", "finish", "init", "log", "run",
]  # fmt: skip
