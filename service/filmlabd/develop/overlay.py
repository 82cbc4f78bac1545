"""What stands under each frame of an episode? Its number, and of the step that led to the frame what is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from filmlab.words import number
from filmlabd.model import EpisodeRow, StepsRow
from filmlabd.render.overlay import Overlay

UNPAIRED = "the overlay has no steps: there is not one frame for each of them"
_ITEMS_MAX = 8
_WHOLE_MAX = 10**15


def overlay_of(fields: tuple[str, ...], row: EpisodeRow, steps: StepsRow) -> tuple[Overlay | None, tuple[str, ...]]:
    """(the overlay of an episode's clip, notes on it); None where nothing was asked for.

    Frames are what is seen after each step, maybe behind one that was seen before the first. Where their numbers do not
    say so (steps without a frame, a trainer that died between the two), only the episode is told: better than wrong.
    """
    if not fields:
        return None, ()
    if row.frames - len(steps.rewards) not in (0, 1):
        episode = {"episode": str(row.episode)}
        notes = (UNPAIRED,) if set(fields) - {"episode"} else ()
        return Overlay(fields, lambda frame: episode), notes
    return Overlay(fields, _Texts(row, steps).of), ()


class _Texts:
    """The texts of each frame of an episode whose frames and steps pair."""

    def __init__(self, row: EpisodeRow, steps: StepsRow) -> None:
        self._episode = str(row.episode)
        self._steps = steps
        self._before = row.frames - len(steps.rewards)
        with np.errstate(invalid="ignore", over="ignore"):
            self._returns = np.concatenate(([0.0], np.cumsum(steps.rewards)))

    def of(self, frame: int) -> Mapping[str, str]:
        """Of one frame. Without a return where the film began in mid-episode, since what came before is unknown."""
        done = frame + 1 - self._before
        texts = {"episode": self._episode, "step": str(self._steps.first + done)}
        if self._steps.first == 0:
            texts["return"] = number(float(self._returns[done]))
        if 0 < done <= len(self._steps.actions) and self._steps.actions[done - 1] is not None:
            texts["action"] = action_text(self._steps.actions[done - 1])
        return texts


def action_text(action: Any) -> str:
    """`3`, `left`, `0.5, −1, …`: an action in the width of a column."""
    if isinstance(action, bool | str):
        return str(action)
    if isinstance(action, int):
        return number(action) if abs(action) < _WHOLE_MAX else "…"
    if isinstance(action, float):
        return number(float(f"{action:.3g}"))
    if isinstance(action, Sequence):
        shown = ", ".join(action_text(item) for item in action[:_ITEMS_MAX])
        return f"{shown}, …" if len(action) > _ITEMS_MAX else shown
    return str(action)
