"""What does recording cost the training, and does it lose anything? The rows of the training thread and its memory."""

import json
from pathlib import Path
from typing import Any

from figures import Figure, median, number, promise, said
from household import Household
from PIL import Image

FRAMES = 500
FPS = 30.0
LOG_RATIO = 1 / 5
COPY_RATIO = 2.0
PACED_P99_MS = 4.0
BLOCKED_S = 0.5
MEMORY_MARGIN_MIB = 16


def bench_log(house: Household, short: bool) -> list[Figure]:
    """`run.log` with ten keys beside trackio's, in turn."""
    found = house.measure("log", calls=2_000 if short else 20_000, block=200)
    mine = found["us"]["filmlab"]
    rows = [
        Figure("run.log, 10 keys: p50 / p99 / p99.9 / max", "reported", said(mine, "µs")),
        promise("its calls dropped", "0", str(found["dropped"]), found["dropped"] == 0),
    ]
    theirs = found["us"].get("trackio")
    if theirs is None:
        return [*rows, Figure("the same against trackio", "p50 ≤ 1/5", "trackio is not installed")]
    ratio = mine["p50"] / theirs["p50"]
    return [
        *rows,
        Figure("trackio.log, 10 keys, in turn", "reported", said(theirs, "µs")),
        Figure("run.log against trackio's", "p50 ≤ 1/5", f"1/{1 / ratio:.1f}", ratio <= LOG_RATIO),
    ]


def bench_frames(house: Household, short: bool) -> list[Figure]:
    """One frame of a moving square, beside a copy kept."""
    found = house.measure("frames", count=80 if short else 400, rounds=1 if short else 3)
    rows = []
    for order in ("C order", "transposed"):
        mine = [each[f"episode.step, frame, {order}"] for each in found["rounds"]]
        copies = [each[f"numpy copy kept, {order}"] for each in found["rounds"]]
        ratio = median(one["p50"] / other["p50"] for one, other in zip(mine, copies, strict=True))
        p99_ms = median(each["p99"] for each in mine) / 1e3
        spread = {name: median(each[name] for each in mine) for name in mine[0]}
        rows += [
            Figure(f"one 480×480 frame, {order}, paced at 5 ms", "reported", said(spread, "µs")),
            Figure("  p50 against a copy kept", f"≤ {COPY_RATIO:.0f} ×", f"{ratio:.2f} ×", ratio <= COPY_RATIO),
            Figure("  p99", f"≤ {PACED_P99_MS:.0f} ms", f"{number(p99_ms)} ms", p99_ms <= PACED_P99_MS),
        ]
    return [*rows, promise("  films dropped", "0", str(found["dropped"]), found["dropped"] == 0)]


def bench_film(house: Household, short: bool) -> list[Figure]:
    """An episode of 500 frames in a trainer in Python, with filmlab and without, in turn."""
    paces_ms = (2.0,) if short else (2.0, 5.0)
    counts = house.measure("calibrate", work_ms=paces_ms)["counts"]
    rows = []
    for pace_ms, count in zip(paces_ms, counts, strict=True):
        pairs = []
        for _ in range(1 if short else 5):
            without = house.measure("film", frames=FRAMES, work_rounds=count, recorded=False, picture="ball")
            pairs.append(
                (house.measure("film", frames=FRAMES, work_rounds=count, recorded=True, picture="ball"), without)
            )
        rows += _film_rows(f"500 frames, moving square, {pace_ms:.0f} ms a step", pairs)
        rows += _print_rows([with_film for with_film, _ in pairs])
        if not short:
            without = house.measure("film", frames=FRAMES, work_rounds=count, recorded=False, picture="noise")
            noisy = house.measure("film", frames=FRAMES, work_rounds=count, recorded=True, picture="noise")
            rows += _film_rows(f"500 frames, pure noise, {pace_ms:.0f} ms a step", [(noisy, without)])
    return rows


