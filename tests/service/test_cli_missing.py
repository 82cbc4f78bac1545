"""Why a clip is missing: every cause, told from a real index."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Media
from filmlabd.cli.checks import Level
from filmlabd.cli.missing import Missing, Scene, find_missing, sum_up, uncaptured
from filmlabd.cli.presence import Presence, Seen
from filmlabd.facts import FilmDeleted, FilmJudged, JobDone, JobStruck
from filmlabd.index.read import Reader
from service.recorded import SESSION, WALL, Recording

Ask: TypeAlias = Callable[..., list[Missing]]

BUSY = Seen(Presence.RUNNING, {"queue": {"waiting": 7, "running": 2}})
SCENE = Scene("r1", True, BUSY, {SESSION: 1000}, lambda path: True)


@pytest.fixture
def told(tmp_path: Path) -> Recording:
    """A run that captures every 2nd and the last, being told."""
    made = Recording(tmp_path / "index.sqlite")
    made.run(1, "r1", "pole", "cart", "/films/pole")
    return made


@pytest.fixture
def ask(told: Recording, tmp_path: Path) -> Ask:
    """What is found missing in this scene."""

    def ask(scene: Scene = SCENE) -> list[Missing]:
        told.index.commit()
        with Reader(tmp_path / "index.sqlite") as reader:
            return find_missing(reader.episodes("r1"), reader.prints("r1"), scene)

    return ask


def done(film: int, *paths: str, notes: str = "") -> JobDone:
    return JobDone(f"k{film}", "r1", "episode", SESSION, film, "\n".join(paths), notes, 0.1, WALL)


def test_nothing_is_missing_where_all_files_are_there(told: Recording, ask: Ask) -> None:
    """An episode without film is not missing either: it was never captured."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    told.fact(done(1, "e/0.gif", "e/0.json"))
    told.episode(1, 1, 0.0, reason="not in every 2")
    assert ask() == []


@pytest.mark.parametrize("path", ["media/note_5.txt", "media/weights_5.png", "media/view_5.png"])
def test_a_medium_is_there_with_whatever_file_it_has(told: Recording, ask: Ask, path: str) -> None:
    """A text has no frame, and an image no clip."""
    told.entry(Media(run=1, wall=WALL, step=5, name="note", mime="text/plain", film=1, data=b"hi"))
    told.fact(done(1, path))
    assert ask() == []
    (found,) = ask(replace(SCENE, exists=lambda path: False))
    assert (found.cause, found.level) == ("gone", Level.BAD)


@pytest.mark.parametrize(("paths", "causes"), [(("e/0.mp4", "e/0.json"), []), (("e/0.poster.webp",), ["no frames"])])
def test_a_clip_is_there_in_any_format(told: Recording, ask: Ask, paths: tuple[str, ...], causes: list[str]) -> None:
    """A poster is none."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    told.fact(done(1, *paths))
    assert [found.cause for found in ask()] == causes


def test_one_that_waits_for_a_worker_says_behind_how_much(told: Recording, ask: Ask) -> None:
    """With no daemon there, it says that nobody will make it, and how to change that."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    (found,) = ask()
    assert (found.cause, found.level) == ("waiting", Level.OK)
    assert found.text == "it waits for a worker: 7 jobs wait, 2 run"
    (found,) = ask(replace(SCENE, daemon=Seen(Presence.NONE)))
    assert (found.cause, found.level) == ("waiting", Level.WARN)
    assert "`filmlab sync`" in found.advice
    (found,) = ask(replace(SCENE, daemon=Seen(Presence.HANGING)))
    assert (found.cause, found.level, found.advice[:28]) == ("waiting", Level.WARN, "the daemon does not answer: ")


def test_one_whose_last_frames_have_not_come(told: Recording, ask: Ask) -> None:
    """It has ended for the index; its film is as far as the session's stream of film."""
    told.entry(EpisodeBegin(run=1, wall=WALL, episode=0, film=1, reason="every 2"))
    told.entry(EpisodeEnd(run=1, wall=WALL, episode=0, return_=1.0, length=2, film=1, frames=9, last_seq=40))
    (found,) = ask(replace(SCENE, durable_b={SESSION: 31}))
    assert (found.cause, found.level) == ("unsafe", Level.OK)
    assert "31 of 40 records" in found.text
    assert ask(replace(SCENE, durable_b={}))[0].cause == "waiting"


def test_one_that_is_still_played(told: Recording, ask: Ask) -> None:
    """Until its trainer ends it there is nothing to show."""
    told.entry(EpisodeBegin(run=1, wall=WALL, episode=0, film=1, reason="every 2"))
    assert [(found.cause, found.text) for found in ask()] == [("playing", "it is still being played")]
    assert ask(replace(SCENE, living=False))[0].text == "its trainer has not ended it"


