"""What is a capture schedule? Rules that are united and limits that narrow them: a value, with nothing decided yet."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from filmlab.errors import BadInput
from filmlab.schedule.ranges import INDEX_MAX
from filmlab.schedule.text import INDICES_MAX, TEXT_MAX_CHARS, format_duration, format_fields, parse_fields
from filmlab.wholes import whole

PERIOD_MAX_S = 1e9
PER_HOUR_MAX = 10_000


@dataclass(frozen=True)
class CaptureSchedule:
    """Which episodes become prints, as a value that travels: `str` writes it, `parse` reads it.

    `a + b` captures what either captures; `a & limit` narrows the whole of a. No rule at all is `never`. Periods may be
    given as one number or several, and are kept as tuples; every argument is checked and put into one order, so
    that two schedules that say the same are equal.

    Raises:
        BadInput: a value is out of range, `never` stands beside something else, or its text is over 4096 characters.
    """

    episode_indices: tuple[int, ...] = ()
    """Episodes by number, from 0; at most 10 000 of them."""
    every_n_episodes: Any = None
    """Episodes whose number one of these periods divides, so that 0 always counts. None, a number or several."""
    last_n_episodes: int = 0
    """The last N episodes of the run. Needs `init(total_episodes=…)` to be known before an episode begins."""
    cubic: bool = False
    """Gymnasium's own: 0, 1, 8, 27, … up to 1000, then every 1000th."""
    every_s: Any = None
    """The first episode that begins at least so many seconds after the last one of this rule. As every_n_episodes."""
    max_per_hour: int | None = None
    """Limit: at most so many within any 3600 s, for each writer."""
    max_total: int | None = None
    """Limit: at most so many in all, for each writer."""
    always: bool = False
    never: bool = False

    def __post_init__(self) -> None:
        put = object.__setattr__
        periods = _wholes("every_n_episodes", self.every_n_episodes, 1)
        put(self, "episode_indices", _wholes("episode_indices", self.episode_indices, 0))
        put(self, "every_n_episodes", tuple(p for p in periods if not any(p % q == 0 for q in periods if q < p)))
        put(self, "every_s", _durations(self.every_s))
        put(self, "last_n_episodes", whole("last_n_episodes", self.last_n_episodes, 0, INDEX_MAX))
        for name in ("max_per_hour", "max_total"):
            if getattr(self, name) is not None:
                put(self, name, whole(name, getattr(self, name), 1, INDEX_MAX))
        for name in ("cubic", "always", "never"):
            put(self, name, bool(getattr(self, name)))
        if len(self.episode_indices) > INDICES_MAX:
            raise BadInput(f"episode_indices: at most {INDICES_MAX}, got {len(self.episode_indices)}")
        if self.max_per_hour is not None and self.max_per_hour > PER_HOUR_MAX:
            raise BadInput(f"max_per_hour: at most {PER_HOUR_MAX}, got {self.max_per_hour}")
        if self.never and (self.has_rules or self.has_limits):
            raise BadInput("never stands alone: a schedule with other rules or limits cannot have it")
        if not self.has_rules and not self.has_limits:
            put(self, "never", True)
        if len(str(self)) > TEXT_MAX_CHARS:
            raise BadInput(
                f"a capture schedule has at most {TEXT_MAX_CHARS} characters as text, this one {len(str(self))}"
            )

    @property
    def has_rules(self) -> bool:
        """Whether anything is captured by it at all."""
        return bool(
            self.episode_indices
            or self.every_n_episodes
            or self.last_n_episodes
            or self.cubic
            or self.every_s
            or self.always
        )

    @property
    def has_limits(self) -> bool:
        return self.max_per_hour is not None or self.max_total is not None

    @classmethod
    def parse(cls, text: str) -> "CaptureSchedule":
        """The schedule that a text means.

        Raises:
            BadInput: it means none; the message underlines the offending part.
        """
        return cls(**parse_fields(text))

    def __str__(self) -> str:
        return format_fields({item.name: getattr(self, item.name) for item in fields(self)})

    def __add__(self, other: object) -> "CaptureSchedule":
        """What either captures. `never` adds nothing.

        Raises:
            BadInput: one of them has limits, which would have to hold for a part only: unite first, then narrow.
        """
        if not isinstance(other, CaptureSchedule):
            return NotImplemented
        for side in (self, other):
            if side.has_limits:
                raise BadInput(f"limits narrow a whole schedule: unite first, then narrow, (a + b) & limit; got {side}")
        return CaptureSchedule(
            episode_indices=self.episode_indices + other.episode_indices,
            every_n_episodes=self.every_n_episodes + other.every_n_episodes,
            last_n_episodes=max(self.last_n_episodes, other.last_n_episodes),
            cubic=self.cubic or other.cubic,
            every_s=self.every_s + other.every_s,
            always=self.always or other.always,
        )

    def __and__(self, limit: object) -> "CaptureSchedule":
        """The same, narrowed: of two limits of a kind the tighter one holds. Limits alone may be narrowed too.

        Raises:
            BadInput: the right side has rules, or no limit.
        """
        if not isinstance(limit, CaptureSchedule):
            return NotImplemented
        if limit.has_rules or not limit.has_limits:
            raise BadInput(f"only limits (max_per_hour, max_total) stand on the right of &; got {limit}")
        if self.never:
            return self
        return CaptureSchedule(
            **{item.name: getattr(self, item.name) for item in fields(self) if not item.name.startswith("max_")},
            max_per_hour=_tighter(self.max_per_hour, limit.max_per_hour),
            max_total=_tighter(self.max_total, limit.max_total),
        )

    def labels(self) -> tuple[str, ...]:
        """Each rule in words, in the order in which `reasons` names them."""
        words = ["always"] if self.always else []
        words += [f"every {period}" for period in self.every_n_episodes]
        words += [f"every {format_duration(period_s)}" for period_s in self.every_s]
        words += [f"last {self.last_n_episodes}"] if self.last_n_episodes else []
        words += ["cubic"] if self.cubic else []
        words += ["the list"] if self.episode_indices else []
        return tuple(words)

    def reasons(self, episode: int, total_episodes: int) -> list[str]:
        """The rules that want this episode by its number alone, in words. `total_episodes` 0: not known.

        The rules that need a clock, and the limits, are the `Decider`'s.
        """
        words = ["always"] if self.always else []
        words += [f"every {period}" for period in self.every_n_episodes if episode % period == 0]
        if self.last_n_episodes and 0 < total_episodes <= episode + self.last_n_episodes:
            words.append(f"last {self.last_n_episodes}")
        if self.cubic and is_cubic(episode):
            words.append("cubic")
        if episode in self.episode_indices:
            words.append("listed")
        return words


def is_cubic(episode: int) -> bool:
    """Whether Gymnasium's `capped_cubic_video_schedule` takes this episode: a cube below 1000, then every 1000th."""
    if episode < 1000:
        return bool(round(episode ** (1 / 3)) ** 3 == episode)
    return episode % 1000 == 0


def _tighter(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _wholes(name: str, value: Any, least: int) -> tuple[int, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    return tuple(sorted({whole(name, item, least, INDEX_MAX) for item in values}))


def _durations(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    try:
        periods_s = sorted({float(item) for item in values})
    except (TypeError, ValueError):
        raise BadInput(f"every_s: expected seconds, got {type(value).__name__}") from None
    for period_s in periods_s:
        if not (math.isfinite(period_s) and 1e-3 <= period_s <= PERIOD_MAX_S):
            raise BadInput(f"every_s: expected 0.001 to {PERIOD_MAX_S:.0f} seconds, got {period_s}")
    return tuple(periods_s)
