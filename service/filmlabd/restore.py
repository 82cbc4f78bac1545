"""What did the index know of a former life? The state of the core at the start of the daemon."""

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from filmlab import spool
from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked, is_asked
from filmlab.schedule.ranges import parse_ranges
from filmlab.wire.entries import ClipBegin, EpisodeBegin, EpisodeEnd, Media, Results, ResultsEnd
from filmlab.wire.messages import Stream
from filmlabd.core import lab_films, lab_recorders, lab_results
from filmlabd.core.lab import Lab
from filmlabd.core.runs import PastRun, Run
from filmlabd.core.session import OpenFilm, Session, StreamState
from filmlabd.index.read import Answers
from filmlabd.journal.films import FilmStore
from filmlabd.model import EpisodeRow, RunRow, SessionRow

log = logging.getLogger(__name__)


def restore(read: Answers, films: FilmStore, lab: Lab, now_at: float) -> list[Session]:
    """Fill the lab; the sessions that have not ended, each with what is durable of its streams."""
    runs = {row.run_id for row in read.runs()}
    sessions = {row.session: _session(row, films, runs) for row in read.sessions()}
    for row in read.runs():
        living = [
            session for session in sessions.values() if any(run[0] == row.run_id for run in session.runs.values())
        ]
        if living or not row.printed:
            lab.runs[row.run_id] = _run(row, read, living)
        else:
            lab.past[row.run_id] = PastRun(row.attempt, row.directory, row.plan_version, _asked(row))
    for episode in [*read.open_episodes(), *read.jobs("pending"), *read.jobs("ready")]:
        _take_up(episode, sessions.get(episode.session), lab, read, now_at)
    for run_id in lab.runs:
        _take_up_results(run_id, sessions, lab, read, now_at)
        recorders = read.recorders(run_id)
        lab_recorders.take_up(lab.jobs, recorders, now_at)
        for recorder in recorders:
            if recorder.kind == "curves" and recorder.session in sessions:
                sessions[recorder.session].recorders[recorder.number] = run_id
    log.info(
        "took up %d sessions and %d runs; %d films to develop",
        len(sessions), len(lab.runs), lab.jobs.counts["waiting"],
    )  # fmt: skip
    return list(sessions.values())


def drop_ended_spools(read: Answers, spool_root: Path) -> None:
    """Remove what a former life had taken in and did not come to remove: taking it in again would be a new attempt."""
    for number in spool.sessions(spool_root):
        row = read.session(number)
        if row is not None and row.ended and not spool.owner_alive(spool_root, number):
            spool.remove_session(spool_root, number)


def _session(row: SessionRow, films: FilmStore, runs: Collection[str]) -> Session:
    durable_b = films.durable_b(row.session, row.durable_b, row.refused_b)
    return Session(
        row.session,
        row.pid,
        row.started,
        row.host,
        parent=row.parent,
        streams={
            Stream.C: StreamState(row.durable_c, row.durable_c + 1),
            Stream.B: StreamState(durable_b, durable_b + 1),
        },
        # Of a run that was opened and whose beginning was lost with the power, nothing is known: it begins again.
        runs={number: run for number, run in row.runs.items() if run[0] in runs},
        finishing=dict(row.finishing),
        metrics=dict(row.metrics),
    )


def _run(row: RunRow, read: Answers, living: Iterable[Session]) -> Run:
    run = Run(
        row.run_id, row.attempt, plan_version=row.plan_version, asked=_asked(row), directory=row.directory,
        crashed=row.status == "crashed", printed=row.printed,
    )  # fmt: skip
    try:
        run.schedule = CaptureSchedule.parse(row.schedule)
    except BadInput as error:
        log.warning("run %s: its schedule cannot be read, the default is in force: %s", row.run_id, error)
    # Those of its episodes only where they have points: an episode that was cut counts, and has no return.
    run.logged([metric.name for metric in read.metrics(row.run_id)])
    filmed = [episode for episode in read.episodes(row.run_id, filmed=True) if not episode.media_name]
    run.kept = sum(1 for episode in filmed if episode.job_state in ("ready", "done") and not is_asked(episode.reason))
    for session in living:
        for number, (run_id, writer, _) in session.runs.items():
            if run_id == row.run_id:
                run.writers[writer] = (session.id, number)
                run.counted[writer] = sum(
                    1
                    for episode in filmed
                    if (episode.session, episode.writer) == (session.id, writer) and is_asked(episode.reason)
                )
    return run


