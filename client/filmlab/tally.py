"""What do the training thread and the sender both know of one run: what was handed over, lost, printed, asked for?"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from filmlab.latency import Meter
from filmlab.notices import Notices
from filmlab.reel import Reel
from filmlab.wire.entries import Blocked, Dropped
from filmlab.wire.messages import Plan, Print
from filmlab.wire.names import METRIC_VALUES

FAILURES_KEPT = 1000
"""Of failed prints, and of films without a print: the last ones are named."""
REASONS_KEPT = 64
"""Reasons of drops that are told apart: a reason may be the words of an error, with numbers in them."""
OTHER_REASONS = "other reasons"


@dataclass(slots=True)
class FlushWait:
    """One flush that waits for its answer."""

    token: int
    answered: threading.Event = field(default_factory=threading.Event)
    ok: bool = False
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """Counters of one run in one session. Each has one writing thread; those of drops have two."""

    number: int
    notices: Notices
    meter: Meter = field(default_factory=Meter)
    plan: Plan | None = None
    """The newest plan; the training thread takes it up when its next episode begins."""
    refused: str = ""
    """Why the daemon will not have this run, empty as long as it does."""
    episodes: int = 0
    film_frames: int = 0
    film_bytes: int = 0
    films_begun: int = 0
    """Those whose prints are to be expected: provisional ones are not among them."""
    results_handed: int = 0
    results_sent: int = 0
    """Those whose last piece has been handed to the outbox."""
    dropped_films: int = 0
    dropped_bytes: int = 0
    dropped_values: dict[str, int] = field(default_factory=dict)
    """Values, each of one metric, by the reason why they were dropped, of which there are a few."""
    dropped_reasons: dict[str, int] = field(default_factory=dict)
    """reason -> how many drops; from the 65th reason on they are `other reasons`."""
    prints_made: int = 0
    films_printed: int = 0
    """Episodes and media that are through, well or not."""
    failures: int = 0
    """Prints that failed."""
    prints_failed: list[str] = field(default_factory=list)
    """Why, of the last `FAILURES_KEPT` of them."""
    failed_films: dict[int, str] = field(default_factory=dict)
    """film -> why it has no print, of the last `FAILURES_KEPT` films that have none."""
    flushes: dict[int, FlushWait] = field(default_factory=dict)
    _told_values: dict[str, int] = field(default_factory=dict)
    """How many of `dropped_values` the daemon has been told of."""
    _telling: threading.RLock = field(default_factory=threading.RLock)
    """The sender and `finish` both tell. Reentrant, for a `__del__` may finish a run in between."""

    @property
    def dropped_metrics(self) -> int:
        """Values that were dropped, for whatever reason. Any thread may ask."""
        return sum(list(self.dropped_values.values()))

    @contextmanager
    def flush(self) -> Iterator[FlushWait]:
        """A flush to ask for under its token, answered until the end of the block."""
        # Not of `random`: what the training draws from it must not depend on us.
        wait = FlushWait(int.from_bytes(os.urandom(8)) >> 1 or 1)
        self.flushes[wait.token] = wait
        try:
            yield wait
        finally:
            self.flushes.pop(wait.token, None)

    def drop_film(self, reel: Reel, reason: str) -> Dropped | None:
        """A film is thrown away: what is to be said of it to the daemon; None when it had been already."""
        if reel.dropped:
            return None
        reel.dropped = reason
        self.dropped_films += 1
        self.dropped_bytes += reel.handed_bytes
        self.count_drop(reason)
        return Dropped(
            run=reel.run, wall=time.time(), episode=reel.episode, what="film" if reel.episode >= 0 else "media",
            count=1, size_bytes=reel.handed_bytes, reason=reason,
        )  # fmt: skip

    def drop_metrics(self, values: int, reason: str) -> None:
        """So many values are not handed over; `news` tells of it."""
        self.dropped_values[reason] = self.dropped_values.get(reason, 0) + values
        self.count_drop(reason)

    def news(self, wall: float) -> list[Blocked | Dropped]:
        """What the daemon is to be told of since the last time: time spent in here, and values that were dropped."""
        blocked = self.meter.take()
        found: list[Blocked | Dropped] = [blocked.entry(self.number, wall)] if blocked.counts else []
        with self._telling:
            for reason, count in list(self.dropped_values.items()):
                fresh = count - self._told_values.get(reason, 0)
                self._told_values[reason] = count
                if fresh:
                    found.append(
                        Dropped(
                            run=self.number, wall=wall, what=METRIC_VALUES, count=fresh, size_bytes=0, reason=reason
                        )
                    )
        return found

    def count_drop(self, reason: str) -> None:
        """One more drop for this reason."""
        if reason not in self.dropped_reasons and len(self.dropped_reasons) >= REASONS_KEPT:
            reason = OTHER_REASONS
        self.dropped_reasons[reason] = self.dropped_reasons.get(reason, 0) + 1

    def printed(self, item: Print) -> None:
        """A print is there or has failed, or a flush is answered."""
        if item.what == "flush":
            wait = self.flushes.get(item.token)
            if wait is not None:
                wait.ok, wait.reason = item.ok, item.reason
                wait.answered.set()
            return
        self.films_printed += item.what in ("episode", "media", "results")
        if item.ok:
            self.prints_made += 1
        else:
            self._failed(item.film, item.reason or f"{item.what} failed")

    def _failed(self, film: int, reason: str) -> None:
        self.failures += 1
        # A list and not a deque: other threads copy it, and a deque cannot be copied while it is appended to.
        self.prints_failed.append(reason)
        del self.prints_failed[:-FAILURES_KEPT]
        if film:
            self.failed_films[film] = reason
            if len(self.failed_films) > FAILURES_KEPT:
                del self.failed_films[next(iter(self.failed_films))]
