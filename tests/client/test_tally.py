"""What is counted of a run stays small, however much goes wrong in it."""

from pathlib import Path

from filmlab._stats import farewell, stats_of
from filmlab.link.delivery import Closing
from filmlab.notices import Notices
from filmlab.tally import FAILURES_KEPT, OTHER_REASONS, REASONS_KEPT, Tally
from filmlab.wire.messages import Print


def failing(count: int) -> Tally:
    """A run of which so many films have failed, the first of them film 1."""
    tally = Tally(0, Notices())
    for film in range(1, count + 1):
        tally.printed(Print(0, "episode", False, reason=f"no {film}", film=film))
    return tally


def test_failed_prints_are_named_by_film_and_reason() -> None:
    """In the order in which they failed; one without a reason says what it was of, and a curve has no film."""
    tally = failing(2)
    tally.printed(Print(0, "curve", False))
    assert stats_of(tally).prints_failed == ("no 1", "no 2", "curve failed")
    assert tally.failed_films == {1: "no 1", 2: "no 2"}


def test_of_failed_prints_the_last_are_named_and_all_are_counted() -> None:
    """A training of millions of episodes whose directory is gone keeps no entry for each of them."""
    tally = failing(FAILURES_KEPT + 5)
    stats = stats_of(tally)
    assert stats.failures == FAILURES_KEPT + 5
    assert (len(stats.prints_failed), stats.prints_failed[0]) == (FAILURES_KEPT, "no 6")
    assert list(tally.failed_films) == list(range(6, FAILURES_KEPT + 6))
    assert f"{FAILURES_KEPT + 5} failed (no 6)" in farewell("ab12", "run", tally, Path("out"), None, safe=True)


def test_the_last_line_says_how_to_wait_for_what_is_not_there_yet() -> None:
    """A script that ends looks for its clips at once; with nothing to come there is nothing to wait for."""
    tally = Tally(0, Notices())
    assert "wait" not in farewell("ab12", "run", tally, Path("out"), None, safe=True)
    tally.films_begun = 3
    tally.films_printed = 1
    line = farewell("ab12", "run", tally, Path("out"), None, safe=True)
    assert "2 still developing (`filmlab wait ab12` waits for them); in out" in line
    spooled = Closing(durable=False, safe=True, lost_records=0, why="no daemon")
    line = farewell("ab12", "run", tally, Path("out"), spooled, safe=True)
    assert "2 films not developed yet, the rest is kept on disk until a daemon takes it (no daemon); in out" in line


def test_a_film_that_fails_again_is_one_film() -> None:
    """Its last reason counts, and no other film is forgotten for it."""
    tally = failing(FAILURES_KEPT)
    tally.printed(Print(0, "episode", False, reason="again", film=1))
    assert (len(tally.failed_films), tally.failed_films[1]) == (FAILURES_KEPT, "again")


def test_reasons_of_drops_are_told_apart_up_to_a_number() -> None:
    """A reason may be the words of an error, which differ each time: what is left is one kind, and counted."""
    tally = Tally(0, Notices())
    for number in range(REASONS_KEPT + 10):
        tally.count_drop(f"error {number}")
        tally.count_drop("error 0")
    assert len(tally.dropped_reasons) == REASONS_KEPT + 1
    assert tally.dropped_reasons[OTHER_REASONS] == 10
    assert tally.dropped_reasons["error 0"] == REASONS_KEPT + 11
