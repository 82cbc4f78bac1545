"""What of wandb's names does a script find here though nothing comes of it? Each says so once, and does nothing."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from filmlab.notices import say_once

INIT_OPTIONS = frozenset(
    {
        "allow_val_change", "anonymous", "config_exclude_keys", "config_include_keys", "entity", "force", "fork_from",
        "job_type", "magic", "monitor_gym", "resume_from", "save_code", "settings", "tensorboard",
    }
)  # fmt: skip
IMAGE_OPTIONS = frozenset({"boxes", "classes", "file_type", "grouping", "masks"})

_FILM_GYM = ("filmlab.integrations.gym", "filmlab.integrations.sb3")
"""What does here what `monitor_gym` asks for."""


def leave_out(what: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    """Arguments that have no meaning here are said in one line.

    Raises:
        TypeError: one is nobody's, as Python says it.
    """
    for name in given:
        if name not in known:
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}")
    said = sorted(name for name, value in given.items() if value is not None and value is not False)
    if "monitor_gym" in said:
        said.remove("monitor_gym")
        if not any(module in sys.modules for module in _FILM_GYM):
            instead = "take RecordEpisodes from filmlab.integrations.gym in its place"
            say_once(f"{what}: monitor_gym: films of RecordVideo are NOT recorded: {instead}")
    if said:
        say_once(f"{what}: {', '.join(said)} {'has' if len(said) == 1 else 'have'} no meaning here; left out")


class NotRecorded:
    """Something that can be made, filled and logged, and is not recorded."""

    def __init__(self, *_: Any, **__: Any) -> None:
        say_once(f"{self.what} is not recorded here; a script that logs one goes on without it")

    @property
    def what(self) -> str:
        """Its name."""
        return type(self).__name__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _nothing


class Table(NotRecorded):
    """Of rows and columns."""


class Artifact(NotRecorded):
    """Of files."""

    def new_file(self, name: str, mode: str = "w", *_: Any, **__: Any) -> IO[Any]:
        """A file to write to, for `with`; nobody keeps it."""
        return Path(os.devnull).open(mode)


class Audio(NotRecorded):
    """Of sound."""


class Object3D(NotRecorded):
    """Of points in space."""


class Graph(NotRecorded):
    """Of nodes and edges."""


class Molecule(NotRecorded):
    """Of atoms."""


class Plotly(NotRecorded):
    """Of plotly's own."""


class Plot(NotRecorded):
    """Drawn by wandb from a table."""


class Settings(NotRecorded):
    """Of wandb's own process."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Said by `init`, which it is given to."""


class AlertLevel:
    """How much an alert matters."""

    INFO, WARN, ERROR = "INFO", "WARN", "ERROR"


class Plots:
    """`wandb.plot`: each of its functions gives a plot that is not recorded."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Plot


plot = Plots()
plot_table = Plot


def _nothing(*_: Any, **__: Any) -> None:
    return None


def login(*_: Any, **__: Any) -> bool:
    """There is nobody to log in to."""
    return True


def watch(*_: Any, **__: Any) -> None:
    """Gradients are not recorded."""
    say_once("watch: gradients are not recorded; log a Histogram of them")


def unwatch(*_: Any, **__: Any) -> None:
    """Nothing is watched."""


def setup(*_: Any, **__: Any) -> None:
    """There is nothing to set up."""


def require(*_: Any, **__: Any) -> None:
    """There are no parts to choose from."""


def save(*_: Any, **__: Any) -> list[str]:
    """Files of one's own are not taken: the names of none."""
    say_once("save: files of one's own are not taken; leave them in run.dir")
    return []


def alert(*_: Any, **__: Any) -> None:
    """Nobody is alerted."""
    say_once("alert: nobody is alerted")


def log_artifact(artifact_or_path: Any = None, *_: Any, **__: Any) -> Artifact:
    """Files of one's own are not taken. What scripts go on to wait for or to link is returned."""
    say_once("log_artifact: files of one's own are not taken; leave them in run.dir")
    return artifact_or_path if isinstance(artifact_or_path, Artifact) else Artifact.__new__(Artifact)


def log_model(*_: Any, **__: Any) -> None:
    """Files of one's own are not taken."""
    say_once("log_model: files of one's own are not taken; leave them in run.dir, or see run.log_results")


def link_model(*_: Any, **__: Any) -> None:
    """Nor linked."""
    say_once("link_model: there is no registry of models here")


def log_code(*_: Any, **__: Any) -> None:
    """Code is not taken."""
    say_once("log_code: code is not taken")


class DroppedCalls:
    """The same as methods of a run."""

    watch = staticmethod(watch)
    unwatch = staticmethod(unwatch)
    save = staticmethod(save)
    alert = staticmethod(alert)
    log_artifact = upsert_artifact = finish_artifact = staticmethod(log_artifact)
    log_model = staticmethod(log_model)
    link_model = link_artifact = staticmethod(link_model)
    mark_preempting = _label = staticmethod(setup)  # the latter by libraries, which say so who they are
    log_code = staticmethod(log_code)