def _asked(row: RunRow) -> Asked:
    """What is left of what was asked for."""
    return Asked(parse_ranges(row.wanted), row.next_episodes, row.asked_by)


def _take_up(row: EpisodeRow, session: Session | None, lab: Lab, read: Answers, now_at: float) -> None:
    """An episode or medium that is not printed yet: still open, waiting for its last frames, its end, or a worker."""
    run = lab.runs.get(row.run_id)
    if run is None or not row.film:
        return
    trace = read.trace(row.session, row.film)
    recorder = trace.recorder if trace is not None else 0
    if not row.ended or (session is not None and session.durable_b < row.last_seq):
        if session is not None:
            session.films.setdefault(row.film, _film(row, session)).recorder = recorder
    elif row.job_state == "pending":
        if row.provisional:
            run.push_provisional(row.writer, row.session, row.film)
    else:
        medium = bool(row.media_name)
        lab_films.submit(lab.jobs, run, row.session, row.film, now_at, medium=medium, recorder=recorder)


def _take_up_results(
    run_id: str, sessions: Mapping[int, Session], lab: Lab, read: Answers, now_at: float
) -> None:  # fmt: skip
    """Results that are not written yet: still on their way, or waiting for a worker."""
    run = lab.runs[run_id]
    for row in read.results(run_id):
        if row.state not in ("pending", "ready"):
            continue
        key, session = lab_results.results_key(run_id, row.run_type, row.writer), sessions.get(row.session)
        if session is None or (row.ended and session.durable_b >= row.last_seq):
            lab_results.submit(lab.jobs, run, key, row.session, row.film, now_at)
            continue
        number = next((number for number, seat in session.runs.items() if seat[:2] == (run_id, row.writer)), 0)
        begin = Results(run=number, wall=row.wall, film=row.film, run_type=row.run_type, parts=row.parts)
        end = ResultsEnd(run=number, wall=row.wall, film=row.film, pieces=0, last_seq=row.last_seq)
        session.films[row.film] = OpenFilm(begin, end if row.ended else None, 0, number)
        run.parcels.setdefault(key, {})[row.session, row.film] = False


def _film(row: EpisodeRow, session: Session) -> OpenFilm:
    number = next((number for number, run in session.runs.items() if run[0] == row.run_id and run[1] == row.writer), 0)
    if row.media_name and not row.ended:
        clip = ClipBegin(run=number, wall=row.wall, film=row.film, name=row.media_name, fps=row.fps)
        return OpenFilm(clip, None, row.frames, number)
    if row.media_name:
        end: EpisodeEnd | Media | None = Media(
            run=number, wall=row.wall, name=row.media_name, mime=row.media_mime, film=row.film,
            frames=row.frames, last_seq=row.last_seq,
        )  # fmt: skip
        return OpenFilm(None, end, row.frames, number)
    begin = EpisodeBegin(
        run=number, wall=row.wall, episode=row.episode, film=row.film, reason=row.reason, provisional=row.provisional
    )
    end = None
    if row.ended:
        end = EpisodeEnd(
            run=number, wall=row.wall, episode=row.episode, return_=row.return_, length=row.length,
            film=row.film, frames=row.frames, last_seq=row.last_seq,
        )  # fmt: skip
    return OpenFilm(begin, end, row.frames, number)
