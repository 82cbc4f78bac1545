"""The four kinds of jobs, on real films and a real index."""

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput, Transient
from filmlab.wire import entries
from filmlabd.develop.dispatch import Room, develop
from filmlabd.model import Job, JobKind
from service.keeping import RUN, SESSION, begin_episode, end_episode
from service.studio import Studio, moving


def picture(studio: Studio, path: str) -> np.ndarray[Any, Any]:
    """A PNG as RGB."""
    with Image.open(studio.prints / path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path, metrics=("loss", "a/b: ü"), name="walk", project="p", fps=20.0, config={"lr": 0.5})
    yield made
    made.close()


def read_json(studio: Studio, path: str) -> Any:
    """Strictly: Python would take NaN otherwise."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads((studio.prints / path).read_text("ascii"), parse_constant=refuse)


def gif_frames(studio: Studio, path: str) -> tuple[list[np.ndarray[Any, Any]], float]:
    """The frames of a GIF, and how long it plays, s."""
    out, shown_ms = [], 0.0
    with Image.open(studio.prints / path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            out.append(np.asarray(image.convert("RGB")))
            shown_ms += image.info["duration"]
    return out, shown_ms / 1000


def test_episode(studio: Studio) -> None:
    """An episode becomes a GIF of its very frames at the run's rate, and a JSON that tells what happened in it."""
    frames = moving(10)
    job = studio.episode(3, frames, [1.0, 2.0, 0.5], solved=True, metadata={"seed": 7}, reason="every 100")
    stem = "episodes/episode_000003"
    assert studio.develop(job) == ((f"{stem}.gif", f"{stem}.poster.webp", f"{stem}.json"), ())
    shown, duration_s = gif_frames(studio, "episodes/episode_000003.gif")
    assert len(shown) == 10
    assert all((one == other).all() for one, other in zip(shown, frames, strict=True))
    assert duration_s == pytest.approx(0.5)
    assert read_json(studio, "episodes/episode_000003.json") == {
        "run": RUN, "name": "walk", "project": "p", "writer": "main", "attempt": 1, "episode": 3, "return": 3.5,
        "length": 3, "solved": True, "complete": True, "frame_count": 10, "fps": 20.0, "wall": 3.0,
        "actions": [0, 1, 2], "rewards": [1.0, 2.0, 0.5], "metadata": {"seed": 7}, "kept_because": "every 100",
    }  # fmt: skip


def test_numbers_that_json_does_not_have(studio: Studio) -> None:
    """NaN and infinite rewards are null, and named beside."""
    job = studio.episode(0, moving(1), [1.0, float("nan"), float("-inf")], return_=float("inf"))
    studio.develop(job)
    told = read_json(studio, "episodes/episode_000000.json")
    assert (told["return"], told["rewards"]) == (None, [1.0, None, None])
    assert told["nonfinite"] == {"return": "inf", "rewards": {"1": "nan", "2": "-inf"}}


def test_empty_episode(studio: Studio) -> None:
    """An episode without a frame has no GIF; its JSON says what to do about it."""
    job = studio.episode(0, [], [1.0])
    assert studio.develop(job) == (("episodes/episode_000000.json",), ())
    assert "render_mode='rgb_array'" in read_json(studio, "episodes/episode_000000.json")["warning"]


def test_dropped_film(studio: Studio) -> None:
    """A film that the client gave up is told with its reason, and what had come of it is not shown."""
    film = studio.shoot(moving(3))
    studio.story.say(begin_episode(film, 4))
    studio.story.say(end_episode(4, film=film, frames=0, note="dropped: 512 MiB of memory are full"))
    paths, notes = studio.develop(studio.film_job(film))
    assert (paths, notes) == (("episodes/episode_000004.json",), ("dropped: 512 MiB of memory are full",))
    assert read_json(studio, paths[0])["warning"] == "dropped: 512 MiB of memory are full"


def test_film_that_was_cut(studio: Studio) -> None:
    """What ended a film early is in the notes, in the JSON, and the frames before it are shown."""
    note = "film ends at frame 4: shape (8, 8), began with (40, 60, 3)"
    job = studio.episode(1, moving(4), [0.0] * 9, note=note)
    paths, notes = studio.develop(job)
    assert notes == (note,)
    assert (read_json(studio, paths[-1])["note"], len(gif_frames(studio, paths[0])[0])) == (note, 4)


