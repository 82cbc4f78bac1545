"""Stable-Baselines3: what its logger says, its models' settings, and film of its vector environments' episodes."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO
from stable_baselines3.common import logger as sb3
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

from client.studio import Studio
from client.tools import needed
from filmlab import BadInput, FilmlabWarning, Run
from filmlab.integrations.sb3 import FilmlabCallback, FilmlabEvalCallback, FilmlabOutputFormat
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Media, RunBegin, RunUpdate, Snapshot

torch.set_num_threads(1)
LENGTH = 5


class Corridor(gymnasium.Env[Any, Any]):
    """Ends after five steps of reward 2; its picture says whose it is, and how many steps were taken."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, number: int, render_mode: str | None = "rgb_array") -> None:
        self.number, self.render_mode, self._step = number, render_mode, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._step = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        observation = np.full(1, self._step / LENGTH, np.float32)
        return observation, 2.0, False, self._step == LENGTH, {}

    def render(self) -> Any:
        frame = np.full((4, 6, 3), self._step, np.uint8)
        frame[0] = self.number
        return frame


def corridors(count: int, *, monitor: bool = True, render_mode: str | None = "rgb_array") -> VecEnv:
    def made(number: int) -> gymnasium.Env[Any, Any]:
        env = Corridor(number, render_mode)
        return Monitor(env) if monitor else env

    return DummyVecEnv([lambda number=number: made(number) for number in range(count)])  # type: ignore[misc]


def ppo(env: VecEnv, **options: Any) -> PPO:
    return PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=1, device="cpu", **options)


def steps_of(studio: Studio, metric: str) -> list[int]:
    return [step for step, values in studio.points() if metric in values]


def test_a_training_is_recorded(studio: Studio) -> None:
    """The logger's names at the number of time steps, the settings, each environment's episodes, and their film."""
    run = studio.init(schedule="at:0,1,2")
    ppo(corridors(2), learning_rate=lambda left: left * 1e-3).learn(32, callback=FilmlabCallback(run))
    run.finish()
    assert steps_of(studio, "rollout/ep_rew_mean") == [16, 32]
    assert steps_of(studio, "train/loss") == [32]
    assert not any("time/iterations" in values for _, values in studio.points())
    config = run.config
    assert (config.algorithm, config.n_steps, config.gamma, config.num_envs) == ("PPO", 8, 0.99, 2)
    assert (config.learning_rate, config.clip_range, config.policy) == (
        {"first": 1e-3, "last": 0.0}, 0.2, "ActorCriticPolicy",
    )  # fmt: skip
    ended = [entry for entry in studio.entries(EpisodeEnd) if entry.complete]
    assert sorted(entry.episode for entry in ended) == list(range(6))
    assert {(entry.return_, entry.length) for entry in ended} == {(10.0, LENGTH)}
    assert ended[0].metadata == {"terminated": False, "truncated": True}
    shown = {entry.episode: entry.film for entry in ended if entry.film}
    films = {episode: studio.films()[film] for episode, film in shown.items()}
    for film in films.values():
        assert [int(frame[1, 0, 0]) for frame in film] == [0, 1, 2, 3, 4]
    assert {episode: {int(frame[0, 0, 0]) for frame in film} for episode, film in films.items()} == {
        0: {0}, 1: {1}, 2: {0},
    }  # fmt: skip


def test_learning_again_goes_on(studio: Studio) -> None:
    """One run, whose steps and episodes go on; an episode that the reset cuts is told as cut."""
    run = studio.init(schedule="never")
    model, callback = ppo(corridors(1)), FilmlabCallback(run)
    for _ in range(2):
        model.learn(8, callback=callback)
    run.flush(20)
    assert steps_of(studio, "time/fps") == [8, 16]
    model.learn(8, callback=callback, reset_num_timesteps=False)
    run.finish()
    assert steps_of(studio, "time/fps") == [8, 16, 24]
    assert len(studio.entries(RunBegin)) == 1
    told = [(entry.episode, entry.length, entry.complete) for entry in studio.entries(EpisodeEnd)]
    # Eight steps are an episode and three steps; the third `learn` goes on with what the second had begun.
    assert told == [(0, 5, True), (1, 3, False), (2, 5, True), (3, 5, True), (4, 5, True), (5, 1, False)]


