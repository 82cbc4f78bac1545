"""The drop-in recorders and Stable-Baselines3's, called with what is of no use: nothing is raised, the rest arrives."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common import logger as sb3

from client.hostile import MAKERS, Untouchable
from client.studio import Studio
from client.test_sb3 import corridors, ppo
from filmlab import BadInput, recorders
from filmlab.integrations.sb3 import FilmlabCallback, FilmlabEvalCallback, FilmlabOutputFormat
from filmlab.recorders import EpisodeAnimationRecorder, EpisodeCaptureSchedule, TrainingCurveRecorder
from filmlab.wire.entries import EpisodeEnd

pytestmark = pytest.mark.filterwarnings("ignore::filmlab.FilmlabWarning")
FRAME = np.zeros((4, 5, 3), np.uint8)
TRACE: dict[str, Any] = {
    "episode": 1, "episode_reward": 1.0, "avg_reward": 1.0, "step_count": 1, "solved": True, "frames": [FRAME],
    "steps": [SimpleNamespace(action=1, active_option_id=0)], "metadata": {},
}  # fmt: skip


@pytest.fixture
def over(studio: Studio) -> Iterator[None]:
    """The recorders' own run ends with the test."""
    yield
    recorders.finish()


def test_an_animation_recorder_raises_nothing(studio: Studio, over: None, tmp_path: Path) -> None:
    """Each field of a trace, a frame, an action, and a trace that is none; the next episode arrives."""
    recorder = EpisodeAnimationRecorder(tmp_path / "a")
    for make in MAKERS.values():
        for field in TRACE:
            recorder(SimpleNamespace(**(TRACE | {field: make()})))
        recorder(SimpleNamespace(**(TRACE | {"frames": [FRAME, make()]})))
        recorder(SimpleNamespace(**(TRACE | {"steps": [SimpleNamespace(action=make(), active_option_id=make())]})))
        recorder(make())
    recorder(SimpleNamespace(**(TRACE | {"episode": 7777})))
    assert recorder.flush(60.0)
    assert studio.entries(EpisodeEnd)[-1].episode == 7777


def test_a_recorders_schedule_raises_nothing(studio: Studio, over: None, tmp_path: Path) -> None:
    """A wrong number, or a schedule of wrong numbers, wants no film."""
    for make in MAKERS.values():
        recorder = EpisodeAnimationRecorder(tmp_path / "a", EpisodeCaptureSchedule((1, 2), 3, 4))
        recorder.should_capture(make(), 5)
        recorder.should_capture(5, make())
        strange = EpisodeAnimationRecorder(tmp_path / "a", EpisodeCaptureSchedule(make(), make(), make()))
        assert strange.should_capture(5, 9) in (True, False)


def test_a_curve_recorder_raises_nothing(studio: Studio, over: None, tmp_path: Path) -> None:
    """Whatever stands for a reward or an agent: each episode is one row in each history."""
    recorder = TrainingCurveRecorder(tmp_path / "c", checkpoint_every=5)
    for make in MAKERS.values():
        recorder.log_episode(make(), 1.0, 1.0, None)
        recorder.log_episode(0, make(), make(), make())
        policy = SimpleNamespace(epsilon=make(), _options=make(), training_metrics=make)
        recorder.log_episode(0, 1.0, 1.0, SimpleNamespace(reactive_policy=policy))
        policy = SimpleNamespace(training_metrics=lambda: {"loss": make(), Untouchable: 1})  # noqa: B023  # asked at once
        recorder.log_episode(0, 1.0, 1.0, SimpleNamespace(reactive_policy=policy))
    assert recorder.flush(60.0)
    histories = (recorder.average_history, recorder.epsilon_history, *recorder.metric_histories.values())
    assert {len(recorder.reward_history), *map(len, histories)} == {4 * len(MAKERS)}
    assert len(studio.points()) == 4 * len(MAKERS)


def test_the_loggers_format_raises_nothing(studio: Studio) -> None:
    """A value, a name, a step, what is excluded, and what the logger's own types hold."""
    run = studio.init(strict=False)
    format_ = FilmlabOutputFormat(run)
    for what, make in MAKERS.items():
        for value in (make(), sb3.HParam({}, {"a": 1}), sb3.Figure(make(), True), sb3.Image(make(), make())):
            if isinstance(value, sb3.HParam):
                value.hparam_dict = make()
            format_.write({"v": value, "fine": 1.0}, {}, 3)
        format_.write({"v": sb3.Video(make(), make()), "fine": 1.0}, {"v": make()}, 3)
        format_.write({what: 1.0}, {}, make())
        format_.write(make(), make(), make())
    format_.write({"last": 1.0}, {}, 2**40)
    run.finish()
    assert studio.points()[-1][1] == {"last": 1.0}
    assert sum(values == {"fine": 1.0} for _, values in studio.points()) >= 4 * len(MAKERS)


@pytest.mark.parametrize("what", ["rewards", "dones", "infos", "actions"])
def test_a_callback_raises_nothing(studio: Studio, what: str) -> None:
    """Whatever an algorithm's locals hold when it is called."""
    run = studio.init(strict=False)
    callback = FilmlabCallback(run)
    ppo(corridors(2)).learn(8, callback=callback)
    fine = {"rewards": np.ones(2), "dones": np.ones(2, bool), "infos": [{}, {}], "actions": [0, 1]}
    for make in MAKERS.values():
        for value in (make(), [make(), make()]):
            callback.locals = fine | {what: value}
            assert callback.on_step()
        callback.locals = fine | {"infos": [{"episode": {"r": make(), "l": make()}, "is_success": make()}] * 2}
        assert callback.on_step()
    callback.on_rollout_end()
    callback.on_training_end()
    run.log({"alive": 1.0}, step=77)
    run.finish()
    assert (77, {"alive": 1.0}) in studio.points()


def test_callbacks_refuse_with_bad_input() -> None:
    """What is no run, no function or no number is refused when it is given."""
    refused = 0
    for make in MAKERS.values():
        for arguments in ({"run": make()}, {"episode_trigger": make()}):
            try:
                FilmlabCallback(**arguments)
            except BadInput:
                refused += 1
        try:
            FilmlabEvalCallback(corridors(1), film_episodes=make())
        except BadInput:
            refused += 1
    assert refused > 2 * len(MAKERS)
