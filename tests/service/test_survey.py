"""What is seen of films: sizes from the files, the rest from the index, and files that are nobody's."""

import os
import time
from pathlib import Path

import pytest

from filmlab.paths import StatePaths
from filmlab.wire.entries import EpisodeBegin
from filmlabd.core.events import Survey
from filmlabd.core.retention import Quota
from filmlabd.facts import FilmDeleted, JobStruck, SessionEnded
from filmlabd.journal.films import film_path
from filmlabd.journal.journal import Journal
from filmlabd.survey import survey
from service.keeping import record
from service.recorded import SESSION, WALL, Recording

ENDED = 0xE7D


def index_in(state: Path) -> Path:
    paths = StatePaths.at(state)
    paths.root.mkdir(exist_ok=True)
    return paths.index


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """Run `r1` with films 1 to 4, printed, and 12 and 13, whose prints were given up; of 1000 bytes each."""
    made = Recording(index_in(tmp_path))
    made.run(1, "r1", "walk", "p", "/films/walk")
    for number in range(1, 5):
        made.episode(1, number, float(number), film=number, reason="every 1")
        made.printed(number)
        lay(tmp_path, SESSION, number)
    for number in (12, 13):
        made.episode(1, number, 0.0, film=number, reason="every 1")
        made.fact(JobStruck(f"episode:{number}", "r1", "episode", SESSION, number, 3, True, "boom", WALL))
        lay(tmp_path, SESSION, number)
    made.close()
    return tmp_path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Run `r1` with films 1 to 4 of 1000 bytes each, printed; films 5 (deleted) and 6 (being shot)."""
    made = Recording(index_in(tmp_path))
    made.run(1, "r1", "walk", "p", "/films/walk")
    for number in range(1, 6):
        made.episode(1, number, float(number), film=number, reason="every 1")
    for number in range(1, 6):
        made.printed(number)
    made.fact(FilmDeleted(SESSION, 5, 5, "over the quota"))
    made.entry(EpisodeBegin(run=1, wall=WALL, episode=6, film=6, reason="every 1"))
    made.close()
    for number in range(1, 8):
        lay(tmp_path, SESSION, number)
    return tmp_path


def lay(state: Path, session: int, film: int, size_bytes: int = 1000) -> None:
    path = film_path(StatePaths.at(state).film, session, film)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size_bytes))


def look(state: Path, asked: Survey) -> object:
    return survey(StatePaths.at(state), asked)


def test_films_that_may_go(state: Path) -> None:
    """Those that lie there and are printed, with the sizes of their files; none while a fifth waits for its print."""
    seen = look(state, Survey(Quota(files=1)))
    assert seen.gone == () and seen.unprinted == 1
    film_path(StatePaths.at(state).film, SESSION, 6).unlink()
    seen = look(state, Survey(Quota(files=1)))
    assert sorted(film.film for film in seen.gone) == [1, 2, 3, 4]
    assert {film.size_bytes for film in seen.gone} == {1000} and seen.unprinted == 0


def test_films_that_were_given_up_are_told_apart(troubled: Path) -> None:
    """They may go over a quota like others, and are named once: those that do are not among the rest."""
    seen = look(troubled, Survey(Quota()))
    assert (sorted(film.film for film in seen.given_up), seen.gone, seen.unprinted) == ([12, 13], (), 0)
    seen = look(troubled, Survey(Quota(files=1)))
    assert len(seen.gone) == 6 and seen.given_up == ()


def test_a_file_whose_end_is_written_down_is_swept(state: Path) -> None:
    """The daemon was killed between the two."""
    assert look(state, Survey(Quota())).leftovers == ((SESSION, 5),)


def test_a_file_of_a_session_that_is_over_and_of_no_film_is_swept(state: Path) -> None:
    """Of one that goes on it may be a film whose beginning is not in the index yet; of an unknown one, too."""
    assert look(state, Survey(Quota())).orphans == ()
    index_in(state).unlink()
    made = Recording(index_in(state))
    made.fact(SessionEnded(SESSION, "bye", WALL))
    made.close()
    lay(state, ENDED, 1)
    seen = look(state, Survey(Quota()))
    assert {session for session, _ in seen.orphans} == {SESSION} and len(seen.orphans) == 7
    assert seen.orphan_bytes == 7000


def test_film_of_a_session_that_nobody_has_heard_of_is_swept_when_it_is_old(state: Path) -> None:
    """Only by a thorough look, only when all its files are a day old, and only when the journal is silent too."""
    thorough = Survey(Quota(), thorough=True)
    journal = Journal(StatePaths.at(state).journal)
    journal.append([record(1, b"x", session=4)])
    journal.sync()
    for session, film_, days in ((ENDED, 1, 2), (ENDED, 2, 0), (3, 1, 2), (4, 1, 2)):
        lay(state, session, film_)
        wall = time.time() - days * 86500
        os.utime(film_path(StatePaths.at(state).film, session, film_), (wall, wall))
    assert look(state, Survey(Quota())).orphans == ()
    assert look(state, thorough).orphans == ((3, 1),)
    (journal.directory / "quarantine").mkdir()
    (journal.directory / "quarantine" / "0.bin").touch()
    assert look(state, thorough).orphans == ()
    journal.close()


def test_all_films_of_a_run(state: Path) -> None:
    """Also those that are not printed; those that are gone are gone."""
    assert sorted(film.film for film in look(state, Survey(Quota(), run_id="r1")).gone) == [1, 2, 3, 4, 6]
    assert look(state, Survey(Quota(), run_id="r2")).gone == ()


def test_what_is_none_of_ours_is_passed_over(state: Path) -> None:
    """Other files and directories, and a request's name goes with the answer."""
    films = StatePaths.at(state).film
    (films / "notes.txt").write_text("mine")
    (films / "backup").mkdir()
    (films / "backup" / "00000001.film").write_text("mine")
    assert look(state, Survey(Quota(), request=b"q")).orphans == ()
    assert look(state, Survey(Quota(), request=b"q")).request == b"q"


def test_without_an_index_nothing_is_seen(tmp_path: Path) -> None:
    """And nothing is nobody's: every film may be of an index that is being made again."""
    lay(tmp_path, SESSION, 1)
    seen = look(tmp_path, Survey(Quota()))
    assert seen.trouble and not seen.orphans
