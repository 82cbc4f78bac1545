"""RecordEpisodes around real and small environments: what is recorded, and that the environment does not notice."""

import os
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import filmlab
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.integrations.gym import RecordEpisodes
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Media, Recorder, RunBegin, RunFinish, Trace


class Counter(gymnasium.Env[int, int]):
    """Ends after `length` steps; a frame shows how many there were. Counts how often it was rendered."""

    metadata = {"render_modes": ["rgb_array", "rgb_array_list"], "render_fps": 12}  # noqa: RUF012  # as Gymnasium has it
    observation_space = gymnasium.spaces.Discrete(1000)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length: int = 3, render_mode: str | None = "rgb_array") -> None:
        self.length, self.render_mode = length, render_mode
        self.steps = self.renders = self.closes = 0
        self.seeds: list[int | None] = []
        self.broken = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.steps = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self.steps, 1.0, self.steps >= self.length, False, {}

    def render(self) -> Any:
        self.renders += 1
        if self.broken:
            raise RuntimeError("no display")
        frame = np.full((6, 8, 3), self.steps, np.uint8)
        return [frame] if self.render_mode == "rgb_array_list" else frame

    def close(self) -> None:
        self.closes += 1


def play(env: gymnasium.Env[Any, Any], episodes: int) -> None:
    for _ in range(episodes):
        env.reset()
        done = False
        while not done:
            _, _, terminated, truncated, _ = env.step(0)
            done = terminated or truncated


def shown(studio: Studio) -> dict[int, list[int]]:
    """The frames of each episode's film, as the number of steps that they show."""
    films = studio.films()
    return {
        end.episode: [int(frame[0, 0, 0]) for frame in films[end.film]]
        for end in studio.entries(EpisodeEnd)
        if end.film
    }


def clips(studio: Studio) -> dict[str, list[int]]:
    """The frames of each clip, likewise."""
    films = studio.films()
    return {medium.name: [int(frame[0, 0, 0]) for frame in films[medium.film]] for medium in studio.entries(Media)}


def test_episodes_are_recorded_as_the_runs_schedule_says(studio: Studio) -> None:
    """Each film begins with what is seen after reset; every episode has its totals; nothing is rendered in vain."""
    run, env = studio.init(schedule="every:2"), Counter()
    wrapped = RecordEpisodes(env, run=run)
    play(wrapped, 3)
    wrapped.close()
    run.finish()
    assert [(end.episode, end.length, end.return_, end.complete) for end in studio.entries(EpisodeEnd)] == [
        (index, 3, 3.0, True) for index in range(3)
    ]
    assert studio.entries(EpisodeEnd)[0].metadata == {"terminated": True, "truncated": False}
    assert shown(studio) == {0: [0, 1, 2, 3], 2: [0, 1, 2, 3]}
    assert env.renders == 8
    assert env.seeds == [None, None, None]


def test_an_episode_trigger_decides_instead(studio: Studio) -> None:
    """As in RecordVideo."""
    run = studio.init(schedule="never")
    play(RecordEpisodes(Counter(), episode_trigger=lambda index: index == 1, run=run), 3)
    run.finish()
    assert [(begin.episode, begin.reason) for begin in studio.entries(EpisodeBegin)] == [(1, "episode_trigger")]


def test_a_step_trigger_films_from_there_on(studio: Studio) -> None:
    """To the end of the episode: a clip of its own, named after the step."""
    run = studio.init(schedule="always")
    play(RecordEpisodes(Counter(), step_trigger=lambda step: step == 4, run=run), 3)
    run.finish()
    assert clips(studio) == {"rl-video-step-4": [2, 3]}


def test_a_film_with_a_length_goes_on_over_the_ends_of_episodes(studio: Studio) -> None:
    """As in RecordVideo: so many steps, and what is seen before the first one; nothing is rendered past them."""
    run, env = studio.init(), Counter()
    wrapped = RecordEpisodes(env, episode_trigger=lambda index: index == 1, video_length=4, run=run)
    play(wrapped, 4)
    run.finish()
    assert clips(studio) == {"rl-video-episode-1": [0, 1, 2, 3, 0]}
    assert env.renders == 5


def test_a_reset_without_a_step_is_no_episode(studio: Studio) -> None:
    """Such as one for the seed's sake."""
    run, env = studio.init(), Counter()
    wrapped = RecordEpisodes(env, run=run)
    wrapped.reset(seed=7)
    play(wrapped, 1)
    run.finish()
    assert [end.episode for end in studio.entries(EpisodeEnd)] == [0]
    assert env.seeds == [7, None]


def test_an_episode_that_is_left_is_not_complete(studio: Studio) -> None:
    """By a reset in the middle, or by close."""
    run = studio.init()
    wrapped = RecordEpisodes(Counter(), run=run)
    wrapped.reset()
    wrapped.step(0)
    wrapped.reset()
    wrapped.step(0)
    wrapped.close()
    run.finish()
    assert [(end.episode, end.complete) for end in studio.entries(EpisodeEnd)] == [(0, False), (1, False)]


