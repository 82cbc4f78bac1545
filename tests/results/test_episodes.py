"""Evaluation episodes as files of their own."""

from pathlib import Path

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlab.results import EpisodeFiles, save_episodes
from results import samples


def test_each_episode_is_a_file_cut_at_its_length(tmp_path: Path) -> None:
    """Under PARITY's names, without a pickle, with what is needed to tell where it comes from."""
    results = samples.evaluation(tmp_path)
    made = save_episodes(tmp_path, results, steps_per_env=500, global_step=8000)
    assert made == [tmp_path / "episodes/step_00000500" / f"episode_000{index}.npz" for index in (0, 1)]
    with np.load(made[0], allow_pickle=False) as found:
        assert set(found) == {
            "observations", "actions", "rewards", "dones", "episode_length", "episode_return", "global_step", "seed",
        }  # fmt: skip
        assert np.array_equal(found["observations"], results.episodes["observations"][0, :3])
        assert found["dones"].shape == found["rewards"].shape == found["actions"].shape == (3,)
        assert (found["episode_length"], found["episode_return"]) == (3, 3.0)
        assert (found["global_step"], found["seed"]) == (8000, 11)
    assert sorted(path.name for path in made[0].parent.iterdir()) == ["episode_0000.npz", "episode_0001.npz"]


def test_episodes_that_cannot_be_kept_are_said(tmp_path: Path) -> None:
    """None at all, an array that is missing, of other episodes, or of objects."""
    results = samples.evaluation(tmp_path, kept=False)
    with pytest.raises(BadInput, match="these results hold no episodes"):
        save_episodes(tmp_path, results, steps_per_env=1, global_step=1)
    results.episodes = samples.episodes() | {"actions": np.zeros((2, 4))}
    with pytest.raises(BadInput, match=r"each array begins with \(n, max_steps\)"):
        save_episodes(tmp_path, results, steps_per_env=1, global_step=1)
    results.episodes = {"observations": np.zeros((2, 5))}
    with pytest.raises(BadInput, match="actions is missing"):
        save_episodes(tmp_path, results, steps_per_env=1, global_step=1)
    results.episodes = samples.episodes() | {"actions": np.full((2, 5), None)}
    with pytest.raises(BadInput, match="actions of dtype object cannot be kept"):
        save_episodes(tmp_path, results, steps_per_env=1, global_step=1)
    results.episodes = samples.episodes(count=3)
    with pytest.raises(BadInput, match=r"\[2, 3\] of them"):
        save_episodes(tmp_path, results, steps_per_env=1, global_step=1)
    assert not (tmp_path / "episodes").exists()


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"render": "no function"}, "a function is named package.module:function"),
        ({"render": print}, "since it is called elsewhere"),
        ({"render": "os:system;x"}, "a function is named"),
        ({"steps_per_env": -1}, "steps_per_env: a whole number from 0, got -1"),
        ({"global_step": 0.5}, "global_step: a whole number from 0, got float"),
        ({"videos": True}, "videos: a whole number from 0 to 1000, got True"),
        ({"videos": 10_000}, "videos: a whole number from 0 to 1000"),
        ({"fps": 0}, "fps: above 0"),
    ],
)
def test_misuse_is_said_where_it_is_made(wish: dict[str, object], message: str) -> None:
    """Before anything is handed over."""
    with pytest.raises(BadInput, match=message):
        EpisodeFiles(**{"steps_per_env": 1, "global_step": 1} | wish)  # type: ignore[arg-type]


def test_steps_of_any_library_are_steps(tmp_path: Path) -> None:
    """By the lab and here alike: numpy's whole numbers are taken, and what is no step is refused."""
    files = EpisodeFiles(np.int64(500), np.uint32(8000), videos=np.int8(3), fps=np.float32(12))  # type: ignore[arg-type]
    assert files == EpisodeFiles(500, 8000, videos=3, fps=12.0)
    assert {type(number) for number in (files.steps_per_env, files.global_step, files.videos)} == {int}
    results = samples.evaluation(tmp_path)
    made = save_episodes(tmp_path, results, steps_per_env=np.int64(500), global_step=np.uint32(8000))  # type: ignore[arg-type]
    assert made[0].parent.name == "step_00000500"
    for name in ("steps_per_env", "global_step"):
        for wrong in (-1, 2**53, 0.5, None, True, "5"):
            with pytest.raises(BadInput, match=f"{name}: a whole number from 0"):
                save_episodes(tmp_path, results, **{"steps_per_env": 1, "global_step": 1} | {name: wrong})  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="these results hold no episodes"):
        save_episodes(tmp_path, samples.training(tmp_path), steps_per_env=1, global_step=1)  # type: ignore[arg-type]
