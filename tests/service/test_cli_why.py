"""`filmlab why`: every fate that an episode can have, in words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from filmlab.paths import StatePaths
from filmlab.wire.entries import EpisodeBegin, RunFinish
from filmlabd.cli.main import main
from filmlabd.facts import EpisodeCut, FilmDeleted, FilmJudged, JobDone, JobStruck, PlanChanged
from service.machine import fresh_machine
from service.recorded import SESSION, WALL, Recording

Why: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    return fresh_machine(tmp_path, monkeypatch)


@pytest.fixture
def told(paths: StatePaths) -> Recording:
    """A run that captures every 2nd and the last, being told."""
    made = Recording(paths.index)
    made.run(1, "r1", "pole", "cart", "/films/pole")
    return made


@pytest.fixture
def why(told: Recording, capsys: pytest.CaptureFixture[str]) -> Why:
    """The lines below the first that the command prints."""

    def why(episode: int) -> list[str]:
        told.index.commit()
        assert main(["why", "r1", str(episode)]) == 0
        return capsys.readouterr().out.splitlines()[1:]

    return why


def begin(film: int, episode: int, reason: str, *, provisional: bool = False) -> EpisodeBegin:
    return EpisodeBegin(run=1, wall=WALL, episode=episode, film=film, reason=reason, provisional=provisional)


def test_one_without_film_has_its_trainers_reason(told: Recording, why: Why) -> None:
    """The decision was the trainer's, and came with the episode's totals."""
    told.episode(1, 1, 0.0, reason="over 3 an hour")
    told.episode(1, 3, 0.0)
    assert why(1) == ["not captured: over 3 an hour"]
    assert why(3) == ["not captured: its trainer did not say why"]


def test_one_that_is_kept_has_its_files_and_what_befell_it(told: Recording, why: Why) -> None:
    """The rule, then what the worker noticed, then where it is; with no clip it is called empty."""
    told.episode(1, 0, 0.0, film=1, reason="asked for by ann, every 2")
    told.fact(JobDone("k1", "r1", "episode", SESSION, 1, "e/0.gif\ne/0.json", "the film has 3 of 9 frames", 0.1, WALL))
    told.episode(1, 2, 0.0, film=2, reason="every 2")
    told.fact(JobDone("k2", "r1", "episode", SESSION, 2, "e/2.json", "no frames were captured", 0.1, WALL))
    assert why(0) == [
        "kept: asked for by ann, every 2", "  the film has 3 of 9 frames", "  /films/pole/e/0.gif",
        "  /films/pole/e/0.json",
    ]  # fmt: skip
    assert why(2) == ["empty: every 2", "  no frames were captured", "  /films/pole/e/2.json"]


def test_one_that_is_being_developed_says_how_often_that_failed(told: Recording, why: Why) -> None:
    """Waiting, tried again, given up: each is another answer."""
    told.entry(begin(1, 0, "every 2"))
    assert why(0) == ["developing: every 2", "  it is still being played"]
    told.episode(1, 2, 0.0, film=2, reason="every 2")
    assert why(2) == ["developing: every 2"]
    told.fact(JobStruck("k2", "r1", "episode", SESSION, 2, 1, False, "killed by signal 9", WALL))
    assert why(2) == ["developing: every 2", "  its print failed 1 time and is tried again: killed by signal 9"]
    told.fact(JobStruck("k2", "r1", "episode", SESSION, 2, 3, True, "killed by signal 9", WALL))
    assert why(2) == [
        "failed: killed by signal 9", "  it was to be kept: every 2", "  its print was given up after 3 failures",
    ]  # fmt: skip


def test_one_that_may_be_the_last_is_undecided_until_it_is_thrown_away_or_kept(told: Recording, why: Why) -> None:
    """What the daemon decides later stands before what the trainer said at first."""
    for film in (1, 2):
        told.entry(begin(film, film, "maybe among the last 1", provisional=True))
        told.episode(1, film, 0.0, film=film, reason="maybe among the last 1")
    assert why(2) == ["undecided: maybe among the last 1: that is known when the run ends"]
    told.fact(FilmJudged(SESSION, 1, False, "not among the last"), FilmDeleted(SESSION, 1, 1, "not among the last"))
    told.fact(FilmJudged(SESSION, 2, True, "last 1"))
    assert why(1) == ["thrown away: not among the last", "  it was captured: maybe among the last 1"]
    assert why(2) == ["developing: last 1"]


def test_one_that_its_trainer_left_says_so(told: Recording, why: Why) -> None:
    """A trainer that died in mid-episode leaves what was safe of it."""
    told.entry(begin(1, 4, "every 2"))
    told.fact(EpisodeCut(SESSION, 1, 1, 4, 7, "truncated: the trainer ended in mid-episode", WALL))
    assert why(4) == [
        "developing: every 2", "  truncated: the trainer ended in mid-episode",
        "  the episode was left before its end",
    ]  # fmt: skip


def test_one_that_is_not_known_has_a_forecast(told: Recording, why: Why) -> None:
    """By the plan in force while the run lives; after its end there was none."""
    told.episode(1, 5, 0.0, reason="not in every 2 or last 1")
    assert "later ones are" in why(3)[0]
    (line,) = why(8)
    assert line == (
        "episode 8 has not ended yet (the last that is known of is 5); the plan in force captures it: every 2"
    )
    assert "known when it begins" in why(9)[0]
    told.fact(PlanChanged("r1", 2, "cubic", "9", 0, "ann", WALL))
    assert why(9)[0].endswith("captures it: asked for by ann")
    assert why(10)[0].endswith("does not capture it: cubic")
    told.entry(RunFinish(run=1, wall=WALL))
    assert why(9) == ["there was no episode 9: the last that is known of is 5, and the run is finished"]


def test_the_same_number_again_is_told_apart(told: Recording, why: Why) -> None:
    """Each occurrence has its own answer."""
    told.episode(1, 0, 0.0, reason="not in every 2")
    told.episode(1, 0, 0.0, reason="never")
    assert why(0) == [
        "writer main, attempt 1: not captured: not in every 2", "writer main, attempt 1, time 2: not captured: never",
    ]  # fmt: skip


def test_json_and_misuse(told: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the same answers; a run that is not there is misuse."""
    told.episode(1, 1, 0.0, reason="never")
    told.index.commit()
    assert main(["why", "r1", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["answers"] == [
        {"writer": "main", "attempt": 1, "occurrence": 0, "verdict": "not captured", "why": "never", "details": [],
         "files": []}
    ]  # fmt: skip
    assert main(["why", "zzz", "1"]) == 2
    with pytest.raises(SystemExit):
        main(["why", "r1", "minus"])
