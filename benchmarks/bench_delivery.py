"""How quick and how sure is the way to the disk? Ending a run, durable ingest, and many trainers at once."""

from figures import Figure, median, number, promise, spread
from household import Household, until

FINISH_MS = 50.0
INGEST_SHARE = 1 / 2
POINTS_PER_S = 50_000
DAEMON_MB = 400.0


def bench_finish(house: Household, short: bool) -> list[Figure]:
    """`finish()`, and that the daemon outlives the trainer."""
    frames = 40 if short else 150
    before = house.daemon_pid()
    found = house.measure("finish", rounds=3 if short else 15, noise_frames=frames)
    alive = house.daemon_pid() == before and house.ask("status")["pid"] == before
    durable = spread(found["durable_ms"])
    megabytes = frames * 480 * 480 * 3 / 1e6
    return [
        Figure(
            "finish(), all durable: p50 / max",
            f"≤ {FINISH_MS:.0f} ms",
            f"{number(durable['p50'])} / {number(durable['max'])} ms",
            durable["p50"] <= FINISH_MS,
        ),
        Figure("  100 frames of a moving square on their way", "reported", f"{number(median(found['small_ms']))} ms"),
        Figure(
            f"  {megabytes:.0f} MB of noise on their way (plain file)",
            "as the disk needs",
            f"{number(median(found['large_ms']))} ({number(median(found['plain_ms']))}) ms",
        ),
        promise("  the daemon afterwards", "goes on", "goes on" if alive else "gone", alive),
    ]


def bench_ingest(house: Household, short: bool) -> list[Figure]:
    """Incompressible frames beside a plain file of the same bytes."""
    frames = 250 if short else 400
    found = house.measure("ingest", frames=frames, rounds=2 if short else 7)
    mine, plain = median(found["filmed"]), median(found["plain"])
    share = median(one / other for one, other in zip(found["filmed"], found["plain"], strict=True))
    return [
        Figure("durable ingest, pure noise / plain write + fdatasync", "reported", f"{mine:.0f} / {plain:.0f} MB/s"),
        Figure("  share", f"≥ {INGEST_SHARE}", f"{share:.2f}", share >= INGEST_SHARE),
        promise("  films dropped", "0", str(found["dropped"]), found["dropped"] == 0),
    ]


def bench_points(house: Household, short: bool) -> list[Figure]:
    """Metric points of one client, ten a call."""
    found = house.measure("points", rows=20_000 if short else 200_000)
    return [
        Figure("points/s durable", f"≥ {POINTS_PER_S:,}", f"{found['durable']:,.0f}", found["durable"] >= POINTS_PER_S),
        Figure("  points/s in the index", "reported", f"{found['indexed']:,.0f}"),
        promise(
            "  points dropped / lost",
            "0 / 0",
            f"{found['dropped']} / {found['lost']}",
            found["dropped"] == found["lost"] == 0,
        ),
    ]


def bench_crowd(house: Household, short: bool) -> list[Figure]:
    """32 trainers at once, with metrics and film."""
    ball_frames, noise_frames, rows = (30, 5, 700) if short else (150, 50, 5_000)
    found = house.measure("crowd", trainers=32, rows=rows, ball_frames=ball_frames, noise_frames=noise_frames)
    trainers = [each for each in found["trainers"] if each is not None]
    acknowledged = sum(each["acknowledged"] for each in trainers)
    dropped = sum(each["dropped"] for each in trainers)
    expected = {each["run_id"]: (each["points"], ball_frames + noise_frames) for each in trainers}
    until(lambda: all(row.status != "running" for row in house.runs()), "the index to see every run's end")
    stored = {run_id: _stored(house, run_id) for run_id in expected}
    good = sum(stored[run_id] == wanted for run_id, wanted in expected.items())
    points, frames = (sum(each[column] for each in stored.values()) for column in (0, 1))
    peak_mb = house.daemon_peak_mb()
    return [
        promise(
            "32 trainers: acknowledged / dropped",
            "32 / 0",
            f"{acknowledged} / {dropped}",
            (acknowledged, dropped) == (32, 0),
        ),
        promise(
            "  all points and frames in the index",
            "32 runs",
            f"{good} runs ({points:,} points, {frames:,} frames)",
            good == 32,
        ),
        promise("  the daemon's peak RSS", f"≤ {DAEMON_MB:.0f} MB", f"{peak_mb:.0f} MB", peak_mb <= DAEMON_MB),
        Figure("  all at rest after", "reported", f"{found['took_s']:.1f} s"),
        Figure("  longest call of any", "reported", f"{number(max(each['longest_ms'] for each in trainers))} ms"),
    ]


def _stored(house: Household, run_id: str) -> tuple[int, int]:
    """(points that were logged, frames) of a run, counted in what lies in the columns and the films."""
    with house.read() as index:
        names = {row.name for row in index.metrics(run_id) if row.name.startswith("metric/")}
        points = sum(len(part.value) for name in names for part in index.points(run_id, name))
        episodes = index.episodes(run_id, filmed=True)
    return points, sum(row.frames for row in episodes)