def test_an_environment_that_cannot_render_goes_on(studio: Studio) -> None:
    """The film ends and says why; the training does not."""
    run, env = studio.init(strict=False), Counter()
    env.broken = True
    with pytest.warns(FilmlabWarning, match="could not be rendered: RuntimeError: no display"):
        play(RecordEpisodes(env, run=run), 2)
    run.finish()
    assert [end.length for end in studio.entries(EpisodeEnd)] == [3, 3]


def test_lists_of_frames_are_left_for_the_caller(studio: Studio) -> None:
    """`rgb_array_list`: the film takes each step's last frame, and `render` still gives them all."""
    run = studio.init()
    wrapped = RecordEpisodes(Counter(render_mode="rgb_array_list"), run=run)
    play(wrapped, 1)
    assert len(wrapped.render()) == 5
    assert len(wrapped.render()) == 1
    run.finish()
    assert shown(studio) == {0: [0, 1, 2, 3]}


def test_a_folder_gets_the_films_of_a_run_that_stays_apart(studio: Studio) -> None:
    """Begun with the environment's frame rate, in the state directory, not as the current run, finished by close."""
    env, folder = Counter(), studio.directory / "videos"
    wrapped = RecordEpisodes(env, str(folder), name_prefix="my/agent")
    play(wrapped, 1)
    assert filmlab.run is None
    wrapped.close()
    (begin,) = studio.entries(RunBegin)
    assert Path(begin.directory).is_relative_to(studio.directory / "state")
    assert (begin.name, begin.fps) == ("my/agent", 12.0)
    assert len(studio.entries(RunFinish)) == 1
    assert env.closes == 1
    (recorder,), (trace,) = studio.entries(Recorder), studio.entries(Trace)
    assert (recorder.kind, recorder.directory) == ("video", os.path.realpath(folder))
    assert (trace.recorder, trace.film, trace.stem) == (recorder.number, 1, "my%2Fagent-episode-0")


def test_an_environment_that_was_closed_is_recorded_on(studio: Studio) -> None:
    """In another run of the wrapper's own: the first was finished by close."""
    wrapped = RecordEpisodes(Counter(), studio.directory / "videos")
    play(wrapped, 1)
    wrapped.close()
    play(wrapped, 1)
    wrapped.close()
    assert {(end.episode, end.complete) for end in studio.entries(EpisodeEnd)} == {(0, True), (1, True)}
    assert len({begin.run_id for begin in studio.entries(RunBegin)}) == 2
    assert len(studio.entries(Recorder)) == 2


def test_the_current_run_is_used(studio: Studio) -> None:
    """The one that init began last; it is not the wrapper's to finish."""
    run = studio.init()
    wrapped = RecordEpisodes(Counter())
    wrapped.close()
    assert wrapped.run is run is filmlab.run


@pytest.mark.parametrize("mode", [None, "human"])
def test_an_environment_without_frames_is_refused(studio: Studio, mode: str | None) -> None:
    """The message says what to do."""
    with pytest.raises(BadInput, match="render_mode='rgb_array'"):
        RecordEpisodes(Counter(render_mode=mode), run=studio.init())


def test_a_run_and_a_folder_go_together(studio: Studio) -> None:
    """The run has the episodes, the folder their films, at the environment's rate though the run has another."""
    run = studio.init(fps=30)
    play(RecordEpisodes(Counter(), studio.directory / "videos", run=run), 1)
    run.finish()
    (begin,) = studio.entries(EpisodeBegin)
    assert (begin.fps, len(studio.entries(Trace))) == (12.0, 1)


def test_arguments_are_those_of_record_video() -> None:
    """In the same order and with the same defaults, but for the folder that may be left out and no collector."""
    import inspect

    from gymnasium.wrappers import RecordVideo

    theirs = inspect.signature(RecordVideo).parameters
    ours = inspect.signature(RecordEpisodes).parameters
    assert list(ours) == [*theirs, "run"]
    for name, parameter in theirs.items():
        if name not in ("env", "video_folder", "gc_trigger"):
            assert ours[name].default == parameter.default


def test_cartpole_is_the_same_with_and_without(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder never changes the experiment."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    run, traces = studio.init(), []
    for wrap in (False, True):
        env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
        env = RecordEpisodes(env, run=run) if wrap else env
        env.action_space.seed(1)
        observation, _ = env.reset(seed=3)
        trace = [observation]
        for _ in range(8):
            observation, reward, terminated, _, _ = env.step(env.action_space.sample())
            trace.append(np.append(observation, [reward, terminated]))
        traces.append(np.concatenate(trace))
        env.close()
    run.finish()
    assert np.array_equal(*traces)
    (film,) = studio.films().values()
    assert film[0].shape == (400, 600, 3)
