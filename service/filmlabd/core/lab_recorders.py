"""What follows from a recorder's entries? Its curves and its history become jobs, its waits wait for its own. Pure."""

from collections.abc import Iterable

from filmlab.wire.entries import Media, Recorder, RecorderAsk, Wish
from filmlabd.core.jobs import Jobs, Priority, film_key
from filmlabd.core.session import Session
from filmlabd.core.waiters import Waiter
from filmlabd.facts import JobDone, JobStruck
from filmlabd.model import Job, JobKind, RecorderRow

SAVE, CHECKPOINT = "save", "checkpoint"


def recorder_key(session: int, number: int, what: str) -> str:
    """The key of the job that writes a recorder's curves (`save`) or its raw history (`checkpoint`)."""
    return f"{JobKind.RECORDER}:{session:016x}:{number}:{what}"


def declare(session: Session, run_id: str, entry: Recorder) -> None:
    """Remember whose curves are to be drawn, should the trainer crash."""
    if entry.kind == "curves":
        session.recorders[entry.number] = run_id


def ask(jobs: Jobs, session: Session, run_id: str, entry: RecorderAsk, now_at: float) -> Waiter | None:
    """Ask for the files; who waits for them, if somebody does. Does not wait for the page: nobody looks at it here."""
    what = {Wish.SAVE: SAVE, Wish.CHECKPOINT: CHECKPOINT}.get(entry.wish, "")
    if what:
        live = entry.wish is Wish.CHECKPOINT and not entry.token
        priority = Priority.CURVE if live else Priority.FINISH
        jobs.submit(_job(session.id, entry.recorder, run_id, what), priority, now_at, live=live)
    if not entry.token:
        return None
    keys = {recorder_key(session.id, entry.recorder, what)} if what else _own(jobs, session, run_id, entry, now_at)
    return Waiter(run_id, keys, entry.token, session.id, entry.run, for_page=True)


def save_crashed(jobs: Jobs, session: Session, run_id: str, now_at: float) -> None:
    """The trainer crashed: all curves up to that moment."""
    for number, owner in session.recorders.items():
        if owner == run_id:
            jobs.submit(_job(session.id, number, run_id, SAVE), Priority.FINISH, now_at)


def hurry(jobs: Jobs, run_id: str, now_at: float) -> set[str]:
    """Somebody waits for a run, or it is over: what its recorders asked for goes now. The keys of it."""
    waiting = [job for job in jobs.of_run(run_id) if job.kind is JobKind.RECORDER]
    for key in {job.key for job in waiting}:
        _promote(jobs, key, waiting, now_at)
    return {job.key for job in waiting}


def take_up(jobs: Jobs, rows: Iterable[RecorderRow], now_at: float) -> None:
    """After a restart: ask again for all that was asked for; what is there already is only written once more."""
    for row in rows:
        for what, asked in ((SAVE, row.save_rows), (CHECKPOINT, row.checkpoint_rows)):
            if asked is not None:
                jobs.submit(_job(row.session, row.number, row.run_id, what), Priority.FINISH, now_at)


def is_settled(jobs: Jobs, fact: JobDone | JobStruck) -> bool:
    """Whether who waits for this job has what it waits for: a job asked for again meanwhile has more to show."""
    return fact.kind != JobKind.RECORDER or isinstance(fact, JobStruck) or not jobs.has(fact.key)


def _own(jobs: Jobs, session: Session, run_id: str, entry: RecorderAsk, now_at: float) -> set[str]:
    """The keys of what one recorder has asked for, or handed over, and that is not there yet."""
    mine = [job for job in jobs.of_run(run_id) if (job.session, job.recorder) == (session.id, entry.recorder)]
    for key in {job.key for job in mine if job.kind is JobKind.RECORDER}:
        _promote(jobs, key, mine, now_at)
    films = {
        film_key(session.id, number, medium=isinstance(film.end, Media))
        for number, film in session.films.items()
        if film.recorder == entry.recorder and film.end is not None
    }
    return films | {job.key for job in mine}


def _promote(jobs: Jobs, key: str, known: list[Job], now_at: float) -> None:
    # A job that runs at the moment was asked for before: it has all that was asked of it, unless it waits once more.
    if jobs.waits(key):
        jobs.submit(next(job for job in known if job.key == key), Priority.FINISH, now_at)


def _job(session: int, number: int, run_id: str, what: str) -> Job:
    return Job(
        recorder_key(session, number, what), JobKind.RECORDER, run_id, session, metric=what, final=True, recorder=number
    )