@pytest.mark.parametrize("outer", [VecMonitor, lambda env: env])
def test_returns_are_the_environments_own(studio: Studio, outer: Any) -> None:
    """Below `VecNormalize`, with a monitor or without one."""
    run = studio.init(schedule="at:0")
    ppo(VecNormalize(outer(corridors(2, monitor=False)))).learn(16, callback=FilmlabCallback(run))
    run.finish()
    ended = [entry for entry in studio.entries(EpisodeEnd) if entry.complete]
    assert {entry.return_ for entry in ended} == {10.0}
    assert sum(len(film) for film in studio.films().values()) == LENGTH


def test_an_off_policy_model(studio: Studio) -> None:
    """It steps, logs and numbers as the others."""
    run = studio.init(schedule="at:1")
    DQN("MlpPolicy", corridors(1), learning_starts=4, seed=1, device="cpu", buffer_size=64).learn(
        20, callback=FilmlabCallback(run), log_interval=1
    )
    run.finish()
    assert steps_of(studio, "rollout/ep_rew_mean") == [5, 10, 15, 20]
    assert run.config.buffer_size == 64
    assert [len(film) for film in studio.films().values()] == [LENGTH]


@pytest.mark.parametrize(("given", "episodes", "clips"), [({}, 12.0, 12.0), ({"fps": 9}, 0.0, 9.0)])
def test_films_run_as_fast_as_their_environment(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], episodes: float, clips: float
) -> None:
    """At its `render_fps`, as `VecVideoRecorder`'s do, unless `init(fps=…)` said another rate (0: that of the run)."""
    monkeypatch.setitem(Corridor.metadata, "render_fps", 12)
    run = studio.init(schedule="at:0", **given)
    evaluation = FilmlabEvalCallback(corridors(1), eval_freq=8, n_eval_episodes=1, verbose=0)
    ppo(corridors(1)).learn(8, callback=[FilmlabCallback(run), evaluation])
    run.finish()
    assert [begin.fps for begin in studio.entries(EpisodeBegin)][:1] == [episodes]
    assert [clip.fps for clip in studio.entries(Media)] == [clips]


def test_an_evaluation_leaves_its_results_and_a_clip(studio: Studio) -> None:
    """At the step it was made; of the first environment's first episode, whatever the others do meanwhile."""
    run = studio.init(schedule="never")
    evaluation = FilmlabEvalCallback(corridors(2), eval_freq=8, n_eval_episodes=4, verbose=0)
    ppo(corridors(1)).learn(16, callback=[FilmlabCallback(run), evaluation])
    run.finish()
    assert steps_of(studio, "eval/mean_reward") == [8, 16]
    clips = studio.entries(Media)
    assert [(clip.name, clip.mime, clip.step) for clip in clips] == [
        ("eval", "video/frames", 8), ("eval", "video/frames", 16),
    ]  # fmt: skip
    for clip in clips:
        frames = studio.films()[clip.film]
        assert [int(frame[1, 0, 0]) for frame in frames] == [1, 2, 3, 4]
        assert {int(frame[0, 0, 0]) for frame in frames} == {0}


def test_without_pictures_everything_else_is_recorded(studio: Studio) -> None:
    """What is missing is said once, and how to have it."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="make them with render_mode='rgb_array'"):
        ppo(corridors(2, render_mode=None)).learn(16, callback=FilmlabCallback(run))
    run.finish()
    assert len([entry for entry in studio.entries(EpisodeEnd) if entry.complete]) == 2
    assert studio.films() == {}


class _OnlyAll(DummyVecEnv):
    """One of somebody's own, which can only show all of its environments."""

    def env_method(self, *_: Any, **__: Any) -> list[Any]:
        raise NotImplementedError


def test_a_vector_environment_of_ones_own(studio: Studio) -> None:
    """Its pictures are taken as it gives them."""
    run = studio.init(schedule="at:1")
    env = _OnlyAll([lambda: Corridor(0), lambda: Corridor(1)])
    ppo(env).learn(16, callback=FilmlabCallback(run))
    run.finish()
    (film,) = studio.films().values()
    assert {int(frame[0, 0, 0]) for frame in film} == {1}


def test_a_trigger_that_raises_does_not_end_the_training(studio: Studio) -> None:
    """It is said, and the training goes on."""
    run = studio.init(strict=False)

    def trigger(episode: int) -> bool:
        raise RuntimeError("of the user's own")

    with pytest.warns(FilmlabWarning, match="of the user's own"):
        model = ppo(corridors(1)).learn(16, callback=FilmlabCallback(run, episode_trigger=trigger))
    run.finish()
    assert model.num_timesteps == 16
    assert steps_of(studio, "time/fps") == [8, 16]


