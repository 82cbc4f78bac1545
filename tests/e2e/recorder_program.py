"""A training written against the original recorders, which finds ours by one changed import."""

PROGRAM = """
import math
import sys
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from filmlab.recorders import (
    EpisodeAnimationRecorder,
    EpisodeCaptureSchedule,
    TrainingCurveRecorder,
    animation_recorder_from_env,
    curve_recorder_from_env,
)


@dataclass
class Step:
    action: object
    active_option_id: int | None


@dataclass
class EpisodeTrace:
    episode: int
    episode_reward: float
    avg_reward: float
    step_count: int
    solved: bool
    frames: list
    steps: list
    metadata: dict = field(default_factory=dict)


class Policy:
    epsilon = 0.25
    _options = ("go", "stay")

    def training_metrics(self):
        return {"policy_q_loss": 0.5, "policy_termination_loss": math.nan}


class Model:
    def __init__(self):
        self.calls = 0

    def training_metrics(self):
        self.calls += 1
        return {"model_loss": 1.0 / self.calls} if self.calls > 2 else {}


class Agent:
    def __init__(self):
        self.reactive_policy = Policy()
        self.transition_model = Model()


def rendered(episode, count):
    frames = []
    for index in range(count):
        frame = np.full((30, 40, 3), 255, np.uint8)
        frame[5:12, (3 * index) % 30 : (3 * index) % 30 + 7] = (200, 30 + episode, 30)
        frames.append(frame if index % 2 else Image.fromarray(frame))
    return frames


def train(episodes, rewards):
    animations = animation_recorder_from_env("train")
    curves = curve_recorder_from_env("train", average_window=3)
    agent = Agent()
    history = []
    for episode in range(episodes):
        reward = rewards[episode % len(rewards)]
        history.append(reward)
        average = sum(history[-3:]) / len(history[-3:])
        if animations is not None and animations.should_capture(episode, episodes):
            steps = [Step(np.int64(index % 2), None if index % 3 else 1) for index in range(12)]
            frames = [] if episode == 8 else rendered(episode, 12)
            animations(EpisodeTrace(episode, reward, average, 12, reward > 2, frames, steps, {"seed": episode}))
        if curves is not None:
            curves.log_episode(episode, reward, average, agent)
        moment(episode)
    if curves is not None:
        curves.save()


def moment(episode):
    pass
"""
