"""The worker: what it says of a job, and the real one doing real jobs."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.house import until
from filmlab.errors import BadInput, Transient, WireError
from filmlabd.artifacts import Made
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.pool.pool import Pool, WorkerSpec, worker_path
from filmlabd.pool.worker import attempt, rss_bytes
from filmlabd.pool.worker_wire import (
    FrameReader,
    Ready,
    pack_job,
    pack_outcome,
    pack_ready,
    pack_spec,
    read_job,
    read_outcome,
    read_ready,
    read_spec,
)
from patience import PATIENCE_S
from service.studio import Studio, moving

JOB = Job("episode:00:1", JobKind.EPISODE, "r", 2**64 - 1, 7, "a/b", final=True)


def test_messages_come_back_as_they_were() -> None:
    """Jobs, outcomes and the first word survive the line, byte by byte or all at once."""
    outcome = Outcome("k", False, 0.25, ("a", "b"), ("n",), "e", False)
    said = pack_ready(Ready(("no prctl",))) + pack_outcome(outcome, retiring=True)
    for pieces in ([said], [said[at : at + 1] for at in range(len(said))]):
        reader = FrameReader()
        first, second = [body for piece in pieces for body in reader.feed(piece)]
        assert read_ready(first) == Ready(("no prctl",))
        assert read_ready(second) is None
        assert read_outcome(second) == (outcome, True)
    (body,) = FrameReader().feed(pack_job(JOB, 12.5))
    assert read_job(body) == (JOB, 12.5)


def test_spec_comes_back_as_it_was() -> None:
    """The one argument of a worker says everything."""
    spec = WorkerSpec("/i", "/f", ("/a", "/b"), jobs_max=3)
    assert read_spec(json.loads(pack_spec(spec, 5, 99))) == (spec, 5, 99)


@given(st.binary(max_size=40))
def test_nonsense_is_told(data: bytes) -> None:
    """Whatever comes over the line is a message or a WireError, and a length that lies allocates nothing."""
    reader = FrameReader()
    try:
        for body in reader.feed(data):
            if read_ready(body) is None:
                read_outcome(body)
    except WireError:
        return


@pytest.mark.parametrize(
    ("problem", "retry", "error"),
    [
        (BadInput("a\nb  c"), False, "a b c"),
        (Transient("the disk is full"), True, "the disk is full"),
        (OSError(5, "Input/output error"), True, "OSError: [Errno 5] Input/output error"),
        (MemoryError(), True, "not enough memory"),
        (KeyError("x"), True, "KeyError: 'x'"),
        (BadInput("x" * 5000), False, "x" * 300),
        (Transient(), True, "no reason given"),
    ],
)
def test_what_goes_wrong_is_one_line(problem: Exception, retry: bool, error: str) -> None:
    """Every failure becomes an outcome with one short line; only the sender's fault is not worth another try."""

    def run(job: Job) -> Made:
        raise problem

    outcome = attempt(JOB, run)
    assert (outcome.key, outcome.ok, outcome.retry, outcome.error) == (JOB.key, False, retry, error)
    assert outcome.memory == isinstance(problem, MemoryError)


def test_memory_is_known() -> None:
    """A worker knows what it holds: this one at least a megabyte, and less than the machine."""
    assert 1 << 20 < rss_bytes() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path, metrics=("loss",))
    yield made
    made.close()


async def test_real_jobs(studio: Studio) -> None:
    """The real worker makes the prints of all four kinds from an index and films that it opens by itself."""
    studio.log({0: 1.0}, 1)
    jobs = [studio.episode(0, moving(3), [1.0]), studio.medium("m", moving(1)), studio.curve_job("loss")]
    jobs.append(studio.page_job())
    studio.keep()
    outcomes = await _run(studio, jobs)
    assert [(outcome.error, outcome.ok) for outcome in outcomes] == [("", True)] * 4
    assert all((studio.prints / path).stat().st_size > 0 for outcome in outcomes for path in outcome.paths)
    assert sorted(path.name for path in studio.prints.iterdir()) == [
        "curves", "episodes", "history.json", "index.html", "media", "run.json",
    ]  # fmt: skip


async def test_kill_in_the_middle_of_a_real_job(studio: Studio) -> None:
    """SIGKILL while a film is developed: no half file to be seen, and the same job tried again leaves the right one."""
    job = studio.episode(0, moving(2), [1.0])
    studio.keep()
    path = studio.films.path(job.session, job.film)
    kept = path.read_bytes()
    path.unlink()
    # A film that never ends: the worker opens it, and waits for a writer that does not come.
    os.mkfifo(path)
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    free = asyncio.Event()
    pool = Pool(1, _spec(studio), done=outcomes.put_nowait, freed=lambda count: free.set() if count else free.clear())
    await pool.start()
    await asyncio.wait_for(free.wait(), PATIENCE_S)
    pool.submit(job, PATIENCE_S)
    (pid,) = pool.workers
    # It looks a job up before it opens the film, and gets no further.
    await asyncio.to_thread(until, lambda: studio.room.index in _opened(pid), "the job looked up", PATIENCE_S)
    os.kill(pid, signal.SIGKILL)
    killed = await asyncio.wait_for(outcomes.get(), PATIENCE_S)
    await pool.stop(0)
    assert (killed.error, killed.retry) == ("worker killed by signal 9", True)
    assert [item for item in studio.prints.rglob("*") if item.is_file()] == []
    path.unlink()
    path.write_bytes(kept)
    (again,) = await _run(studio, [job])
    stem = "episodes/episode_000000"
    assert again.paths == (f"{stem}.gif", f"{stem}.poster.webp", f"{stem}.json")


async def test_bad_input_is_final(studio: Studio) -> None:
    """A job about a run that nobody knows comes back as not worth another try."""
    studio.keep()
    (outcome,) = await _run(studio, [Job("page:x", JobKind.PAGE, "nobody")])
    assert (outcome.ok, outcome.retry, outcome.error) == (False, False, "no run is called 'nobody'")


def _opened(pid: int) -> set[Path]:
    """The files that a process has open."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(link.readlink())
    return found


def _spec(studio: Studio) -> WorkerSpec:
    return WorkerSpec(str(studio.room.index), str(studio.room.film), worker_path(), nice=0)


async def _run(studio: Studio, jobs: list[Job]) -> list[Outcome]:
    """These jobs, one after the other, in a pool of one."""
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    free = asyncio.Event()
    pool = Pool(1, _spec(studio), done=outcomes.put_nowait, freed=lambda count: free.set() if count else free.clear())
    await pool.start()
    try:
        out = []
        for job in jobs:
            await asyncio.wait_for(free.wait(), PATIENCE_S)
            pool.submit(job, PATIENCE_S)
            out.append(await asyncio.wait_for(outcomes.get(), PATIENCE_S))
        return out
    finally:
        await pool.stop(PATIENCE_S)
