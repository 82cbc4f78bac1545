"""Gymnasium before 1.1, which many trainings are pinned to: what it does not have is not asked of it."""

import sys
from typing import Any

import gymnasium
import pytest

from client.counting import Counter
from client.studio import Studio
from filmlab.integrations import gym
from filmlab.wire.entries import EpisodeEnd


class AutoResetWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """As in Gymnasium 0.29: the step that ends an episode gives the next one's first observation."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        if result[2] or result[3]:
            observation, _ = self.env.reset()
            return observation, *result[1:]
        return result


def test_vector_environments_alone_need_a_newer_one(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `VectorWrapper` (0.29) the other wrapper is there, and whoever asks for this one is told the version."""
    monkeypatch.delattr(gymnasium.vector, "VectorWrapper")
    monkeypatch.delitem(sys.modules, "filmlab.integrations.gym_vector", raising=False)
    monkeypatch.setattr(gymnasium, "__version__", "0.29.1")
    assert gym.RecordEpisodes(Counter(), run=studio.init()).run is not None
    with pytest.raises(ImportError, match=r"needs gymnasium 1.0 or newer, this is 0.29.1"):
        gym.RecordVectorEpisodes  # noqa: B018  # the access is what is tested


def test_an_environment_that_resets_itself_at_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.29's `AutoResetWrapper`: each step is one of an episode's, and the next episode begins with the next step."""
    monkeypatch.setattr(gymnasium.wrappers, "AutoResetWrapper", AutoResetWrapper, raising=False)
    monkeypatch.delattr(gymnasium.wrappers, "Autoreset")
    run = studio.init()
    env = gym.RecordEpisodes(AutoResetWrapper(Counter()), run=run)
    env.reset()
    for _ in range(7):
        env.step(0)
    run.finish()
    ends = [(end.episode, end.length, end.complete) for end in studio.entries(EpisodeEnd)]
    assert ends == [(0, 3, True), (1, 3, True), (2, 1, False)]
