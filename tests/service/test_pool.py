"""The pool: with real processes, and jobs that do the worst."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

import filmlabd
from filmlab.errors import BadInput
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.pool.pool import Pool, WorkerSpec, respawn_delay_s, worker_path
from patience import PATIENCE_S

HERE = str(Path(__file__).parent)
Opened = Callable[..., AbstractAsyncContextManager["Bench"]]


class Bench:
    """A pool, and what it has called back."""

    def __init__(self, size: int, spec: WorkerSpec, start_deadline_s: float) -> None:
        self.outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._freed = asyncio.Event()
        self.pool = Pool(
            size,
            spec,
            done=self.outcomes.put_nowait,
            freed=lambda count: self._freed.set(),
            start_deadline_s=start_deadline_s,
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until this holds; looked at whenever the pool says that something has changed."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._freed.clear()
                await self._freed.wait()

    async def ready(self, count: int) -> None:
        """Wait until so many workers are free."""
        await self.until(lambda: self.pool.free >= count)

    async def outcome(self) -> Outcome:
        return await asyncio.wait_for(self.outcomes.get(), PATIENCE_S)

    async def run(self, metric: str, deadline_s: float = PATIENCE_S) -> Outcome:
        """One job from its submission to its outcome."""
        await self.ready(1)
        self.pool.submit(job(metric), deadline_s)
        return await self.outcome()


def job(metric: str, key: str = "") -> Job:
    return Job(key or f"curve:r1:{metric}", JobKind.CURVE, "r1", metric=metric)


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens a pool of poisonous workers; no process outlives the test."""

    @contextlib.asynccontextmanager
    async def opening(size: int = 1, start_deadline_s: float = PATIENCE_S, **changes: object) -> AsyncIterator[Bench]:
        spec = WorkerSpec(
            str(tmp_path / "index"), str(tmp_path / "film"), (*worker_path(), HERE), "poison:main", nice=0
        )
        changed = replace(spec, **changes)  # type: ignore[arg-type]  # fields of WorkerSpec
        bench = Bench(size, changed, start_deadline_s)
        await bench.pool.start()
        try:
            yield bench
        finally:
            await bench.pool.stop(0)
        assert bench.pool.workers == {}

    return opening


async def test_a_worker_is_of_its_daemons_version(opened: Opened) -> None:
    """A checkout on the daemon's path wins over another filmlab that is installed: they read one index."""
    async with opened() as bench:
        assert (await bench.run("whose")).paths == (str(Path(str(filmlabd.__file__)).parent),)


async def test_result(opened: Opened) -> None:
    """A job's paths, notes and cost come back as its worker gave them."""
    async with opened() as bench:
        outcome = await bench.run("fine")
        assert (outcome.ok, outcome.key, outcome.paths[0]) == (True, "curve:r1:fine", "curve:r1:fine")
        assert outcome.notes == ("python 3",)
        assert outcome.cost_s >= 0


@pytest.mark.parametrize(
    ("metric", "retry", "error"),
    [
        ("bad", False, "run 7f3a: frame 40 has another shape"),
        ("later", True, "the disk is full"),
        ("bug", True, "ZeroDivisionError: a bug of ours"),
        ("memory", True, "not enough memory"),
    ],
)
async def test_failure_is_an_outcome(opened: Opened, metric: str, retry: bool, error: str) -> None:
    """What fails inside a job is told in one line; only bad input is not worth another try, and the worker lives on."""
    async with opened() as bench:
        outcome = await bench.run(metric)
        assert (outcome.ok, outcome.retry, outcome.error) == (False, retry, error)
        pid = (await bench.run("fine")).paths[1]
        assert int(pid) in bench.pool.workers


@pytest.mark.parametrize(
    ("metric", "error"),
    [("segfault", "worker killed by signal 11"), ("exit", "worker ended with status 7")],
)
async def test_death_in_a_job(opened: Opened, metric: str, error: str) -> None:
    """A job that takes its worker with it fails once, retryable; another worker does the next job."""
    async with opened() as bench:
        outcome = await bench.run(metric)
        assert (outcome.ok, outcome.retry, outcome.error) == (False, True, error)
        assert (await bench.run("fine")).ok


async def test_hang_is_killed_at_its_deadline(opened: Opened) -> None:
    """A job that hangs is killed at its deadline, and says so."""
    async with opened() as bench:
        outcome = await bench.run("hang", deadline_s=0.05)
        assert outcome.error == "worker killed by signal 9: not done within its deadline of 0.05 s"
        assert outcome.retry
        assert (await bench.run("fine")).ok


async def test_kill_costs_one_job_only(opened: Opened) -> None:
    """SIGKILL of a worker in the middle of its job fails that job; the one beside it is done."""
    async with opened(2) as bench:
        await bench.ready(2)
        bench.pool.submit(job("hang", "victim"), PATIENCE_S)
        bench.pool.submit(job("fine", "neighbour"), PATIENCE_S)
        (victim,) = [pid for pid, key in bench.pool.workers.items() if key == "victim"]
        os.kill(victim, signal.SIGKILL)
        outcomes = {outcome.key: outcome for outcome in (await bench.outcome(), await bench.outcome())}
        assert outcomes["neighbour"].ok
        assert outcomes["victim"].error == "worker killed by signal 9"
        await bench.ready(2)
        assert victim not in bench.pool.workers


