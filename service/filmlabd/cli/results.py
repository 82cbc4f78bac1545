"""`filmlab results` and `filmlab compare`: what did a training or an evaluation come to, and which run came to more?"""

from typing import Any

from filmlab.paths import StatePaths
from filmlab.words import plural, size
from filmlabd.cli.format import dump, number, pairs, printable, table
from filmlabd.cli.look_up import run_named
from filmlabd.cli.ls import returns
from filmlabd.index.read import Reader
from filmlabd.index.results import latest
from filmlabd.model import ResultsRow, RunRow
from filmlabd.pages.run_results import STATES, own_files

_OF_RUNS = (
    ("name", "name"), ("status", "status"), ("episodes", "episodes"), ("last return", "last_return"),
    ("best return", "best_return"),
)  # fmt: skip


def results(paths: StatePaths, name: str, *, as_json: bool) -> tuple[list[str], bool]:
    """The latest results of a run, of each kind and writer. Trouble: some could not be written.

    Raises:
        Misuse: there is no such run.
    """
    with run_named(paths, name) as (reader, run):
        rows = latest(reader.results(run.run_id))
    trouble = any(row.state == "failed" for row in rows)
    if as_json:
        found = {"run_id": run.run_id, "name": run.name, "project": run.project, "directory": run.directory}
        return [dump(found | {"results": [_document(row) for row in rows]})], trouble
    lines = [f"{run.run_id}  {run.name}  ({run.project})  {run.status}", run.directory]
    if not rows:
        lines.append("no results have been handed over (run.log_results)")
    for row in rows:
        lines += ["", *_lines(row)]
    return [printable(line) for line in lines], trouble


def compare(paths: StatePaths, names: list[str], *, as_json: bool) -> tuple[list[str], bool]:
    """A column for each run, and for each of its results where it has several; what they came to, side by side.

    Raises:
        Misuse: one of the runs is not there.
    """
    with run_named(paths, names[0]) as (reader, _):
        runs = [reader.run(name) for name in dict.fromkeys(names)]
        documents = [_compared(reader, run) for run in runs]
    if as_json:
        return [dump({"runs": documents})], False
    columns = [
        (run, found)
        for run in documents
        for found in run["results"] or [{"type": "", "place": "", "summary": {}}]
    ]  # fmt: skip
    headers = ["", *(_header(run, found) for run, found in columns)]
    rows = [[name, *(_cell(run[key]) for run, _ in columns)] for name, key in _OF_RUNS]
    keys = dict.fromkeys(key for _, found in columns for key in found["summary"])
    rows += [[key, *(_cell(found["summary"].get(key)) for _, found in columns)] for key in keys]
    return table(headers, rows, right=" ".join(headers[1:])), False


def _document(row: ResultsRow) -> dict[str, Any]:
    return {
        "type": row.run_type, "place": row.place, "writer": row.writer, "attempt": row.attempt, "state": row.state,
        "summary": row.summary, "metadata": row.metadata, "files": list(row.paths), "problem": row.problem,
        "wall": row.wall,
    }  # fmt: skip


def _compared(reader: Reader, run: RunRow) -> dict[str, Any]:
    last_return, best_return = returns(reader, run)
    return {
        "run_id": run.run_id, "name": run.name, "project": run.project, "status": run.status,
        "episodes": run.episodes, "last_return": last_return, "best_return": best_return,
        "results": [_document(row) for row in latest(reader.results(run.run_id))],
    }  # fmt: skip


def _lines(row: ResultsRow) -> list[str]:
    where = f" in {row.place}/" if row.place else ""
    whose = f" of {row.writer}" if row.writer != "main" else ""
    state = STATES.get(row.state, row.state)
    size_bytes = sum(part for _, part in row.parts)
    lines = [f"{row.run_type}{whose}{where}: {state} ({size(size_bytes)})"]
    facts = [(key, _cell(value)) for key, value in row.summary.items()]
    facts += [(key, _cell(value)) for key, value in row.metadata.items() if key != "run_type"]
    lines += [f"  {line}" for line in pairs(facts)]
    shown = own_files(row)
    if shown:
        episodes = len(row.paths) - len(shown)
        more = f", and {plural(episodes, 'file')} of episodes" if episodes else ""
        lines.append(f"  files: {', '.join(shown)}{more}")
    return lines + ([f"  {row.problem}"] if row.problem else [])


def _header(run: dict[str, Any], found: dict[str, Any]) -> str:
    """The run, and which of its results; without a blank."""
    which = found["place"] or found["type"]
    return f"{run['run_id']}:{which}" if which else str(run["run_id"])


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else number(value)
