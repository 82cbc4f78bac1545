"""A worker whose jobs do what `Job.metric` says: the worst that rendering can do, without any rendering."""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import filmlabd
from filmlab.errors import BadInput, Transient
from filmlabd.artifacts import Made
from filmlabd.develop.dispatch import Room, develop
from filmlabd.model import Job
from filmlabd.pool.worker import limit_process, serve
from filmlabd.pool.worker_wire import read_spec


def main(values: dict[str, Any]) -> None:
    """The real worker's entry, with other jobs."""
    spec, fd, parent = read_spec(values)
    serve(spec, fd, limit_process(spec, parent), run)


def dead(values: dict[str, Any]) -> None:
    """A worker that never gets as far as its first word."""
    os._exit(3)


def mute(values: dict[str, Any]) -> None:
    """A worker that hangs before its first word."""
    signal.pause()


def run(job: Job) -> Made:
    """Do what the job's metric says."""
    match job.metric:
        case "hang":
            signal.pause()
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(7)
        case "memory":
            bytearray(1 << 40)
        case "bad":
            raise BadInput("run 7f3a: frame 40 has\nanother shape")
        case "later":
            raise Transient("the disk is full")
        case "bug":
            raise ZeroDivisionError("a bug of ours")
        case "nonsense":
            os.write(_line_fd(), b"\xff\xff\xff\xff nonsense")
            signal.pause()
        case "whose":
            return (str(Path(str(filmlabd.__file__)).parent),), ()
        case "about":
            return (
                str(os.getpid()), str(os.nice(0)), Path("/proc/self/oom_score_adj").read_text("ascii").strip(),
                os.environ["OPENBLAS_NUM_THREADS"], str(resource.getrlimit(resource.RLIMIT_AS)[0]),
                str(Path.cwd()), str(os.getsid(0)), str(len(list(Path("/proc/self/fd").iterdir()))),
            ), ()  # fmt: skip
    return (job.key, str(os.getpid())), (f"python {sys.version_info.major}",)


def _line_fd() -> int:
    """The descriptor of the line to the pool: the one socket that this process has."""
    links = (path for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return next(int(path.name) for path in links if str(path.readlink()).startswith("socket:"))


def fragile(values: dict[str, Any]) -> None:
    """A real worker, but that each job ends it while a file `broken` lies beside the index."""
    spec, fd, parent = read_spec(values)
    notes = limit_process(spec, parent)
    room = Room(Path(spec.index), Path(spec.film))

    def develop_or_die(job: Job) -> Made:
        if Path(spec.index).with_name("broken").exists():
            os._exit(1)
        return develop(job, room)

    serve(spec, fd, notes, develop_or_die)
