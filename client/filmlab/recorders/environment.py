"""Which recorders do the environment variables ask for? FILMLAB_* wins over OAK_EXAMPLE_*; blank counts as unset."""

import os
from collections.abc import Mapping
from pathlib import Path

from filmlab.errors import BadInput
from filmlab.media import FPS_MAX
from filmlab.recorders.animation import EpisodeAnimationRecorder
from filmlab.recorders.curves import TrainingCurveRecorder
from filmlab.recorders.schedule import EpisodeCaptureSchedule

PREFIXES = ("FILMLAB_", "OAK_EXAMPLE_")
ANIMATION_DIR = "tests/results/animations"
CURVE_DIR = "tests/results/training_curves"
_YES = ("1", "true", "yes", "on")


def animation_recorder_from_env(mode: str) -> EpisodeAnimationRecorder | None:
    """A recorder of episodes below `<ANIMATION_DIR>/<mode>`; None where DISABLE_ANIMATIONS says so.

    Raises:
        BadInput: a variable cannot be used; the message names it and its value.
    """
    given = _Given(os.environ)
    if given.flag("DISABLE_ANIMATIONS"):
        return None
    limit = given.whole("ANIMATION_MAX_FRAMES", 400)
    fps = given.rate("ANIMATION_FPS", 30)
    every = given.whole("ANIMATION_EVERY", 100)
    return EpisodeAnimationRecorder(
        output_dir=Path(given.text("ANIMATION_DIR") or ANIMATION_DIR) / mode,
        schedule=EpisodeCaptureSchedule(
            episode_indices=given.wholes("ANIMATION_EPISODES"),
            every_n_episodes=every if every > 0 else None,
            last_n_episodes=max(given.whole("ANIMATION_LAST", 1), 0),
        ),
        prefix=mode,
        fps=fps,
        max_frames=limit if limit > 0 else None,
    )


def curve_recorder_from_env(mode: str, *, average_window: int) -> TrainingCurveRecorder | None:
    """A recorder of curves below `<CURVE_DIR>/<mode>`; None where DISABLE_CURVES says so. Raises BadInput as above."""
    given = _Given(os.environ)
    if given.flag("DISABLE_CURVES"):
        return None
    return TrainingCurveRecorder(
        output_dir=Path(given.text("CURVE_DIR") or given.text("PLOT_DIR") or CURVE_DIR) / mode,
        prefix=mode,
        average_window=average_window,
        checkpoint_every=max(given.whole("CURVE_CHECKPOINT_EVERY", 10), 0),
    )


class _Given:
    """The variables, by their names without the prefix."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        return self._find(name)[1]

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in _YES

    def whole(self, name: str, default: int) -> int:
        variable, text = self._find(name)
        return _whole(variable, text, text) if text else default

    def wholes(self, name: str) -> tuple[int, ...]:
        variable, text = self._find(name)
        return tuple(_whole(variable, part.strip(), text) for part in text.split(",") if part.strip())

    def rate(self, name: str, default: int) -> int | float:
        variable, text = self._find(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            raise BadInput(f"{variable}={text!r} is no number") from None
        if not 0 < value <= FPS_MAX:
            raise BadInput(f"{variable}={text!r} is no frame rate: above 0, at most {FPS_MAX:g}")
        return int(value) if value.is_integer() else value

    def _find(self, name: str) -> tuple[str, str]:
        """(variable, its text); the last variable and an empty text where none is set."""
        variable = ""
        for prefix in PREFIXES:
            variable = f"{prefix}{name}"
            text = self._environ.get(variable, "").strip()
            if text:
                return variable, text
        return variable, ""


def _whole(variable: str, text: str, given: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"{variable}={given!r}: {text!r} is no whole number") from None
