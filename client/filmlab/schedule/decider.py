"""Is this episode captured, and why? The schedule in force, its counters and what somebody asked for: pure."""

from collections import deque
from dataclasses import dataclass

from filmlab.errors import BadInput
from filmlab.schedule.asked import Asked
from filmlab.schedule.ranges import parse_ranges
from filmlab.schedule.rules import PER_HOUR_MAX, CaptureSchedule
from filmlab.schedule.text import format_duration
from filmlab.wire.messages import Plan

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one episode. `provisional`: captured, but whether it is kept is known only at the run's end."""

    capture: bool
    provisional: bool
    reason: str


class Decider:
    """Decides for one writer of one run, once per episode, at its beginning. Belongs to one thread.

    What somebody asked for (record-now) is captured whatever the limits say, and does not use them up. Provisional
    captures (the last N of an unknown total) do not use them up either: the daemon judges those at the run's end.

    Args:
        schedule: one with rules, or `never`.
        total_episodes: how many episodes the run will have; 0 when that is not known.
        version: of the plan that the schedule came with.

    Raises:
        BadInput: the schedule is a limit with nothing to narrow.
    """

    def __init__(self, schedule: CaptureSchedule, total_episodes: int = 0, *, version: int = 0) -> None:
        if not (schedule.has_rules or schedule.never):
            raise BadInput(f"a limit narrows rules, and stands alone in {schedule}; write always&{schedule}")
        self.schedule = schedule
        self.version = version
        self._total_episodes = total_episodes
        self._plan: Plan | None = None
        self._asked = Asked()
        self._taken: list[int] = []
        """Episodes that were taken because somebody asked, and that no plan has counted yet."""
        self._counted = 0
        """How many taken before those the plan in force has counted."""
        self._captured = 0
        self._captured_at: deque[float] = deque(maxlen=PER_HOUR_MAX)
        """Instants of the captures of the last hour."""
        self._due_at: dict[float, float] = {}
        """Period in s -> when its rule takes an episode again."""

    def decide(self, episode: int, now_s: float) -> Decision:
        """Whether this episode, which begins now, is captured.

        Args:
            episode: its number, from 0.
            now_s: any clock that never goes back.
        """
        asked = self.take_asked(episode)
        reasons = [*self.schedule.reasons(episode, self._total_episodes), *self._due(now_s)]
        full = self._full(now_s) if reasons else ""
        if reasons and not full:
            self._count(now_s)
        if asked or (reasons and not full):
            return Decision(True, False, ", ".join([asked] * bool(asked) + reasons * (not full)))
        if self.schedule.last_n_episodes and not self._total_episodes:
            return Decision(True, True, f"maybe among the last {self.schedule.last_n_episodes}")
        return Decision(False, False, full or self._missed())

    def asks_for(self, episode: int) -> str:
        """Why this episode would be captured now because somebody asked for it; else empty. Uses up nothing."""
        return self._asked.reason(episode)

    def take_asked(self, episode: int) -> str:
        """The same for an episode that begins now: it uses up what was asked for."""
        reason = self._asked.reason(episode)
        if reason:
            self._asked = self._asked.after(episode)
            self._taken.append(episode)
        return reason

    def with_plan(self, plan: Plan) -> "Decider":
        """The decider under a plan that has arrived; counters go on. One that is older changes nothing.

        A plan says what was left of the requests when the daemon had counted `plan.counted` of the episodes taken
        here; those taken since are used up, too.

        Raises:
            BadInput: the plan's schedule or its wanted episodes cannot be read; this decider stays in force.
        """
        if plan == self._plan or (plan.version, plan.counted) < (self.version, self._counted):
            return self
        other = Decider(CaptureSchedule.parse(plan.schedule), self._total_episodes, version=plan.version)
        other._plan = plan
        other._asked = Asked(parse_ranges(plan.wanted), plan.next_episodes, plan.asked_by)
        other._counted = plan.counted
        other._taken = self._taken[max(0, plan.counted - self._counted) :]
        for episode in other._taken:
            other._asked = other._asked.after(episode)
        other._captured, other._captured_at = self._captured, self._captured_at.copy()
        other._due_at = {period_s: due for period_s, due in self._due_at.items() if period_s in other.schedule.every_s}
        return other

    def begin_session(self) -> None:
        """Another session begins: its plans and its counting have nothing to do with the former's."""
        self.version, self._plan, self._asked = 0, None, Asked()
        self._taken, self._counted = [], 0

    def _due(self, now_s: float) -> list[str]:
        """The time rules that want an episode now. The first episode is always one."""
        periods_s = self.schedule.every_s
        return [f"every {format_duration(p)}" for p in periods_s if now_s >= self._due_at.get(p, now_s)]

    def _full(self, now_s: float) -> str:
        """The limit that is used up, in words."""
        limit = self.schedule
        while self._captured_at and self._captured_at[0] <= now_s - HOUR_S:
            self._captured_at.popleft()
        if limit.max_total is not None and self._captured >= limit.max_total:
            return f"over {limit.max_total} in all"
        if limit.max_per_hour is not None and len(self._captured_at) >= limit.max_per_hour:
            return f"over {limit.max_per_hour} an hour"
        return ""

    def _count(self, now_s: float) -> None:
        """One capture more. A time rule that a limit refused stays due, so it is not counted here."""
        self._captured += 1
        self._captured_at.append(now_s)
        for period_s in self.schedule.every_s:
            if now_s >= self._due_at.get(period_s, now_s):
                self._due_at[period_s] = now_s + period_s

    def _missed(self) -> str:
        if self.schedule.never:
            return "never"
        *others, last = self.schedule.labels()
        return f"not in {', '.join(others)} or {last}" if others else f"not in {last}"
