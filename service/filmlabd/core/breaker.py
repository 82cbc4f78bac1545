"""Do workers keep dying whatever they do? Then rendering pauses ever longer, and one job at a time finds out. Pure.

One job that kills its worker is that job's fault, and it is struck for it. Several different ones in a row, each within
seconds, are the machine's: jobs that die meanwhile are spared, and the first one that comes to an end ends the pause.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

DEATHS = 4
"""So many in a row, with nothing done between them…"""
KEYS = 3
"""… of so many different jobs…"""
QUICK_S = 10.0
"""… each within so long of its start."""
PAUSE_FIRST_S = 1.0
PAUSE_MOST_S = 60.0
PROBES_MOST = 10
"""A job that has died so often as the only one is given up all the same: else three bad jobs would pause for ever."""


@dataclass(slots=True)
class Breaker:
    """Open while rendering is paused. Instants are monotonic seconds."""

    _recent: deque[str] = field(default_factory=lambda: deque(maxlen=DEATHS))
    """Keys of the last quick deaths, with nothing done between them."""
    _pause_s: float = 0.0
    """0: closed."""
    _until: float = float("-inf")
    _probe: str = ""
    """The job that finds out at the moment, or the last one that did."""
    _probes: dict[str, int] = field(default_factory=dict)
    """How often a job has died as a probe since it opened."""
    _reason: str = ""

    @property
    def open(self) -> bool:
        """Whether jobs that die are spared, and only one is tried at a time."""
        return self._pause_s > 0

    def room(self, free: int, running: int, now: float) -> int:
        """How many jobs may start now, of `free` workers, while so many jobs run."""
        if not self.open:
            return free
        return min(free, 1) if not running and now >= self._until else 0

    def started(self, key: str) -> None:
        """A job was given out."""
        if self.open:
            self._probe = key

    def probes(self, key: str) -> int:
        """How often this job has died as a probe: those that did so least go first."""
        return self._probes.get(key, 0)

    def worked(self) -> None:
        """A worker came to the end of a job, well or not: if that was a pause, it is over."""
        self._recent.clear()
        self._probes.clear()
        self._pause_s, self._until, self._probe = 0.0, float("-inf"), ""

    def died(self, key: str, lived_s: float, reason: str, now: float) -> None:
        """A worker died over this job: one more may begin a pause, and one that finds out makes it longer."""
        self._reason = reason
        if self.open:
            if key == self._probe:
                self._probes[key] = self._probes.get(key, 0) + 1
                self._pause(min(PAUSE_MOST_S, 2 * self._pause_s), now)
        elif lived_s > QUICK_S:
            self._recent.clear()
        else:
            self._recent.append(key)
            if len(self._recent) == DEATHS and len(set(self._recent)) >= KEYS:
                self._pause(PAUSE_FIRST_S, now)

    def take_forgiven(self) -> Collection[str]:
        """The jobs whose deaths led to the pause, once a probe has died as well: it was not their fault. Told once."""
        if not self._probes:
            return ()
        forgiven = set(self._recent)
        self._recent.clear()
        return forgiven

    def is_hopeless(self, key: str) -> bool:
        """Whether this job has died so often, alone, that it is given up."""
        return self.probes(key) >= PROBES_MOST

    def next_at(self) -> float:
        """When a job may start, unless one runs."""
        return self._until

    def why(self, now: float) -> str:
        """Why rendering is paused, for people; empty when it is not."""
        if not self.open:
            return ""
        left_s = max(0.0, self._until - now)
        then = f"one job is tried in {left_s:.0f} s" if left_s else "one job is being tried"
        return f"rendering is paused: workers keep dying whatever they do (the last: {self._reason}); {then}"

    def _pause(self, pause_s: float, now: float) -> None:
        self._pause_s, self._until = pause_s, now + pause_s
