"""What do other libraries write for TensorBoard? Its own writer is listened to, for `init(sync_tensorboard=True)`."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from filmlab._run import Run
from filmlab.notices import say_once

_TAKES_OVER = "filmlab.integrations.sb3"
"""Where this is used, the same numbers come from Stable-Baselines3's logger."""


class Listener:
    """Hears of each event, in whatever file; its numbers go to the run that listens, as long as it is open."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self._prefixes: dict[str, str] = {}
        """Of the names of metrics, by directory."""

    def begin(self, run: Run) -> None:
        """This run listens from here on."""
        self.run, self._prefixes = run, {}

    def hear(self, directory: str, event: Any) -> None:
        """One event was written to a file in this directory. Raises nothing, unless the run is strict."""
        run = self.run
        if run is None or _TAKES_OVER in sys.modules or not event.HasField("summary"):
            return
        if run._seat.finished:
            self.run = None
            return
        try:
            prefix = self._prefix(directory)
            values = {f"{prefix}{tag}": number for tag, number in _numbers(event.summary)}
            if values:
                run.log(values, event.step, wall=event.wall_time)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            run._seat.failed("sync_tensorboard", error)

    def _prefix(self, directory: str) -> str:
        """None for the first directory; for a further one what it is called below the first, else its own name."""
        if directory not in self._prefixes:
            first = next(iter(self._prefixes), None)
            self._prefixes[directory] = "" if first is None else f"{_name_below(first, directory)}/"
        return self._prefixes[directory]


_listener = Listener()


def listen(run: Run) -> bool:
    """Have this run hear of what is written for TensorBoard. False where TensorBoard is not installed."""
    try:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        return False
    _listener.begin(run)
    if not hasattr(EventFileWriter.add_event, "__wrapped__"):
        EventFileWriter.add_event = _heard(EventFileWriter.add_event)
    return True


def _heard(add_event: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """The writer's own method, and what follows from it here."""

    @wraps(add_event)
    def call(self: Any, event: Any) -> None:
        add_event(self, event)
        _listener.hear(os.fspath(self.get_logdir()), event)

    return call


def _numbers(summary: Any) -> Iterator[tuple[str, float]]:
    """(tag, value) of what are numbers in it."""
    for value in summary.value:
        if value.WhichOneof("value") == "simple_value":
            yield value.tag, value.simple_value
        elif value.metadata.plugin_data.plugin_name == "scalars":
            from tensorboard.util.tensor_util import make_ndarray

            yield value.tag, float(make_ndarray(value.tensor))
        else:
            say_once("sync_tensorboard: numbers are taken; texts, pictures, … are in TensorBoard's own files alone")


def _name_below(first: str, directory: str) -> str:
    below = os.path.relpath(directory, first)
    return Path(os.path.normpath(directory)).name if below.startswith("..") else below.replace(os.sep, "/")
