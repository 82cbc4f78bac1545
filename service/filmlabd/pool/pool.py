"""Who renders? Worker processes of our own, each started by exec, fed over a socketpair, watched, killed, replaced.

A shell: it carries a job to a worker and brings back what came of it. Whether it is tried again is decided elsewhere.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filmlab.errors import BadInput, WireError
from filmlabd.model import Job, Outcome
from filmlabd.pool.deadline import left_s, waited_s
from filmlabd.pool.oom import is_oom, oom_kills
from filmlabd.pool.worker_wire import FrameReader, Ready, WorkerSpec, pack_job, pack_spec, read_outcome, read_ready

log = logging.getLogger(__name__)

RESPAWN_FIRST_S = 0.1
RESPAWN_MAX_S = 30.0
START_DEADLINE_S = 120.0
"""For a worker's first word: at nice 19 beside busy trainers, loading numpy can take its time."""
HOMES_MAX = 4096
"""Of so many jobs it is remembered who had them last."""
# Before the installed packages, so that a worker is of its daemon's version; behind the standard library, which nothing
# may hide, whatever the trainer's path holds.
_BOOT = """\
import json, sys
spec = json.loads(sys.argv[1])
at = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
sys.path[at:at] = [entry for entry in spec["path"] if entry not in sys.path[:at]]
module, _, name = spec["entry"].partition(":")
getattr(__import__(module, fromlist=[name]), name)(spec)
"""
# One renderer is one core's work: more BLAS threads double the CPU for the same wall time.
_SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


def respawn_delay_s(deaths: int) -> float:
    """How long to wait before replacing a worker, after this many deaths in a row with no job done between them.

    So a machine on which every worker dies costs a process now and then, not a fork bomb; ingest goes on meanwhile.
    """
    return 0.0 if deaths < 2 else min(RESPAWN_MAX_S, RESPAWN_FIRST_S * 2 ** min(deaths - 2, 20))


@dataclass(slots=True)
class _Worker:
    """One process: `job` is None while it is idle; `ready` once it has said so."""

    process: subprocess.Popen[bytes]
    pidfd: int
    link: socket.socket
    frames: FrameReader = field(default_factory=FrameReader)
    ready: bool = False
    job: Job | None = None
    keys: int = 0
    """How many jobs it had last, of those that are remembered."""
    started_at: float = 0.0
    waited_s: float = 0.0
    """For a processor, until `started_at`."""
    oom_kills: int = 0
    """Of any process, until then."""
    killed: str = ""
    retired: bool = False
    deadline: TimerHandle | None = None


