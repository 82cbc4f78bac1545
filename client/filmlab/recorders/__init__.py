"""Drop-in recorders of episodes and training curves: the files that a program is used to, without the waiting.

from filmlab.recorders import EpisodeAnimationRecorder, TrainingCurveRecorder

A program that calls an existing pair of recorders of these names changes this import, and nothing else.
"""

from filmlab.recorders.animation import EpisodeAnimationRecorder
from filmlab.recorders.curves import TrainingCurveRecorder
from filmlab.recorders.environment import animation_recorder_from_env, curve_recorder_from_env
from filmlab.recorders.implicit import finish
from filmlab.recorders.schedule import EpisodeCaptureSchedule

__all__ = [
    "EpisodeAnimationRecorder", "EpisodeCaptureSchedule", "TrainingCurveRecorder", "animation_recorder_from_env",
    "curve_recorder_from_env", "finish",
]  # fmt: skip