async def test_kill_of_an_idle_worker(opened: Opened) -> None:
    """A worker killed while idle is replaced, and no job hears of it."""
    async with opened() as bench:
        await bench.ready(1)
        (pid,) = bench.pool.workers
        os.kill(pid, signal.SIGKILL)
        await bench.until(lambda: pid not in bench.pool.workers)
        assert (await bench.run("fine")).paths[1] != str(pid)
        assert bench.outcomes.empty()


async def test_nonsense_on_the_line(opened: Opened) -> None:
    """A worker that says something else than an outcome is killed; its job may be tried again."""
    async with opened() as bench:
        outcome = await bench.run("nonsense")
        assert outcome.retry
        assert outcome.error.startswith("worker killed by signal 9: a worker's message of ")


async def test_recycled(opened: Opened) -> None:
    """After its share of jobs a worker ends and another takes its place, without a lost job."""
    async with opened(jobs_max=2) as bench:
        pids = [(await bench.run("fine")).paths[1] for _ in range(4)]
        assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_recycled_when_it_has_grown(opened: Opened) -> None:
    """A worker that holds too much memory after a job is replaced."""
    async with opened(rss_max_bytes=1) as bench:
        assert (await bench.run("fine")).paths[1] != (await bench.run("fine")).paths[1]


async def test_steps_back(opened: Opened) -> None:
    """A worker is nice, first to be killed when memory ends, single-threaded, bounded, and holds only its own line."""
    async with opened(address_space_bytes=1 << 32, nice=19) as bench:
        pid, nice, oom, threads, space, cwd, sid, fds = (await bench.run("about")).paths
        assert (nice, oom, threads, space, cwd, sid) == ("19", "1000", "1", str(1 << 32), "/", pid)
        # stdin, stdout, stderr, its line, and the listing's own.
        assert fds == "5"


async def test_a_job_goes_back_to_the_worker_that_had_it(opened: Opened) -> None:
    """A series' redraws stay with one worker while it is free; new ones are spread, and nobody waits for anybody."""
    async with opened(2) as bench:
        await bench.ready(2)
        homes = {}
        for name in "abcdef":
            homes[name] = (await bench.run(name)).paths[1]
        assert {list(homes.values()).count(pid) for pid in homes.values()} == {3}
        for name in "fbdaec":
            assert (await bench.run(name)).paths[1] == homes[name]
        bench.pool.submit(job("hang", "busy"), PATIENCE_S)
        (busy,) = [str(pid) for pid, key in bench.pool.workers.items() if key]
        for name in "abcdef":
            assert (await bench.run(name)).paths[1] != busy


async def test_no_worker_free(opened: Opened) -> None:
    """A job beyond the free workers is refused at once instead of being queued unseen."""
    async with opened() as bench:
        await bench.ready(1)
        bench.pool.submit(job("hang"), PATIENCE_S)
        assert (bench.pool.free, bench.pool.busy) == (0, 1)
        with pytest.raises(BadInput, match="no worker is free"):
            bench.pool.submit(job("fine"), PATIENCE_S)


async def test_stop_lets_a_job_end(opened: Opened) -> None:
    """Stopping waits for the job that runs, and leaves no process."""
    async with opened() as bench:
        await bench.ready(1)
        bench.pool.submit(job("fine"), PATIENCE_S)
        await bench.pool.stop(PATIENCE_S)
        assert bench.outcomes.get_nowait().ok
        assert bench.pool.workers == {}


async def test_stop_kills_after_the_grace(opened: Opened) -> None:
    """A job that does not end within the grace is killed, and said to be."""
    async with opened() as bench:
        await bench.ready(1)
        bench.pool.submit(job("hang"), PATIENCE_S)
        await bench.pool.stop(0.01)
        assert bench.outcomes.get_nowait().error == "worker killed by signal 9: the daemon is going down"


async def test_workers_that_always_die_are_replaced_ever_later(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no worker lives long enough for a word, the pool goes on starting them, but not in a storm."""
    async with opened(entry="poison:dead") as bench:
        await bench.until(lambda: sum("in a row" in record.message for record in caplog.records) >= 4)
        assert bench.pool.free == 0
    assert [respawn_delay_s(deaths) for deaths in (0, 1, 2, 3, 4)] == [0.0, 0.0, 0.1, 0.2, 0.4]
    assert respawn_delay_s(1000) == 30.0


async def test_worker_that_never_gets_ready(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """A worker that hangs before its first word is killed and replaced."""
    async with opened(entry="poison:mute", start_deadline_s=0.05) as bench:
        await bench.until(lambda: sum("in a row" in record.message for record in caplog.records) >= 2)
        assert bench.pool.free == 0


_ORPHANS = """
import asyncio, sys
from filmlabd.model import Job, JobKind
from filmlabd.pool.pool import Pool, WorkerSpec
async def main():
    free = asyncio.Event()
    spec = WorkerSpec("/i", "/f", tuple(sys.path), "poison:main", nice=0)
    pool = Pool(1, spec, done=lambda outcome: None, freed=lambda count: free.set())
    await pool.start()
    await free.wait()
    pool.submit(Job("k", JobKind.CURVE, "r", metric="hang"), 1000)
    print(*pool.workers, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_workers_die_with_the_daemon() -> None:
    """SIGKILL of the process that owns the pool ends its workers too, in the middle of whatever they do."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join((*worker_path(), HERE))}
    owner = subprocess.Popen([sys.executable, "-c", _ORPHANS], stdout=subprocess.PIPE, env=environ)
    assert owner.stdout is not None
    with owner, owner.stdout:
        worker = os.pidfd_open(int(owner.stdout.readline()))
        owner.kill()
        ended, _, _ = select.select([worker], [], [], PATIENCE_S)
        os.close(worker)
    assert ended
