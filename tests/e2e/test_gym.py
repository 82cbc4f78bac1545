"""Gymnasium's programs with one import changed, against the real daemon: what lies in the folder afterwards."""

import json
import signal
from pathlib import Path

import av
import numpy as np
from PIL import Image

from e2e.house import House, until
from filmlabd.journal.film_frames import read_frames

EXAMPLES = Path(__file__).parents[2] / "examples"
BEGIN = """
import sys
import gymnasium as gym
from filmlab.integrations.gym import RecordEpisodes, RecordVectorEpisodes

def episode(env, seed):
    env.reset(seed=seed)
    done, steps = False, 0
    while not done:
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        done, steps = terminated or truncated, steps + 1
    return steps
"""


def names(house: House) -> list[str]:
    return sorted(path.name for path in (house.root / "videos").iterdir())


def frames_of(path: Path) -> int:
    """How many frames a player sees, each of the environment's size."""
    if path.suffix == ".gif":
        with Image.open(path) as image:
            return round(sum(_durations(image)) / 20)
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def _durations(image: Image.Image) -> list[float]:
    """Equal frames are one, and shown longer."""
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(float(image.info["duration"]))
    return found


def test_with_the_import_changed_the_films_are_there(house: House) -> None:
    """Two environments; nothing that encodes is loaded into the program; the frames are the environment's."""
    output = house.train(
        BEGIN
        + """
env = gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1", render_mode="rgb_array"))
env = RecordEpisodes(env, "videos", episode_trigger=lambda episode: episode % 2 == 0)
env.action_space.seed(3)
lengths = [episode(env, seed) for seed in range(3)]
env.close()
moon = gym.make("LunarLander-v3", render_mode="rgb_array", max_episode_steps=30)
moon = RecordEpisodes(moon, "videos", step_trigger=lambda step: step == 10, video_length=40, name_prefix="moon")
moon.action_space.seed(3)
for seed in range(3):
    episode(moon, seed)
moon.close()
print([name for name in ("moviepy", "av", "PIL") if name in sys.modules], lengths)
""",
        SDL_VIDEODRIVER="dummy",
    )
    house.wait_printed()
    stems = ["moon-step-10", "rl-video-episode-0", "rl-video-episode-2"]
    assert names(house) == [f"{stem}.{kind}" for stem in stems for kind in ("gif", "mp4")]
    assert "\n[] [" in output, output
    lengths = json.loads(output[output.rindex("[") : output.rindex("]") + 1])
    for stem, count in zip(stems, [41, lengths[0] + 1, lengths[2] + 1], strict=True):
        for kind in ("gif", "mp4"):
            assert frames_of(house.root / "videos" / f"{stem}.{kind}") == count, stem
    with Image.open(house.root / "videos" / "moon-step-10.gif") as image:
        assert image.size == (600, 400)
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 3
    assert {row.fps for row in house.runs()} == {50.0}


def test_a_folder_is_recorded_into_twice_by_programs_that_never_close(house: House) -> None:
    """The last episode ended just before the process: it is there. Nothing of the first time is overwritten."""
    program = (
        BEGIN
        + """
env = RecordEpisodes(gym.make("CartPole-v1", render_mode="rgb_array"), "videos", episode_trigger=lambda _: True)
env.action_space.seed(3)
for seed in range(2):
    episode(env, seed)
"""
    )
    house.train(program, SDL_VIDEODRIVER="dummy")
    house.train(program, SDL_VIDEODRIVER="dummy")
    house.wait_printed()
    first, second = (row.run_id for row in house.runs())
    stems = [f"rl-video-episode-{number}" for number in range(2)]
    # Whose film is developed first has the name; the other has its run's id behind it.
    for stem in stems:
        found = {name.partition(".")[0] for name in names(house) if name.startswith(stem)}
        assert found in ({stem, f"{stem}-{first}"}, {stem, f"{stem}-{second}"})
    assert len(names(house)) == 8
    with house.read() as index:
        for run in (first, second):
            assert [row.complete for row in index.episodes(run)] == [True, True]


def test_a_program_that_is_killed_loses_no_film(house: House) -> None:
    """Neither of the episode at hand, nor a clip over several, nor one of several environments."""
    process = house.trainer(
        BEGIN
        + """
env = gym.make("CartPole-v1", render_mode="rgb_array")
env = RecordEpisodes(env, "videos", episode_trigger=lambda _: True)
envs = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync", render_mode="rgb_array")
envs = RecordVectorEpisodes(envs, "videos", step_trigger=lambda step: step == 5, video_length=1000, name_prefix="all")
for item in (env, envs):
    item.reset(seed=1)
    item.action_space.seed(1)
for _ in range(6):
    env.step(env.action_space.sample())
for _ in range(40):
    envs.step(envs.action_space.sample())
print("ready", flush=True)
sys.stdin.read()
""",
        SDL_VIDEODRIVER="dummy",
    )
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        assert process.poll() is None
    until(lambda: _is_safe(house), "the films to be on disk")
    process.send_signal(signal.SIGKILL)
    house.wait_printed()
    assert names(house) == [
        f"{stem}.{kind}" for stem in ("all-step-5", "rl-video-episode-0") for kind in ("gif", "mp4")
    ]
    assert frames_of(house.root / "videos" / "rl-video-episode-0.mp4") == 7
    assert frames_of(house.root / "videos" / "all-step-5.mp4") == 35
    assert {row.status for row in house.runs()} == {"crashed"}


def _is_safe(house: House) -> bool:
    """All frames that were handed over are durable: 7 of one film, and 35 moments of three environments."""
    films = house.paths.film.rglob("*.film")
    return sorted(sum(1 for _ in read_frames(path, [])) for path in films) == [7, 105]


def example(house: House, name: str, *arguments: str) -> None:
    """Run one of the examples to its end."""
    path = str(EXAMPLES / name)
    program = f"""
        import runpy, sys
        sys.argv = {[path, *arguments]!r}
        runpy.run_path({path!r}, run_name="__main__")
    """
    house.train(program, SDL_VIDEODRIVER="dummy")


def test_the_example_of_a_plain_loop(house: House) -> None:
    """Films of the cubic schedule, as RecordVideo has it without a trigger."""
    example(house, "gymnasium_loop.py", "--episodes", "10")
    house.wait_printed()
    stems = [f"rl-video-episode-{number}" for number in (0, 1, 8)]
    assert names(house) == [f"{stem}.{kind}" for stem in stems for kind in ("gif", "mp4")]


def test_the_example_of_vector_environments(house: House) -> None:
    """All eight in one picture, or some each for itself; the others' episodes are told as well."""
    example(house, "vector.py", "--steps", "40")
    example(house, "vector.py", "--steps", "40", "--own", "5")
    house.wait_printed()
    together, alone = (Path(row.directory) for row in house.runs())
    with Image.open(together / "media" / "rl-video-episode-0_0.gif") as image:
        assert image.size == (3 * 602 - 2, 3 * 402 - 2)
    assert not list(together.glob("episodes/*.gif"))
    filmed = [json.loads(path.read_text())["metadata"] for path in sorted(alone.glob("episodes/*.json"))]
    assert [(item["env"], item["env_episode"]) for item in filmed] == [(5, number) for number in range(len(filmed))]
    assert filmed
    with house.read() as index:
        told = {item.metadata["env"] for row in house.runs() for item in index.episodes(row.run_id) if item.metadata}
    # Not each of them comes to an end so soon.
    assert told > {5}
