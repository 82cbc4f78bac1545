"""What of wandb's names does a script find here though nothing comes of it? Each says so once, and does nothing."""

from collections.abc import Mapping
from typing import Any

from filmlab.notices import say_once

INIT_OPTIONS = frozenset(
    {
        "allow_val_change", "anonymous", "config_exclude_keys", "config_include_keys", "entity", "force", "fork_from",
        "job_type", "magic", "monitor_gym", "resume_from", "save_code", "settings", "sync_tensorboard", "tensorboard",
    }
)  # fmt: skip
IMAGE_OPTIONS = frozenset({"boxes", "classes", "file_type", "grouping", "masks"})


def leave_out(what: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    """Arguments that have no meaning here are said in one line.

    Raises:
        TypeError: one is nobody's, as Python says it.
    """
    for name in given:
        if name not in known:
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}")
    said = sorted(name for name, value in given.items() if value is not None)
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


class Audio(NotRecorded):
    """Of sound."""


class Object3D(NotRecorded):
    """Of points in space."""


class Settings(NotRecorded):
    """Of wandb's own process."""


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


def save(*_: Any, **__: Any) -> None:
    """Files of one's own are not taken."""
    say_once("save: files of one's own are not taken; leave them in run.dir")


def alert(*_: Any, **__: Any) -> None:
    """Nobody is alerted."""
    say_once("alert: nobody is alerted")


def log_artifact(*_: Any, **__: Any) -> None:
    """Files of one's own are not taken."""
    say_once("log_artifact: files of one's own are not taken; leave them in run.dir")


def log_code(*_: Any, **__: Any) -> None:
    """Code is not taken."""
    say_once("log_code: code is not taken")


class DroppedCalls:
    """The same as methods of a run."""

    watch = staticmethod(watch)
    unwatch = staticmethod(unwatch)
    save = staticmethod(save)
    alert = staticmethod(alert)
    log_artifact = staticmethod(log_artifact)
    log_code = staticmethod(log_code)
