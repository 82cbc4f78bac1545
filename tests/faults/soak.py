"""`make soak`: the loops of the fault tests at length, one kind after the other, until the time is over.

    make soak ARGS="--minutes 60 --only daemon cuts --seed 7"

Each round is one of the tests with a seed of its own and a larger count; what one says that fails is kept in a file.
Prints `kind: N tried / N bad (seed …)` after each round, and at the end all kinds with their goals, and how memory and
descriptors of a daemon and a trainer went that worked beside it all the time. Exit status 1: something was bad.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from faults.growth import Growth  # noqa: E402  # the tests are no installed package

ROUND_PATIENCE_S = 1800


@dataclass
class Kind:
    """One kind of fault: which test, which variable says how many, and what has come of it so far."""

    name: str
    test: str
    variable: str
    per_round: int
    goal: int
    tried: int = 0
    bad: int = 0
    seeds: list[int] = field(default_factory=list)

    def round(self, seed: int, left_s: float) -> str:
        """One test with one seed; empty, or what it said when it failed."""
        environ = os.environ | {"FILMLAB_SEED": str(seed), self.variable: str(self.per_round)}
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(TESTS / self.test)]
        try:
            done = subprocess.run(
                command, cwd=TESTS.parent, env=environ, capture_output=True, text=True, check=False,
                timeout=left_s + ROUND_PATIENCE_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            self.bad += 1
            return f"not done after {error.timeout:.0f} s"
        tried = sum(int(count) for count in re.findall(r"(\d+) [^\n]* tried / 0 bad", done.stdout))
        self.tried += tried or self.per_round
        self.seeds.append(seed)
        if done.returncode == 0:
            return ""
        self.bad += 1
        return done.stdout + done.stderr

    def __str__(self) -> str:
        seeds = f"seed {self.seeds[-1]}" if self.seeds else "no seed"
        return f"{self.name}: {self.tried:,} tried / {self.bad} bad ({seeds}; goal {self.goal:,})"


def kinds() -> list[Kind]:
    """The table of issue and delivery: goals for hours; a round is about a minute."""
    return [
        Kind("daemon", "faults/test_kills.py::test_row_1_kill_9_of_the_daemon_loses_and_doubles_nothing",
             "FILMLAB_KILLS", 80, 10_000),
        Kind("trainer", "faults/test_kills.py::test_row_3_kill_9_of_the_trainer_keeps_what_was_acknowledged",
             "FILMLAB_KILLS", 160, 5_000),
        Kind("worker", "faults/test_kills.py::test_row_5_kill_9_of_workers_costs_retries_only",
             "FILMLAB_KILLS", 40, 10_000),
        Kind("named-points", "faults/test_failpoints.py", "FILMLAB_PASSINGS", 3, 10_000),
        Kind("cuts", "faults/test_proxy.py", "FILMLAB_CUTS", 600, 50_000),
        Kind("disk", "faults/test_shim.py", "FILMLAB_POINTS", 100, 20_000),
        Kind("calls", "faults/test_points.py::test_rows_12_to_15_and_18_any_call_may_fail_in_any_way",
             "FILMLAB_CALLS", 10_000, 1_000_000),
        Kind("damage",
             "faults/test_points.py::test_row_17_flipped_bits_and_cut_files_are_seen_and_cost_no_more_than_they_hit",
             "FILMLAB_DAMAGES", 40_000, 1_000_000),
        Kind("messages", "faults/test_fuzz.py", "FILMLAB_MESSAGES", 1_000_000, 1_000_000_000),
        Kind("stories", "faults/test_simulation.py::test_no_story_loses_or_doubles_anything",
             "FILMLAB_SEEDS", 5_000, 1_000_000),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    table = kinds()
    parser.add_argument("--minutes", type=float, default=60.0, help="no round is begun afterwards")
    parser.add_argument("--only", nargs="+", choices=[kind.name for kind in table], default=[], metavar="KIND")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    options = parser.parse_args()
    chosen = [kind for kind in table if not options.only or kind.name in options.only]
    rng = random.Random(options.seed)
    print(f"seed {options.seed}, {options.minutes:g} minutes: {' '.join(kind.name for kind in chosen)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="filmlab-soak-") as name:
        growth = Growth(Path(name))
        try:
            said = soak(chosen, rng, options.minutes * 60)
        finally:
            told, bad = growth.end()
    print("\n" + "\n".join([*map(str, chosen), *told, *said]), flush=True)
    return 1 if bad or any(kind.bad for kind in chosen) else 0


def soak(chosen: list[Kind], rng: random.Random, seconds: float) -> list[str]:
    """Round after round, kind after kind; where the output of failed ones lies."""
    until = time.monotonic() + seconds
    said: list[str] = []
    while (left_s := until - time.monotonic()) > 0 and any(kind.tried < kind.goal for kind in chosen):
        kind = min(chosen, key=lambda one: (one.tried >= one.goal, len(one.seeds) + one.bad))
        # Apart from each other: loops in two processes take the seeds that follow.
        seed = rng.randrange(2**31 - 2**20)
        output = kind.round(seed, left_s)
        print(kind, flush=True)
        if output:
            kept = Path(tempfile.gettempdir()) / f"filmlab-soak-{kind.name}-{seed}.txt"
            kept.write_text(output)
            said.append(f"bad: {kind.name}, seed {seed}: {kept}")
            print(said[-1], flush=True)
    return said


if __name__ == "__main__":
    sys.exit(main())
