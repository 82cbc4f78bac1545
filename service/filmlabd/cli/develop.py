"""`filmlab develop`: make prints again that were given up, whose files somebody removed, or that are named."""

from collections.abc import Collection, Sequence
from pathlib import Path

from filmlab.control import Control
from filmlab.errors import BadInput
from filmlab.launch import ensure_daemon
from filmlab.paths import StatePaths
from filmlab.words import plural
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import run_named
from filmlabd.model import EpisodeRow, JobKind

START_TIMEOUT_S = 15.0
ASK_TIMEOUT_S = 10.0


def run(paths: StatePaths, name: str, episodes: Collection[int], *, as_json: bool) -> tuple[list[str], bool]:
    """Ask the daemon for them, starting one where none runs. It does not wait for them.

    Args:
        episodes: only these, whether or not their files are there; none: all that are missing.

    Raises:
        Misuse: there is no such run, or no film of one of the episodes.
        Transient: no daemon can be started.
    """
    with run_named(paths, name) as (reader, found):
        rows = [row for row in reader.episodes(found.run_id, filmed=True) if row.job_state in ("done", "failed")]
        # Of a film that is gone nothing can be made: its episode must say so, or be passed over.
        rows = [row for row in rows if not row.film_gone or row.episode in episodes]
        wanted = _named(rows, episodes) if episodes else [row for row in rows if _is_missing(row, found.directory)]
        # Curves, pages and results have no episode: they are tried again with all that is missing.
        given_up = [row for row in reader.failures() if row.run_id == found.run_id and row.quarantined]
        others = [row for row in given_up if row.kind not in (JobKind.EPISODE, JobKind.MEDIA) and not episodes]
        recorders = {row.film: reader.trace(row.session, row.film) for row in wanted}
    if wanted or others:
        ensure_daemon(paths, START_TIMEOUT_S)
    control = Control(paths, ASK_TIMEOUT_S)
    for row in wanted:
        trace = recorders[row.film]
        control.ask(
            "develop", run_id=found.run_id, session=f"{row.session:016x}", film=row.film,
            medium=bool(row.media_name), recorder=trace.recorder if trace is not None else 0,
        )  # fmt: skip
    for made in others:
        session = f"{made.session:016x}"
        control.ask("retry", run_id=found.run_id, key=made.key, session=session, film=made.film)
    numbers = [row.episode for row in wanted if not row.media_name]
    asked_for = len(wanted) + len(others)
    if as_json:
        document = {"run_id": found.run_id, "asked_for": asked_for, "episodes": numbers}
        return [dump(document)], False
    if not asked_for:
        return [printable(f"{found.run_id}  {found.name}: every print that was made is there")], False
    said = f"{found.run_id}  {found.name}: asked for {plural(asked_for, 'print')}; they go to {found.directory}"
    return [printable(said)], False


def _named(rows: Sequence[EpisodeRow], episodes: Collection[int]) -> list[EpisodeRow]:
    """The rows of these episodes, of every writer and attempt."""
    wanted = [row for row in rows if not row.media_name and row.episode in episodes]
    unknown = sorted(set(episodes) - {row.episode for row in wanted})
    if unknown:
        raise BadInput(f"episode {unknown[0]} has no film that was developed; `filmlab why` says more")
    gone = next((row for row in wanted if row.film_gone), None)
    if gone is not None:
        raise BadInput(f"the film of episode {gone.episode} is there no more: {gone.film_gone}")
    return wanted


def _is_missing(row: EpisodeRow, directory: str) -> bool:
    return row.job_state == "failed" or not all((Path(directory) / path).exists() for path in row.paths)