def _film_rows(what: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[Figure]:
    filmed, bare = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    dropped = sum(each["dropped"] for each in filmed)
    blocked_s = median(each["blocked_s"] for each in filmed)
    rates = [median(each["steps_per_s"] for each in side) for side in (filmed, bare)]
    cost = 1 - median(one["steps_per_s"] / other["steps_per_s"] for one, other in pairs)
    longest = [median(each["step_ms"]["max"] for each in side) for side in (filmed, bare)]
    return [
        promise(f"{what}: dropped", "0", str(dropped), dropped == 0),
        Figure("  blocked in total", f"≤ {BLOCKED_S} s", f"{blocked_s:.3f} s", blocked_s <= BLOCKED_S),
        Figure("  longest call", "reported", f"{number(median(each['blocked_max_ms'] for each in filmed))} ms"),
        Figure("  steps/s with / without", "reported", f"{rates[0]:.0f} / {rates[1]:.0f} ({-cost:+.1%})"),
        Figure("  it ran / queued for a processor / waited for the lock", "reported", _where(filmed)),
        Figure("  the same without", "reported", _where(bare)),
        Figure("  longest step with / without", "reported", f"{number(longest[0])} / {number(longest[1])} ms"),
    ]


def _where(found: list[dict[str, Any]]) -> str:
    """What the training thread did with its time: the second is other load's, too, the third filmlab's alone."""
    return (
        " / ".join(f"{median(each[name] for each in found):.2f}" for name in ("ran_s", "queued_s", "held_up_s")) + " s"
    )


def _print_rows(filmed: list[dict[str, Any]]) -> list[Figure]:
    """What became of the films on disk."""
    clips = [_clip(Path(each["run_dir"]) / "episodes") for each in filmed if each["printed"]]
    wanted = (round(1000 * FRAMES / FPS), FRAMES, FRAMES)
    good = sum(abs(clip[0] - wanted[0]) <= 10 and clip[1:] == wanted[1:] for clip in clips)
    shown = " / ".join(sorted({f"{clip[0] / 1000:.2f} s, {clip[1]}, {clip[2]}" for clip in clips}))
    required = f"{wanted[0] / 1000:.2f} s, {FRAMES}, {FRAMES}"
    return [promise("  GIF: length, frames; JSON: frames", required, shown, good == len(filmed))]


def _clip(directory: Path) -> tuple[int, int, int]:
    """(milliseconds shown, frames in the GIF, frame_count in the JSON) of the only episode there."""
    (path,) = directory.glob("*.gif")
    shown_ms = 0
    with Image.open(path) as clip:
        count = getattr(clip, "n_frames", 1)
        for index in range(count):
            clip.seek(index)
            shown_ms += int(clip.info["duration"])
    return shown_ms, count, int(json.loads(path.with_suffix(".json").read_text())["frame_count"])


def bench_tight(house: Household, short: bool) -> list[Figure]:
    """Frames as fast as they can be drawn: memory stays under its ceiling, and what is dropped is whole."""
    cases = (
        [("noise", 64, 4)] if short else [("ball", 64, 10), ("noise", 64, 10), ("ball", 512, 10), ("noise", 512, 10)]
    )
    rows = []
    for picture, cap_mib, episodes in cases:
        found = house.measure("tight", frames=FRAMES, episodes=episodes, cap_mib=cap_mib, picture=picture)
        grown, limit = found["grown_mib"], cap_mib + MEMORY_MARGIN_MIB
        whole, halves, counted = _films(house, found["run_id"])
        what = "moving square" if picture == "ball" else "pure noise"
        fine = not halves and whole + found["dropped"] == episodes + 1 and counted == found["dropped"]
        rows += [
            promise(
                f"tight loop, {what}, cap {cap_mib} MiB: memory", f"≤ {limit} MiB", f"{grown:.0f} MiB", grown <= limit
            ),
            promise(
                f"  of {episodes} episodes whole / dropped / cut",
                "cut 0, drops counted",
                f"{whole - 1} / {found['dropped']} ({counted} in the index) / {halves}",
                fine,
            ),
            Figure("  steps/s", "reported", f"{found['steps_per_s']:.0f}"),
        ]
    return rows


def _films(house: Household, run_id: str) -> tuple[int, int, int]:
    """(films that are whole, films that are neither whole nor dropped, drops that the index counts)."""
    with house.read() as index:
        frames = [(row.frames, row.length) for row in index.episodes(run_id, filmed=True)]
        counted = sum(row.count for row in index.drops(run_id) if row.what == "film")
    whole = sum(shown == length for shown, length in frames)
    return whole, sum(shown not in (0, length) for shown, length in frames), counted
