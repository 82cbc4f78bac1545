"""Does filmlab keep what it promises, here and now? Every figure beside the one required: `make bench`.

    python benchmarks/bench.py [--short] [--only NAME …] [--json FILE]

Each benchmark has a daemon and a state directory of its own, which go with it. Nothing fails on a time: the exit
status is 1 when a benchmark broke, or when a promise that is no time did (films dropped, frames or points lost, memory
over its ceiling). `--short` is what CI runs.
"""

import argparse
import dataclasses
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bench_delivery import bench_crowd, bench_finish, bench_ingest, bench_points
from bench_faults import bench_faults, bench_flush
from bench_gym import bench_gym
from bench_page import bench_page
from bench_results import bench_results, bench_states
from bench_training import bench_film, bench_frames, bench_log, bench_tight
from figures import Figure, table
from household import Household

BENCHMARKS: dict[str, Callable[[Household, bool], list[Figure]]] = {
    "log": bench_log,
    "frames": bench_frames,
    "film": bench_film,
    "tight": bench_tight,
    "finish": bench_finish,
    "ingest": bench_ingest,
    "points": bench_points,
    "crowd": bench_crowd,
    "gym": bench_gym,
    "page": bench_page,
    "states": bench_states,
    "results": bench_results,
    "faults": bench_faults,
    "flush": bench_flush,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few rounds of each, under 25 s in all")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    options = parser.parse_args()
    # Daemons are ended on the way out, also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    rows: list[Figure] = []
    broken: list[str] = []
    for name in options.only:
        began = time.monotonic()
        try:
            rows += measured(name, options.short)
        except Exception:  # noqa: BLE001  # one that breaks must not keep the others from being seen
            traceback.print_exc()
            broken.append(name)
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n\n{table(rows)}")
    broken += [row.what.strip() for row in rows if row.promise and not row.met]
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n")
    if broken:
        sys.exit(f"broken: {'; '.join(broken)}")


def measured(name: str, short: bool) -> list[Figure]:
    """One benchmark in a house of its own."""
    with tempfile.TemporaryDirectory(prefix="filmlab-bench-") as directory:
        house = Household(Path(directory))
        try:
            house.daemon("--log-level", "warning")
            return BENCHMARKS[name](house, short)
        finally:
            house.close()


if __name__ == "__main__":
    main()