def test_a_trigger_decides(studio: Studio) -> None:
    """In the place of the schedule; the reason says so."""
    run = studio.init(schedule="always")
    ppo(corridors(1)).learn(16, callback=FilmlabCallback(run, episode_trigger=lambda episode: episode == 1))
    run.finish()
    (filmed,) = [entry for entry in studio.entries(EpisodeEnd) if entry.film]
    assert (filmed.episode, filmed.reason) == (1, "episode_trigger")


def test_a_run_of_its_own(studio: Studio) -> None:
    """Called after the model and its environment; arguments for it beside a run are refused."""
    env = DummyVecEnv([lambda: Monitor(gymnasium.make("CartPole-v1", render_mode="rgb_array"))])
    callback = FilmlabCallback(project="p", dir=studio.directory / "out", schedule="never")
    with pytest.raises(BadInput, match="begins when the training starts"):
        callback.run  # noqa: B018  # the access is what is tested
    ppo(env).learn(8, callback=callback)
    callback.run.finish()
    env.close()
    (begin,) = studio.entries(RunBegin)
    assert (begin.project, begin.name, begin.schedule) == ("p", "PPO-CartPole-v1", "never")
    assert callback.run.config.env_id == "CartPole-v1"
    with pytest.raises(BadInput, match="project would be for a run of its own"):
        FilmlabCallback(callback.run, project="p")


def dumped(run: Run, **values: Any) -> None:
    """One dump of a logger that writes to the run alone."""
    logger = sb3.Logger(None, [FilmlabOutputFormat(run)])
    for name, value in values.items():
        logger.record(name, *value) if isinstance(value, tuple) else logger.record(name, value)
    logger.dump(7)
    logger.close()


def test_the_loggers_own_types(studio: Studio) -> None:
    """Each becomes what it is here; what is excluded for this kind of place is left out, other exclusions are not."""
    run = studio.init()
    dumped(
        run,
        scalar=np.float32(0.5), tensor=torch.tensor(2.0), weights=torch.zeros(3), text="hi",
        image=sb3.Image(torch.zeros(3, 4, 5), "CHW"), video=sb3.Video(torch.zeros(1, 3, 3, 4, 5), fps=9),
        hparam=sb3.HParam({"lr": 0.5}, {"rollout/ep_rew_mean": 0}),
        left=(1.0, "tensorboard"), out=(1.0, ("filmlab", "stdout")), kept=(1.0, ("stdout", "csv")),
    )  # fmt: skip
    run.finish()
    assert studio.points() == [(7, {"scalar": 0.5, "tensor": 2.0, "kept": 1.0})]
    media = {medium.name: (medium.mime, medium.step, medium.fps) for medium in studio.entries(Media)}
    assert media == {
        "weights": ("application/x-filmlab-histogram+json", 7, 30.0), "text": ("text/markdown", 7, 30.0),
        "image": ("image/frames", 7, 30.0), "video": ("video/frames", 7, 9.0),
    }  # fmt: skip
    assert studio.entries(RunUpdate)[0].config == {"lr": 0.5}


def test_a_figure_of_the_logger(studio: Studio) -> None:
    """Drawn, and closed when that is wanted."""
    needed("matplotlib").use("agg")
    pyplot = needed("matplotlib.pyplot")
    run = studio.init()
    kept, closed = pyplot.figure(figsize=(2, 1)), pyplot.figure(figsize=(2, 1))
    dumped(run, kept=sb3.Figure(kept, close=False), closed=sb3.Figure(closed, close=True))
    assert pyplot.get_fignums() == [kept.number]
    pyplot.close(kept)
    run.finish()
    assert sorted(medium.name for medium in studio.entries(Media)) == ["closed", "kept"]


def test_what_the_logger_cannot_give_is_said(studio: Studio) -> None:
    """And the rest of its row is kept."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="'bad' failed: .*say dataformats="):
        dumped(run, bad=sb3.Image(torch.zeros(3, 4), "CHW"), good=1.0)
    run.finish()
    assert [values for _, values in studio.points()] == [{"good": 1.0}]
    assert studio.entries(Snapshot)[0].step == 7


def test_a_format_needs_a_run() -> None:
    """It cannot know what one would be called."""
    with pytest.raises(BadInput, match="no run is open"):
        FilmlabOutputFormat()
