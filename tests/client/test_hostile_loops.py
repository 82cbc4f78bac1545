"""The loops' recorders in a hostile training: what environments, triggers and loggers give, and wrong arguments."""

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from client.counting import Counter
from client.hostile import MAKERS, Angry
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.integrations.gym import RecordEpisodes, RecordVectorEpisodes
from filmlab.wire.entries import EpisodeEnd, RunFinish


class Strange(Counter):
    """One of what a step gives is hostile: its reward, its ends, its infos, its picture, or all that it says."""

    def __init__(self, what: str, make: Callable[[], Any]) -> None:
        super().__init__()
        self._what, self._make = what, make

    def step(self, action: int) -> Any:
        observation, reward, terminated, truncated, infos = super().step(action)
        given = {"observation": observation, "reward": reward, "terminated": terminated, "truncated": truncated}
        given |= {"infos": infos}
        if self._what == "statistics":
            given["infos"] = {"episode": {"r": self._make(), "l": self._make(), "t": self._make()}}
        elif self._what == "episode":
            given["infos"] = {"episode": self._make()}
        elif self._what in given:
            given[self._what] = self._make()
        return self._make() if self._what == "everything" else tuple(given.values())

    def render(self) -> Any:
        return self._make() if self._what == "picture" else super().render()


def angry(_: int) -> bool:
    """A trigger that has a bug."""
    raise Angry


def alive(studio: Studio, run: Any) -> None:
    """What comes later arrives."""
    run.log({"alive": 1.0}, step=77)
    assert run.flush(60.0)
    run.finish()
    assert (77, {"alive": 1.0}) in studio.points() and studio.entries(RunFinish)


@pytest.mark.parametrize("what", ["reward", "terminated", "infos", "statistics", "episode", "picture", "everything"])
@pytest.mark.filterwarnings("ignore::filmlab.FilmlabWarning")
def test_a_strange_environment_ends_no_training(studio: Studio, what: str) -> None:
    """What it gives is the loop's, untouched; what can be told of its episodes is."""
    run = studio.init(strict=False)
    for make in MAKERS.values():
        env = RecordEpisodes(Strange(what, make), run=run)
        for _ in range(2):
            env.reset()
            for _ in range(3):
                env.step(0)
        env.close()
    alive(studio, run)
    assert len(studio.entries(EpisodeEnd)) >= len(MAKERS)


@pytest.mark.parametrize("what", ["reward", "terminated", "infos", "statistics", "everything"])
@pytest.mark.filterwarnings("ignore::filmlab.FilmlabWarning")
def test_a_strange_vector_environment_ends_no_training(studio: Studio, what: str) -> None:
    """Likewise; `SyncVectorEnv` itself would refuse most of it, so it is made strange behind it."""

    class Behind(gymnasium.vector.VectorWrapper[Any, Any, Any, Any, Any]):
        make: Callable[[], Any]

        def step(self, actions: Any) -> Any:
            names = ("observation", "reward", "terminated", "truncated", "infos")
            given = dict(zip(names, self.env.step(actions), strict=True))
            if what == "statistics":
                given["infos"] = {"episode": {"r": self.make(), "l": self.make()}, "_episode": self.make()}
            elif what in given:
                given[what] = self.make()
            return self.make() if what == "everything" else tuple(given.values())

    run = studio.init(strict=False)
    for make in MAKERS.values():
        behind = Behind(SyncVectorEnv([Counter, Counter]))
        behind.make = make
        env = RecordVectorEpisodes(behind, indices=1, run=run)
        env.reset()
        for _ in range(5):
            env.step(np.zeros(2, np.int64))
        env.close()
    alive(studio, run)


@pytest.mark.parametrize("which", ["episode_trigger", "step_trigger", "gc_trigger"])
def test_a_trigger_with_a_bug_costs_its_film_only(studio: Studio, which: str) -> None:
    """The episodes count as they would; it is said once."""
    run = studio.init(strict=False, schedule="never")
    env = RecordEpisodes(Counter(), run=run, **{which: angry})
    with pytest.warns(FilmlabWarning, match="failed: <Angry>") as said:
        for _ in range(3):
            env.reset()
            for _ in range(3):
                env.step(0)
        env.close()
    assert len(said) == 1
    run.finish()
    ended = [(end.episode, end.length, end.return_) for end in studio.entries(EpisodeEnd)]
    assert ended == [(index, 3, 3.0) for index in range(3)]
    strict = studio.init(schedule="never")
    env = RecordEpisodes(Counter(), run=strict, **{which: angry})
    with pytest.raises(Angry):
        for _ in range(2):
            env.reset()
            for _ in range(3):
                env.step(0)


@pytest.mark.parametrize("wrapper", [RecordEpisodes, RecordVectorEpisodes])
def test_a_wrapper_refuses_with_bad_input(studio: Studio, wrapper: Any, tmp_path: Path) -> None:
    """An argument that cannot be used is refused when it is given, since nothing may be raised later."""
    flags = {"record_first_only", "disable_logger"}
    names = inspect.signature(wrapper.__init__).parameters.keys() - {"self", "env"} - flags
    refused = set()
    for name in names:
        for make in MAKERS.values():
            env = Counter() if wrapper is RecordEpisodes else SyncVectorEnv([Counter, Counter])
            arguments = {
                "run": studio.init(mode="disabled", strict=False),
                "video_folder": tmp_path / "v",
                name: make(),
            }
            try:
                made = wrapper(env, **arguments)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FilmlabWarning)
                    made.start_recording(make())
                    made.close()
            except BadInput as error:
                refused.add(name)
                assert str(error)
    assert refused == names
