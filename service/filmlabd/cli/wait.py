"""`filmlab wait`: come back when a run is over and all its prints are there; on a terminal, see how far it is."""

import time

from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlab.progress import Display, Stage
from filmlab.words import plural
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import run_named
from filmlabd.index.read import Reader
from filmlabd.model import Progress, RunRow

LOOK_EVERY_S = 0.2
NO_DAEMON_S = 10.0
"""For so long nobody may be there: a daemon that was killed is started again by its trainers."""


def run(paths: StatePaths, name: str, timeout_s: float | None, *, as_json: bool) -> tuple[list[str], bool]:
    """Wait. Trouble: it is not there in time, nobody works on it, the run crashed, or prints of it failed.

    Args:
        timeout_s: None: for as long as it takes.

    Raises:
        Misuse: there is no such run.
    """
    with run_named(paths, name) as (reader, found):
        display = Display()
        try:
            progress, problem = _wait(reader, paths, found, timeout_s, display)
        finally:
            display.close()
        failed = sum(row.quarantined for row in reader.failures() if row.run_id == found.run_id)
    trouble = bool(problem or failed or progress.status == "crashed")
    if as_json:
        document = {
            "run_id": found.run_id, "status": progress.status, "printed": progress.printed,
            "episodes": progress.episodes, "films": progress.films, "failed_prints": failed,
            "directory": found.directory, "problem": problem,
        }  # fmt: skip
        return [dump(document)], trouble
    return [printable(line) for line in _lines(found, progress, failed, problem)], trouble


def stage(progress: Progress) -> Stage:
    """What is being waited for."""
    if progress.status == "running":
        left = max(0, progress.total_episodes - progress.episodes) if progress.total_episodes else None
        return Stage("training", "episodes", progress.episodes, left)
    if progress.waiting:
        return Stage("developing", "films", sum(progress.films.values()) - progress.waiting, progress.waiting)
    return Stage("drawing curves and the page")


def _wait(
    reader: Reader, paths: StatePaths, found: RunRow, timeout_s: float | None, display: Display
) -> tuple[Progress, str]:
    """How far it had come in the end, and why that is not the end, if it is not."""
    began_at = seen_at = time.monotonic()
    while True:
        progress, now = reader.progress(found.run_id), time.monotonic()
        if progress.printed:
            return progress, ""
        if timeout_s is not None and now - began_at >= timeout_s:
            return progress, f"not there yet after {timeout_s:g} s"
        seen_at = now if is_locked(paths.daemon_lock) else seen_at
        if now - seen_at >= NO_DAEMON_S:
            return progress, "no daemon is running; the next one develops what is left"
        display.show(stage(progress), now)
        time.sleep(LOOK_EVERY_S)


def _lines(found: RunRow, progress: Progress, failed: int, problem: str) -> list[str]:
    words = [plural(progress.episodes, "episode"), f"{plural(progress.films.get('done', 0), 'film')} developed"]
    words += [f"{progress.waiting} to be developed"] if progress.waiting else []
    words += [f"{plural(failed, 'print')} given up (`filmlab ls {found.run_id}` says why)"] if failed else []
    said = f"{found.run_id}  {found.name}  {progress.status}: {', '.join(words)}; in {found.directory}"
    return [said, *([problem] if problem else [])]
