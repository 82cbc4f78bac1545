"""How does what Stable-Baselines3's logger writes reach a run? Under its own names, at steps that go on."""

import sys
import weakref
from typing import Any

import numpy as np
import torch
from stable_baselines3.common import logger as sb3

from filmlab._current import current
from filmlab._run import Run
from filmlab.errors import BadInput
from filmlab.integrations._layouts import clip, image
from filmlab.media import Histogram, Image, Text, Video

FORMATS = ("filmlab", "tensorboard")
"""What is excluded from one of these is not recorded."""


class Progress:
    """The time steps of one run, over all calls of `learn`: one that begins at 0 again goes on where the last ended."""

    def __init__(self) -> None:
        self._begun = 0
        """When the present `learn` counted 0."""
        self._last = 0

    def step(self, num_timesteps: int) -> int:
        """What the model counts, as a step of the run."""
        if num_timesteps < self._last:
            self._begun += self._last
        self._last = num_timesteps
        return self._begun + num_timesteps


_progress: weakref.WeakKeyDictionary[Run, Progress] = weakref.WeakKeyDictionary()


def progress_of(run: Run) -> Progress:
    """That of a run, whoever records to it."""
    return _progress.setdefault(run, Progress())


class FilmlabOutputFormat(sb3.KVWriter):
    """For `logger.output_formats`: a run as one more place where the logger writes to.

    Scalars keep their names (`rollout/ep_rew_mean`), with the number of time steps as step. What is excluded from
    `filmlab` or from `tensorboard` is left out. Nothing here raises into the training.

    Args:
        run: None: that which `filmlab.init` began last.

    Raises:
        BadInput: there is none.
    """

    def __init__(self, run: Run | None = None) -> None:
        found = run or current()
        if found is None:
            raise BadInput("FilmlabOutputFormat: no run is open; begin one with filmlab.init()")
        self.run = found
        self._progress = progress_of(found)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """What was recorded since the last dump."""
        try:
            self._write(key_values, key_excluded, step)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self.run._seat.failed("FilmlabOutputFormat", error)

    def close(self) -> None:
        """The run stays open: there may be another `learn`."""

    def _write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int) -> None:
        row: dict[str, Any] = {}
        for key, value in key_values.items():
            excluded = key_excluded.get(key) or ()
            if not any(name in excluded for name in FORMATS):
                try:
                    self._take(key, value, row)
                except Exception as error:  # noqa: BLE001  # one value is left out, the others are not
                    self.run._seat.failed(f"{key!r}", error)
        self.run.log(row, self._progress.step(step))

    def _take(self, key: str, value: Any, row: dict[str, Any]) -> None:
        """One value of the logger's types."""
        match value:
            case sb3.HParam():
                # Its metrics only name what is logged elsewhere; their values stand for nothing.
                self.run.update(config=dict(value.hparam_dict))
            case sb3.Video():
                row[key] = Video(clip(value.frames), fps=value.fps, layout="THWC")
            case sb3.Figure():
                row[key] = Image(value.figure)
                pyplot = sys.modules.get("matplotlib.pyplot")
                if value.close and pyplot is not None:
                    pyplot.close(value.figure)
            case sb3.Image():
                row[key] = _image(value)
            case torch.Tensor() | np.ndarray() if value.ndim:
                row[key] = Histogram(value)
            case str():
                row[key] = Text(value, markdown=True)
            case _:
                row[key] = value


def _image(value: sb3.Image) -> Image:
    if isinstance(value.image, str):
        return Image(value.image)
    return image(value.image, value.dataformats)
