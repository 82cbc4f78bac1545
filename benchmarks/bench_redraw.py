"""Does a redraw cost more the longer its metric is? `python benchmarks/bench_redraw.py [--short]`

A real worker of the real pool draws two live metrics in turn, as the daemon would ask it to: one of ten thousand
points and one of a million (`--short`: of a hundred thousand), each three hundred points longer every time. Figures
are CPU milliseconds of the worker, medians; "cold" is a worker's first redraw, which reads everything. Then its memory.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from filmlab.wire.entries import MetricNames, RunBegin, encode_entry, seal_entries
from filmlabd.facts import RunOpened, SessionOpened, seal_fact
from filmlabd.index.columns import Columns
from filmlabd.index.schema import open_writer
from filmlabd.index.writer import Index
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.pool.pool import Pool, WorkerSpec, worker_path

SESSION, RUN, NEW_POINTS = 7, "bench", 300
GOAL = 1.5


class Growing:
    """An index with one run, whose metrics grow."""

    def __init__(self, root: Path) -> None:
        self.path = root / "index.sqlite"
        index = Index(self.path)
        opened = (SessionOpened(SESSION, 1, "host", 1, 0, 0o022, 1.0), RunOpened(SESSION, 1, RUN, "main", 1, 1.0))
        begin = RunBegin(
            run=1, wall=1.0, run_id=RUN, writer="main", project="p", name="n", directory=str(root / "prints")
        )
        records = [seal_fact(fact, 1, number) for number, fact in enumerate(opened, 1)]
        names = MetricNames(run=1, wall=1.0, names=())
        records.append(seal_entries(SESSION, 1, [encode_entry(begin), encode_entry(names)]))
        at = 0
        for record in records:
            index.apply(at, record)
            at += record.size_bytes
        index.commit()
        index.close()
        self._db = open_writer(self.path)
        (self._writer,) = self._db.execute("SELECT id FROM writers").fetchone()
        self._columns = Columns(self._db)
        self._random = np.random.default_rng(1)
        self._metrics: dict[str, int] = {}

    def grow(self, metric: str, count: int) -> None:
        """A noisy learning curve goes on."""
        begin = self._metrics.get(metric, 0)
        self._metrics[metric] = begin + count
        number = list(self._metrics).index(metric)
        ids, names = np.uint32(number).tobytes(), {number: metric}
        values = np.log1p(np.arange(begin, begin + count)) + self._random.normal(size=count)
        self._db.execute("BEGIN IMMEDIATE")
        for step, value in enumerate(values, begin):
            self._columns.add(self._writer, SESSION, ids, names, step + 1, step, 1.0, value.tobytes())
        self._columns.flush()
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


class Bench:
    """A pool of one worker, asked and waited for."""

    def __init__(self, growing: Growing, root: Path) -> None:
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._freed = asyncio.Event()
        spec = WorkerSpec(str(growing.path), str(root / "film"), worker_path())
        self.pool = Pool(1, spec, done=self._outcomes.put_nowait, freed=lambda count: self._freed.set())

    async def draw(self, metric: str) -> float:
        """CPU milliseconds of one redraw."""
        while not self.pool.free:
            self._freed.clear()
            await self._freed.wait()
        self.pool.submit(Job(f"curve:{RUN}:{metric}", JobKind.CURVE, RUN, metric=metric), 600.0)
        outcome = await self._outcomes.get()
        if not outcome.ok:
            raise RuntimeError(outcome.error)
        return outcome.cost_s * 1e3

    def rss_mb(self) -> float:
        """Of the worker."""
        (pid,) = self.pool.workers
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * 4096 / 1e6


async def measure(root: Path, *, long: int, rounds: int) -> bool:
    growing = Growing(root)
    sizes = {"short": 10_000, "long": long}
    for metric, size in sizes.items():
        growing.grow(metric, size)
    bench = Bench(growing, root)
    await bench.pool.start()
    cold = {metric: await bench.draw(metric) for metric in sizes}
    before_mb = bench.rss_mb()
    spent: dict[str, list[float]] = {metric: [] for metric in sizes}
    for _ in range(rounds):
        for metric, times in spent.items():
            growing.grow(metric, NEW_POINTS)
            times.append(await bench.draw(metric))
    after_mb = bench.rss_mb()
    await bench.pool.stop(10.0)
    growing.close()
    warm = {metric: statistics.median(times) for metric, times in spent.items()}
    ratio = statistics.median(a / b for a, b in zip(spent["long"], spent["short"], strict=True))
    print("| points | cold, ms | redraw, ms |\n|---|---|---|")
    for metric, size in sizes.items():
        print(f"| {size:,} | {cold[metric]:.1f} | {warm[metric]:.1f} |")
    print(f"\n{long:,} points against 10,000: {ratio:.2f} (goal ≤ {GOAL})")
    print(f"the worker's memory: {before_mb:.0f} MB before, {after_mb:.0f} MB after {2 * rounds} redraws")
    return ratio <= GOAL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a hundred thousand points, fewer rounds")
    options = parser.parse_args()
    long, rounds = (100_000, 7) if options.short else (1_000_000, 25)
    with tempfile.TemporaryDirectory() as root:
        return 0 if asyncio.run(measure(Path(root), long=long, rounds=rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
