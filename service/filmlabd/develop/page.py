"""What is made of a run as a whole? Its facts and its history as JSON, and the page that shows its prints."""

import math
import os
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from filmlab.kinds import CLIPS, FILM
from filmlab.wire.names import RUN_METRICS_MAX
from filmlab.words import plural
from filmlabd.artifact_names import HISTORY, PAGE, POSTER, RUN, curve_stem
from filmlabd.artifacts import Made, Printed, RunDirectory
from filmlabd.develop.history import history
from filmlabd.develop.image_head import picture_size
from filmlabd.develop.medium import HISTOGRAM
from filmlabd.develop.summary import summary_of
from filmlabd.index.read import Reader
from filmlabd.index.results import latest
from filmlabd.json_text import document
from filmlabd.model import EpisodeRow, Job, JobKind, MetricRow, PrintRow, RunRow
from filmlabd.pages.run_page import run_page
from filmlabd.pages.view import ClipView, CurveView, MediumView, Picture, Problem, RunPage, Totals
from filmlabd.render.geometry import HEIGHT_PX, WIDTH_PX

CLIPS_MAX = 60
MEDIA_MAX = 40
PROBLEMS_MAX = 20
MEAN_OF = 100
_HEAD_BYTES = 30
_JPEG_HEAD_BYTES = 64 * 1024
_TEXT_BYTES = 16 * 1024
"""Of a text that the page shows; its file has all of it."""
_FIRST_CURVES = ("episode/return", "episode/length")


def make_page(job: Job, run: RunRow, reader: Reader, directory: RunDirectory) -> Made:
    """`history.json`, `run.json` and, last, `index.html`, which links them."""
    page = look(run, reader, directory)
    paths = (
        directory.publish(HISTORY, history(run.run_id, reader), final=job.final),
        directory.publish(RUN, document(facts(page, reader.metrics(run.run_id))), final=job.final),
        directory.publish(PAGE, run_page(page).encode("utf-8", "replace"), final=job.final),
    )
    return paths, ()


