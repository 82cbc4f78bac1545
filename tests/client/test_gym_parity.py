"""The wrappers beside Gymnasium's own RecordVideo: the same arguments, the same films, frame by frame."""

import inspect
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordVideo
from gymnasium.wrappers.vector import RecordVideo as RecordVectorVideo

from client.counting import Diary
from client.studio import Studio
from filmlab.integrations.gym import RecordEpisodes, RecordVectorEpisodes
from filmlab.wire.entries import ClipBegin, Trace

Films = dict[str, list[Any]]
STORIES = 40
TILES = 3


class TheirVideo(RecordVideo):
    """Gymnasium's wrapper up to the moment at which it would encode."""

    films: Films

    def stop_recording(self) -> None:
        if self.recorded_frames:
            self.films[str(self._video_name)] = [int(np.asarray(frame)[0, 0, 0]) for frame in self.recorded_frames]
        self.recorded_frames, self.recording, self._video_name = [], False, None


class TheirVectorVideo(RecordVectorVideo):
    """The same of its wrapper of vector environments; a moment is what each of them shows."""

    films: Films

    def stop_recording(self) -> None:
        self.films[str(self._video_name)] = [
            sorted(frame[::6, ::8, 0].ravel().tolist()) for frame in self.recorded_frames
        ]
        self.recorded_frames, self.recording, self._video_name = [], False, None


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gymnasium's wrapper asks whether there is a moviepy; what is compared happens before it would be used."""
    last = ModuleType("moviepy.video.io.ImageSequenceClip")
    last.ImageSequenceClip = None  # type: ignore[attr-defined]  # it is imported, and never called
    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, last.__name__, last)
    monkeypatch.setattr(gymnasium.logger, "min_level", gymnasium.logger.ERROR)


def our_films(studio: Studio) -> Films:
    """What the daemon has, by the names of the files."""
    films, tiles = studio.films(), {clip.film: clip.tiles for clip in studio.entries(ClipBegin)}
    found: Films = {}
    for trace in studio.entries(Trace):
        shown = [int(frame[0, 0, 0]) for frame in films.get(trace.film, [])]
        count = tiles.get(trace.film, 1)
        moments = [sorted(shown[at : at + count]) for at in range(0, len(shown), count)] if count > 1 else shown
        if moments:
            found[trace.stem] = moments
    return found


def arguments(rng: random.Random) -> dict[str, Any]:
    """Triggers and a length, as somebody may choose them."""
    kinds: list[dict[str, Callable[[int], bool]]] = [
        {},
        {"episode_trigger": lambda episode: episode % 2 == 1},
        {"episode_trigger": lambda episode: True},
        {"step_trigger": lambda step: step % 7 == 2},
        {"step_trigger": lambda step: step == 5},
    ]
    return rng.choice(kinds) | {"video_length": rng.choice([0, 0, 1, 4, 9])}


def stories() -> Iterator[tuple[int, random.Random]]:
    return ((seed, random.Random(seed)) for seed in range(STORIES))


@pytest.mark.parametrize(
    ("theirs", "ours", "more"),
    [(RecordVideo, RecordEpisodes, ["run"]), (RecordVectorVideo, RecordVectorEpisodes, ["run", "indices"])],
)
def test_arguments_are_those_of_record_video(theirs: type, ours: type, more: list[str]) -> None:
    """In the same order and with the same defaults, but for the folder that may be left out and no collector."""
    known, found = inspect.signature(theirs).parameters, inspect.signature(ours).parameters
    assert list(found) == [*known, *more]
    assert all(found[name].kind is inspect.Parameter.KEYWORD_ONLY for name in more)
    for name, parameter in known.items():
        assert found[name].kind is parameter.kind
        if name not in ("env", "video_folder", "gc_trigger"):
            assert found[name].default == parameter.default


