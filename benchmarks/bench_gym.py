"""What does it cost to film every tenth episode of a Gymnasium loop? Beside RecordVideo, and beside not filming."""

from typing import Any

from figures import Figure, median, number, promise, spread
from household import Household

ENVIRONMENTS = ("CartPole-v1", "LunarLander-v3")
COPIES = 2.0


def bench_gym(house: Household, short: bool) -> list[Figure]:
    """CartPole and LunarLander, three loops in turn in one process."""
    rows: list[Figure] = []
    for env_id in ENVIRONMENTS:
        found = house.measure("gym", env_id=env_id, rounds=1 if short else 5, episodes=20 if short else 100, steps=500)
        rows += _rates(env_id, found)
        rows += _cost(found)
    return rows


def _rates(env_id: str, found: dict[str, Any]) -> list[Figure]:
    rates = {name: median(values) for name, values in found["rates"].items()}
    rows = [
        Figure(f"{env_id}, every tenth episode filmed: bare loop", "reported", f"{number(rates['bare'])} steps/s"),
        _beside("  RecordEpisodes (frames)", rates, "RecordEpisodes"),
    ]
    if "RecordVideo" not in rates:
        return [*rows, Figure("  RecordVideo", "reported", "moviepy is not installed")]
    return [*rows, _beside("  RecordVideo", rates, "RecordVideo")]


def _beside(what: str, rates: dict[str, float], name: str) -> Figure:
    share = rates[name] / rates["bare"]
    return Figure(what, "reported", f"{number(rates[name])} steps/s, {100 * share:.0f} % of bare")


def _cost(found: dict[str, Any]) -> list[Figure]:
    mine, copy = spread(found["cost_us"]), spread(found["copy_us"])
    ratio = sum(found["cost_us"]) / sum(found["copy_us"])
    both = f"{number(mine['p50'])} / {number(copy['p50'])} µs"
    return [
        Figure("  a filmed step without step and render / a copy kept: p50", "reported", both),
        Figure("  all filmed steps, in copies of their frames", f"≤ {COPIES:.0f} ×", f"{ratio:.2f} ×", ratio <= COPIES),
        promise("  films there, dropped", f"{found['expected']}, 0", f"{found['films']}, {found['dropped']}",
                found["films"] == found["expected"] and not found["dropped"]),
    ]  # fmt: skip