def test_one_that_has_failed_before_and_one_that_was_given_up(told: Recording, ask: Ask) -> None:
    """Both with the reason; what was given up is bad, and can be asked for again."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    told.fact(JobStruck("k1", "r1", "episode", SESSION, 1, 2, False, "No space left on device", WALL))
    (found,) = ask()
    assert (found.cause, found.level) == ("struck", Level.WARN)
    assert "failed 2 times and is tried again: No space left on device" in found.text
    told.fact(JobStruck("k1", "r1", "episode", SESSION, 1, 3, True, "No space left on device", WALL))
    (found,) = ask()
    assert (found.cause, found.level) == ("failed", Level.BAD)
    assert "given up: No space left on device" in found.text
    assert "`filmlab develop r1`" in found.advice


def test_one_that_may_be_among_the_last_and_one_that_was_not(told: Recording, ask: Ask) -> None:
    """Neither is trouble: the schedule says so."""
    for film in (1, 2):
        told.entry(EpisodeBegin(run=1, wall=WALL, episode=film, film=film, reason="maybe last 1", provisional=True))
        told.episode(1, film, 0.0, film=film, reason="maybe last 1")
    told.fact(FilmJudged(SESSION, 1, False, "not among the last"), FilmDeleted(SESSION, 1, 1, "not among the last"))
    assert [(found.cause, found.level) for found in ask()] == [("thrown away", Level.OK), ("undecided", Level.OK)]


def test_one_without_a_frame(told: Recording, ask: Ask) -> None:
    """None came, its trainer dropped them, or none can be read: three different things to do."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    told.fact(done(1, "e/0.json", notes="no frames were captured"))
    told.entry(EpisodeBegin(run=1, wall=WALL, episode=2, film=2, reason="every 2"))
    note = "film dropped: memory and spool are full"
    told.entry(EpisodeEnd(run=1, wall=WALL, episode=2, return_=0.0, length=2, film=2, reason="every 2", note=note))
    told.fact(done(2, "e/2.json"))
    told.entry(EpisodeEnd(run=1, wall=WALL, episode=4, return_=0.0, length=2, film=3, reason="every 2", frames=5))
    told.fact(done(3, "e/4.json", notes="the film is damaged"))
    found = ask()
    assert [item.cause for item in found] == ["no frames", "dropped", "no frames"]
    assert "render_mode" in found[0].advice
    assert "memory and spool are full" in found[1].text
    assert found[2].text == "nothing of its film can be shown (the film is damaged)"


def test_one_whose_file_is_gone(told: Recording, ask: Ask) -> None:
    """The index says done; the disk does not have it."""
    told.episode(1, 0, 0.0, film=1, reason="every 2")
    told.fact(done(1, "e/0.gif", "e/0.json"))
    (found,) = ask(replace(SCENE, exists=lambda path: path.endswith(".json")))
    assert (found.cause, found.level) == ("gone", Level.BAD)
    assert found.text == "made, and not there any more: e/0.gif"


def test_a_medium_is_told_by_name_and_step(told: Recording, ask: Ask) -> None:
    """It has no number of its own."""
    told.entry(Media(run=1, wall=WALL, step=40, name="weights", mime="image/frames", film=14, frames=1, last_seq=1))
    (found,) = ask()
    assert (found.whose, found.episode, found.cause) == ("weights at step 40", -1, "waiting")


def test_many_of_which_the_same_is_said_are_one_line(told: Recording, ask: Ask) -> None:
    """With their numbers as ranges, shortened where they are many."""
    for film in range(1, 41):
        told.episode(1, 2 * film, 0.0, film=film, reason="every 2")
    told.episode(1, 1, 0.0, film=99, reason="asked for by ann")
    told.fact(JobStruck("k99", "r1", "episode", SESSION, 99, 3, True, "no", WALL))
    waiting, failed = sum_up(ask())
    assert waiting.name == "40 episodes"
    assert waiting.text.startswith("2, 4, 6, 8, 10")
    assert waiting.text.endswith(", …: it waits for a worker: 7 jobs wait, 2 run")
    assert (failed.name, failed.level) == ("episode 1", Level.BAD)


def test_what_was_never_captured_is_summed_up_by_reason(told: Recording, tmp_path: Path) -> None:
    """Which episodes, why, and how to get one while the run lives."""
    for episode in (1, 3, 5):
        told.episode(1, episode, 0.0, reason="not in every 2")
    told.episode(1, 7, 0.0, reason="over 3 an hour")
    told.episode(1, 9, 0.0)
    told.index.commit()
    with Reader(tmp_path / "index.sqlite") as reader:
        rows = reader.episodes("r1")
    assert [found.text for found in uncaptured(rows, "every:2", living=True, run_id="r1")] == [
        "3 episodes (1, 3, 5): not in every 2", "1 episode (7): over 3 an hour",
        "1 episode (9): the schedule was every:2",
    ]  # fmt: skip
    assert "filmlab record r1 --next 1" in uncaptured(rows, "every:2", living=True, run_id="r1")[0].advice
    assert uncaptured(rows, "every:2", living=False, run_id="r1")[0].advice == ""
