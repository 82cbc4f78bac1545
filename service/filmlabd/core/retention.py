"""Which films go first when there are too many? Pure.

Three classes, one after the other; a film that is not printed yet is in none of them, and never goes. In the first two,
films whose prints were given up come after printed ones: their pictures are nowhere else, and may be had once somebody
has mended the reason.

1. Films between others. The one goes whose absence is noticed least: on a logarithmic scale of episodes, the one that
   leaves the smallest hole between its neighbours. What stays is so spread evenly over log(episode): the beginning of a
   training, where it changes fast, closely, its long end widely. Holes of different runs are compared as they are, so a
   run with thousands of films gives before one with five; but a hole counts half for every 30 days since its run's last
   film, and less the more room its films take.
2. The first film of each writer, of the run that is longest ago first.
3. The last and the best film of each run, likewise; the best at the very end.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

HALF_LIFE_S = 30 * 86400.0
FULL_SHARE = 0.95
"""From here on films are deleted, so that the quota itself is seldom met."""
CLEARED_SHARE = 0.9
"""Down to here, so that a look through all films pays."""
AWAITED_SHARE = 0.1
"""Of all films: while more wait for their prints, none goes."""


@dataclass(frozen=True, slots=True)
class KeptFilm:
    """One film file, and what of its episode or medium counts."""

    session: int
    film: int
    run_id: str
    series: str
    """Which films of its run follow each other: one writer's in one attempt, or one medium's."""
    episode: int
    """Of a medium: the step."""
    return_: float
    """NaN where there is none, as for an episode that was cut."""
    size_bytes: int
    wall: float
    printed: bool
    awaited: bool = False
    """It will be printed, unless that fails."""
    given_up: bool = False
    """Its print failed for good."""
    is_medium: bool = False

    @property
    def may_go(self) -> bool:
        """Whether nobody waits for what will be made of it."""
        return self.printed or self.given_up


@dataclass(frozen=True, slots=True)
class Need:
    """How much should go at least."""

    size_bytes: int = 0
    files: int = 0
    spare_best: bool = False
    """The last and the best film of each run stay, even if that is too little."""

    def __bool__(self) -> bool:
        return self.size_bytes > 0 or self.files > 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much film is kept; 0: all of it."""

    size_bytes: int = 0
    files: int = 0

    def excess(self, size_bytes: int, files: int) -> Need:
        """What should go of so much; nothing while it is not nearly full."""
        full = (self.size_bytes and size_bytes > FULL_SHARE * self.size_bytes) or (
            self.files and files > FULL_SHARE * self.files
        )
        if not full:
            return Need()
        return Need(
            size_bytes - int(CLEARED_SHARE * self.size_bytes) if self.size_bytes else 0,
            files - int(CLEARED_SHARE * self.files) if self.files else 0,
        )

    def is_met(self, size_bytes: int, files: int) -> bool:
        """Whether there is so much already that no more should come."""
        return bool((self.size_bytes and size_bytes >= self.size_bytes) or (self.files and files >= self.files))


def plan(films: Sequence[KeptFilm], quota: Quota, short_bytes: int, now_wall: float) -> list[KeptFilm]:
    """The films to delete: over the quota, or for want of room, which costs no last and no best film.

    While many films wait for their prints, none goes: which of a training's films are worth keeping is seen when all of
    them may go. While any does, no last and no best has to pay for it.
    """
    if sum(film.awaited for film in films) > AWAITED_SHARE * len(films):
        return []
    excess = quota.excess(sum(film.size_bytes for film in films), len(films))
    if not excess:
        return choose(films, Need(short_bytes, spare_best=True), now_wall)
    return choose(films, replace(excess, spare_best=not all(film.may_go for film in films)), now_wall)


def choose(films: Sequence[KeptFilm], need: Need, now_wall: float) -> list[KeptFilm]:
    """The films to delete, in the order in which they go: no more than are needed, fewer where no more may go."""
    chosen: list[KeptFilm] = []
    left = need
    for film in _in_order(films, need, now_wall):
        if not left:
            break
        chosen.append(film)
        left = Need(left.size_bytes - film.size_bytes, left.files - 1)
    return chosen


