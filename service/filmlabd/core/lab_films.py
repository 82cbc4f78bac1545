"""What becomes of a film that is whole, that its trainer left behind, or that turned out to be among the last? Pure."""

from collections.abc import Iterable, Mapping

from filmlab.wire.entries import NO_EPISODE, Media, Results
from filmlabd.core import lab_results
from filmlabd.core.events import Effect, Now
from filmlabd.core.jobs import Jobs, Priority, film_key
from filmlabd.core.runs import Run
from filmlabd.core.session import OpenFilm, Session
from filmlabd.facts import EpisodeCut, FilmDeleted, FilmJudged
from filmlabd.model import Job, JobKind


def submit(
    jobs: Jobs, run: Run, session: int, film: int, now_at: float, *, medium: bool = False, recorder: int = 0
) -> None:
    """Ask for the prints of a film."""
    key, kind = film_key(session, film, medium=medium), JobKind.MEDIA if medium else JobKind.EPISODE
    job = Job(key, kind, run.id, session, film, final=True, recorder=recorder)
    jobs.submit(job, Priority.ANIMATION, now_at)


def keys_of(jobs: Jobs, run_id: str) -> set[str]:
    """The jobs of a run's films that wait or run."""
    kinds = (JobKind.EPISODE, JobKind.MEDIA, JobKind.RESULTS)
    return {job.key for job in jobs.of_run(run_id) if job.kind in kinds}


def develop(jobs: Jobs, run: Run | None, session: Session, number: int, film: OpenFilm, now: Now) -> list[Effect]:
    """A film that has ended, and of which nothing more will come. `run`: None where it was refused."""
    if run is None:
        return [FilmDeleted(session.id, number, session.durable_b, "its run was refused")]
    if isinstance(film.begin, Results):
        return lab_results.develop(jobs, run, session, number, film.begin, now)
    if isinstance(film.end, Media):
        submit(jobs, run, session.id, number, now.at, medium=True, recorder=film.recorder)
        return []
    if film.provisional:
        return keep_provisionally(run, session, session.runs[film.run][1], number)
    if film.recorder:
        submit(jobs, run, session.id, number, now.at, recorder=film.recorder)
        return []
    judgement = run.judge(film.begin.reason if film.begin else "", now.wall)
    if judgement.kept:
        submit(jobs, run, session.id, number, now.at)
        return []
    return _throw_away(session.id, session.durable_b, number, judgement.reason)


def leave(jobs: Jobs, run: Run | None, session: Session, number: int, film: OpenFilm, now: Now) -> list[Effect]:
    """A film that will get nothing more: the trainer is gone."""
    if film.end is not None:
        return develop(jobs, run, session, number, film, now)
    if isinstance(film.begin, Results):
        return lab_results.leave(session, number, film.begin, now)
    if film.begin is None:
        return [FilmDeleted(session.id, number, session.durable_b, "its trainer died before saying what it is")]
    note = f"truncated: the trainer ended in mid-episode, after {film.frames} frames were safe"
    if run is not None and film.provisional:
        run.cut.add((session.id, number))
    return [EpisodeCut(session.id, film.run, number, film.begin.episode, film.frames, note, now.wall)]


def develop_cut(jobs: Jobs, run: Run, session: Session, fact: EpisodeCut, now: Now) -> list[Effect]:
    """An episode or clip that its trainer left in its middle is over by now. It may be among the last N."""
    if (fact.session, fact.film) in run.cut:
        run.cut.discard((fact.session, fact.film))
        return keep_provisionally(run, session, session.runs[fact.run][1], fact.film)
    submit(jobs, run, fact.session, fact.film, now.at, medium=fact.episode == NO_EPISODE)
    return []


def keep_provisionally(run: Run, session: Session, writer: str, number: int) -> list[Effect]:
    """One more film that may be among the last N."""
    run.push_provisional(writer, session.id, number)
    return drop_older(run, writer, {session.id: session.durable_b})


def drop_older(run: Run, writer: str, durable_b: Mapping[int, int]) -> list[Effect]:
    """Throw away what is not among a writer's last N any more. `durable_b`: of the sessions that are known."""
    effects: list[Effect] = []
    for session, film in run.trim_provisional(writer):
        effects += _throw_away(session, durable_b.get(session, 0), film, "not among the last")
    return effects


def keep_last(run: Run, writer: str, durable_b: Mapping[int, int]) -> list[Effect]:
    """A writer is done: its last provisional films are the last N, as many as the plan asks for by now."""
    effects = drop_older(run, writer, durable_b)
    last = run.take_provisional(writer)
    run.judged.update(last)
    reason = f"last {run.schedule.last_n_episodes}"
    return [*effects, *(FilmJudged(session, film, True, reason) for session, film in last)]


def develop_judged(jobs: Jobs, runs: Iterable[Run], fact: FilmJudged, now: Now) -> None:
    """One of the last N is developed. Not before the index shows why it is kept: its JSON says so."""
    for run in runs:
        if (fact.session, fact.film) in run.judged:
            run.judged.discard((fact.session, fact.film))
            submit(jobs, run, fact.session, fact.film, now.at)


def _throw_away(session: int, durable_b: int, number: int, reason: str) -> list[Effect]:
    return [FilmJudged(session, number, False, reason), FilmDeleted(session, number, durable_b, reason)]
