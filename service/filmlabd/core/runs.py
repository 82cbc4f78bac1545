"""What does the daemon know of a run while it lives: its attempts, its writers, its plan, what was kept of it? Pure."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked, is_asked
from filmlab.schedule.ranges import Range, format_ranges, merge_ranges
from filmlab.wire.entries import EpisodeBegin, RunBegin
from filmlab.wire.messages import Plan
from filmlab.wire.names import RUN_METRICS_MAX
from filmlabd.facts import PlanChanged

HOUR_S = 3600.0
WANTED_MAX_CHARS = 4096
"""What a plan can carry of the episodes that were asked for."""
NEXT_MAX = 1_000_000
ASKED_BY_MAX_CHARS = 100


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
    asked: Asked = field(default_factory=Asked)

    def again(self, run_id: str) -> "Run":
        """The run as it goes on in a further attempt."""
        return Run(run_id, self.attempt, plan_version=self.plan_version, asked=self.asked, directory=self.directory)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to be different in a run's plan; None: stays as it is."""

    by: str
    schedule: CaptureSchedule | None = None
    wanted: tuple[Range, ...] | None = None
    """Beside the episodes that are wanted already."""
    next_episodes: int | None = None
    cancel: bool = False
    """What was asked for before is forgotten first."""


@dataclass(slots=True)
class Run:
    """One run, over all its attempts and writers."""

    id: str
    attempt: int = 0
    writers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Living writers of the latest attempt: writer -> (session, run number)."""
    schedule: CaptureSchedule = field(default_factory=lambda: CaptureSchedule(cubic=True))
    plan_version: int = 0
    asked: Asked = field(default_factory=Asked)
    """As of everything that was received, durable or not: a change counts on what stands before it in the journal."""
    counted: dict[str, int] = field(default_factory=dict)
    """Living writer -> how many episodes that were asked for it has begun, in its session."""
    changing: int = 0
    """Changes of the plan that are on their way to the disk: no client may hear of them yet."""
    directory: str = ""
    crashed: bool = False
    """Some writer of the latest attempt did not finish."""
    metrics: set[str] = field(default_factory=set)
    kept: int = 0
    kept_walls: deque[float] = field(default_factory=deque)
    ring: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)
    """Per writer, the last provisional films (session, film), the oldest first."""
    cut: set[tuple[int, int]] = field(default_factory=set)
    """Provisional films whose trainer died in mid-episode; their EpisodeCut is on its way to the disk."""
    judged: set[tuple[int, int]] = field(default_factory=set)
    """Films that turned out to be among the last N; their FilmJudged is on its way to the disk."""
    parcels: dict[str, dict[tuple[int, int], bool]] = field(default_factory=dict)
    """Key of their job -> (session, film) of results whose film is there, the oldest first; whether they are whole."""
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
        if self.writers.get(begin.writer) != (session, begin.run):
            self.counted[begin.writer] = 0
        self.writers[begin.writer] = (session, begin.run)
        return self.attempt

    def close(self, writer: str, status: str) -> None:
        """A writer is done."""
        self.writers.pop(writer, None)
        self.counted.pop(writer, None)
        self.crashed = self.crashed or status == "crashed"

    def plan_for(self, writer: str, number: int) -> Plan | None:
        """The plan to send to a writer; None while a change of it is not durable yet, which is sent once it is."""
        if self.changing:
            return None
        asked = self.asked
        return Plan(
            number, self.plan_version, str(self.schedule), format_ranges(asked.wanted), asked.next_episodes, asked.by,
            counted=self.counted.get(writer, 0),
        )  # fmt: skip

    def plans(self) -> list[tuple[int, Plan]]:
        """(session, plan) for every living writer; nothing while a change is on its way."""
        found = [(session, self.plan_for(writer, number)) for writer, (session, number) in self.writers.items()]
        return [(session, plan) for session, plan in found if plan is not None]

    def change_plan(self, change: Change, wall: float) -> PlanChanged:
        """Draw up another plan; it is in force once the fact is durable (then `changing` goes down).

        Raises:
            BadInput: too much was asked for.
        """
        before = replace(self.asked, wanted=(), next_episodes=0) if change.cancel else self.asked
        wanted = merge_ranges((*before.wanted, *(change.wanted or ())))
        if len(format_ranges(wanted)) > WANTED_MAX_CHARS:
            raise BadInput(f"run {self.id}: the episodes that are asked for are too many to list; ask for ranges")
        count = before.next_episodes if change.next_episodes is None else change.next_episodes
        if not 0 <= count <= NEXT_MAX:
            raise BadInput(f"of the next episodes 0 to {NEXT_MAX} can be asked for, not {count}")
        by = self.asked.by if change.wanted is None and change.next_episodes is None else _names(before, change.by)
        self.asked = Asked(wanted, count, by)
        self.schedule = change.schedule or self.schedule
        self.plan_version += 1
        self.changing += 1
        return PlanChanged(
            self.id, self.plan_version, str(self.schedule), format_ranges(wanted), count, by, wall
        )  # fmt: skip

    def episode_began(self, writer: str, begin: EpisodeBegin) -> bool:
        """A captured episode; True when it uses up what somebody asked for."""
        if not is_asked(begin.reason):
            return False
        self.asked = self.asked.after(begin.episode, of_next=begin.plan_version == self.plan_version)
        self.counted[writer] = self.counted.get(writer, 0) + 1
        return True

    def logged(self, metrics: Collection[str]) -> list[str]:
        """Take note of metrics that it has points of; those of them that have a curve.

        Its clients know their own bound only: of several writers with names of their own the first ones are drawn.
        """
        for name in metrics:
            if len(self.metrics) < RUN_METRICS_MAX:
                self.metrics.add(name)
        return [name for name in metrics if name in self.metrics]

    def judge(self, reason: str, wall: float) -> Judgement:
        """Whether one more captured film is kept: the client knows its own limits only, the run has writers' sum.

        What somebody asked for is kept whatever the limits are, and does not use them up.
        """
        if is_asked(reason):
            return Judgement(True, reason)
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

    def push_provisional(self, writer: str, session: int, film: int) -> None:
        """One more film that may be among the last N."""
        self.ring.setdefault(writer, deque()).append((session, film))

    def trim_provisional(self, writer: str) -> list[tuple[int, int]]:
        """Take those that are not among the last N any more."""
        ring = self.ring.get(writer, deque())
        dropped = []
        while len(ring) > max(0, self.schedule.last_n_episodes):
            dropped.append(ring.popleft())
        return dropped

    def take_provisional(self, writer: str) -> list[tuple[int, int]]:
        """The films that turned out to be among the last N."""
        return list(self.ring.pop(writer, ()))


def _names(before: Asked, by: str) -> str:
    """Who asked: of requests that are still open, and of this one."""
    others = before.by.split(" and ") if (before.wanted or before.next_episodes) and before.by else []
    return " and ".join([*(name for name in others if name != by), by])[-ASKED_BY_MAX_CHARS:]
