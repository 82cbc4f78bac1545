"""What does a worker process do? It limits itself, then runs one job after the other until its line closes."""

import ctypes
import faulthandler
import logging
import os
import resource
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from filmlab.errors import BadInput, Transient
from filmlabd.artifacts import Made
from filmlabd.model import Job, Outcome
from filmlabd.pool.worker_wire import FrameReader, Ready, WorkerSpec, pack_outcome, pack_ready, read_job, read_spec

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_CPU_SLACK_S = 5
_REASON_MAX_CHARS = 300

Run: TypeAlias = Callable[[Job], Made]


def main(values: dict[str, Any]) -> None:
    """The process's entry: `values` is what `worker_wire.pack_spec` wrote."""
    spec, fd, parent = read_spec(values)
    notes = limit_process(spec, parent)
    # Only now: loading numpy and Pillow is work as well, and should not be done at the daemon's own priority.
    from filmlabd.develop.dispatch import Room, develop

    room = Room(Path(spec.index), Path(spec.film))
    serve(spec, fd, notes, lambda job: develop(job, room))


def serve(spec: WorkerSpec, fd: int, notes: tuple[str, ...], run: Run) -> None:
    """Answer jobs on descriptor `fd` until it is closed, or this process has had its share."""
    frames = FrameReader()
    with socket.socket(fileno=fd) as link:
        link.sendall(pack_ready(Ready(notes)))
        done = 0
        while data := link.recv(65536):
            for body in frames.feed(data):
                job, deadline_s = read_job(body)
                _limit_cpu(deadline_s)
                outcome = attempt(job, run)
                done += 1
                retiring = done >= spec.jobs_max or rss_bytes() > spec.rss_max_bytes
                link.sendall(pack_outcome(outcome, retiring=retiring))
                if retiring:
                    return


def attempt(job: Job, run: Run) -> Outcome:
    """Run one job; whatever goes wrong is its outcome, in one line."""
    began_s = time.process_time()
    paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error, retry, memory = "", True, False
    try:
        paths, notes = run(job)
    except BadInput as problem:
        error, retry = _line(str(problem)), False
    except Transient as problem:
        error = _line(str(problem))
    except MemoryError:
        error, memory = "not enough memory", True
    except (OSError, sqlite3.Error) as problem:
        error = _line(f"{type(problem).__name__}: {problem}")
    except Exception as problem:  # a bug in one job must cost that job, not its neighbours; it is logged
        log.exception("job %s failed", job.key)
        error = _line(f"{type(problem).__name__}: {problem}")
    cost_s = time.process_time() - began_s
    return Outcome(job.key, not error, cost_s, paths, notes, error, retry, memory)


def limit_process(spec: WorkerSpec, parent: int) -> tuple[str, ...]:
    """Die with the daemon, step back behind every trainer, never grow without bound. Returns what was not granted."""
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s worker %(process)d %(levelname)s %(message)s", level=logging.WARNING)
    notes = []
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        notes.append(f"PR_SET_PDEATHSIG: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        # The daemon died between our start and the line above.
        os._exit(0)
    os.nice(spec.nice)
    # With autogroups the kernel weighs sessions first: nice alone would still leave this one a fair share.
    for name, value in (("/proc/self/autogroup", str(spec.nice)), ("/proc/self/oom_score_adj", "1000")):
        try:
            Path(name).write_text(value, "ascii")
        except OSError as error:
            notes.append(f"{name}: {error.strerror}")
    limits = (
        (resource.RLIMIT_AS, spec.address_space_bytes),
        (resource.RLIMIT_FSIZE, spec.file_bytes),
        (resource.RLIMIT_NOFILE, spec.descriptors),
        (resource.RLIMIT_CORE, 0),
    )
    for which, wanted in limits:
        _limit(which, wanted)
    return tuple(notes)


def rss_bytes() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


def _limit_cpu(deadline_s: float) -> None:
    """A second line behind the daemon's deadline, for the day it is stopped itself: SIGXCPU ends the process."""
    _limit(resource.RLIMIT_CPU, int(time.process_time() + deadline_s) + _CPU_SLACK_S)


def _limit(which: int, wanted: int) -> None:
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _line(text: str) -> str:
    return " ".join(text.split())[:_REASON_MAX_CHARS] or "no reason given"
