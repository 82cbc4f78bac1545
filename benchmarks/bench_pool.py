"""What does developing cost beside the encoders themselves, and what does it take from the trainings?

    python benchmarks/bench_pool.py [--short] [--only pool trainers]

pool: CPU per clip of two workers of the real pool (with the poster, the JSON, the index and the run's directory), and
of two processes that do nothing but read the same films and encode them; in turn.
trainers: the speed of as many trainers as there are cores, while all workers of a daemon that started by itself render,
and while the same workers are stopped; pairs side by side.

Nothing fails on a time. Beside other work on the machine trust the ratios, and look at the load.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import zstandard
from bench_redraw import SESSION, Growing
from figures import Figure, median, number
from household import Household, until
from processes import answers, cpu_s, main, told

from filmlab.wire import chunks, entries
from filmlabd.index.writer import Index
from filmlabd.journal.film_frames import read_frames
from filmlabd.journal.films import FilmStore, film_path
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.pool.pool import Pool, WorkerSpec, worker_path
from filmlabd.render.gif import encode_gif

POOL_GOAL, KEPT_GOAL = 1.2, 0.95
FRAMES, FPS = 200, 30.0


# --- pool -----------------------------------------------------------------------------------------------------------


class Films:
    """A run with films that wait to be developed: clips of a pole on a cart, drawn by formula."""

    def __init__(self, root: Path, count: int) -> None:
        self.growing = Growing(root)
        self.growing.close()
        self.room = root / "film"
        self.numbers = list(range(1, count + 1))
        store, index, compressor = FilmStore(self.room), Index(self.growing.path), zstandard.ZstdCompressor(level=1)
        seq_b, at = 0, index.watermark
        for film in self.numbers:
            for first, frame in enumerate(cart_pole(film)):
                seq_b += 1
                meta = chunks.Film(
                    run=1, film=film, first=first, count=1, height=frame.shape[0], width=frame.shape[1], channels=3
                )
                chunk = chunks.seal_chunk(SESSION, seq_b, meta, [compressor.compress(frame.tobytes())])
                store.append(SESSION, film, [chunk])
            said = (
                entries.EpisodeBegin(run=1, wall=1.0, episode=film, film=film),
                entries.EpisodeEnd(
                    run=1, wall=1.0, episode=film, film=film, return_=1.0, length=FRAMES, frames=FRAMES, last_seq=seq_b
                ),
            )
            record = entries.seal_entries(SESSION, 1 + film, [entries.encode_entry(item) for item in said])
            index.apply(at, record)
            at += record.size_bytes
        index.commit()
        index.close()
        store.sync()
        store.close()


def cart_pole(seed: int) -> Iterator[np.ndarray]:
    """400x600, two colours beside white, a little of it moves: as classic control looks."""
    rows, columns = np.mgrid[:400, :600]
    for index in range(FRAMES):
        frame = np.full((400, 600, 3), 255, np.uint8)
        x, angle = 300 + 120 * np.sin(index / 31 + seed), 0.3 * np.sin(index / 7 + seed)
        along = (300 - rows) * np.cos(angle) + (columns - x) * np.sin(angle)
        across = abs((300 - rows) * np.sin(angle) - (columns - x) * np.cos(angle))
        frame[(along > 0) & (along < 110) & (across < 5)] = (202, 152, 101)
        frame[285:315, int(x) - 25 : int(x) + 25] = 0
        frame[315] = 0
        yield frame


class Workers:
    """The real pool, in a loop of its own thread, and how much CPU its processes have spent."""

    def __init__(self, films: Films, count: int) -> None:
        self._films = films
        self._count = count

    async def run(self, batches: int, between: Callable[[], None]) -> list[float]:
        """CPU seconds of each batch of all films; `between` is called before each."""
        outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        freed = asyncio.Event()
        spec = WorkerSpec(str(self._films.growing.path), str(self._films.room), worker_path(), jobs_max=10**6)
        pool = Pool(self._count, spec, done=outcomes.put_nowait, freed=lambda count: freed.set())
        await pool.start()
        spent = []
        try:
            for batch in range(batches + 1):
                await asyncio.to_thread(between)
                while pool.free < self._count:
                    freed.clear()
                    await freed.wait()
                before = sum(map(cpu_s, pool.workers))
                waiting = list(self._films.numbers)
                for _ in self._films.numbers:
                    while waiting and pool.free:
                        film = waiting.pop()
                        job = Job(f"episode:{film}", JobKind.EPISODE, "bench", SESSION, film, final=True)
                        pool.submit(job, 600.0)
                    outcome = await outcomes.get()
                    if not outcome.ok:
                        raise RuntimeError(outcome.error)
                # The first batch is for numpy's and the encoder's own tables.
                if batch:
                    spent.append(sum(map(cpu_s, pool.workers)) - before)
        finally:
            await pool.stop(5.0)
        return spent


def encode_films(room: str, out: str, films: list[int]) -> None:
    """A process without the pool: on each line of input it encodes all its films, and says what that cost."""
    os.nice(19)
    for _ in sys.stdin:
        began = time.process_time()
        for film in films:
            clip = encode_gif(read_frames(film_path(Path(room), SESSION, film)), FPS)
            (Path(out) / f"{film}.gif").write_bytes(clip.data)
        print(time.process_time() - began, flush=True)


def bench_pool(short: bool) -> list[Figure]:
    """Two workers of the pool beside two processes without it, batch by batch in turn."""
    batches, count = (2, 4) if short else (7, 12)
    with tempfile.TemporaryDirectory(prefix="filmlab-bench-") as directory, ExitStack() as stack:
        films = Films(Path(directory), count)
        alone = [
            stack.enter_context(told(encode_films, str(films.room), directory, films.numbers[half::2]))
            for half in range(2)
        ]
        spent: list[float] = []

        def without() -> None:
            spent.append(sum(answers(alone)))

        pooled = asyncio.run(Workers(films, 2).run(batches, without))
    ratio = median(mine / theirs for mine, theirs in zip(pooled, spent[1:], strict=True))
    each = 1e3 / count
    return [
        Figure("CPU per clip (200 frames, 400×600) in the pool", "reported", f"{number(median(pooled) * each)} ms"),
        Figure("  encoded by two processes without it", "reported", f"{number(median(spent[1:]) * each)} ms"),
        Figure("  ratio, pairs in turn", f"≤ {POOL_GOAL}", f"{ratio:.2f}", ratio <= POOL_GOAL),
    ]


# --- trainers -------------------------------------------------------------------------------------------------------


def work(seconds: float) -> None:
    """A training without filmlab's sight: for each line of input so many seconds of arithmetic; says steps a second."""
    weights = np.random.default_rng(0).random((64, 64))
    for _ in sys.stdin:
        steps, end = 0, time.perf_counter() + seconds
        began = time.perf_counter()
        while time.perf_counter() < end:
            state = weights
            for index in range(20):
                state = np.tanh(state @ weights) + index % 3
            steps += 1
        print(steps / (time.perf_counter() - began), flush=True)


