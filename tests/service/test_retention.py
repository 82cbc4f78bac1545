"""Which films go first, as laws over any household of runs."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.core.retention import HALF_LIFE_S, KeptFilm, Need, Quota, choose, plan

NOW = 1_000_000.0
ALL = Need(files=10**9)


def film(number: int, run_id: str = "r", episode: int | None = None, **more: object) -> KeptFilm:
    base = KeptFilm(
        session=1, film=number, run_id=run_id, series="main", episode=number if episode is None else episode,
        return_=0.0, size_bytes=100, wall=NOW + number, printed=True,
    )  # fmt: skip
    return replace(base, **more)


@st.composite
def households(draw: st.DrawFn) -> list[KeptFilm]:
    """Up to 60 films of a few runs, with gaps, repeated episodes, failures and every kind of return."""
    count = draw(st.integers(0, 60))
    return [
        film(
            number,
            draw(st.sampled_from("abc")),
            draw(st.integers(0, 200)),
            series=draw(st.sampled_from(["main", "rank1"])),
            return_=draw(st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(1.0))),
            size_bytes=draw(st.integers(0, 1000)),
            wall=NOW + draw(st.floats(-1e7, 0)),
            **draw(st.sampled_from([{}, {"printed": False}, {"printed": False, "given_up": True}])),
        )
        for number in range(count)
    ]


needs = st.builds(Need, st.integers(-5, 20_000), st.integers(-5, 70), st.booleans())


def treasures(films: Sequence[KeptFilm]) -> set[int]:
    """The numbers of the last and the best film of each run, told plainly."""
    out = set()
    for run_id in {item.run_id for item in films}:
        members = [item for item in films if item.run_id == run_id]
        out.add(sorted(members, key=lambda item: (item.wall, item.film))[-1].film)
        ranked = sorted(
            (item for item in members if not math.isnan(item.return_)),
            key=lambda item: (item.return_, item.wall, item.film),
        )
        out.update(item.film for item in ranked[-1:])
    return out


@given(households(), needs)
@settings(max_examples=100)
def test_no_film_goes_before_it_is_printed_or_given_up(films: list[KeptFilm], need: Need) -> None:
    """Whatever is needed, and each film goes once."""
    chosen = choose(films, need, NOW)
    assert all(item.printed or item.given_up for item in chosen)
    assert len({item.film for item in chosen}) == len(chosen)


@given(households(), needs)
@settings(max_examples=100)
def test_as_much_goes_as_is_needed_and_no_film_more(films: list[KeptFilm], need: Need) -> None:
    """Without the last one it would be too little; it is too little only where nothing more may go."""

    def enough(chosen: Sequence[KeptFilm]) -> bool:
        return sum(item.size_bytes for item in chosen) >= need.size_bytes and len(chosen) >= need.files

    chosen = choose(films, need, NOW)
    if chosen:
        assert not enough(chosen[:-1])
    if not enough(chosen):
        stays = {item.film for item in films} - {item.film for item in chosen}
        spared = treasures(films) if need.spare_best else set()
        assert all(not item.may_go or item.film in spared for item in films if item.film in stays)


@given(households())
@settings(max_examples=100)
def test_the_last_and_the_best_go_at_the_end(films: list[KeptFilm]) -> None:
    """All others that may go have gone by then; a best that is not also a last outlives every last."""
    chosen = [item.film for item in choose(films, ALL, NOW)]
    treasured = treasures(films)
    kinds = [number in treasured for number in chosen]
    assert kinds == sorted(kinds)
    assert not {item.film for item in choose(films, replace(ALL, spare_best=True), NOW)} & treasured


@given(households(), needs, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_in_which_they_are_told_means_nothing(films: list[KeptFilm], need: Need, rng: random.Random) -> None:
    """The same household gives the same answer, so that a repeated question after a crash does no further harm."""
    shuffled = films.copy()
    rng.shuffle(shuffled)
    assert choose(shuffled, need, NOW) == choose(films, need, NOW)


def widest(episodes: Sequence[int]) -> float:
    return max(math.log1p(after) - math.log1p(before) for before, after in pairwise(sorted(episodes)))


@pytest.mark.parametrize("count", [20, 300, 5000])
@pytest.mark.parametrize("kept", [5, 12, 40])
def test_the_survivors_are_spread_over_the_training(count: int, kept: int) -> None:
    """On the logarithmic scale no hole is wider than twice what an even spread would leave, or than there was."""
    films = [film(number) for number in range(count)]
    gone = {item.film for item in choose(films, Need(files=count - kept), NOW)}
    stay = [number for number in range(count) if number not in gone]
    even = math.log1p(count - 1) / (min(kept, count) - 1)
    assert widest(stay) <= max(2 * even, math.log(2.0) + 1e-9), stay


def test_they_stay_spread_when_films_come_one_by_one() -> None:
    """A quota that is met a thousand times over leaves what one great clearance would, within a factor."""
    held: list[KeptFilm] = []
    for number in range(1000):
        held.append(film(number, return_=50.0 if number == 333 else 0.0))
        gone = choose(held, Need(files=len(held) - 20), NOW)
        held = [item for item in held if item not in gone]
    stay = [item.film for item in held]
    assert len(stay) == 20 and {0, 333, 999} <= set(stay)
    assert widest(stay) <= 2 * math.log1p(999) / 19 + math.log(2.0), stay


def test_a_run_with_many_films_gives_before_one_with_few() -> None:
    """Five films of a short run are not paid for the thousandth of a long one."""
    many = [film(number, "many") for number in range(1000)]
    few = [film(2000 + number, "few", episode=200 * number) for number in range(5)]
    gone = choose([*many, *few], Need(files=900), NOW)
    assert {item.run_id for item in gone} == {"many"}


def test_of_two_equal_runs_the_older_gives_more() -> None:
    """A hole in a training of two months ago counts a quarter."""
    old = [film(number, "old", wall=NOW - 2 * HALF_LIFE_S) for number in range(100)]
    new = [film(1000 + number, "new", episode=number, wall=NOW) for number in range(100)]
    gone = choose([*old, *new], Need(files=100), NOW)
    by_run = [item.run_id for item in gone]
    assert by_run.count("old") > 1.2 * by_run.count("new") > 0


def test_large_films_give_more_room_for_the_same_hole() -> None:
    """Where bytes are needed, a run of large films gives first; where files are, size does not matter."""
    large = [film(number, "large", size_bytes=10_000) for number in range(50)]
    small = [film(1000 + number, "small", episode=number, size_bytes=10) for number in range(50)]
    gone = choose([*large, *small], Need(size_bytes=100_000), NOW)
    assert {item.run_id for item in gone} == {"large"} and len(gone) == 10
    assert {item.run_id for item in choose([*large, *small], Need(files=20), NOW)} == {"large", "small"}


def test_what_a_quota_asks_for() -> None:
    """From 95 % on down to 90 %, in bytes, in files, or in both; a quota of 0 is none."""
    quota = Quota(1000, 100)
    assert not quota.excess(950, 95)
    assert quota.excess(951, 10) == Need(51, -80)
    assert quota.excess(10, 96) == Need(-890, 6)
    assert not Quota().excess(10**15, 10**9)
    assert quota.is_met(1000, 0) and quota.is_met(0, 100) and not quota.is_met(999, 99) and not Quota().is_met(1, 1)


def test_while_many_films_wait_for_their_prints_none_goes() -> None:
    """A burst that waits for workers does not push out what was kept; once it is printed all are judged together."""
    kept = [film(number, return_=float(number == 3)) for number in range(20)]
    burst = [film(20 + number, printed=False, awaited=True) for number in range(40)]
    assert plan([*kept, *burst], Quota(files=20), 0, NOW) == []
    printed = [replace(item, printed=True, awaited=False) for item in burst]
    assert len(plan([*kept, *printed], Quota(files=20), 0, NOW)) == 42


def test_films_that_are_not_printed_yet_do_not_cost_the_best() -> None:
    """They stay, over the quota or not, and push out neither the last nor the best of what was printed."""
    films = [film(number, return_=float(number == 3), printed=number < 20) for number in range(60)]
    gone = {item.film for item in plan(films, Quota(files=20), 0, NOW)}
    assert gone == set(range(20)) - {3}


def test_films_that_were_given_up_go_after_printed_ones() -> None:
    """Nobody else has their pictures; but they cost neither first, last nor best, and what stays of them is spread."""
    films = [film(number, return_=float(number == 3), printed=number % 2 == 1) for number in range(60)]
    films = [replace(item, given_up=not item.printed) for item in films]
    chosen = [item.film for item in choose(films, Need(files=45), NOW)]
    printed = [number for number in chosen if number % 2]
    assert chosen[: len(printed)] == printed and set(printed) == set(range(1, 59, 2)) - {3}
    stay = set(range(60)) - set(chosen)
    assert {0, 3, 59} <= stay and len(stay) == 15
    assert widest(sorted(stay)) <= 2 * math.log1p(59) / 14 + math.log(2.0), stay


def test_a_quota_may_cost_the_best_and_want_of_room_may_not() -> None:
    """What somebody else has filled is not paid for with the best and the last."""
    films = [film(number, return_=float(number == 3)) for number in range(6)]
    assert len(plan(films, Quota(files=1), 0, NOW)) == 6
    assert {item.film for item in plan(films, Quota(), 10**9, NOW)} == {0, 1, 2, 4}
    assert plan(films, Quota(files=100), 0, NOW) == plan(films, Quota(), -5, NOW) == []