def _in_order(films: Sequence[KeptFilm], need: Need, now_wall: float) -> Iterable[KeptFilm]:
    """Everything that may go, the first to go first."""
    runs = _grouped(films, lambda film: film.run_id)
    newest = {run_id: max(film.wall for film in members) for run_id, members in runs.items()}
    treasured = {_key(film): rank for members in runs.values() for film, rank in _treasures(members)}
    heap: list[tuple[_Rank, float, tuple[int, int]]] = []
    lines: dict[tuple[int, int], _Line] = {}
    for members in _grouped(films, lambda film: f"{film.run_id}\n{film.series}").values():
        age_s = max(0.0, now_wall - newest[members[0].run_id])
        mean_bytes = sum(film.size_bytes for film in members) / len(members) if need.size_bytes > 0 else 1.0
        line = _Line(members, 0.5 ** (age_s / HALF_LIFE_S) / max(1.0, mean_bytes))
        for film in members:
            if film.may_go and _key(film) not in treasured:
                lines[_key(film)] = line
                heap.append((_rank(film, line), newest[film.run_id], _key(film)))
    heapq.heapify(heap)
    by_key = {_key(film): film for film in films}
    while heap:
        rank, wall, key = heapq.heappop(heap)
        now_rank = _rank(by_key[key], lines[key])
        if now_rank > rank:
            # A neighbour has gone since: its hole is larger than it was.
            heapq.heappush(heap, (now_rank, wall, key))
            continue
        lines[key].remove(key)
        yield by_key[key]
    if not need.spare_best:
        last = [film for film in films if film.may_go and _key(film) in treasured]
        yield from sorted(last, key=lambda film: (treasured[_key(film)], newest[film.run_id], _key(film)))


_Rank: TypeAlias = tuple[bool, bool, float]


class _Line:
    """The films of one series in the order of their episodes, as a list whose members can leave."""

    def __init__(self, films: Sequence[KeptFilm], weight: float) -> None:
        ordered = sorted(films, key=lambda film: (film.episode, film.wall, _key(film)))
        self._at = {_key(film): math.log1p(max(0, film.episode)) for film in ordered}
        self._before = {_key(after): _key(film) for film, after in pairwise(ordered)}
        self._after = {_key(film): _key(after) for film, after in pairwise(ordered)}
        self._weight = weight

    def hole(self, key: tuple[int, int]) -> float:
        """What would lie between its neighbours without it; infinite at an end."""
        before, after = self._before.get(key), self._after.get(key)
        if before is None or after is None:
            return math.inf
        return (self._at[after] - self._at[before]) * self._weight

    def remove(self, key: tuple[int, int]) -> None:
        before, after = self._before.pop(key, None), self._after.pop(key, None)
        if after is not None:
            self._before.pop(after)
        if before is not None:
            self._after.pop(before)
        if before is not None and after is not None:
            self._before[after], self._after[before] = before, after


def _rank(film: KeptFilm, line: _Line) -> _Rank:
    """Its class, printed or not, and its hole."""
    hole = line.hole(_key(film))
    return hole == math.inf, film.given_up, hole


def _treasures(films: Sequence[KeptFilm]) -> list[tuple[KeptFilm, int]]:
    """The last film and the best of a run, of episodes where it has any; with the higher rank a film stays longer."""
    films = [film for film in films if not film.is_medium] or films
    last = max(films, key=lambda film: (film.wall, _key(film)))
    known = [film for film in films if not math.isnan(film.return_)]
    best = max(known, key=lambda film: (film.return_, film.wall, _key(film)), default=None)
    # The later entry wins where one film is both.
    return [(last, 0), *([(best, 1)] if best is not None else [])]


def _grouped(films: Iterable[KeptFilm], name: Callable[[KeptFilm], str]) -> dict[str, list[KeptFilm]]:
    groups: dict[str, list[KeptFilm]] = {}
    for film in films:
        groups.setdefault(name(film), []).append(film)
    return groups


def _key(film: KeptFilm) -> tuple[int, int]:
    return film.session, film.film
