"""How fast are curves drawn? Ratios to matplotlib side by side in one process; nothing here fails on a time.

    python benchmarks/bench_curve.py [--short] [--json FILE]

One noisy return of n points with outliers and its moving average of 100. matplotlib draws what a script would hand it:
all points in a figure of 960x540, with Agg for PNG and its SVG backend for SVG; "as usual" (a legend where there is
room, tight_layout) and "bare" (neither). Ours is drawn from a pyramid, as the daemon keeps it, and from plain arrays.
Every figure is the median of rounds in which the methods take turns, in CPU time of this process. The second table
says whether the cost of a redraw grows with the history, the third how exact the moving average is.
"""

import argparse
import io
import json
import random
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from filmlabd.render.curve import Panel, Series, draw, to_png, to_svg
from filmlabd.render.pyramid import Track
from filmlabd.render.smoothing import moving_average

WINDOW = 100
GOALS = {"PNG": 12.0, "SVG": 40.0}
FLATNESS_GOAL = 1.5
ERROR_GOAL = 1e-12


def history(n: int) -> tuple[np.ndarray, np.ndarray]:
    """x, y of a learning curve: rising, noisy, one episode in 200 a failure."""
    rng = np.random.default_rng(1)
    x = np.arange(n, dtype=np.float64)
    y = 200 * (1 - np.exp(-x / (n / 4))) + 30 * rng.normal(size=n)
    failures = rng.integers(0, n, max(n // 200, 1))
    y[failures] -= 150 * rng.random(len(failures))
    return x, y


def panel(series: Series) -> Panel:
    return Panel("training reward over episodes", "Episode", "Reward", (series,))


def interleaved(methods: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each method; one unmeasured round first, then all of them in turn.

    The order changes from round to round: whoever comes after a large peer finds the caches cold.
    """
    spent: dict[str, list[float]] = {name: [] for name in methods}
    order = random.Random(1)
    for number in range(rounds + 1):
        for name in order.sample(sorted(methods), len(methods)):
            began = time.process_time()
            methods[name]()
            if number:
                spent[name].append((time.process_time() - began) * 1e3)
    return {name: statistics.median(times) for name, times in spent.items()}


def matplotlib_methods(x: np.ndarray, y: np.ndarray, mean: np.ndarray) -> dict[str, Callable[[], Any]]:
    """matplotlib's PNG and SVG of all points; none when it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return {}

    def figure(*, bare: bool) -> Any:
        made = Figure(figsize=(9.6, 5.4), dpi=100)
        axes = made.subplots()
        axes.plot(x, y, color="#264653", alpha=0.25, linewidth=1.1, label="reward")
        axes.plot(x, mean, color="#264653", linewidth=2.0, label=f"avg{WINDOW}")
        axes.set_title("training reward over episodes")
        axes.set_xlabel("Episode")
        axes.set_ylabel("Reward")
        axes.grid(visible=True, axis="y", alpha=0.3)
        axes.legend(**({"loc": "upper left"} if bare else {}))
        if not bare:
            made.tight_layout()
        return made

    return {
        "matplotlib PNG": lambda: figure(bare=False).savefig(io.BytesIO(), format="png"),
        "matplotlib SVG": lambda: figure(bare=False).savefig(io.BytesIO(), format="svg"),
        "bare matplotlib PNG": lambda: figure(bare=True).savefig(io.BytesIO(), format="png"),
        "bare matplotlib SVG": lambda: figure(bare=True).savefig(io.BytesIO(), format="svg"),
    }


def bench_drawing(n: int, rounds: int) -> dict[str, float]:
    """CPU milliseconds of every way to draw n points. The averages are at hand for matplotlib and in the pyramid."""
    x, y = history(n)
    track = Track(WINDOW)
    track.append(x, y)
    live = lambda: draw(panel(Series.from_track("reward", track, color="#264653")))  # noqa: E731 (as short as its name)
    plain = lambda: draw(panel(Series("reward", x, y, "#264653", WINDOW)))  # noqa: E731 (likewise)
    methods: dict[str, Callable[[], Any]] = {
        "PNG": lambda: to_png(live()),
        "SVG": lambda: to_svg(live()),
        "PNG from arrays": lambda: to_png(plain()),
        "SVG from arrays": lambda: to_svg(plain()),
    }
    return interleaved(methods | matplotlib_methods(x, y, moving_average(y, WINDOW)), rounds)


def bench_flatness(rounds: int) -> dict[str, float]:
    """CPU milliseconds of a whole redraw (a hundred new points, geometry, SVG and PNG) by length of the history."""
    methods: dict[str, Callable[[], Any]] = {}
    for n in (1_000, 10_000, 100_000, 1_000_000):
        x, y = history(n)
        track = Track(WINDOW)
        track.append(x, y)
        methods[f"{n}"] = lambda track=track: redraw(track)
    return interleaved(methods, rounds)


def redraw(track: Track) -> None:
    for _ in range(100):
        track.add(track.raw.last_x + 1, 100.0)
    drawing = draw(panel(Series.from_track("reward", track)))
    to_svg(drawing)
    to_png(drawing)


def bench_average(n: int) -> dict[str, float]:
    """The moving average's largest relative error against exact fractions, by what disturbs the series."""
    found = {}
    for name, disturb in {
        "benign": lambda y: None,
        "one 1e18": lambda y: y.__setitem__(50, 1e18),
        "one 1e300": lambda y: y.__setitem__(50, 1e300),
        "offset 1e9": lambda y: y.__iadd__(1e9),
        "NaN and infinities": lambda y: y.__setitem__(slice(3, None, 7), [np.nan, np.inf, -np.inf][len(y) % 3]),
    }.items():
        y = history(n)[1]
        disturb(y)
        found[name] = largest_error(y)
    return found


def largest_error(y: np.ndarray) -> float:
    """The largest |mine - exact| / |exact| over all windows, worked out in fractions."""
    terms = [Fraction(v) if np.isfinite(v) else None for v in y.tolist()]
    worst, total, count = Fraction(0), Fraction(0), 0
    for i, mine in enumerate(moving_average(y, WINDOW).tolist()):
        for term, sign in ((terms[i], 1), (terms[i - WINDOW] if i >= WINDOW else None, -1)):
            if term is not None:
                total, count = total + sign * term, count + sign
        if count and total:
            worst = max(worst, abs(Fraction(mine) - total / count) / abs(total / count))
    return float(worst)


def report(drawing: dict[int, dict[str, float]], flatness: dict[str, float], average: dict[str, float]) -> None:
    print("| curve | points | ours, ms | matplotlib as usual | ratio | goal | bare | ratio | from arrays, ms | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind, goal in GOALS.items():
        for n, spent in drawing.items():
            usual, bare = (spent.get(f"{peer} {kind}", float("nan")) for peer in ("matplotlib", "bare matplotlib"))
            mine, plain = spent[kind], spent[f"{kind} from arrays"]
            cells = [
                f"{mine:.2f}",
                f"{usual:.1f}",
                f"{usual / mine:.0f}",
                f"≥ {goal:.0f}",
                f"{bare:.1f}",
                f"{bare / mine:.0f}",
            ]
            print(f"| {kind} | {n} |", " | ".join([*cells, f"{plain:.2f}", f"{usual / plain:.0f}"]), "|")
    print("\nWhole redraw (100 new points, geometry, SVG, PNG), ms:", {n: round(ms, 2) for n, ms in flatness.items()})
    ratio = flatness["1000000"] / flatness["10000"]
    print(f"at 1 000 000 points against 10 000: {ratio:.2f} (goal ≤ {FLATNESS_GOAL})")
    print("\nMoving average, largest relative error:", {name: f"{error:.1e}" for name, error in average.items()})
    print(f"goal ≤ {ERROR_GOAL:g}: {'met' if max(average.values()) <= ERROR_GOAL else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer rounds, no million points against matplotlib")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    rounds, sizes = (5, (100, 10_000)) if options.short else (9, (100, 10_000, 1_000_000))
    drawing = {n: bench_drawing(n, rounds) for n in sizes}
    flatness, average = bench_flatness(3 * rounds), bench_average(2_000 if options.short else 10_000)
    report(drawing, flatness, average)
    if options.json:
        options.json.write_text(
            json.dumps({"drawing_ms": drawing, "redraw_ms": flatness, "error": average}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
