"""RecordVectorEpisodes: whose episodes are told, which are filmed, and that the environments do not notice."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from client.counting import Counter, Diary
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.integrations.gym import RecordVectorEpisodes
from filmlab.wire.entries import ClipBegin, EpisodeBegin, EpisodeEnd, Media, Trace

MODES = list(AutoresetMode)
LENGTHS = (3, 5)


def vector(mode: AutoresetMode = AutoresetMode.NEXT_STEP, lengths: tuple[int, ...] = LENGTHS) -> SyncVectorEnv:
    return SyncVectorEnv([lambda length=length: Counter(length) for length in lengths], autoreset_mode=mode)


def drive(envs: VectorEnv[Any, Any, Any], steps: int, *, reset: bool = True) -> None:
    """So many steps; where nobody else resets, what is over is reset here."""
    if reset:
        envs.reset()
    for _ in range(steps):
        _, _, terminated, truncated, _ = envs.step(np.zeros(envs.num_envs, np.int64))
        done = terminated | truncated
        if envs.metadata.get("autoreset_mode") is AutoresetMode.DISABLED and done.any():
            envs.reset(options={"reset_mask": done})


def told(studio: Studio) -> list[tuple[int, int, float, int]]:
    """(environment, its episode, return, length) of each complete episode, in order."""
    return sorted(
        (end.metadata["env"], end.metadata["env_episode"], end.return_, end.length)
        for end in studio.entries(EpisodeEnd)
        if end.complete
    )


def shown(studio: Studio) -> dict[str, list[int]]:
    """The frames of each film that goes to a folder, by its name."""
    films = studio.films()
    return {trace.stem: [int(frame[0, 0, 0]) for frame in films[trace.film]] for trace in studio.entries(Trace)}


@pytest.mark.parametrize("mode", MODES)
def test_every_sub_environments_episodes_are_told(studio: Studio, mode: AutoresetMode) -> None:
    """Not those of the first alone; the step that only resets is none of an episode's."""
    run = studio.init(schedule="never")
    drive(RecordVectorEpisodes(vector(mode), run=run), 12)
    run.finish()
    assert told(studio) == [
        (env, episode, float(length), length)
        for env, length in enumerate(LENGTHS)
        for episode in range((12 + (mode is AutoresetMode.NEXT_STEP)) // (length + (mode is AutoresetMode.NEXT_STEP)))
    ]
    assert sorted(end.episode for end in studio.entries(EpisodeEnd)) == list(range(len(told(studio))))


@pytest.mark.parametrize("mode", MODES)
def test_each_index_has_films_of_its_own(studio: Studio, mode: AutoresetMode) -> None:
    """By its own numbers, under its own names; after a reset in the same step, the last frame is nobody's to see."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(
        vector(mode), studio.directory / "v", episode_trigger=lambda episode: episode == 1, indices=[1, 0], run=run
    )
    drive(envs, 14)
    run.finish()
    last = int(mode is not AutoresetMode.SAME_STEP)
    assert shown(studio) == {
        f"rl-video-env-{env}-episode-1": list(range(length + last)) for env, length in enumerate(LENGTHS)
    }
    ends = {end.metadata["env"]: end for end in studio.entries(EpisodeEnd) if end.film}
    assert {env: (end.length, end.frames) for env, end in ends.items()} == {
        env: (length, length + last) for env, length in enumerate(LENGTHS)
    }


def test_one_index_that_is_not_the_first_is_filmed(studio: Studio) -> None:
    """And the first is not."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(
        vector(), studio.directory / "v", episode_trigger=lambda _: True, indices=[1], run=run, name_prefix="x"
    )
    drive(envs, 5)
    run.finish()
    assert shown(studio) == {"x-env-1-episode-0": [0, 1, 2, 3, 4, 5]}