def test_trainer_that_died(studio: Studio) -> None:
    """An episode cut by the daemon is developed from what had become durable, as not complete."""
    film = studio.shoot(moving(6))
    studio.story.say(begin_episode(film, 2))
    studio.story.cut(film, 2, 5, "the trainer died")
    paths, _ = studio.develop(studio.film_job(film))
    told = read_json(studio, paths[-1])
    assert (told["complete"], told["frame_count"], told["note"]) == (False, 5, "the trainer died")
    assert len(gif_frames(studio, paths[0])[0]) == 5


def test_film_with_a_gap(studio: Studio) -> None:
    """Frames that are missing from the disk are said to be; those before them are shown."""
    film = studio.shoot(moving(3))
    studio.story.say(begin_episode(film, 0))
    studio.story.say(end_episode(0, film=film, frames=8, last_seq=studio.seq_b))
    paths, notes = studio.develop(studio.film_job(film))
    assert notes == ("the film has 3 of 8 frames",)
    assert len(gif_frames(studio, paths[0])[0]) == 3


def test_same_episode_again(studio: Studio) -> None:
    """An episode number that comes twice gets two names."""
    first = studio.episode(5, moving(1))
    second = studio.episode(5, moving(2))
    assert studio.develop(first)[0][0] == "episodes/episode_000005.gif"
    assert studio.develop(second)[0][0] == "episodes/episode_000005-2.gif"


def test_develop_again_writes_the_same(studio: Studio) -> None:
    """A job that is done twice (its first outcome was lost) leaves the same bytes under the same names."""
    job = studio.episode(0, moving(5), [1.0])
    paths, _ = studio.develop(job)
    before = [(studio.prints / path).read_bytes() for path in paths]
    assert studio.develop(job)[0] == paths
    assert [(studio.prints / path).read_bytes() for path in paths] == before


def test_image_and_clip(studio: Studio) -> None:
    """One frame becomes a PNG, exact; several a GIF; under names that no character can lead astray."""
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    image = studio.medium("../conv 1", [grey])
    assert studio.develop(image)[0] == ("media/%2E.%2Fconv%201_7.png",)
    assert (picture(studio, "media/%2E.%2Fconv%201_7.png") == grey[..., None]).all()
    clip = studio.medium("walk", moving(4), fps=10.0)
    assert studio.develop(clip)[0] == ("media/walk_7.gif", "media/walk_7.poster.webp")
    assert gif_frames(studio, "media/walk_7.gif")[1] == pytest.approx(0.4)


def test_medium_without_a_frame(studio: Studio) -> None:
    """A medium that has no frame is refused for good, by name."""
    job = studio.medium("empty", [])
    with pytest.raises(BadInput, match="run run-a, medium 'empty', step 7: it has no frame: none came"):
        studio.develop(job)


def test_curve(studio: Studio) -> None:
    """A metric becomes one SVG for light and dark pages and one PNG, under an escaped name."""
    for step in range(40):
        studio.log({0: 1 / (step + 1), 1: float(step)}, step)
    assert studio.develop(studio.curve_job("a/b: ü"))[0] == (
        "curves/a%2Fb%3A%20%C3%BC.png",
        "curves/a%2Fb%3A%20%C3%BC.svg",
    )
    svg = (studio.prints / "curves/a%2Fb%3A%20%C3%BC.svg").read_text("utf-8")
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in svg
    assert picture(studio, "curves/a%2Fb%3A%20%C3%BC.png").shape == (540, 960, 3)


def test_history(studio: Studio) -> None:
    """history.json has every point of every metric, exact, and nothing that is not JSON."""
    values = [0.1, float("nan"), float("inf"), -1e-300, 2.0**60 + 1]
    for step, value in enumerate(values):
        studio.log({0: value}, step * 10)
    studio.log({1: 5.0}, 2**60)
    studio.develop(studio.page_job())
    told = read_json(studio, "history.json")
    assert told["run"] == RUN
    (loss,) = told["metrics"]["loss"]
    assert (loss["writer"], loss["attempt"], loss["step"]) == ("main", 1, [0, 10, 20, 30, 40])
    assert loss["value"] == [0.1, None, None, -1e-300, 2.0**60 + 1]
    assert loss["nonfinite"] == {"1": "nan", "2": "inf"}
    assert told["metrics"]["a/b: ü"][0]["step"] == [2**60]


