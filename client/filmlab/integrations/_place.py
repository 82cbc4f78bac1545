"""Which run does a wrapper record to, and where do its films go?"""

import os
from collections.abc import Callable
from numbers import Real
from typing import Any

import filmlab
from filmlab._apart import begin_apart
from filmlab._folder import Folder, Printing
from filmlab._run import Run
from filmlab.errors import BadInput
from filmlab.jsonable import as_text
from filmlab.media import check_fps
from filmlab.recorders.stems import file_part

DEFAULT_PREFIX = "rl-video"
_DEFAULT_FPS = 30.0
_NO_FRAMES = (None, "human", "ansi")


class Place:
    """The run, the folder and the names of one wrapper. Belongs to one thread.

    A run that is given, or that `filmlab.init` began last, is used and left open. Else the wrapper has one of its own:
    with a folder its page stays in the state directory, so that the folder has the clips and nothing else.

    Raises:
        BadInput: `fps` cannot be.
    """

    def __init__(
        self, run: Run | None, video_folder: str | os.PathLike[str] | None, name_prefix: str, fps: float
    ) -> None:
        self.name_prefix = name_prefix
        self.fps = check_fps(fps)
        self.folder = Folder(video_folder) if video_folder is not None else None
        self._given = run
        self._own: Run | None = None
        self._used = self._find()

    @property
    def run(self) -> Run:
        """The run; another one where the wrapper is used on after its own was finished by `close`."""
        if self._given is None and self._used._seat.finished:
            self._used = self._find()
        return self._used

    def name(self, what: str) -> str:
        """What the film of an episode or a step is called: `rl-video-episode-7`."""
        return f"{self.name_prefix}-{what}"

    def printing(self, name: str) -> Printing:
        """How a film of this name is printed."""
        return Printing(self.fps, self.folder, file_part(name))

    def close(self) -> None:
        """Finish a run of the wrapper's own; what goes to a folder is waited for, as long as `finish` would wait."""
        own, self._own = self._own, None
        if own is not None:
            if self.folder is not None:
                own.flush(own._options.close_timeout_s)
            own.finish()

    def _find(self) -> Run:
        if self._given is not None:
            return self._given
        current: Run | None = filmlab.run
        if current is not None and not current._seat.finished:
            return current
        name = self.name_prefix if self.name_prefix != DEFAULT_PREFIX else None
        if self.folder is None:
            self._own = filmlab.init(name=name, fps=self.fps)
        else:
            self._own = begin_apart(f"clips in {self.folder.directory} of ", name=name, schedule="cubic", fps=self.fps)
        return self._own


def rate_of(fps: float | None, metadata: dict[str, Any]) -> float:
    """Frames per second: what was asked for, else what the environment says, else 30. Raises BadInput for no rate."""
    return check_fps(fps if fps is not None else metadata.get("render_fps") or _DEFAULT_FPS)


def check_render_mode(render_mode: str | None) -> None:
    """Raises BadInput for an environment that renders nothing that could be filmed."""
    if render_mode in _NO_FRAMES:
        raise BadInput(
            f"render_mode is {render_mode!r}, which gives no frames: make the environment with render_mode='rgb_array'"
        )


def check_arguments(
    run: Any, video_folder: Any, name_prefix: Any, video_length: Any, **triggers: Callable[[int], bool] | None
) -> None:
    """Raises BadInput for what could not be used later, when nothing may be raised any more."""
    for name, trigger in triggers.items():
        if trigger is not None and not callable(trigger):
            raise BadInput(f"{name}: a function of a number, got {type(trigger).__name__}")
    if run is not None and not isinstance(run, Run):
        raise BadInput(f"run: what filmlab.init gave, got {type(run).__name__}")
    if video_folder is not None and not isinstance(video_folder, str | os.PathLike):
        raise BadInput(f"video_folder: a path, got {type(video_folder).__name__}")
    if not isinstance(name_prefix, str):
        raise BadInput(f"name_prefix: a text, got {type(name_prefix).__name__}")
    is_number = isinstance(video_length, Real) and not isinstance(video_length, bool)
    if not is_number or not video_length >= 0:
        raise BadInput(f"video_length: a number of steps from 0, got {as_text(video_length)}")
