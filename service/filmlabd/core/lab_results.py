"""What becomes of results? Those of a kind and writer are written one after another; then their films go. Pure."""

from filmlab.wire.entries import Results
from filmlabd.core.events import Effect, Now
from filmlabd.core.jobs import Jobs, Priority
from filmlabd.core.runs import Run
from filmlabd.core.session import OpenFilm, Session
from filmlabd.facts import FilmDeleted, JobDone, JobStruck, ResultsCut
from filmlabd.model import Job, JobKind


def results_key(run_id: str, run_type: str, writer: str) -> str:
    """The key of the job that writes results: those of one kind and writer have one place."""
    return f"{JobKind.RESULTS}:{run_id}:{run_type}:{writer}"


def begin(session: Session, run: Run, entry: Results) -> None:
    """Results are on their way: whoever waits for their place waits for them."""
    film = session.films.setdefault(entry.film, OpenFilm())
    film.begin, film.run = entry, entry.run
    key = results_key(run.id, entry.run_type, session.runs[entry.run][1])
    run.parcels.setdefault(key, {})[session.id, entry.film] = False


def submit(jobs: Jobs, run: Run, key: str, session: int, film: int, now_at: float) -> None:
    """Ask for results to be written: all that there will be of them is durable."""
    run.parcels.setdefault(key, {})[session, film] = True
    _write_next(jobs, run, key, now_at)


def develop(jobs: Jobs, run: Run, session: Session, number: int, entry: Results, now: Now) -> list[Effect]:
    """Results that are whole."""
    submit(jobs, run, results_key(run.id, entry.run_type, session.runs[entry.run][1]), session.id, number, now.at)
    return []


def leave(session: Session, number: int, entry: Results, now: Now) -> list[Effect]:
    """Results of which nothing more will come: the trainer is gone."""
    return [ResultsCut(session.id, entry.run, number, entry.run_type, now.wall)]


def develop_cut(jobs: Jobs, run: Run, session: Session, fact: ResultsCut, now: Now) -> None:
    """What had come of them is written, as far as it is whole."""
    key = results_key(run.id, fact.run_type, session.runs[fact.run][1])
    submit(jobs, run, key, session.id, fact.film, now.at)


def keys_under_way(session: Session, run: Run) -> set[str]:
    """The keys of results of a run that this session has begun and that are not whole yet."""
    return {
        results_key(run.id, film.begin.run_type, session.runs[film.run][1])
        for film in session.films.values()
        if isinstance(film.begin, Results) and session.runs.get(film.run, ("",))[0] == run.id
    }


def is_settled(jobs: Jobs, run: Run | None, fact: JobDone | JobStruck) -> bool:
    """Whether who waits for this place has what it waits for: later results may be on their way there."""
    if fact.kind != JobKind.RESULTS or isinstance(fact, JobStruck):
        return True
    others = run.parcels.get(fact.key, {}).keys() - {(fact.session, fact.film)} if run is not None else set()
    return not others and not jobs.has(fact.key)


def tidy(jobs: Jobs, run: Run | None, session: Session | None, fact: JobDone | JobStruck, now: Now) -> list[Effect]:
    """Results are written, or given up: the next of their place are, and what is written needs its film no more."""
    if fact.kind != JobKind.RESULTS:
        return []
    parcels = run.parcels.get(fact.key, {}) if run is not None else {}
    mine = (fact.session, fact.film)
    done = [mine]
    if mine in parcels and isinstance(fact, JobDone):
        # Earlier ones that are not whole yet come too late: theirs would be the older results in this place.
        done = list(parcels)[: list(parcels).index(mine) + 1]
    for parcel in done:
        parcels.pop(parcel, None)
    if run is not None:
        if not parcels:
            run.parcels.pop(fact.key, None)
        _write_next(jobs, run, fact.key, now.at)
    if isinstance(fact, JobStruck):
        return []
    effects: list[Effect] = []
    for owner, film in done:
        # How far stream B was durable is known of a session that lives; of another one nobody asks any more.
        durable_b = session.durable_b if session is not None and session.id == owner else 0
        reason = "written" if (owner, film) == mine else "later results took their place"
        effects.append(FilmDeleted(owner, film, durable_b, reason))
    return effects


def _write_next(jobs: Jobs, run: Run, key: str, now_at: float) -> None:
    """Write the oldest that are whole, unless others are being written: none may absorb another, whose agent or
    episodes it need not have."""
    parcel = next((parcel for parcel, is_whole in run.parcels.get(key, {}).items() if is_whole), None)
    if parcel is not None and not jobs.has(key):
        session, film = parcel
        jobs.submit(Job(key, JobKind.RESULTS, run.id, session, film, final=True), Priority.FINISH, now_at)
