"""RecordEpisodes around real and small environments: what is recorded, and that the environment does not notice."""

import os
import weakref
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import filmlab
from client.counting import Counter, play
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.integrations.gym import RecordEpisodes
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Media, Recorder, RunBegin, RunFinish, Trace
from filmlab.wire.messages import Plan


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


@pytest.mark.parametrize("above", [False, True])
def test_statistics_above_or_below(studio: Studio, above: bool) -> None:
    """Those below count: the reward was changed since, and what people want is what it was."""
    run = studio.init(schedule="never")
    env: Any = Counter()
    if not above:
        env = gymnasium.wrappers.RecordEpisodeStatistics(env)
    env = RecordEpisodes(gymnasium.wrappers.TransformReward(env, lambda reward: 10 * reward), run=run)
    if above:
        env = gymnasium.wrappers.RecordEpisodeStatistics(env)
    play(env, 2)
    run.finish()
    ends = studio.entries(EpisodeEnd)
    assert [(end.return_, end.length) for end in ends] == [(30.0 if above else 3.0, 3)] * 2
    assert all(("time_s" in end.metadata) is not above for end in ends)


def test_something_else_called_episode_is_no_statistics(studio: Studio) -> None:
    """What was counted here stands."""

    class Talker(gymnasium.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            *result, info = self.env.step(action)
            return (*result, info | {"episode": {"r": "many"}})

    run = studio.init(schedule="never")
    play(RecordEpisodes(Talker(Counter()), run=run), 1)
    run.finish()
    assert [(end.return_, end.length) for end in studio.entries(EpisodeEnd)] == [(3.0, 3)]


def test_an_environment_that_resets_itself(studio: Studio) -> None:
    """Above Gymnasium's Autoreset: the step that follows an end only resets, and is none of an episode's."""
    run = studio.init()
    env = RecordEpisodes(gymnasium.wrappers.Autoreset(Counter()), run=run)
    env.reset()
    for _ in range(7):
        env.step(0)
    run.finish()
    assert [(end.episode, end.length) for end in studio.entries(EpisodeEnd)] == [(0, 3), (1, 3)]
    assert shown(studio) == {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}


@pytest.mark.parametrize("pop", [False, True])
def test_a_collection_of_frames_below(studio: Studio, pop: bool) -> None:
    """Whether or not it forgets what it gave: the film has each moment once, and the caller finds all of them."""
    run = studio.init()
    env = RecordEpisodes(gymnasium.wrappers.RenderCollection(Counter(), pop_frames=pop), run=run)
    play(env, 1)
    assert [int(frame[0, 0, 0]) for frame in env.render()] == [0, 1, 2, 3]
    play(env, 1)
    assert [int(frame[0, 0, 0]) for frame in env.render()] == [0, 1, 2, 3]
    run.finish()
    assert shown(studio) == {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}


@pytest.mark.parametrize("render_mode", ["rgb_array", "rgb_array_list"])
def test_frames_are_let_go(studio: Studio, render_mode: str) -> None:
    """Of all that were filmed, at most those of the episode at hand are held, for whoever asks for the list."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet()

    class Watched(np.ndarray):
        pass

    class Painter(Counter):
        def render(self) -> Any:
            frame = np.zeros((60, 80, 3), np.uint8).view(Watched)
            alive.add(frame)
            return [frame] if self.render_mode == "rgb_array_list" else frame

    Watched.__hash__ = object.__hash__  # type: ignore[method-assign,assignment]  # a set of them, by identity
    Watched.__eq__ = object.__eq__  # type: ignore[method-assign,assignment]
    run = studio.init()
    env = RecordEpisodes(Painter(20, render_mode), run=run)
    play(env, 10)
    run.flush()
    assert len(alive) <= (21 if render_mode == "rgb_array_list" else 0)
    env.reset()
    assert len(alive) == 0
    run.finish()
    assert sum(map(len, studio.films().values())) == 210


def test_a_film_can_be_begun_and_ended_by_hand(studio: Studio) -> None:
    """As with RecordVideo's own methods."""
    run = studio.init(schedule="never")
    env = RecordEpisodes(Counter(6), run=run)
    env.reset()
    env.step(0)
    env.start_recording("by hand")
    assert env.recording
    env.step(0)
    env.step(0)
    env.stop_recording()
    assert not env.recording
    env.step(0)
    run.finish()
    assert clips(studio) == {"by hand": [2, 3]}


def test_what_somebody_asks_for_is_filmed_whatever_the_trigger_says(studio: Studio) -> None:
    """From its first frame on."""
    run = studio.init(schedule="never")
    env = RecordEpisodes(Counter(), episode_trigger=lambda _: False, run=run)
    play(env, 1)
    assert run.flush(20)
    studio.tell(Plan(0, 1, "never", next_episodes=1, asked_by="ann"))
    assert run.flush(20)
    play(env, 2)
    run.finish()
    assert shown(studio) == {1: [0, 1, 2, 3]}


def test_an_episode_that_nobody_ended_is_open_until_the_run_is_over(studio: Studio) -> None:
    """A process that ends without `close` loses none: neither the episode nor its film, nor a clip."""
    run = studio.init()
    env = RecordEpisodes(Counter(9), run=run)
    clipped = RecordEpisodes(Counter(9), step_trigger=lambda step: step == 1, run=run)
    for item in (env, clipped):
        item.reset()
        item.step(0)
        item.step(0)
    run.finish()
    assert shown(studio) == {0: [0, 1, 2]}
    assert clips(studio) == {"rl-video-step-1": [2]}
    assert {end.complete for end in studio.entries(EpisodeEnd)} == {False}


def test_a_clip_that_outgrows_memory_is_dropped_and_said(studio: Studio) -> None:
    """All of it; its run does not wait for it for ever."""
    run = studio.init(strict=False, memory_bytes=4 * 2**20)

    class Large(Counter):
        def render(self) -> Any:
            return np.zeros((1500, 1500, 3), np.uint8)

    with pytest.warns(FilmlabWarning, match="its film is dropped"):
        play(RecordEpisodes(Large(), step_trigger=lambda step: step == 0, run=run), 1)
    run.finish()
    assert [medium.frames for medium in studio.entries(Media)] == [0]
