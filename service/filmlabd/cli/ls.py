"""`filmlab ls`: which runs are there, and which episodes of a run were kept, why, and where are they?"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlab.words import duration, plural
from filmlabd.cli.format import dump, number, table
from filmlabd.cli.look_up import Misuse, run_named
from filmlabd.index.read import NoIndex, Reader
from filmlabd.model import DropRow, EpisodeRow, RunRow, amount
from filmlabd.overview import glance

_NO_DAEMON = "no daemon is running: this is what was known last, and a run that is called running may be over"


def list_runs(paths: StatePaths, project: str | None, last: int, *, as_json: bool) -> tuple[list[str], bool]:
    """All runs, the newest last."""
    try:
        reader = Reader(paths.index)
    except NoIndex:
        runs = []
    else:
        with reader:
            failed = Counter(row.run_id for row in reader.failures() if row.quarantined)
            found = [run for run in reader.runs() if project in (None, run.project)]
            # JSON has all of them: a program can cut by itself.
            shown = found if as_json or not last else found[-last:]
            runs = [_run_document(reader, run, failed[run.run_id]) for run in shown]
    alive = is_locked(paths.daemon_lock)
    if as_json:
        return [dump({"state_dir": str(paths.state), "daemon": alive, "runs": runs})], False
    if not runs:
        return [f"no runs{f' of project {project}' if project else ''} in {paths.state}"], False
    lines = table(
        ["ID", "NAME", "PROJECT", "STATUS", "EPISODES", "LAST", "BEST", "DROPPED", "FAILED", "BEGAN", "DIRECTORY"],
        [_run_cells(run) for run in runs],
        right="EPISODES LAST BEST FAILED",
    )
    if len(runs) < len(found):
        lines.append(f"(the last {len(runs)} of {len(found)} runs; --last 0 shows all)")
    if not alive and any(run["status"] == "running" for run in runs):
        lines.append(f"({_NO_DAEMON})")
    return lines, False


def list_episodes(
    paths: StatePaths, name: str, project: str | None, last: int, *, as_json: bool
) -> tuple[list[str], bool]:
    """The episodes and media of one run, in the order they began."""
    with run_named(paths, name) as (reader, run):
        if project not in (None, run.project):
            raise Misuse(f"run {run.run_id} is of project {run.project!r}, not {project!r}")
        failures = [row for row in reader.failures() if row.run_id == run.run_id]
        document = _run_document(reader, run, sum(row.quarantined for row in failures))
        rows, drops = reader.episodes(run.run_id), reader.drops(run.run_id)
    alive = is_locked(paths.daemon_lock)
    episodes = [_episode_document(row) for row in rows if not row.media_name]
    media = [_medium_document(row) for row in rows if row.media_name]
    failed = [{"key": row.key, "reason": row.reason, "given_up": row.quarantined} for row in failures]
    if as_json:
        document |= {"daemon": alive, "list": episodes, "media": media, "failures": failed}
        return [dump(document)], False
    lines = _run_lines(document, drops)
    lines += _cut(episodes, last, "episode", _episode_table)
    lines += _cut(media, last, "medium", _media_table)
    for failure in failed:
        lines.append(
            f"{'given up' if failure['given_up'] else 'tried again soon'}: {failure['key']}: {failure['reason']}"
        )
    if not alive and run.status == "running":
        lines += ["", f"({_NO_DAEMON})"]
    return lines, False


def _run_document(reader: Reader, run: RunRow, failed: int) -> dict[str, Any]:
    last_return, best_return = returns(reader, run)
    dropped = [row.words() for row in reader.drops(run.run_id)]
    inside = reader.blocked(run.run_id).words()
    return {
        "id": run.run_id, "name": run.name, "project": run.project, "group": run.group, "tags": list(run.tags),
        "status": run.status, "attempt": run.attempt, "episodes": run.episodes, "last_return": last_return,
        "best_return": best_return, "dropped": dropped, "failed_prints": failed, "blocked": inside,
        "schedule": run.schedule, "directory": run.directory, "created_wall": run.created_wall,
        "updated_wall": run.updated_wall, "finished_wall": run.finished_wall,
    }  # fmt: skip


def returns(reader: Reader, run: RunRow) -> tuple[float | None, float | None]:
    """The latest return of all writers, and the highest that is a number; None where there is none."""
    seen = glance(reader, run, {}, 0, run.updated_wall)
    if not seen.spark:
        return None, None
    return seen.last_return, None if math.isnan(seen.best_return) else seen.best_return


def _run_cells(run: dict[str, Any]) -> list[str]:
    return [
        run["id"], run["name"], run["project"], run["status"], str(run["episodes"]), number(run["last_return"]),
        number(run["best_return"]), ", ".join(_drop_words(run)), str(run["failed_prints"] or ""),
        _when(run["created_wall"]), run["directory"],
    ]  # fmt: skip


def _run_lines(run: dict[str, Any], drops: Sequence[DropRow]) -> list[str]:
    """What stands above the episodes of a run."""
    attempt = f", attempt {run['attempt']}" if run["attempt"] > 1 else ""
    lines = [f"{run['id']}  {run['name']}  ({run['project']})  {run['status']}{attempt}", run["directory"]]
    returns = f", last return {number(run['last_return'])}, best {number(run['best_return'])}"
    lines.append(plural(run["episodes"], "episode") + returns * (run["last_return"] is not None))
    lines.append(f"captures {run['schedule']}")
    inside = run["blocked"]
    if inside["calls"]:
        each = ", ".join(f"{name} {duration(inside[f'{name}_ns'] / 1e9)}" for name in ("p50", "p99"))
        total = duration(inside["total_ns"] / 1e9)
        longest = duration(inside["max_ns"] / 1e9)
        calls = plural(inside["calls"], "call")
        lines.append(f"training inside filmlab: {total} in {calls}, {each}, longest {longest}")
    return [*lines, *(f"missing: {amount(drop.what, drop.count)} {drop.fate}" for drop in drops)]


def _drop_words(run: dict[str, Any]) -> list[str]:
    totals: Counter[str] = Counter()
    for item in run["dropped"]:
        totals[item["what"]] += item["count"]
    return [amount(what, total) for what, total in sorted(totals.items())]


def _episode_document(row: EpisodeRow) -> dict[str, Any]:
    return {
        "episode": row.episode, "writer": row.writer, "attempt": row.attempt, "return": row.return_,
        "length": row.length, "solved": row.solved, "ended": row.ended, "complete": row.complete,
        "kept": row.job_state in ("ready", "done", "failed"), "why": row.reason, "state": row.job_state,
        "problem": row.job_reason, "note": row.note, "frames": row.frames, "paths": list(row.paths), "wall": row.wall,
        "film_gone": row.film_gone,
    }  # fmt: skip


def _medium_document(row: EpisodeRow) -> dict[str, Any]:
    return {
        "name": row.media_name, "mime": row.media_mime, "writer": row.writer, "attempt": row.attempt,
        "step": row.media_step, "state": row.job_state, "problem": row.job_reason, "note": row.note,
        "paths": list(row.paths), "wall": row.wall, "film_gone": row.film_gone,
    }  # fmt: skip


def _cut(documents: list[dict[str, Any]], last: int, word: str, lay_out: Any) -> list[str]:
    """The table of the last ones, after an empty line; nothing when there are none."""
    if not documents:
        return []
    shown = documents[-last:] if last else documents
    lines = ["", *lay_out(shown)]
    if len(shown) < len(documents):
        plural = "media" if word == "medium" else word + "s"
        lines.append(f"(the last {len(shown)} of {len(documents)} {plural}; --last 0 shows all)")
    return lines


def _episode_table(episodes: list[dict[str, Any]]) -> list[str]:
    solved = {True: "yes", False: "no", None: ""}
    rows = [
        [
            str(item["episode"]), *_author(item, episodes), "" if _is_open(item) else number(_known(item["return"])),
            "" if _is_open(item) else str(item["length"]), solved[item["solved"]], item["why"], _file_or_state(item),
            _film(item), item["note"],
        ]
        for item in episodes
    ]  # fmt: skip
    headers = ["EPISODE", "WRITER", "ATTEMPT", "RETURN", "LENGTH", "SOLVED", "WHY", "FILE", "FILM", "NOTE"]
    return table(headers, rows, right="EPISODE ATTEMPT RETURN LENGTH")


def _media_table(media: list[dict[str, Any]]) -> list[str]:
    rows = [
        [
            item["name"], *_author(item, media), "" if item["step"] is None else str(item["step"]),
            _file_or_state(item), item["note"],
        ]
        for item in media
    ]  # fmt: skip
    return table(["NAME", "WRITER", "ATTEMPT", "STEP", "FILE", "NOTE"], rows, right="ATTEMPT STEP")


def _film(item: dict[str, Any]) -> str:
    """Whether prints could be made again; said where some film of the table is gone, and its print is there."""
    return "gone" if item["film_gone"] and item["state"] == "done" else ""


def _author(item: dict[str, Any], beside: list[dict[str, Any]]) -> list[str]:
    """Writer and attempt, empty (and so left out) where every line would say the same as always."""
    writers = {other["writer"] for other in beside}
    attempts = {other["attempt"] for other in beside}
    return [item["writer"] if writers != {"main"} else "", str(item["attempt"]) if attempts != {1} else ""]


def _is_open(item: dict[str, Any]) -> bool:
    return not item["ended"]


def _known(value: float) -> float:
    return math.nan if value is None else value


def _file_or_state(item: dict[str, Any]) -> str:
    if item["paths"]:
        return str(item["paths"][0])
    because = f": {item['problem']}" if item["problem"] else ""
    words = {
        "none": "",
        "dropped": f"not kept{because}",
        "ready": "developing",
        "pending": "to be decided at the end",
        "failed": f"failed{because}",
    }
    return words.get(item["state"], str(item["state"]))


def _when(wall: float) -> str:
    return datetime.fromtimestamp(wall).astimezone().strftime("%Y-%m-%d %H:%M") if wall else ""