def test_what_record_video_offers_is_there(studio: Studio) -> None:
    """Methods and attributes that programs use."""
    run = studio.init()
    env = RecordEpisodes(Diary([3]), studio.directory / "v", run=run)
    vector = RecordVectorEpisodes(SyncVectorEnv([lambda: Diary([3])]), studio.directory / "v", run=run)
    for wrapped in (env, vector):
        for name in (
            "recording",
            "step_id",
            "episode_id",
            "name_prefix",
            "video_folder",
            "frames_per_sec",
            "video_length",
        ):
            assert hasattr(wrapped, name), (wrapped, name)
        assert callable(wrapped.start_recording)
        assert callable(wrapped.stop_recording)


def test_the_same_films_of_one_environment(studio: Studio, tmp_path: Path) -> None:
    """Whatever the triggers, the length and the episodes, left in their middle or not."""
    run = studio.init(schedule="cubic")
    expected: dict[int, Films] = {}
    found: dict[int, Films] = {}
    for seed, rng in stories():
        given, lengths = arguments(rng), [rng.randint(1, 9) for _ in range(6)]
        left = [rng.random() < 0.2 for _ in lengths]
        theirs = TheirVideo(Diary(lengths), str(tmp_path / "theirs"), **given)
        theirs.films = {}
        ours = RecordEpisodes(Diary(lengths), tmp_path / "ours", name_prefix=f"{seed}", run=run, **given)
        for env in (theirs, ours):
            for length, is_left in zip(lengths, left, strict=True):
                env.reset()
                for _ in range(max(1, length // 2) if is_left else length):
                    env.step(0)
            env.close()
        expected[seed] = theirs.films
    run.finish()
    for name, moments in our_films(studio).items():
        seed_text, _, rest = name.partition("-")
        found.setdefault(int(seed_text), {})[f"rl-video-{rest}"] = moments
    assert found == {seed: films for seed, films in expected.items() if films}
    assert sum(map(len, expected.values())) > STORIES


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_same_films_of_all_sub_environments(studio: Studio, tmp_path: Path, mode: AutoresetMode) -> None:
    """From the beginning of an episode of the first one to its end, in each autoreset mode."""
    run = studio.init(schedule="cubic")
    expected: dict[int, Films] = {}
    found: dict[int, Films] = {}
    for seed, rng in stories():
        given = arguments(rng)
        lengths = [[rng.randint(1, 9) for _ in range(4)] for _ in range(TILES)]
        steps = rng.randint(10, 30)

        def vector(lengths: list[list[int]] = lengths) -> SyncVectorEnv:
            # Frames of two sub-environments are never alike.
            return SyncVectorEnv(
                [lambda number=number: Diary(lengths[number], 80 * number) for number in range(TILES)],
                autoreset_mode=mode,
            )

        theirs = TheirVectorVideo(vector(), str(tmp_path / "theirs"), **given)
        theirs.films = {}
        ours = RecordVectorEpisodes(vector(), tmp_path / "ours", name_prefix=f"{seed}", run=run, **given)
        for envs in (theirs, ours):
            drive(envs, mode, steps)
            envs.close()
        expected[seed] = theirs.films
    run.finish()
    for name, moments in our_films(studio).items():
        seed_text, _, rest = name.partition("-")
        found.setdefault(int(seed_text), {})[f"rl-video-{rest}"] = moments
    assert found == {seed: films for seed, films in expected.items() if films}
    assert sum(map(len, expected.values())) > STORIES


def drive(envs: Any, mode: AutoresetMode, steps: int) -> None:
    """At least so many steps, and on until a step has followed the last reset.

    What is seen after a reset that no step follows is of no episode with us, and of the next one with them.
    """
    envs.reset()
    fresh = over = False
    taken = 0
    while taken < steps or fresh or over:
        _, _, terminated, truncated, _ = envs.step(np.zeros(TILES, np.int64))
        taken += 1
        done, was_over = terminated | truncated, over
        over = bool(done[0]) and mode is AutoresetMode.NEXT_STEP
        if mode is AutoresetMode.DISABLED and done.any():
            envs.reset(options={"reset_mask": done})
        fresh = {
            AutoresetMode.NEXT_STEP: was_over,
            AutoresetMode.SAME_STEP: bool(done[0]),
            AutoresetMode.DISABLED: bool(done.any()),
        }[mode]
