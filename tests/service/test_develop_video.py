"""The clips in a program's own video folder: MP4 and GIF, whole, beside what is there and never over it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlab.wire.entries import ClipBegin, Media, Recorder, Trace
from filmlabd.artifacts import RunDirectory
from filmlabd.develop.video import mark_of, signed
from filmlabd.facts import EpisodeCut
from filmlabd.model import Job, JobKind
from service.keeping import RUN, SESSION
from service.studio import Studio, moving


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path)
    yield made
    made.close()


@pytest.fixture
def folder(studio: Studio) -> Path:
    """The video folder, recorder number 1."""
    place = studio.prints.parent / "videos"
    studio.story.say(Recorder(run=1, wall=1.0, number=1, kind="video", directory=str(place), prefix=""))
    return place


def episode(studio: Studio, stem: str, number: int = 3, frames: int = 5) -> Job:
    """A film that goes to the folder, and its job."""
    studio.story.say(Trace(run=1, wall=1.0, episode=number, film=studio._film + 1, recorder=1, stem=stem))
    return studio.episode(number, moving(frames), [1.0] * (frames - 1))


def clip(studio: Studio, frames: list[np.ndarray], *, ended: bool = True, **begin: Any) -> Job:
    """A clip that belongs to no episode, and its job."""
    film = studio.shoot(frames)
    studio.story.say(ClipBegin(run=1, wall=1.0, step=7, film=film, name="grid", **begin))
    end = Media(
        run=1, wall=2.0, step=7, name="grid", mime="video/frames", film=film, frames=len(frames), last_seq=studio.seq_b
    )
    if ended:
        studio.story.say(end)
    return Job(f"media:{SESSION:016x}:{film}", JobKind.MEDIA, RUN, SESSION, film, final=True)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def length_of(path: Path) -> tuple[int, float]:
    """(frames, seconds) as a player sees them."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        count = sum(1 for _ in video.decode(stream))
        return count, float(stream.duration * stream.time_base)


def test_a_folder_gets_both_clips_and_nothing_else(studio: Studio, folder: Path) -> None:
    """Playable, with every frame; what happened in the episode stays with the run as JSON."""
    paths, notes = studio.develop(episode(studio, "rl-video-episode-3"))
    assert names(folder) == ["rl-video-episode-3.gif", "rl-video-episode-3.mp4"]
    assert sorted(paths) == [str(folder / name) for name in names(folder)] + ["episodes/episode_000003.json"]
    assert notes == ()
    assert length_of(folder / "rl-video-episode-3.mp4") == (5, pytest.approx(5 / 30, abs=1e-3))
    with Image.open(folder / "rl-video-episode-3.gif") as image:
        image.seek(image.n_frames - 1)
        assert np.array_equal(np.asarray(image.convert("RGB")), moving(5)[-1])
    assert names(studio.prints / "episodes") == ["episode_000003.json"]
    assert json.loads((studio.prints / "episodes/episode_000003.json").read_text())["rewards"] == [1.0] * 4


def test_nothing_is_overwritten(studio: Studio, folder: Path) -> None:
    """The run's id stands behind a name that is taken, be it by one of the two files only; at worst the film's."""
    folder.mkdir()
    (folder / "a.gif").write_bytes(b"somebody's")
    studio.develop(episode(studio, "a"))
    studio.develop(episode(studio, "a", 4))
    studio.develop(episode(studio, "a", 5))
    stems = ["a", f"a-{RUN}", f"a-{RUN}-2", f"a-{RUN}-3"]
    assert names(folder) == sorted(["a.gif", *(f"{stem}.{kind}" for stem in stems[1:] for kind in ("gif", "mp4"))])
    assert (folder / "a.gif").read_bytes() == b"somebody's"


def test_a_job_that_is_done_again_knows_its_own_files(studio: Studio, folder: Path) -> None:
    """Whatever became of the first try: killed between its two files, or before anybody heard of them."""
    job = episode(studio, "a")
    first, _ = studio.develop(job)
    (folder / "a.gif").unlink()
    assert studio.develop(job)[0] == first
    assert names(folder) == ["a.gif", "a.mp4"]


def test_a_link_under_a_name_is_somebody_elses(studio: Studio, folder: Path) -> None:
    """It is neither followed nor replaced."""
    folder.mkdir()
    (folder / "a.mp4").symlink_to("/dev/null")
    os.mkfifo(folder / "a-pipe.gif")
    studio.develop(episode(studio, "a"))
    studio.develop(episode(studio, "a-pipe", 4))
    assert (folder / "a.mp4").is_symlink()
    assert {f"a-{RUN}.mp4", f"a-{RUN}.gif", f"a-pipe-{RUN}.gif"} <= set(names(folder))


