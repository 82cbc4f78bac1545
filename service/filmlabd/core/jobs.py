"""Which piece of rendering is done next? A pure queue: coalesced, prioritised, fair, patient with what fails.

Live redraws of one panel keep a distance of max(gap, factor × their last cost), and all of them together stay under a
share of one core: a bucket fills with that share of the time that passes, and each redraw takes its cost out of it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from filmlab.errors import BadInput
from filmlabd.core.breaker import Breaker
from filmlabd.model import Job, JobKind, Outcome

STRIKES = 3
BACKOFF_S = 0.5
LIVE_BUCKET_S = 2.0
GIVEN_UP_KEPT = 4096
"""Of jobs that were given up in this life of the daemon: the last ones are known by name. The index knows all."""
_FILMS = (JobKind.EPISODE, JobKind.MEDIA)


class Priority(IntEnum):
    """Lower goes first."""

    WATCHED = 0
    FINISH = 1
    CURVE = 2
    ANIMATION = 3


@dataclass(frozen=True, slots=True)
class LiveRules:
    """How much live redraws may cost."""

    gap_s: float = 2.0
    cost_factor: float = 50.0
    share: float = 0.25
    """Of one core, all live redraws together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a job: `done`, `retry` (it waits again), `spared` (likewise, not its fault) or `failed`
    (quarantined)."""

    job: Job
    state: str
    strikes: int = 0
    mended: bool = False
    """It is done, and had been given up before."""


def film_key(session: int, film: int, *, medium: bool = False) -> str:
    """The key of the job that develops a film."""
    return f"{JobKind.MEDIA if medium else JobKind.EPISODE}:{session:016x}:{film}"


def curve_key(run_id: str, metric: str) -> str:
    """The key of the job that draws a metric."""
    return f"{JobKind.CURVE}:{run_id}:{metric}"


def page_key(run_id: str) -> str:
    """The key of the job that writes a run's page and JSON."""
    return f"{JobKind.PAGE}:{run_id}"


def job_of(key: str, run_id: str, recorder: int = 0, parcel: tuple[int, int] = (0, 0)) -> Job:
    """The final job of a key that one of these made, or `recorder_key`, or `results_key`.

    Args:
        recorder: the number of the recorder whose film it is.
        parcel: (session, number) of the film that results lie in: their key does not say it.

    Raises:
        BadInput: it is no such key, or of another run.
    """
    kind, _, rest = key.partition(":")
    parts = rest.split(":")
    try:
        match kind:
            case JobKind.EPISODE | JobKind.MEDIA:
                session, film = parts
                return Job(key, JobKind(kind), run_id, int(session, 16), int(film), final=True, recorder=recorder)
            case JobKind.RECORDER:
                session, number, what = parts
                whose = int(session, 16)
                return Job(key, JobKind.RECORDER, run_id, whose, metric=what, final=True, recorder=int(number))
            case JobKind.CURVE if parts[0] == run_id and len(parts) > 1:
                return Job(key, JobKind.CURVE, run_id, metric=rest.partition(":")[2], final=True)
            case JobKind.RESULTS if parts[0] == run_id and len(parts) == 3 and parcel[1]:
                return Job(key, JobKind.RESULTS, run_id, *parcel, final=True)
            case JobKind.PAGE if parts == [run_id]:
                return Job(key, JobKind.PAGE, run_id, final=True)
    except ValueError:
        pass
    raise BadInput(f"no print of run {run_id} is called {key[:200]!r}")


@dataclass(slots=True)
class _Waiting:
    job: Job
    priority: Priority
    live: bool
    since: float
    due_at: float


@dataclass(slots=True)
class _Story:
    """What is remembered of a key between its jobs."""

    run_id: str
    strikes: int = 0
    done_at: float = float("-inf")
    cost_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """Why a job is not tried any more."""

    run_id: str
    reason: str