def look(run: RunRow, reader: Reader, directory: Printed) -> RunPage:
    """Everything that the page shows, as it is now. A print that somebody has deleted is left out."""
    rows = [as_linked(row, directory) for row in reader.episodes(run.run_id, filmed=True)]
    made = reader.prints(run.run_id)
    prints = {(row.session, row.film): row for row in made if row.film}
    kept = [row for row in rows if is_clip(row)]
    clips, more_clips = _newest(kept, CLIPS_MAX)
    media, more_media = _newest([row for row in rows if row.media_name and row.paths], MEDIA_MAX)
    best = max(kept, key=rank, default=None)
    metrics = reader.metrics(run.run_id)
    lasts = last_values(metrics)
    whole = [row for row in kept if row.complete]
    progress = [whole[0], whole[len(whole) // 2], whole[-1]] if len(whole) > 2 else []
    return RunPage(
        run=run,
        totals=totals(reader.endings(run.run_id)),
        best=clip_view(best, prints, directory) if best is not None else None,
        progress=tuple(clip for row in progress if (clip := clip_view(row, prints, directory)) is not None),
        clips=tuple(clip for row in clips if (clip := clip_view(row, prints, directory)) is not None),
        clips_in_all=len(kept),
        clips_shown=f"the newest {len(clips)} are shown" if more_clips else "",
        developing=sum(row.job_state == "ready" and not row.media_name for row in rows),
        media=tuple(view for row in media if (view := _medium(row, directory)) is not None),
        more_media=more_media,
        curves=_curves(lasts, directory),
        more_curves=max(0, len(lasts) - RUN_METRICS_MAX),
        attempts=tuple(reader.attempts(run.run_id)),
        results=tuple(latest(reader.results(run.run_id))),
        config=run.config,
        summary=summary_of(run, metrics, lambda name: reader.mean(run.run_id, name)),
        drops=tuple(reader.drops(run.run_id)),
        problems=_problems(run, rows, made),
        blocked=reader.blocked(run.run_id),
        made_wall=time.time(),
    )


def facts(page: RunPage, metrics: Sequence[MetricRow]) -> dict[str, Any]:
    """What `run.json` says."""
    run, totals, blocked = page.run, page.totals, page.blocked
    return {
        "id": run.run_id,
        "name": run.name,
        "project": run.project,
        "group": run.group,
        "tags": list(run.tags),
        "status": run.status,
        "attempt": run.attempt,
        "created_wall": run.created_wall,
        "updated_wall": run.updated_wall,
        "finished_wall": run.finished_wall,
        "schedule": run.schedule,
        "config": run.config,
        "summary": page.summary,
        "episodes": totals.episodes,
        "steps": totals.steps,
        "best_return": _known(totals.best_return),
        "last_return": _known(totals.last_return),
        "metrics": [
            {"name": row.name, "writer": row.writer, "attempt": row.attempt, "count": row.count,
             "last_step": row.last_step, "last_value": row.last_value}
            for row in metrics
        ],
        "dropped": [row.words() for row in page.drops],
        "results": [
            {"type": row.run_type, "writer": row.writer, "place": row.place, "state": row.state,
             "summary": row.summary, "metadata": row.metadata, "files": list(row.paths), "problem": row.problem}
            for row in page.results
        ],
        "problems": [{"what": problem.what, "why": problem.why} for problem in page.problems],
        "training_thread_inside_filmlab": {
            "calls": blocked.count,
            "total_s": blocked.total_ns / 1e9,
            "p50_s": blocked.percentile_ns(50) / 1e9,
            "p99_s": blocked.percentile_ns(99) / 1e9,
            "max_s": blocked.max_ns / 1e9,
        },
    }  # fmt: skip


def _known(value: float) -> float | None:
    """NaN stands for a return that there is none of yet, which is no number that JSON lacks."""
    return None if math.isnan(value) else value


def totals(endings: Iterable[tuple[float, int, bool]]) -> Totals:
    """Of all episodes that have ended, whoever played them, in the order they began. One that was cut has no return.

    Args:
        endings: of each episode its return, its length, and whether it is complete.
    """
    episodes = steps = 0
    returns = array("d")
    for return_, length, complete in endings:
        episodes += 1
        steps += length
        if complete and not math.isnan(return_):
            returns.append(return_)
    last = [value for value in returns[-MEAN_OF:] if math.isfinite(value)]
    return Totals(
        episodes=episodes,
        steps=steps,
        best_return=max(returns, default=math.nan),
        last_return=returns[-1] if returns else math.nan,
        last_mean=math.fsum(value / len(last) for value in last) if last else math.nan,
        mean_of=len(last),
    )


def as_linked(row: EpisodeRow, directory: Printed) -> EpisodeRow:
    """A recorder's prints lie in its program's directory, by absolute paths: the page links them from its own."""
    if not any(path.startswith("/") for path in row.paths):
        return row
    here = os.path.realpath(directory.path)
    return replace(
        row, paths=tuple(os.path.relpath(path, here) if path.startswith("/") else path for path in row.paths)
    )


def is_clip(row: EpisodeRow) -> bool:
    return not row.media_name and bool(formats(row))


def formats(row: EpisodeRow) -> list[str]:
    """The clip of an episode or a medium in each of its formats, the one to show first."""
    clips = [path for path in row.paths if path.endswith(CLIPS) and not path.endswith(POSTER)]
    return sorted(clips, key=lambda path: CLIPS.index("." + path.rpartition(".")[2]))


def rank(row: EpisodeRow) -> tuple[bool, float, float]:
    """The best is the one with the highest return, of equals the latest. One that was cut is no best."""
    known = row.complete and not math.isnan(row.return_)
    return known, row.return_ if known else 0.0, row.wall


def _newest(rows: Sequence[EpisodeRow], most: int) -> tuple[list[EpisodeRow], int]:
    """(at most so many, newest first; how many there are beyond them)."""
    newest = sorted(rows, key=lambda row: row.wall, reverse=True)
    return newest[:most], max(0, len(newest) - most)


def clip_view(row: EpisodeRow, prints: dict[tuple[int, int], PrintRow], directory: Printed) -> ClipView | None:
    """None where it is not there."""
    shown, *others = formats(row) or [""]
    picture = _picture(shown, row, directory)
    if picture is None:
        return None
    made = prints.get((row.session, row.film))
    notes = made.notes if made is not None else ()
    whose = [row.writer] if row.writer != "main" else []
    whose += [f"attempt {row.attempt}"] if row.attempt > 1 else []
    return ClipView(
        picture=picture,
        data_path=next((path for path in row.paths if path.endswith(".json")), ""),
        others=tuple((path.rpartition(".")[2], path) for path in others),
        episode=row.episode,
        whose=", ".join(whose),
        return_=row.return_,
        length=row.length,
        solved=row.solved,
        complete=row.complete,
        reason=row.reason,
        notes=notes or ((row.note,) if row.note else ()),
        wall=row.wall,
    )


def _medium(row: EpisodeRow, directory: Printed) -> MediumView | None:
    """None where its file is gone."""
    path = next(iter(formats(row)), row.paths[0])
    facts = (row.media_name, row.media_step or 0, row.caption)
    if path.endswith((".txt", ".md")):
        text = directory.head(path, _TEXT_BYTES)
        return MediumView(path, *facts, text=text.decode("utf-8", "replace")) if text is not None else None
    if row.media_mime == HISTOGRAM:
        others = tuple((other.rpartition(".")[2], other) for other in row.paths if not other.endswith(".svg"))
        path = next((other for other in row.paths if other.endswith(".svg")), path)
        shown = Picture(path, WIDTH_PX, HEIGHT_PX) if directory.head(path, 1) else None
        return MediumView(path, *facts, picture=shown, others=others) if shown is not None else None
    if directory.head(path, 1) is None:
        return None
    return MediumView(path, *facts, picture=_picture(path, row, directory))


def _picture(path: str, row: EpisodeRow, directory: Printed) -> Picture | None:
    """A print that is there, with the size that its own header says; of a film, the size of its poster."""
    poster = next((other for other in row.paths if other.endswith(POSTER)), "") if path.endswith(FILM) else ""
    if path.endswith(FILM) and (not poster or directory.head(path, 1) is None):
        return None
    head_bytes = _JPEG_HEAD_BYTES if path.endswith(".jpg") else _HEAD_BYTES
    size = picture_size(directory.head(poster or path, head_bytes) or b"")
    return Picture(path, *size, poster) if size is not None else None


def _curves(lasts: Mapping[str, float], directory: Printed) -> tuple[CurveView, ...]:
    """Those that have been drawn."""
    views = []
    for name, last in lasts.items():
        stem = curve_stem(name)
        if directory.head(f"{stem}.svg", 1):
            views.append(CurveView(name, f"{stem}.svg", f"{stem}.png", last))
    return tuple(views)


def last_values(metrics: Sequence[MetricRow]) -> dict[str, float]:
    """By metric: return and length first, then by name. Of several attempts it is the latest one's."""
    last = {row.name: row.last_value for row in metrics}
    return {
        name: last[name] for name in sorted(last, key=lambda name: (*(name != first for first in _FIRST_CURVES), name))
    }


def _problems(run: RunRow, rows: Sequence[EpisodeRow], prints: Sequence[PrintRow]) -> tuple[Problem, ...]:
    """Prints that failed, and episodes that were to become a clip and are none."""
    names = {(row.session, row.film): row for row in rows if row.film}
    found = []
    for made in prints:
        row = names.get((made.session, made.film)) if made.film else None
        what = _what(made, row)
        if made.strikes:
            end = (
                f", given up after {plural(made.strikes, 'try', 'tries')}" if made.quarantined else ", tried again soon"
            )
            found.append(Problem(f"{what} could not be made", f"{made.reason}{end}"))
        elif row is not None and made.done and not row.media_name and not formats(row):
            found.append(Problem(f"{what} has no clip", "; ".join(made.notes) or "it has no frames"))
    if len(found) > PROBLEMS_MAX:
        rest = len(found) - PROBLEMS_MAX
        found[PROBLEMS_MAX:] = [Problem("And", f"{rest} more of the kind; `filmlab ls {run.run_id}` has them all")]
    return tuple(found)


def _what(made: PrintRow, row: EpisodeRow | None) -> str:
    if row is not None and row.media_name:
        return f"{row.media_name}, step {row.media_step or 0:,},"
    if row is not None:
        return f"Episode {row.episode:,}"
    if made.kind == JobKind.CURVE:
        return f"The curve {made.key.split(':', 2)[-1]}"
    return f"The {made.kind}"
