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

from typing import TYPE_CHECKING, Any

from filmlab._current import current as _current_run
from filmlab._current import finish, log
from filmlab._episode import Episode
from filmlab._init import init
from filmlab._run import Run
from filmlab._stats import Stats
from filmlab.errors import BadInput, Corrupt, FilmlabError, Transient, WireError
from filmlab.media import Image, Video
from filmlab.notices import FilmlabWarning
from filmlab.schedule import CaptureSchedule

__version__ = "0.1.0"

if TYPE_CHECKING:
    run: Run | None
    """The run that `init` began last, until `filmlab.finish`."""


def __getattr__(name: str) -> Any:
    if name == "run":
        return _current_run()
    raise AttributeError(f"module 'filmlab' has no attribute {name!r}")


__all__ = [
    "BadInput", "CaptureSchedule", "Corrupt", "Episode", "FilmlabError", "FilmlabWarning", "Image", "Run", "Stats",
    "Transient", "Video", "WireError", "finish", "init", "log", "run",
]  # fmt: skip