@dataclass(slots=True)
class Jobs:
    """All pieces of rendering that wait or run.

    What is remembered beside them is bounded: of jobs that were given up, by `GIVEN_UP_KEPT`; of redraws, by the runs
    that are not over. A live redraw that was given up so long ago that it is not known any more is tried anew.
    """

    live_rules: LiveRules = field(default_factory=LiveRules)
    breaker: Breaker = field(default_factory=Breaker)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _running: dict[str, _Waiting] = field(default_factory=dict)
    _stories: dict[str, _Story] = field(default_factory=dict)
    _quarantined: dict[str, _GivenUp] = field(default_factory=dict)
    _nameless: int = 0
    """How many were given up before those that are known by name."""
    _retried: set[str] = field(default_factory=set)
    """Of those that wait or run: the ones that had been given up."""
    _served_at: dict[str, float] = field(default_factory=dict)
    _bucket_s: float = LIVE_BUCKET_S
    _bucket_at: float | None = None

    def submit(self, job: Job, priority: Priority, now: float, *, live: bool = False) -> None:
        """Ask for a job. One that waits already absorbs it; one that runs is done again afterwards."""
        if job.key in self._quarantined:
            if live:
                return
            del self._quarantined[job.key]
            self._retried.add(job.key)
        due_at = self._live_due_at(job.key, now) if live else now
        waiting = self._waiting.get(job.key)
        if waiting is None:
            self._waiting[job.key] = _Waiting(job, priority, live, now, due_at)
            return
        waiting.job = replace(job, final=job.final or waiting.job.final, lean=job.lean or waiting.job.lean)
        waiting.priority = min(waiting.priority, priority)
        waiting.live = waiting.live and live
        waiting.due_at = min(waiting.due_at, due_at)

    def retry(self, job: Job, now: float) -> None:
        """Somebody asks for a job that was given up, maybe by a former daemon."""
        self._retried.add(job.key)
        self.submit(job, Priority.WATCHED, now)

    def start(self, free: int, now: float) -> list[Job]:
        """At most `free` jobs to start now: by priority, then the run that was served longest ago, then the oldest."""
        self._fill_bucket(now)
        free = self.breaker.room(free, len(self._running), now)
        started: list[Job] = []
        while len(started) < free:
            ready = [item for item in self._startable() if item.due_at <= now and self._affordable(item)]
            if not ready:
                break
            chosen = min(ready, key=self._order)
            if self._running and (chosen.job.lean or self._runs_lean):
                break  # it has the machine to itself: what runs comes to its end first
            del self._waiting[chosen.job.key]
            self._running[chosen.job.key] = chosen
            self._served_at[chosen.job.run_id] = now
            self.breaker.started(chosen.job.key)
            started.append(chosen.job)
        return started

    def finish(self, outcome: Outcome, now: float) -> Verdict | None:
        """What becomes of a job that a worker is done with; None where it is not known to run."""
        item = self._running.pop(outcome.key, None)
        if item is None:
            return None
        story = self._stories.setdefault(outcome.key, _Story(item.job.run_id))
        story.done_at, story.cost_s = now, outcome.cost_s
        if item.live:
            self._bucket_s -= outcome.cost_s
        if outcome.died and self._is_spared(outcome, now):
            self._wait_again(item, now, now)
            return Verdict(item.job, "spared")
        if not outcome.died:
            self.breaker.worked()
        if outcome.ok:
            story.strikes = 0
            self._delay_again(outcome.key, now)
            self._forget_film(item.job)
            mended = outcome.key in self._retried
            self._retried.discard(outcome.key)
            return Verdict(item.job, "done", mended=mended)
        story.strikes += 1
        if outcome.memory and not item.job.lean:
            self._wait_again(replace(item, job=replace(item.job, lean=True)), now, now + BACKOFF_S)
            return Verdict(item.job, "retry", story.strikes)
        given_up = story.strikes >= STRIKES or outcome.memory or self.breaker.is_hopeless(outcome.key)
        if outcome.retry and not given_up:
            self._wait_again(item, now, now + BACKOFF_S * 2 ** (story.strikes - 1))
            return Verdict(item.job, "retry", story.strikes)
        strikes, story.strikes = story.strikes, 0
        self._give_up(item.job, outcome.error)
        self._retried.discard(outcome.key)
        self._waiting.pop(outcome.key, None)
        self._forget_film(item.job)
        return Verdict(item.job, "failed", strikes)

    def next_at(self, now: float) -> float | None:
        """When a job that waits may become due without any further event, if ever."""
        if self._running and (self.breaker.open or self._runs_lean or self._waits_lean(now)):
            return None  # the end of what runs is an event
        instants = [
            item.due_at if self._affordable(item) else max(item.due_at, self._affordable_at(now))
            for item in self._startable()
        ]
        at = min(instants, default=None)
        return max(at, self.breaker.next_at()) if at is not None else None

    def forget_run(self, run_id: str) -> None:
        """The run is over: what was remembered of its redraws is not needed any more."""
        self._served_at.pop(run_id, None)
        self._stories = {key: story for key, story in self._stories.items() if story.run_id != run_id}

    def forget_idle_run(self, run_id: str) -> None:
        """The same, once nothing of it waits or runs: of a run that is over, somebody may want a print again."""
        if not self.of_run(run_id):
            self.forget_run(run_id)

    def forget_removed_run(self, run_id: str) -> None:
        """The run was removed: nobody can ask for its prints again."""
        self._quarantined = {key: item for key, item in self._quarantined.items() if item.run_id != run_id}

    def forget_film(self, session: int, film: int) -> None:
        """The film is gone: nobody can ask for its prints again, and nobody has to mend why they failed."""
        for medium in (False, True):
            self._quarantined.pop(film_key(session, film, medium=medium), None)

    def has(self, key: str) -> bool:
        """Whether this job waits or runs."""
        return key in self._waiting or key in self._running

    def waits(self, key: str) -> bool:
        """Whether this job waits for a worker, whether or not the one before it runs."""
        return key in self._waiting

    def of_run(self, run_id: str) -> list[Job]:
        """The jobs of a run that wait or run."""
        items = [*self._waiting.values(), *self._running.values()]
        return [item.job for item in items if item.job.run_id == run_id]

    @property
    def film_count(self) -> int:
        """How many films wait to be developed, or are."""
        return sum(item.job.kind in _FILMS for item in [*self._waiting.values(), *self._running.values()])

    @property
    def quarantined(self) -> dict[str, str]:
        """key -> why, of the last jobs that were given up, in this order."""
        return {key: item.reason for key, item in self._quarantined.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many wait, run, and were given up."""
        failed = self._nameless + len(self._quarantined)
        return {"waiting": len(self._waiting), "running": len(self._running), "failed": failed}

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not self._waiting and not self._running

    def check(self, runs: Collection[str] | None = None) -> None:
        """The invariants, for tests: keys agree, nothing that was given up waits, nothing is remembered for ever.

        Args:
            runs: those that are not over; None: of all it may be.
        """
        for key, item in [*self._waiting.items(), *self._running.items()]:
            assert item.job.key == key, (key, item.job)
        assert not (self._quarantined.keys() & self._waiting.keys()), "a quarantined job waits"
        assert self._bucket_s <= LIVE_BUCKET_S, self._bucket_s
        # A daemon sees films without end.
        begins = tuple(f"{kind}:" for kind in _FILMS)
        left = [key for key in self._stories if key.startswith(begins) and not self.has(key)]
        assert not left, f"{left[:3]} are remembered for nothing"
        assert len(self._quarantined) <= GIVEN_UP_KEPT, len(self._quarantined)
        assert all(map(self.has, self._retried)), f"{self._retried} neither wait nor run"
        remembered = {*self._served_at, *(story.run_id for story in self._stories.values())}
        over = [run_id for run_id in remembered if runs is not None and run_id not in runs and not self.of_run(run_id)]
        assert not over, f"of {over[:3]}, which are over, redraws are remembered"

    def _give_up(self, job: Job, reason: str) -> None:
        self._quarantined[job.key] = _GivenUp(job.run_id, reason)
        if len(self._quarantined) > GIVEN_UP_KEPT:
            del self._quarantined[next(iter(self._quarantined))]
            self._nameless += 1

    def _startable(self) -> Iterator[_Waiting]:
        """What waits, but for a job whose key runs at the moment: two workers would write the same files."""
        return (item for key, item in self._waiting.items() if key not in self._running)

    def _wait_again(self, item: _Waiting, now: float, due_at: float) -> None:
        again = self._waiting.setdefault(item.job.key, _Waiting(item.job, item.priority, item.live, now, due_at))
        again.job = replace(again.job, lean=item.job.lean or again.job.lean)
        again.due_at = max(again.due_at, due_at)

    def _forget_film(self, job: Job) -> None:
        """Nothing of a film's job is needed once it is through: it is never a live redraw, which keeps its distance."""
        if job.kind in _FILMS and job.key not in self._waiting:
            self._stories.pop(job.key, None)

    def _is_spared(self, outcome: Outcome, now: float) -> bool:
        """Whether the death of a worker is nothing to strike its job for."""
        was_open = self.breaker.open
        self.breaker.died(outcome.key, outcome.cost_s, outcome.error, now)
        for key in self.breaker.take_forgiven():
            if key in self._stories:
                self._stories[key].strikes = 0
        return was_open and not self.breaker.is_hopeless(outcome.key)

    @property
    def _runs_lean(self) -> bool:
        return any(item.job.lean for item in self._running.values())

    def _waits_lean(self, now: float) -> bool:
        return any(item.job.lean and item.due_at <= now for item in self._waiting.values())

    def _order(self, item: _Waiting) -> tuple[int, int, float, float]:
        return (
            self.breaker.probes(item.job.key),
            item.priority,
            self._served_at.get(item.job.run_id, float("-inf")),
            item.since,
        )

    def _live_due_at(self, key: str, now: float) -> float:
        story = self._stories.get(key)
        if story is None:
            return now
        return max(now, story.done_at + max(self.live_rules.gap_s, self.live_rules.cost_factor * story.cost_s))

    def _delay_again(self, key: str, now: float) -> None:
        """A live redraw that was asked for while its key ran keeps its distance from that one."""
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.live:
            waiting.due_at = self._live_due_at(key, now)

    def _fill_bucket(self, now: float) -> None:
        if self._bucket_at is not None:
            gained = (now - self._bucket_at) * self.live_rules.share
            self._bucket_s = min(LIVE_BUCKET_S, self._bucket_s + gained)
        self._bucket_at = now

    def _affordable(self, item: _Waiting) -> bool:
        return not item.live or self._bucket_s > 0

    def _affordable_at(self, now: float) -> float:
        # A hair more than the bucket needs, so that rounding cannot make this instant come again and again.
        return now + max(0.0, -self._bucket_s) / self.live_rules.share + 0.001
