"""What does a browser get told? Runs, episodes and the lab as plain JSON documents."""

import math
from collections.abc import Iterable
from typing import Any

from filmlab.kinds import CLIPS, STILLS, TEXTS
from filmlabd.artifact_names import POSTER
from filmlabd.develop.summary import summary_of
from filmlabd.index.read import Reader
from filmlabd.json_text import nonfinite_name
from filmlabd.model import EpisodeRow, PrintRow, ResultsRow, RunRow, amount
from filmlabd.overview import Glance
from filmlabd.pages.run_results import results_title
from filmlabd.pages.words import flatten


def word(value: float) -> float | str | None:
    """A number as JSON has it: NaN is null, infinities are `inf` and `-inf`."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else nonfinite_name(value)


def run_row(glance: Glance, disk_bytes: int | None) -> dict[str, Any]:
    """One line of the table of runs."""
    run = glance.run
    return run_head(run) | {
        "last": word(glance.last_return),
        "best": word(glance.best_return),
        # More digits than the picture has pixels would only be sent.
        "spark": [word(float(f"{value:.3g}")) for value in glance.spark],
        "pace": glance.episodes_per_s,
        "clip": clip_links(glance.clip) if glance.clip is not None else None,
        "dropped": [amount(what, count) for what, count in glance.dropped.items()],
        "failed": glance.failed,
        "disk": disk_bytes,
    }


def run_head(run: RunRow) -> dict[str, Any]:
    """What a run is called, and how it stands."""
    return {
        "id": run.run_id,
        "name": run.name or run.run_id,
        "project": run.project,
        "group": run.group,
        "tags": list(run.tags),
        "status": "resumed" if run.status == "running" and run.attempt > 1 else run.status,
        "alive": run.status == "running",
        "attempt": run.attempt,
        "episodes": run.episodes,
        "total": run.total_episodes,
        "created": run.created_wall,
        "updated": run.updated_wall,
        "finished": run.finished_wall,
    }


def run_document(reader: Reader, run: RunRow) -> dict[str, Any]:
    """What stands around a run's curves and clips."""
    failures = [row for row in reader.failures() if row.run_id == run.run_id]
    return run_head(run) | {
        "directory": run.directory,
        "config": flatten(run.config),
        "summary": flatten(summary_of(run, reader.metrics(run.run_id), lambda name: reader.mean(run.run_id, name))),
        "schedule": run.schedule,
        "metrics": metric_rows(reader, run.run_id),
        "dropped": [{"amount": amount(row.what, row.count), "fate": row.fate} for row in reader.drops(run.run_id)],
        "failures": [failure(row) for row in failures],
        "blocked": reader.blocked(run.run_id).words(),
        "results": [result(row) for row in reader.results(run.run_id) if row.state != "dropped"],
    }


def result(row: ResultsRow) -> dict[str, Any]:
    """What a training or an evaluation came to, in its own words."""
    trouble = {"problem": row.problem} if row.problem else {}
    return {"title": results_title(row), "rows": flatten(row.summary | row.metadata | trouble)}


def metric_rows(reader: Reader, run_id: str) -> list[dict[str, Any]]:
    """Every metric's name with how many points it has and its last value, of its latest attempt."""
    out: dict[str, dict[str, Any]] = {}
    for row in reader.metrics(run_id):
        known = out.setdefault(row.name, {"name": row.name, "count": 0, "last": None, "best": None})
        known["count"] += row.count
        known["last"] = word(row.last_value)
        known["best"] = row.most if known["best"] is None else max(known["best"], row.most)
    return list(out.values())


def episode_documents(rows: Iterable[EpisodeRow], prints: Iterable[PrintRow]) -> list[dict[str, Any]]:
    """Every episode with a film, and every medium, in the order they began."""
    made = {(row.session, row.film): row.wall for row in prints if row.film}
    return [episode_document(row, made.get((row.session, row.film), 0.0)) for row in rows]


def episode_document(row: EpisodeRow, made_wall: float = 0.0) -> dict[str, Any]:
    """One of them."""
    return clip_links(row, made_wall) | {
        "medium": row.media_name,
        "caption": row.caption,
        "episode": row.episode,
        "step": row.media_step,
        "writer": row.writer,
        "attempt": row.attempt,
        "return": word(row.return_),
        "length": row.length,
        "solved": row.solved,
        "ended": row.ended,
        "complete": row.complete,
        "frames": row.frames,
        "fps": row.fps,
        "reason": row.reason,
        "note": row.note,
        "wall": row.wall,
        "state": row.job_state,
        "problem": row.job_reason,
    }


def clip_links(row: EpisodeRow, made_wall: float = 0.0) -> dict[str, Any]:
    """Where the browser finds the prints of an episode: by session and film, never by a path."""
    base = f"/prints/{row.run_id}/{row.session:016x}/{row.film}"
    mark = f"?v={int(made_wall * 1000):x}" if made_wall else ""
    shown = shown_print(row)
    text = next((end for path in row.paths for end in TEXTS if path.endswith(end)), "")
    return {
        "key": f"{row.session:016x}-{row.film}",
        "text": f"{base}/{text[1:]}{mark}" if text else "",
        "kind": shown.rpartition(".")[2] if shown else "",
        "poster": f"{base}/poster{mark}" if shown else "",
        "clip": f"{base}/clip{mark}" if shown else "",
        "files": base,
        "formats": sorted({path.rpartition(".")[2] for path in row.paths if not path.endswith(POSTER)}),
    }


def shown_print(row: EpisodeRow) -> str:
    """The path of the print that shows an episode or a medium; empty where there is none."""
    clips = [path for path in row.paths if not path.endswith(POSTER)]
    return next((path for end in (*CLIPS, *STILLS) for path in clips if path.endswith(end)), "")


def failure(row: PrintRow) -> dict[str, Any]:
    """A print that could not be made."""
    return {
        "key": row.key, "run": row.run_id, "kind": row.kind, "strikes": row.strikes, "given_up": row.quarantined,
        "reason": row.reason, "wall": row.wall,
    }  # fmt: skip