def test_history_in_pieces(studio: Studio) -> None:
    """A series longer than one piece comes out whole, marks at their own places."""
    for start in range(0, 40_000, 500):
        studio.story.say(
            *(snapshot_of(step, float("nan") if step == 39_999 else step) for step in range(start, start + 500))
        )
    studio.develop(studio.page_job())
    (loss,) = read_json(studio, "history.json")["metrics"]["loss"]
    assert loss["step"] == list(range(40_000))
    assert loss["value"][:39_999] == list(range(39_999))
    assert loss["nonfinite"] == {"39999": "nan"}


def snapshot_of(step: int, value: float) -> entries.Snapshot:
    return entries.Snapshot(
        run=1, wall=1.0, step=step, ids=np.uint32(0).tobytes(), values=np.float64(value).tobytes()
    )  # fmt: skip


def test_run_json(studio: Studio) -> None:
    """run.json says who the run is, how it stands and what is missing."""
    studio.develop(studio.episode(0, moving(2), [1.0, 4.0]))
    studio.story.say(entries.Dropped(run=1, wall=1.0, what="film", count=2, size_bytes=99, reason="memory is full"))
    studio.story.closed()
    studio.develop(studio.page_job())
    told = read_json(studio, "run.json")
    assert (told["id"], told["name"], told["status"], told["config"]) == (RUN, "walk", "finished", {"lr": 0.5})
    assert (told["episodes"], told["steps"], told["best_return"]) == (1, 2, 5.0)
    assert told["dropped"] == [{"what": "film", "count": 2, "bytes": 99, "reason": "memory is full"}]
    assert {row["name"]: row["last_value"] for row in told["metrics"]} == {"episode/length": 2.0, "episode/return": 5.0}


def test_run_that_has_only_begun(studio: Studio) -> None:
    """A run without a point or an episode has valid JSON too, NaN named."""
    studio.develop(studio.page_job(final=False))
    assert read_json(studio, "history.json") == {"run": RUN, "metrics": {}}
    told = read_json(studio, "run.json")
    assert (told["best_return"], told["last_return"]) == (None, None)
    assert "nonfinite" not in told


def test_what_is_not_there(studio: Studio, tmp_path: Path) -> None:
    """Jobs about unknown runs, films and metrics are refused for good; without an index another try may help."""
    studio.keep()
    for job, message in (
        (Job("k", JobKind.PAGE, "nobody"), "no run is called 'nobody'"),
        (Job("k", JobKind.PAGE, RUN[:3]), f"no run is called '{RUN[:3]}'"),
        (studio.film_job(99), "the index knows no film 99 of session fffffffffffffffb"),
        (studio.curve_job("nothing"), "run run-a has no metric 'nothing'"),
    ):
        with pytest.raises(BadInput, match=message):
            develop(job, studio.room)
    with pytest.raises(Transient, match="no index at"):
        develop(studio.page_job(), Room(tmp_path / "none", studio.room.film))


def test_film_that_is_gone(studio: Studio) -> None:
    """A film file that was deleted is told by name, for good."""
    job = studio.episode(0, moving(2))
    studio.films.delete(SESSION, job.film)
    gone = r"run run-a, episode 0: the film 00000001\.film of session fffffffffffffffb is gone"
    with pytest.raises(BadInput, match=gone):
        studio.develop(job)


def test_unwritable_directory(tmp_path: Path) -> None:
    """A run whose directory cannot be made says which, for good."""
    (tmp_path / "file").write_text("")
    studio = Studio(tmp_path, directory=str(tmp_path / "file" / "run"))
    with pytest.raises(BadInput, match=r"/file/run cannot be made"):
        studio.develop(studio.page_job())
    studio.close()


def test_directories_as_the_trainer_makes_them(studio: Studio) -> None:
    """Prints are made with the trainer's umask, not with the daemon's."""
    before = os.umask(0o077)
    try:
        studio.develop(studio.page_job())
    finally:
        os.umask(before)
    assert (studio.prints / "index.html").stat().st_mode & 0o777 == 0o644


def test_png_of_rgb(studio: Studio) -> None:
    """Colours survive: red is red."""
    frame = np.zeros((2, 3, 3), np.uint8)
    frame[..., 0] = 200
    (path,), _ = studio.develop(studio.medium("red", [frame]))
    assert (picture(studio, path) == frame).all()


def test_very_slow_clip(studio: Studio) -> None:
    """A clip slower than a frame in 10 s plays at that rate, which a GIF can still say."""
    job = studio.medium("walk", moving(3), fps=1e-9)
    studio.develop(replace(job, final=False))
    assert gif_frames(studio, "media/walk_7.gif")[1] == pytest.approx(30.0)
