"""What do results cost? An agent's state on disk beside plain bytes, and one on its way to the lab."""

from figures import Figure, median, number, promise, said, spread
from household import Household

TIME_RATIO, SAVING_SHARE, LOADING_SHARE = 2.0, 0.2, 1.2
# The kernel counts a process's memory to some 200 KiB for each of its threads.
SLACK_SHARE = 0.02


def bench_states(house: Household, short: bool) -> list[Figure]:
    """Saving and loading, beside plain writing (synced) and reading of as many bytes."""
    mib = 64 if short else 500
    found = house.measure("states", mib=mib, rounds=2 if short else 5)
    ratio = median(mine / plain for mine, plain in zip(found["mine"], found["plain"], strict=True))
    saving, loading = max(found["saving"]), max(found["loading"])
    return [
        Figure(
            f"state of {mib} MiB, saved and loaded / plainly",
            f"≤ {TIME_RATIO:g} ×",
            f"{ratio:.2f} × ({number(median(found['mine']))} / {number(median(found['plain']))} s)",
            ratio <= TIME_RATIO,
        ),
        promise(
            "  memory beyond it while saving", f"≤ {SAVING_SHARE:g} ×", f"{saving:.3f} ×",
            saving <= SAVING_SHARE + SLACK_SHARE,
        ),
        promise(
            "  memory beyond the caller's while loading", f"≤ {LOADING_SHARE:g} ×", f"{loading:.3f} ×",
            loading <= LOADING_SHARE + SLACK_SHARE,
        ),
    ]  # fmt: skip


def bench_results(house: Household, short: bool) -> list[Figure]:
    """`log_results` with a large state, and numbers while it is on its way."""
    mib = 32 if short else 500
    found = house.measure("results", mib=mib)
    call_ms, copy_ms = 1e3 * found["call_s"], 1e3 * found["copy_s"]
    return [
        Figure(
            f"log_results with {mib} MiB / one copy of it", "one copy", f"{number(call_ms)} / {number(copy_ms)} ms",
        ),
        Figure("  run.log meanwhile", "reported", said(spread(found["log_us"]), "µs")),
        Figure(
            "  a number durable meanwhile / before: p50, max", "reported",
            f"{number(median(found['busy_ms']))}, {number(max(found['busy_ms']))} / "
            f"{number(median(found['quiet_ms']))}, {number(max(found['quiet_ms']))} ms",
        ),
        Figure(
            "  durable / written by the lab after", "reported",
            f"{number(found['durable_s'])} / {number(found['written_s'])} s",
        ),
        promise(
            "  numbers dropped / the state whole", "0 / yes",
            f"{found['dropped']} / {'yes' if found['whole'] else 'no'}",
            found["whole"] and not found["dropped"],
        ),
    ]  # fmt: skip