def test_only_the_first_on_request(studio: Studio) -> None:
    """`record_first_only`, under the names that RecordVideo has; the others are still told."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(
        vector(), studio.directory / "v", record_first_only=True, episode_trigger=lambda _: True, run=run
    )
    drive(envs, 8)
    run.finish()
    assert shown(studio) == {f"rl-video-episode-{episode}": [0, 1, 2, 3] for episode in (0, 1)}
    assert {env for env, *_ in told(studio)} == {0, 1}


def test_a_film_of_all_comes_as_tiles(studio: Studio) -> None:
    """As they were rendered: nobody puts pictures together here."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(vector(), None, (16, 9), episode_trigger=lambda episode: episode == 0, run=run)
    drive(envs, 9)
    run.finish()
    (begin,), (film,) = studio.entries(ClipBegin), studio.films().values()
    assert (begin.tiles, begin.fps, begin.name) == (2, 12.0, "rl-video-episode-0")
    assert begin.aspect == pytest.approx(16 / 9)
    assert [int(frame[0, 0, 0]) for frame in film] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {frame.shape for frame in film} == {(6, 8, 3)}
    assert [medium.frames for medium in studio.entries(Media)] == [8]


def test_nothing_is_rendered_in_vain(studio: Studio) -> None:
    """Nor twice for two films of one moment."""
    run, envs = studio.init(schedule="never"), vector(lengths=(3, 3))
    drive(RecordVectorEpisodes(envs, indices=[0, 1], episode_trigger=lambda episode: episode == 1, run=run), 20)
    assert [env.unwrapped.renders for env in envs.envs] == [4, 4]


def test_the_runs_schedule_decides_without_triggers(studio: Studio) -> None:
    """For each index by its own numbers."""
    run = studio.init(schedule="at:1")
    drive(RecordVectorEpisodes(vector(), indices=[0, 1], run=run), 14)
    run.finish()
    filmed = [end.metadata for end in studio.entries(EpisodeEnd) if end.film]
    assert sorted((end["env"], end["env_episode"]) for end in filmed) == [(0, 1), (1, 1)]
    assert {begin.reason for begin in studio.entries(EpisodeBegin)} == {"listed"}


def test_a_reset_without_a_step_is_no_episode(studio: Studio) -> None:
    """Such as one for the seeds' sake; one in the middle leaves the episodes that are open."""
    run = studio.init(schedule="always")
    envs = RecordVectorEpisodes(vector(), indices=[0], run=run)
    envs.reset(seed=3)
    envs.reset()
    assert envs.episode_id == 0
    drive(envs, 2)
    drive(envs, 3)
    envs.close()
    run.finish()
    assert [(end.episode, end.complete, end.length) for end in studio.entries(EpisodeEnd)] == [
        (0, False, 2), (1, True, 3)
    ]  # fmt: skip
    assert [end.metadata["env_episode"] for end in studio.entries(EpisodeEnd)] == [0, 1]