class Pool:
    """`size` workers. All methods are called in the event loop's thread; so are `done` and `freed`."""

    def __init__(
        self,
        size: int,
        spec: WorkerSpec,
        *,
        done: Callable[[Outcome], None],
        freed: Callable[[int], None] = lambda count: None,
        start_deadline_s: float = START_DEADLINE_S,
    ) -> None:
        """Nothing is started yet.

        Args:
            size: how many workers, at least 1.
            spec: what each of them needs to know.
            done: called once for every job that was submitted, whatever becomes of its worker.
            freed: called with `free` whenever that has changed.
            start_deadline_s: a worker that has not said that it is ready by then is killed and replaced.
        """
        self._size = size
        self._spec = spec
        self._done = done
        self._freed = freed
        self._start_deadline_s = start_deadline_s
        self._workers: dict[int, _Worker] = {}
        self._homes: dict[str, int] = {}
        """Key of a job -> pid of the worker that had it last; the one that was given out longest ago comes first."""
        self._respawns: set[TimerHandle] = set()
        self._deaths = 0
        self._stopping = False
        self._loop: AbstractEventLoop | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def free(self) -> int:
        """How many workers wait for a job."""
        return sum(worker.ready and worker.job is None and not worker.retired for worker in self._workers.values())

    @property
    def busy(self) -> int:
        """How many workers have a job."""
        return sum(worker.job is not None for worker in self._workers.values())

    @property
    def workers(self) -> dict[int, str]:
        """pid -> key of the job that it has, empty where it has none; for `status`."""
        return {pid: worker.job.key if worker.job else "" for pid, worker in sorted(self._workers.items())}

    async def start(self) -> None:
        """Start all workers. They count as free once they have said that they are ready."""
        self._loop = asyncio.get_running_loop()
        for _ in range(self._size):
            self._spawn()

    def submit(self, job: Job, deadline_s: float) -> None:
        """Give a job to a free worker. It is killed when it is not done by the deadline (see `deadline`).

        The one that had the same job last is preferred, since it still has of the series what it drew; else the one
        that has had the fewest.

        Raises:
            BadInput: no worker is free.
        """
        idle = [worker for worker in self._workers.values() if worker.ready and not (worker.job or worker.retired)]
        if not idle or self._stopping:
            raise BadInput(f"job {job.key}: no worker is free")
        home = self._homes.pop(job.key, 0)
        worker = min(idle, key=lambda one: (one.process.pid != home, one.keys))
        self._settle(job.key, home, worker)
        worker.job = job
        self._give(worker, deadline_s, f"not done within its deadline of {deadline_s:g} s")
        try:
            worker.link.sendall(pack_job(job, deadline_s))
        except OSError:
            # Its process is gone: the pidfd tells, and the job comes back as that of a killed worker.
            log.debug("worker %d is gone before its job %s", worker.process.pid, job.key)
        self._freed(self.free)

    def _settle(self, key: str, home: int, worker: _Worker) -> None:
        """Remember who has this job now, and forget who had which at the other end."""
        self._homes[key] = worker.process.pid
        worker.keys += 1
        gone = [home]
        if len(self._homes) > HOMES_MAX:
            gone.append(self._homes.pop(next(iter(self._homes))))
        for pid in gone:
            if pid in self._workers:
                self._workers[pid].keys -= 1

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; wait up to `grace_s` for those that run, then kill. Afterwards no process is left."""
        self._stopping = True
        for handle in self._respawns:
            handle.cancel()
        self._respawns.clear()
        for worker in list(self._workers.values()):
            self._retire(worker)
        try:
            await asyncio.wait_for(self._empty.wait(), grace_s)
        except TimeoutError:
            for worker in list(self._workers.values()):
                self._kill(worker, "the daemon is going down")
            await self._empty.wait()

    def _running(self) -> AbstractEventLoop:
        if self._loop is None:
            raise BadInput("the pool has not been started")
        return self._loop

    def _spawn(self) -> None:
        try:
            worker = self._start_one()
        except OSError as error:
            log.error("no worker could be started: %s", error)
            self._deaths += 1
            self._respawn_later()
            return
        process, ours = worker.process, worker.link
        self._workers[process.pid] = worker
        self._empty.clear()
        loop = self._running()
        loop.add_reader(ours, self._receive, worker)
        loop.add_reader(worker.pidfd, self._ended, worker)
        self._give(worker, self._start_deadline_s, "it did not get ready")

    def _start_one(self) -> _Worker:
        """A process with its line to us.

        Raises:
            OSError: none can be started, or not be watched (too many files are open, say); none is left behind.
        """
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs:
                argv = [sys.executable, "-I", "-c", _BOOT, pack_spec(self._spec, theirs.fileno(), os.getpid())]
                # A session of its own: a Ctrl-C meant for the daemon does not reach it, and it has its own autogroup.
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=2,
                    cwd="/",
                    env=os.environ | _SINGLE_THREADED,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            undo.callback(process.wait)
            undo.callback(process.kill)
            ours.setblocking(False)
            worker = _Worker(process, os.pidfd_open(process.pid), ours)
            undo.pop_all()
            return worker

    def _receive(self, worker: _Worker) -> None:
        """Whatever the worker has said so far."""
        try:
            while data := worker.link.recv(65536):
                for body in worker.frames.feed(data):
                    self._said(worker, body)
            # Its end of the line is closed: the pidfd tells the rest.
            self._running().remove_reader(worker.link)
        except BlockingIOError:
            return
        except OSError:
            self._running().remove_reader(worker.link)
        except WireError as error:
            self._running().remove_reader(worker.link)
            self._kill(worker, str(error))

    def _said(self, worker: _Worker, body: bytes) -> None:
        ready = read_ready(body)
        if ready is not None:
            self._became_ready(worker, ready)
            return
        outcome, retiring = read_outcome(body)
        job = self._take_job(worker)
        worker.retired = worker.retired or retiring
        self._deaths = 0
        if job is not None:
            self._done(outcome)
        self._freed(self.free)

    def _became_ready(self, worker: _Worker, ready: Ready) -> None:
        worker.ready = True
        self._disarm(worker)
        for note in ready.notes:
            log.info("worker %d runs without one of its limits: %s", worker.process.pid, note)
        self._freed(self.free)

    def _ended(self, worker: _Worker) -> None:
        """Its process is gone. What it said before still counts."""
        loop = self._running()
        self._receive(worker)
        status = worker.process.wait()
        loop.remove_reader(worker.pidfd)
        loop.remove_reader(worker.link)
        os.close(worker.pidfd)
        worker.link.close()
        del self._workers[worker.process.pid]
        spent_s = time.monotonic() - worker.started_at
        job = self._take_job(worker)
        expected = worker.retired and job is None and status == 0
        if not expected:
            self._deaths += 1
            log.warning("worker %d %s; %d in a row", worker.process.pid, _manner(status), self._deaths)
        if job is not None:
            memory = not worker.killed and is_oom(status, worker.oom_kills, oom_kills())
            why = "the system had no memory left" if memory else worker.killed
            error = f"worker {_manner(status)}" + (f": {why}" if why else "")
            self._done(Outcome(job.key, False, cost_s=spent_s, error=error, memory=memory, died=True))
        if not self._stopping:
            self._respawn_later()
        self._freed(self.free)
        if not self._workers:
            self._empty.set()

    def _respawn_later(self) -> None:
        delay_s = respawn_delay_s(self._deaths)
        if not delay_s:
            self._spawn()
            return
        handles: list[TimerHandle] = []

        def spawn() -> None:
            self._respawns.discard(handles[0])
            self._spawn()

        handles.append(self._running().call_later(delay_s, spawn))
        self._respawns.add(handles[0])

    def _take_job(self, worker: _Worker) -> Job | None:
        job, worker.job = worker.job, None
        self._disarm(worker)
        return job

    def _give(self, worker: _Worker, deadline_s: float, reason: str) -> None:
        """So much time from now on for what it does next."""
        worker.started_at, worker.waited_s = time.monotonic(), waited_s(worker.process.pid)
        worker.oom_kills = oom_kills()
        worker.deadline = self._running().call_later(deadline_s, self._overdue, worker, deadline_s, reason)

    def _overdue(self, worker: _Worker, deadline_s: float, reason: str) -> None:
        """The clock says that its time is over."""
        passed_s = time.monotonic() - worker.started_at
        left = left_s(deadline_s, passed_s, waited_s(worker.process.pid) - worker.waited_s)
        if left:
            worker.deadline = self._running().call_later(left, self._overdue, worker, deadline_s, reason)
            return
        self._kill(worker, reason)

    def _disarm(self, worker: _Worker) -> None:
        if worker.deadline is not None:
            worker.deadline.cancel()
            worker.deadline = None

    def _kill(self, worker: _Worker, reason: str) -> None:
        worker.killed = worker.killed or reason
        signal.pidfd_send_signal(worker.pidfd, signal.SIGKILL)

    def _retire(self, worker: _Worker) -> None:
        """Let it end after the job it has: no more will come on its line."""
        worker.retired = True
        try:
            worker.link.shutdown(socket.SHUT_WR)
        except OSError:
            return


def worker_path() -> tuple[str, ...]:
    """What a worker adds to its module path: this process's own, absolute entries only."""
    return tuple(entry for entry in sys.path if Path(entry).is_absolute())


def _manner(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"


__all__: Sequence[str] = ("Pool", "WorkerSpec", "respawn_delay_s", "worker_path")
