"""What has a run cost and done so far? The numbers of `run.stats`, and the line that `finish` prints."""

from dataclasses import dataclass
from pathlib import Path

from filmlab.link.delivery import Closing, LinkStatus
from filmlab.progress import Stage
from filmlab.tally import Tally


@dataclass(frozen=True, slots=True)
class Stats:
    """Of one writer of a run, since `init` (in a forked child: since its first call there)."""

    episodes: int
    film_frames: int
    """Handed over."""
    film_bytes: int
    """Handed over, raw."""
    dropped_films: int
    dropped_bytes: int
    dropped_metrics: int
    """Values, each of one metric."""
    dropped_reasons: dict[str, int]
    prints_made: int
    prints_failed: tuple[str, ...]
    """Why, of the last 1000 prints that failed."""
    failures: int
    """How many prints failed in all."""
    developing: int
    """Films that have ended and are neither printed nor failed."""
    calls: int
    blocked_total_s: float
    """Time that the training thread spent inside filmlab: the sum, and of one call p50, p99, p99.9 and the longest."""
    blocked_p50_s: float
    blocked_p99_s: float
    blocked_p999_s: float
    blocked_max_s: float


def stats_of(tally: Tally) -> Stats:
    """The numbers as they are now."""
    blocked = tally.meter.total()
    p50_ns, p99_ns, p999_ns = (blocked.percentile_ns(percent) for percent in (50, 99, 99.9))
    return Stats(
        episodes=tally.episodes,
        film_frames=tally.film_frames,
        film_bytes=tally.film_bytes,
        dropped_films=tally.dropped_films,
        dropped_bytes=tally.dropped_bytes,
        dropped_metrics=tally.dropped_metrics,
        dropped_reasons=dict(tally.dropped_reasons),
        prints_made=tally.prints_made,
        prints_failed=tuple(tally.prints_failed),
        failures=tally.failures,
        developing=max(0, tally.films_begun - tally.films_printed),
        calls=blocked.count,
        blocked_total_s=blocked.total_ns / 1e9,
        blocked_p50_s=p50_ns / 1e9,
        blocked_p99_s=p99_ns / 1e9,
        blocked_p999_s=p999_ns / 1e9,
        blocked_max_s=blocked.max_ns / 1e9,
    )


def stage_of(tally: Tally, link: LinkStatus, *, prints: bool) -> Stage:
    """What somebody who waits is waiting for: that all is safe, and (with `prints`) that it is developed."""
    safe = link.durable_c + link.durable_b
    left = link.last_c + link.last_b - safe
    if left > 0 or not prints:
        return Stage("handing over", "records", safe, left)
    developing = max(0, tally.films_begun - tally.films_printed)
    if developing:
        return Stage("developing", "films", tally.films_printed, developing)
    return Stage("drawing curves and the page")


def farewell(run_id: str, label: str, tally: Tally, directory: Path, closing: Closing | None, *, safe: bool) -> str:
    """The line that `finish` prints."""
    parts = [f"{_count(tally.prints_made, 'print')} made"]
    developing = max(0, tally.films_begun - tally.films_printed)
    if developing and (closing is None or closing.durable):
        parts.append(f"{developing} still developing (`filmlab wait {run_id}` waits for them)")
    elif developing and closing is not None and closing.safe:
        parts.append(f"{_count(developing, 'film')} not developed yet")
    if tally.prints_failed:
        parts.append(f"{tally.failures} failed ({tally.prints_failed[0]})")
    if tally.dropped_films:
        reason = next(iter(tally.dropped_reasons), "")
        parts.append(f"{_count(tally.dropped_films, 'film')} dropped ({reason})")
    if tally.dropped_metrics:
        reason = next(iter(tally.dropped_values), "")
        parts.append(f"{_count(tally.dropped_metrics, 'metric value')} dropped ({reason})")
    unsent = tally.results_handed - tally.results_sent
    if closing is not None and unsent:
        parts.append(f"{_count(unsent, 'result')} not handed over in time")
    if tally.refused:
        parts.append(f"refused by the daemon: {tally.refused}")
    if closing is not None and closing.lost_records:
        parts.append(f"{_count(closing.lost_records, 'record')} lost ({closing.why})")
    elif closing is not None and not closing.safe:
        # Not a record was made of it: no thread or no descriptor could be had, or the sender had a bug.
        parts.append(f"the rest was not recorded and is lost ({closing.why})")
    elif closing is not None and not closing.durable:
        parts.append(f"the rest is kept on disk until a daemon takes it ({closing.why})")
    elif not safe:
        parts.append("not everything was safe in time")
    return f"{label}: {', '.join(parts)}; in {directory}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
