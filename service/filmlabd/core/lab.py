"""What follows from what is durable? Films become jobs, runs end, prints are told of, whoever waits is answered. Pure.

The core hands over every entry and fact once the index shows it. What comes back are further facts to keep and commands
to carry out; a job is never asked for before its worker could read what it needs.
"""

import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from filmlab.schedule.asked import is_asked
from filmlab.wire import messages
from filmlab.wire.entries import (
    Blocked,
    ClipBegin,
    Dropped,
    Entry,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    MetricNames,
    Recorder,
    RecorderAsk,
    Results,
    ResultsEnd,
    RunBegin,
    RunFinish,
    RunUpdate,
    Snapshot,
    Trace,
)
from filmlabd.core import lab_films, lab_recorders, lab_results
from filmlabd.core.events import DeleteFilm, Effect, Now, Reply, StartJob, Tell
from filmlabd.core.jobs import Jobs, Priority, curve_key, film_key, page_key
from filmlabd.core.outcomes import fact_of, news_of, tells_of
from filmlabd.core.runs import PastRun, Run
from filmlabd.core.session import OpenFilm, Session
from filmlabd.core.waiters import Waiter, Waiters
from filmlabd.facts import (
    EpisodeCut,
    Fact,
    FilmDeleted,
    FilmJudged,
    JobDone,
    JobStruck,
    PlanChanged,
    ResultsCut,
    RunClosed,
    RunOpened,
    RunPrinted,
    SessionEnded,
)
from filmlabd.model import Job, JobKind, Outcome

EPISODE_METRICS = ("episode/return", "episode/length")
_EPISODES = b""
"""Stands for their numbers: they have none in a session."""