_BACKLOG = """
import filmlab, numpy as np
run = filmlab.init(project="bench", name="backlog", schedule="always", memory_bytes=2 << 30)
frames = np.random.default_rng(0).integers(0, 256, (20, 240, 320, 3), np.uint8)
for number in range({episodes}):
    with run.episode() as episode:
        for index in range(100):
            episode.step(action=1, reward=1.0, frame=frames[index % 20])
run.finish()
"""


def bench_trainers(short: bool) -> list[Figure]:
    """Pairs: all workers render, all workers are stopped; the order changes from pair to pair."""
    pairs, seconds = (3, 1.0) if short else (9, 3.0)
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="filmlab-bench-") as directory, ExitStack() as stack:
        house = Household(Path(directory))
        stack.callback(house.close)
        # Nobody has started a daemon: this trainer does, as anybody's would.
        house.train(_BACKLOG.format(episodes=10 if short else 60))
        workers = until(lambda: busy_workers(house), "all workers to render")
        stack.callback(signal_all, workers, signal.SIGCONT)
        trainers = [stack.enter_context(told(work, seconds)) for _ in range(cores)]
        answers(trainers)
        speeds: dict[str, list[float]] = {"rendering": [], "stopped": []}
        shares = []
        for pair in range(pairs):
            for what in sorted(speeds, reverse=bool(pair % 2)):
                signal_all(workers, signal.SIGCONT if what == "rendering" else signal.SIGSTOP)
                before = sum(map(cpu_s, workers))
                speeds[what].append(sum(answers(trainers)))
                if what == "rendering":
                    shares.append((sum(map(cpu_s, workers)) - before) / (seconds * cores))
        rendering = busy_workers(house) == workers
    kept = median(one / other for one, other in zip(speeds["rendering"], speeds["stopped"], strict=True))
    return [
        Figure(f"{cores} trainers, {len(workers)} workers rendering: speed kept", f"≥ {KEPT_GOAL:.0%}", f"{kept:.1%}",
               kept >= KEPT_GOAL and rendering),
        Figure("  pairs", "9", ", ".join(f"{a / b:.2f}" for a, b in zip(speeds["rendering"], speeds["stopped"],
                                                                       strict=True))),
        Figure("  of all cores, what the workers had meanwhile", "reported", f"{median(shares):.1%}"),
        Figure("  all workers were busy to the end", "yes", "yes" if rendering else "no", rendering),
    ]  # fmt: skip


def busy_workers(house: Household) -> list[int]:
    """Their process ids, once all of them have something to do."""
    workers = house.ask("status").get("workers", {})
    return sorted(map(int, workers)) if workers and all(workers.values()) else []


def signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


if __name__ == "__main__":
    main(__doc__ or "", {"pool": bench_pool, "trainers": bench_trainers})
