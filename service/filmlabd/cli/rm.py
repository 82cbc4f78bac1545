"""`filmlab rm`: everything of a run that is over goes; its prints only where that was said."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filmlab.control import Control, Refused
from filmlab.launch import ensure_daemon
from filmlab.paths import StatePaths
from filmlab.words import plural, size
from filmlabd.artifact_names import HISTORY, PAGE, RUN, curve_stem
from filmlabd.artifacts import withdraw
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import Misuse, run_named
from filmlabd.model import RunRow

START_TIMEOUT_S = 15.0
ASK_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for beside the run."""

    prints: bool
    yes: bool


def run(paths: StatePaths, name: str, wish: Wish, *, as_json: bool) -> tuple[list[str], bool]:
    """Remove it, after a question where somebody can answer. A daemon does it; one is started where none runs.

    Raises:
        Misuse: there is no such run, it is not over, or nobody can be asked and `--yes` was not given.
        Transient: no daemon can be started.
    """
    found, prints = _look_up(paths, name)
    if not wish.yes and not _sure(found, wish, len(prints)):
        return ["nothing was removed"], True
    ensure_daemon(paths, START_TIMEOUT_S)
    try:
        gone = Control(paths, ASK_TIMEOUT_S).ask("remove", run_id=found.run_id)
    except Refused as error:
        raise Misuse(str(error)) from None
    # Only now: a run that could not be removed keeps its prints.
    files, size_bytes = withdraw(Path(found.directory), prints) if wish.prints else (0, 0)
    if as_json:
        document = {
            "run_id": found.run_id, "films": gone["films"], "film_bytes": gone["film_bytes"], "prints": files,
            "print_bytes": size_bytes, "directory": found.directory,
        }  # fmt: skip
        return [dump(document)], False
    lines = [f"removed {_shown(found)}: {plural(gone['films'], 'film')} ({size(gone['film_bytes'])})"]
    if wish.prints:
        lines.append(f"and {plural(files, 'print')} ({size(size_bytes)}) in {found.directory}")
    else:
        lines.append(f"its prints stay in {found.directory}")
    return [printable(line) for line in lines], False


def _look_up(paths: StatePaths, name: str) -> tuple[RunRow, list[str]]:
    """The run, and every print of it that lies in its directory: a recorder's lie in its program's, and stay."""
    with run_named(paths, name) as (reader, found):
        made = [path for row in reader.episodes(found.run_id) for path in row.paths]
        stems = [curve_stem(metric) for metric in sorted({row.name for row in reader.metrics(found.run_id)})]
    curves = [stem + suffix for stem in stems for suffix in (".svg", ".png")]
    return found, _below([*made, *curves, HISTORY, RUN, PAGE])


def _below(prints: Sequence[str]) -> list[str]:
    return [path for path in dict.fromkeys(prints) if not path.startswith(("/", "../"))]


def _sure(found: RunRow, wish: Wish, prints: int) -> bool:
    """Whether somebody says yes."""
    if not sys.stdin.isatty():
        raise Misuse(f"nobody can be asked whether {found.run_id} shall go: say --yes")
    also = f" and up to {plural(prints, 'print')} in {found.directory}" if wish.prints else "; its prints stay"
    question = f"Remove {_shown(found)} with its metrics and films{also}? [y/N] "
    sys.stderr.write(printable(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _shown(found: RunRow) -> str:
    return f"run {found.run_id} ({found.name}, {plural(found.episodes, 'episode')})"