@dataclass(slots=True)
class Lab:
    """The runs, the jobs and who waits for them."""

    jobs: Jobs = field(default_factory=Jobs)
    job_deadline_s: float = 600.0
    runs: dict[str, Run] = field(default_factory=dict)
    past: dict[str, PastRun] = field(default_factory=dict)
    """Runs that are over and printed."""
    waiters: Waiters = field(default_factory=Waiters)
    asking: dict[tuple[str, int], Reply] = field(default_factory=dict)
    """What to answer once this version of a run's plan is durable."""

    # --- runs -------------------------------------------------------------------------------------------------------

    def open_run(self, session: Session, begin: RunBegin, now: Now) -> RunOpened | None:
        """Let a writer of a run in, or raise; the fact to keep, or None when this session has opened it before.

        Raises:
            BadInput: see `Run.open`.
        """
        if begin.run in session.runs:
            return None
        run = self.runs.setdefault(begin.run_id, self.past.get(begin.run_id, PastRun()).again(begin.run_id))
        attempt = run.open(begin, session.id)
        self.waiters.cancel_end(run.id)
        session.runs[begin.run] = (run.id, begin.writer, attempt)
        return RunOpened(session.id, begin.run, run.id, begin.writer, attempt, now.wall)

    def plan_of(self, session: Session, number: int) -> messages.Plan | None:
        """The capture plan to send for one run of a session."""
        run = self._run_of(session, number)
        return run.plan_for(session.runs[number][1], number) if run is not None else None

    def episode_received(self, session: Session, begin: EpisodeBegin) -> None:
        """A captured episode has come, and is not durable yet: whoever asks for more now asks for more than that."""
        run = self._run_of(session, begin.run)
        if run is not None:
            run.episode_began(session.runs[begin.run][1], begin)

    # --- what has become durable ------------------------------------------------------------------------------------

    def apply_entries(self, session: Session, entries: Iterable[Entry], now: Now) -> list[Effect]:
        """Entries of one session, in order, that the index shows by now."""
        effects: list[Effect] = []
        drawn: set[tuple[int, bytes]] = set()
        for entry in entries:
            # Thousands of snapshots in one record have the same few sets of metrics, and all episodes have the same.
            if isinstance(entry, Snapshot):
                drawn.add((entry.run, entry.ids))
                continue
            if isinstance(entry, EpisodeEnd):
                drawn.add((entry.run, _EPISODES))
            elif isinstance(entry, Flush | RecorderAsk):
                # What is waited for now includes the curves of what came before it.
                self._draw(session, drawn, now)
            effects += self._apply_entry(session, entry, now)
        self._draw(session, drawn, now)
        return effects

    def _draw(self, session: Session, drawn: set[tuple[int, bytes]], now: Now) -> None:
        """Ask for the curves of these sets of metrics, (run, their numbers), and forget them."""
        for number, ids in drawn:
            run = self._run_of(session, number)
            if run is None:
                continue
            if ids == _EPISODES:
                self._redraw(run, EPISODE_METRICS, now)
                continue
            names = [session.metrics.get(metric_id) for metric_id in struct.unpack(f"<{len(ids) // 4}I", ids)]
            self._redraw(run, [name for name in names if name is not None], now)
        drawn.clear()

    def film_arrived(self, session: Session, film: int, run: int, frames: int) -> None:
        """Frames of a film are durable."""
        state = session.films.setdefault(film, OpenFilm())
        state.run = run
        state.frames += frames

    def develop_whole(self, session: Session, now: Now) -> list[Effect]:
        """Ask for the prints of every ended film whose last chunk is durable; close the runs that waited for that."""
        effects: list[Effect] = []
        for number, film in list(session.films.items()):
            if film.end is not None and session.durable_b >= film.end.last_seq:
                del session.films[number]
                effects += lab_films.develop(self.jobs, self._run_of(session, film.run), session, number, film, now)
        # The end of a run travels in stream C, before its last frames: closed at once, it would be over without them.
        unwhole = {film.run for film in session.films.values() if film.begin is not None or film.end is not None}
        for number in [number for number in session.finishing if number not in unwhole]:
            effects += self._close_run(session, number, session.finishing.pop(number), now)
        return effects

    def apply_fact(self, fact: Fact, session: Session | None, now: Now) -> list[Effect]:
        """A fact that the index shows by now; `session` is the one that it names, if that is still known."""
        match fact:
            case RunClosed():
                return self._run_closed(fact, session, now)
            case EpisodeCut():
                run = self._run_of(session, fact.run)
                if run is not None and session is not None:
                    # What was left has no return: there is no point more on any curve, and maybe no curve at all.
                    self._redraw_page(run.id, now)
                    return lab_films.develop_cut(self.jobs, run, session, fact, now)
            case ResultsCut():
                run = self._run_of(session, fact.run)
                if run is not None and session is not None:
                    lab_results.develop_cut(self.jobs, run, session, fact, now)
            case FilmDeleted():
                return [DeleteFilm(fact.session, fact.film), *self._film_dropped(fact, now)]
            case FilmJudged():
                lab_films.develop_judged(self.jobs, self.runs.values(), fact, now)
            case PlanChanged():
                return self._plan_changed(fact)
            case JobDone() | JobStruck():
                return self._job_recorded(fact, session, now)
        return []

    def end_session(self, session: Session, now: Now) -> list[Effect]:
        """A session is over, and all that it left is durable: cut its open episodes, close its runs."""
        effects: list[Effect] = []
        for number, film in list(session.films.items()):
            effects += lab_films.leave(self.jobs, self._run_of(session, film.run), session, number, film, now)
        session.films.clear()
        for number in session.runs:
            effects += self._close_run(session, number, session.finishing.get(number, "crashed"), now)
        effects.append(SessionEnded(session.id, session.ended_how, now.wall))
        self.waiters.cancel_session(session.id)
        return effects

    # --- jobs -------------------------------------------------------------------------------------------------------

    def start_jobs(self, free: int, now: Now) -> list[StartJob]:
        """What the free workers shall do now."""
        return [StartJob(job, self.job_deadline_s) for job in self.jobs.start(free, now.at)]

    def job_finished(self, outcome: Outcome, now: Now) -> list[Effect]:
        """A worker is done with a job: what is worth remembering becomes a fact, the rest is told at once."""
        was_paused = self.jobs.breaker.open
        verdict = self.jobs.finish(outcome, now.at)
        effects = news_of(self.jobs.breaker, was_open=was_paused, now=now)
        if verdict is None:
            return effects
        if verdict.job.run_id not in self.runs:
            self.jobs.forget_idle_run(verdict.job.run_id)
        fact = fact_of(verdict, outcome, now)
        if fact is not None:
            return [*effects, fact]
        job = verdict.job
        if verdict.state == "done" and not self.jobs.has(job.key):
            self.waiters.settle(job.run_id, job.key)
            effects += self._answer(job.run_id, now)
        return effects

    def take_up(self, sessions: Collection[Session], now: Now) -> list[Effect]:
        """After a restart: what the end of a writer or of a run should have brought about, and had not yet."""
        effects: list[Effect] = []
        for session in sessions:
            effects += self.develop_whole(session, now)
        for run in list(self.runs.values()):
            for writer in list(run.ring):
                keep = lab_films.drop_older if writer in run.writers else lab_films.keep_last
                effects += keep(run, writer, {session.id: session.durable_b for session in sessions})
            if not run.alive:
                effects += self.request_end(run, now)
        return effects

    def request_end(self, run: Run, now: Now) -> list[Effect]:
        """Ask for the final prints of a run that no writer has open any more."""
        keys = {curve_key(run.id, metric) for metric in run.metrics} | lab_films.keys_of(self.jobs, run.id)
        keys |= {film_key(session, film) for session, film in run.judged}
        keys |= lab_recorders.hurry(self.jobs, run.id, now.at)
        for metric in sorted(run.metrics):
            job = Job(curve_key(run.id, metric), JobKind.CURVE, run.id, metric=metric, final=True)
            self.jobs.submit(job, Priority.FINISH, now.at)
        self.waiters.add(Waiter(run.id, keys))
        return self._answer(run.id, now)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _apply_entry(self, session: Session, entry: Entry, now: Now) -> list[Effect]:
        match entry:
            case MetricNames():
                session.learn(entry.names)
                return []
            case EpisodeBegin():
                film = session.films.setdefault(entry.film, OpenFilm())
                film.begin, film.run = entry, entry.run
                run = self._run_of(session, entry.run)
                return self._tell_plan(run) if run is not None and is_asked(entry.reason) else []
            case ClipBegin():
                film = session.films.setdefault(entry.film, OpenFilm())
                film.begin, film.run = entry, entry.run
                return []
            case Trace():
                film = session.films.setdefault(entry.film, OpenFilm())
                film.recorder, film.run = entry.recorder, entry.run
                return []
        run = self._run_of(session, entry.run)
        if run is None:
            return _refuse_wait(session, entry)
        match entry:
            case RunBegin() | RunUpdate() | Blocked() | Dropped():
                self._redraw_page(run.id, now)
            case EpisodeEnd() | Media() | ResultsEnd():
                self._end_film(session, entry)
            case Results():
                lab_results.begin(session, run, entry)
            case Flush():
                return self._flush(session, run, entry, now)
            case Recorder():
                lab_recorders.declare(session, run.id, entry)
            case RecorderAsk():
                waiter = lab_recorders.ask(self.jobs, session, run.id, entry, now.at)
                if waiter is not None:
                    self.waiters.add(waiter)
                    return self._answer(run.id, now)
            case RunFinish():
                session.finishing[entry.run] = entry.status
        return []

    def _plan_changed(self, fact: PlanChanged) -> list[Effect]:
        run, answer = self.runs.get(fact.run_id), self.asking.pop((fact.run_id, fact.version), None)
        if run is not None:
            run.changing -= 1
        told = self._tell_plan(run) if run is not None else []
        return [*told, answer] if answer is not None else told

    def _tell_plan(self, run: Run) -> list[Effect]:
        """To every living writer: what one of them has used up, the others need not record."""
        return [Tell(session, plan) for session, plan in run.plans()]

    def _end_film(self, session: Session, end: EpisodeEnd | Media | ResultsEnd) -> None:
        if end.film:
            film = session.films.setdefault(end.film, OpenFilm())
            film.end, film.run = end, end.run

    def _run_closed(self, fact: RunClosed, owner: Session | None, now: Now) -> list[Effect]:
        run = self.runs.get(fact.run_id)
        if run is None:
            return []
        run.close(fact.writer, fact.status)
        if fact.status == "crashed" and owner is not None:
            lab_recorders.save_crashed(self.jobs, owner, run.id, now.at)
        effects = lab_films.keep_last(run, fact.writer, {owner.id: owner.durable_b} if owner is not None else {})
        if not run.alive:
            effects += self.request_end(run, now)
        return effects

    def _close_run(self, session: Session, number: int, status: str, now: Now) -> list[Effect]:
        """The session is done with its run, if it is still the one that has it open."""
        run_id, writer, attempt = session.runs[number]
        run = self.runs.get(run_id)
        if run is None or run.writers.get(writer) != (session.id, number):
            return []
        return [RunClosed(session.id, number, run_id, writer, attempt, status, now.wall)]

    def _film_dropped(self, fact: FilmDeleted, now: Now) -> list[Effect]:
        """Somebody may wait for the print of a film that had ended and was not whole: it turned out to be too many."""
        keys = {film_key(fact.session, fact.film, medium=medium) for medium in (False, True)}
        return [effect for run_id in self.waiters.drop(keys) for effect in self._answer(run_id, now)]

    def _job_recorded(self, fact: JobDone | JobStruck, owner: Session | None, now: Now) -> list[Effect]:
        failure = fact.reason if isinstance(fact, JobStruck) else ""
        if isinstance(fact, JobStruck) and not fact.final:
            return []
        run = self.runs.get(fact.run_id)
        # Of a run that is over and printed somebody wanted a print again.
        if (run is None or run.alive) and fact.kind != JobKind.PAGE:
            self._redraw_page(fact.run_id, now)
        if lab_recorders.is_settled(self.jobs, fact) and lab_results.is_settled(self.jobs, run, fact):
            self.waiters.settle(fact.run_id, fact.key, f"{fact.key}: {failure}" if failure else "")
        return [
            *lab_results.tidy(self.jobs, run, owner, fact, now),
            *tells_of(fact, run),
            *self._answer(fact.run_id, now),
        ]

    def _flush(self, session: Session, run: Run, flush: Flush, now: Now) -> list[Effect]:
        keys = lab_films.keys_of(self.jobs, run.id) | lab_recorders.hurry(self.jobs, run.id, now.at)
        keys |= {
            film_key(session.id, number, medium=isinstance(film.end, Media))
            for number, film in session.films.items()
            if isinstance(film.end, EpisodeEnd | Media)
            and self._run_of(session, film.run) is run
            and not film.provisional
        }
        keys |= lab_results.keys_under_way(session, run)
        for metric in run.metrics:
            key = curve_key(run.id, metric)
            if self.jobs.has(key):
                self.jobs.submit(Job(key, JobKind.CURVE, run.id, metric=metric), Priority.FINISH, now.at)
                keys.add(key)
        self.waiters.add(Waiter(run.id, keys, flush.token, session.id, flush.run))
        return self._answer(run.id, now)

    def _answer(self, run_id: str, now: Now) -> list[Effect]:
        """Tell those whose wait is over."""

        def want_page(waiter: Waiter) -> None:
            job = Job(page_key(run_id), JobKind.PAGE, run_id, final=not waiter.token)
            self.jobs.submit(job, Priority.FINISH, now.at)

        effects: list[Effect] = []
        for waiter in self.waiters.take_ready(run_id, page_key(run_id), want_page):
            if waiter.token:
                reason = "; ".join(waiter.failures)[:2000]
                done = messages.Print(waiter.run, "flush", not waiter.failures, reason=reason, token=waiter.token)
                effects.append(Tell(waiter.session, done))
            else:
                self._forget(run_id)
                effects.append(RunPrinted(run_id, now.wall))
        return effects

    def _redraw(self, run: Run, metrics: Collection[str], now: Now) -> None:
        for metric in run.logged(metrics):
            job = Job(curve_key(run.id, metric), JobKind.CURVE, run.id, metric=metric)
            self.jobs.submit(job, Priority.CURVE, now.at, live=True)
        self._redraw_page(run.id, now)

    def _redraw_page(self, run_id: str, now: Now) -> None:
        self.jobs.submit(Job(page_key(run_id), JobKind.PAGE, run_id), Priority.CURVE, now.at, live=True)

    def _forget(self, run_id: str) -> None:
        """A run that is over and printed: what a further attempt needs to know of it is all that stays."""
        run = self.runs.pop(run_id, None)
        if run is not None:
            self.past[run_id] = PastRun(run.attempt, run.directory, run.plan_version, run.asked)
        self.jobs.forget_run(run_id)

    def _run_of(self, session: Session | None, number: int) -> Run | None:
        known = session.runs.get(number) if session is not None else None
        return self.runs.get(known[0]) if known is not None else None


def _refuse_wait(session: Session, entry: Entry) -> list[Effect]:
    """Who waits for a run that was refused is told: that it was may have been lost with a connection."""
    if not isinstance(entry, Flush | RecorderAsk) or not entry.token:
        return []
    refused = messages.Print(entry.run, "flush", False, reason="this run was refused", token=entry.token)
    return [Tell(session.id, refused)]
