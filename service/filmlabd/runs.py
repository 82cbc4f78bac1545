"""What does the daemon know of a run while it lives: its attempts, its writers, its plan, what was kept of it? Pure."""

from collections import deque
from dataclasses import dataclass, field

from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlab.wire.entries import RunBegin

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a film becomes a print, and why."""

    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PastRun:
    """What stays of a run that is over: enough to number a further attempt of it."""

    attempt: int = 0
    directory: str = ""
    plan_version: int = 0


@dataclass(slots=True)
class Run:
    """One run, over all its attempts and writers."""

    id: str
    attempt: int = 0
    writers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Living writers of the latest attempt: writer -> (session, run number)."""
    schedule: CaptureSchedule = field(default_factory=lambda: CaptureSchedule(cubic=True))
    plan_version: int = 0
    wanted: str = ""
    next_episodes: int = 0
    asked_by: str = ""
    directory: str = ""
    crashed: bool = False
    """Some writer of the latest attempt did not finish."""
    metrics: set[str] = field(default_factory=set)
    kept: int = 0
    kept_walls: deque[float] = field(default_factory=deque)
    ring: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)
    """Per writer, the last provisional films (session, film), the oldest first."""
    printed: bool = True

    @property
    def alive(self) -> bool:
        """Some writer of it lives."""
        return bool(self.writers)

    def open(self, begin: RunBegin, session: int) -> int:
        """Let a writer in; the number of the attempt that it belongs to.

        Raises:
            BadInput: this writer of the run is alive in another session, or the run's schedule cannot be read.
        """
        if begin.writer in self.writers and self.writers[begin.writer] != (session, begin.run):
            raise BadInput(
                f"run {self.id}: its writer {begin.writer!r} is alive in another process; "
                "give this one another name: init(id=…, writer=…)"
            )
        schedule = CaptureSchedule.parse(begin.schedule)
        if not self.writers:
            self.attempt += 1
            self.crashed = False
            self.printed = False
        if self.plan_version == 0 or not self.alive:
            self.schedule, self.plan_version = schedule, self.plan_version + 1
        self.directory = self.directory or begin.directory
        self.writers[begin.writer] = (session, begin.run)
        return self.attempt

    def close(self, writer: str, status: str) -> None:
        """A writer is done."""
        self.writers.pop(writer, None)
        self.crashed = self.crashed or status == "crashed"

    def judge(self, reason: str, wall: float) -> Judgement:
        """Whether one more captured film is kept: the client knows its own limits only, the run has writers' sum."""
        while self.kept_walls and self.kept_walls[0] <= wall - HOUR_S:
            self.kept_walls.popleft()
        most, hourly = self.schedule.max_total, self.schedule.max_per_hour
        if most is not None and self.kept >= most:
            return Judgement(False, f"over {most} in all")
        if hourly is not None and len(self.kept_walls) >= hourly:
            return Judgement(False, f"over {hourly} an hour")
        self.kept += 1
        if hourly is not None:
            self.kept_walls.append(wall)
        return Judgement(True, reason)

    def push_provisional(self, writer: str, session: int, film: int) -> list[tuple[int, int]]:
        """One more film that may be among the last N: those that no longer are."""
        ring = self.ring.setdefault(writer, deque())
        ring.append((session, film))
        dropped = []
        while len(ring) > max(0, self.schedule.last_n_episodes):
            dropped.append(ring.popleft())
        return dropped

    def take_provisional(self, writer: str) -> list[tuple[int, int]]:
        """The films that turned out to be among the last N."""
        return list(self.ring.pop(writer, ()))