def test_a_name_that_is_taken_at_the_very_moment_is_left(tmp_path: Path) -> None:
    """The file that came first stays as it is; the job tries again, and finds the name taken."""
    from filmlab.errors import Transient

    with RunDirectory(tmp_path / "v", 0o022) as directory:
        (tmp_path / "v" / "a.gif").write_bytes(b"other")
        with pytest.raises(Transient, match="has come to be meanwhile"):
            directory.publish_beside("a.gif", b"mine", b"ne", "1-1")
        assert names(tmp_path / "v") == ["a.gif"]
        assert (tmp_path / "v" / "a.gif").read_bytes() == b"other"


def test_a_mark_stands_at_the_end_of_what_it_marks(studio: Studio, folder: Path) -> None:
    """A GIF still ends as GIFs do, and both still play."""
    studio.develop(episode(studio, "a"))
    with studio.reader() as reader:
        row = reader.episode(SESSION, 1)
    assert row is not None
    for kind in ("gif", "mp4"):
        assert (folder / f"a.{kind}").read_bytes().endswith(mark_of(kind, row))
    assert signed("gif", b"GIF;", row).startswith(b"GIF\x21\xfe")


def test_a_folder_that_cannot_be_made_is_said(studio: Studio) -> None:
    """With whose film it was."""
    (studio.prints.parent / "file").write_text("")
    place = studio.prints.parent / "file" / "videos"
    studio.story.say(Recorder(run=1, wall=1.0, number=1, kind="video", directory=str(place), prefix=""))
    with pytest.raises(BadInput, match=f"run {RUN}, episode 3: .*cannot be made"):
        studio.develop(episode(studio, "a"))


def test_an_episode_without_frames_leaves_its_json(studio: Studio, folder: Path) -> None:
    """And no empty clip."""
    paths, _ = studio.develop(episode(studio, "a", frames=0))
    assert paths == ("episodes/episode_000003.json",)
    assert not folder.exists()


def test_a_clip_goes_to_the_folder_at_its_own_rate(studio: Studio, folder: Path) -> None:
    """It belongs to no episode, so nothing stands beside it."""
    studio.story.say(Trace(run=1, wall=1.0, film=1, recorder=1, stem="rl-video-step-7"))
    paths, _ = studio.develop(clip(studio, moving(10), fps=50.0))
    assert sorted(paths) == [str(folder / f"rl-video-step-7.{kind}") for kind in ("gif", "mp4")]
    assert length_of(folder / "rl-video-step-7.mp4") == (10, pytest.approx(0.2, abs=1e-3))


def test_tiles_are_put_together_by_the_worker(studio: Studio) -> None:
    """A clip of a run without a folder is a medium like others."""
    frames = [frame for frame in moving(6, 40, 60) for _ in range(4)]
    paths, _ = studio.develop(clip(studio, frames, tiles=4, aspect=1.0))
    assert paths == ("media/grid_7.gif", "media/grid_7.poster.webp")
    with Image.open(studio.prints / paths[0]) as image:
        assert (image.size, image.n_frames) == ((122, 82), 6)


def test_a_clip_whose_trainer_died_is_printed_up_to_there(studio: Studio) -> None:
    """It counts as no episode, and as ended."""
    job = clip(studio, moving(6), ended=False)
    studio.story.fact(EpisodeCut(SESSION, 1, 1, -1, 4, "truncated", 9.0))
    paths, _ = studio.develop(job)
    with Image.open(studio.prints / paths[0]) as image:
        assert image.n_frames == 4
    with studio.reader() as reader:
        row = reader.episode(SESSION, 1)
        assert reader.run(RUN).episodes == 0
        assert reader.open_episodes() == []
    assert row is not None
    assert (row.job_state, row.ended, row.complete) == ("done", True, False)


def test_the_page_shows_what_lies_in_the_folder(studio: Studio, folder: Path) -> None:
    """Linked from the run's own directory, and the JSON beside it."""
    studio.develop(episode(studio, "a"))
    studio.develop(studio.page_job())
    page = (studio.prints / "index.html").read_text()
    assert "../videos/a.gif" in page
    assert '"episodes/episode_000003.json"' in page