def wrapped_inside(mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv(
        [
            lambda length=length: gymnasium.wrappers.TransformReward(
                gymnasium.wrappers.RecordEpisodeStatistics(Counter(length)), lambda reward: 10 * reward
            )
            for length in LENGTHS
        ],
        autoreset_mode=mode,
    )


def wrapped_outside(mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return gymnasium.wrappers.vector.TransformReward(
        gymnasium.wrappers.vector.RecordEpisodeStatistics(vector(mode)), lambda reward: 10 * reward
    )


@pytest.mark.parametrize(
    ("wrap", "mode"),
    [(wrapped_inside, mode) for mode in MODES] + [(wrapped_outside, AutoresetMode.NEXT_STEP)],
)
def test_statistics_of_others_count(
    studio: Studio, wrap: Callable[[AutoresetMode], VectorEnv[Any, Any, Any]], mode: AutoresetMode
) -> None:
    """Inside the sub-environments or around them: the reward was changed since, what people want is what it was."""
    run = studio.init(schedule="never")
    drive(RecordVectorEpisodes(wrap(mode), run=run), 6)
    run.finish()
    assert told(studio)[:1] == [(0, 0, 3.0, 3)]
    assert (1, 0, 5.0, 5) in told(studio)
    assert all(end.metadata["time_s"] >= 0 for end in studio.entries(EpisodeEnd))


def test_environments_in_processes_of_their_own(studio: Studio) -> None:
    """AsyncVectorEnv: rendered there, filmed here."""
    run = studio.init(schedule="never")
    envs = AsyncVectorEnv([lambda length=length: Counter(length) for length in LENGTHS])
    recorded = RecordVectorEpisodes(envs, studio.directory / "v", indices=[1], episode_trigger=lambda _: True, run=run)
    drive(recorded, 5)
    recorded.close()
    run.finish()
    assert shown(studio) == {"rl-video-env-1-episode-0": [0, 1, 2, 3, 4, 5]}


def test_a_vector_environment_of_its_own_kind(studio: Studio) -> None:
    """Gymnasium's own CartPole that computes all its sub-environments at once."""
    run = studio.init(schedule="never")
    envs = gymnasium.make_vec(
        "CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point", render_mode="rgb_array"
    )
    recorded = RecordVectorEpisodes(envs, run=run, episode_trigger=lambda episode: episode == 0)
    recorded.action_space.seed(1)
    recorded.reset(seed=1)
    for _ in range(60):
        recorded.step(recorded.action_space.sample())
    recorded.close()
    run.finish()
    (film,) = studio.films().values()
    first = next(end for end in studio.entries(EpisodeEnd) if end.metadata["env"] == 0)
    assert len(film) == 3 * (first.length + 1)
    assert film[0].shape == (400, 600, 3)


def test_frames_are_let_go(studio: Studio) -> None:
    """Between two steps of which nothing is filmed, none is held."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(vector(), indices=[0], episode_trigger=lambda episode: episode == 0, run=run)
    drive(envs, 6)
    assert envs._seen is None
    assert not envs.recording


def test_what_a_strange_environment_gives_ends_no_training(studio: Studio) -> None:
    """It is said once."""

    class Strange(gymnasium.vector.VectorWrapper[Any, Any, Any, Any, Any]):
        def step(self, actions: Any) -> Any:
            observations, _, terminated, truncated, infos = self.env.step(actions)
            return observations, np.zeros(7), terminated, truncated, infos

    run = studio.init(strict=False)
    envs = RecordVectorEpisodes(Strange(vector()), run=run)
    with pytest.warns(FilmlabWarning, match="cannot reshape"):
        drive(envs, 4)


def test_a_film_with_a_length_goes_on_for_each_index(studio: Studio) -> None:
    """Over the ends of its episodes, as a clip."""
    run = studio.init(schedule="never")
    envs = RecordVectorEpisodes(
        vector(), studio.directory / "v", indices=[0, 1], step_trigger=lambda step: step == 1, video_length=6, run=run
    )
    drive(envs, 12)
    run.finish()
    assert shown(studio) == {
        "rl-video-env-0-step-1": [2, 3, 0, 1, 2, 3, 0],
        "rl-video-env-1-step-1": [2, 3, 4, 5, 0, 1, 2],
    }


@pytest.mark.parametrize("indices", [[2], [-1], [True], ["0"], 2, True, [[]], object()])
def test_an_index_that_is_none_is_refused(studio: Studio, indices: Any) -> None:
    """The message says which there are."""
    with pytest.raises(BadInput, match="some of the sub-environments from 0 to 1"):
        RecordVectorEpisodes(vector(), indices=indices, run=studio.init())


def test_the_environments_are_the_same_with_and_without(studio: Studio) -> None:
    """Nothing is seeded, and nothing closed but by close."""
    run, traces = studio.init(), []
    for wrap in (False, True):
        envs: Any = SyncVectorEnv([lambda: Diary([4, 2]) for _ in range(2)])
        inner = envs.envs
        envs = RecordVectorEpisodes(envs, run=run) if wrap else envs
        traces.append([envs.reset(seed=4)[0]] + [envs.step(np.zeros(2, np.int64))[0] for _ in range(9)])
        assert [env.seeds[0] for env in inner] == [4, 5]
        assert [env.closes for env in inner] == [0, 0]
        envs.close()
        assert [env.closes for env in inner] == [1, 1]
    assert np.array_equal(*traces)
