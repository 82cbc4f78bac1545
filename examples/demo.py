"""The main job on a real run: two agents learn CartPole-v1 side by side, filmed, and nothing is started by hand.

`make demo` runs this. It ends with what filmlab cost the two training threads, and with where the files are.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, TextIO

TRAINER = Path(__file__).with_name("cartpole.py")
SEEDS = (1, 2)
WIDTH = 26


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        reports = [Path(scratch) / f"{seed}.json" for seed in SEEDS]
        trainers = [
            subprocess.Popen(
                [sys.executable, str(TRAINER), "--seed", str(seed), "--report", str(report)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed, report in zip(SEEDS, reports, strict=True)
        ]
        readers = [threading.Thread(target=show, args=(trainer.stdout,)) for trainer in trainers]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        if any(trainer.wait() for trainer in trainers):
            sys.exit("a trainer failed: see above")
        summarise([json.loads(report.read_text()) for report in reports])


def show(lines: TextIO | None) -> None:
    """Pass on a trainer's progress, line by line."""
    for line in lines or ():
        sys.stdout.write(line)
        sys.stdout.flush()


def summarise(reports: list[dict[str, Any]]) -> None:
    """A short table, one column for each run."""
    print(f"\n{'':{WIDTH}}" + "".join(f"{'seed ' + str(seed):>14}" for seed in SEEDS))
    rows: list[tuple[str, Any]] = [
        ("episodes", lambda r: r["episodes"]),
        ("film handed over", lambda r: f"{r['film_frames']} frames"),
        ("", lambda r: f"{r['film_bytes'] / 1e6:.0f} MB raw"),
        ("training took", lambda r: f"{r['trained_s']:.1f} s"),
        ("time inside filmlab", lambda r: f"{r['blocked_total_s'] * 1e3:.0f} ms"),
        ("  p50 of a call", lambda r: f"{r['blocked_p50_s'] * 1e6:.1f} µs"),
        ("  p99", lambda r: f"{r['blocked_p99_s'] * 1e6:.0f} µs"),
        ("  longest", lambda r: f"{r['blocked_max_s'] * 1e3:.1f} ms"),
        ("prints made", lambda r: r["prints_made"]),
        ("dropped films / metrics", lambda r: f"{r['dropped_films']} / {r['dropped_metrics']}"),
    ]
    for label, value in rows:
        print(f"{label:{WIDTH}}" + "".join(f"{value(report)!s:>14}" for report in reports))
    print("\nOpen these in a browser:")
    for report in reports:
        print(f"  {report['dir']}/index.html")
    command = os.path.relpath(Path(sys.executable).with_name("filmlab"))
    print(f"`{command} ls` lists every run there is, and `{command} show` shows them live.")


if __name__ == "__main__":
    main()
