"""A daemon that is killed at a named point: `FAILPOINT=journal-synced:3 python -m faults.failpoints [flags]`.

It is the real daemon with the real workers; here the methods between which it shall be killed are wrapped before it
starts, so that the product knows nothing of it. The process that comes to the point for the n-th time kills itself with
SIGKILL; for a point of a worker `FAILPOINT=print-written:1:daemon` takes the daemon along. Only the first process that
gets there: the file FAILPOINT_ONCE says that it has happened.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from filmlab.wire.frame import Envelope, Kind

ONCE_A_LIFE = ("index-caught-up", "state-restored", "endpoint-unwritten", "endpoint-written")
OF_RENDERING = ("job-given", "print-unsent")
DAEMON = (
    *ONCE_A_LIFE, *OF_RENDERING, "film-written", "film-synced", "journal-written", "journal-synced", "ack-unsent",
    "ack-sent", "index-uncommitted", "index-committed",
)  # fmt: skip
WORKER = ("print-written", "print-renamed", "print-made")
"""Written and not renamed; renamed, the directory not synced; done, the daemon not told."""


class Point:
    """Where it shall happen."""

    def __init__(self, text: str, once: str) -> None:
        self.name, count, *rest = text.split(":")
        self.with_daemon = rest == ["daemon"]
        self._left = int(count)
        self._once = once

    def passed(self, name: str, matters: bool = True) -> None:
        if name != self.name or not matters:
            return
        self._left -= 1
        if self._left:
            return
        try:
            os.close(os.open(self._once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        if self.with_daemon:
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def around(
        self, owner: Any, method: str, before: str = "", after: str = "", matters: Callable[..., bool] = lambda *_: True
    ) -> None:
        """Let a function pass the point before it does its work, or afterwards."""
        real = getattr(owner, method)

        @functools.wraps(real)
        def wrapped(*args: Any, **more: Any) -> Any:
            self.passed(before, matters(*args))
            done = real(*args, **more)
            self.passed(after, matters(*args))
            return done

        setattr(owner, method, wrapped)


def is_of(kind: Kind) -> Callable[..., bool]:
    def look(_transport: Any, _peer: bytes, envelope: Envelope) -> bool:
        return envelope.kind is kind

    return look


def daemon() -> int:
    """The daemon's own points; its workers begin at `worker`."""
    from filmlabd import __main__, transport
    from filmlabd import daemon as room
    from filmlabd.index.writer import Index
    from filmlabd.journal.films import FilmStore
    from filmlabd.journal.journal import Journal
    from filmlabd.pool.pool import Pool

    point = Point(os.environ["FAILPOINT"], os.environ["FAILPOINT_ONCE"])
    point.around(FilmStore, "append", after="film-written")
    point.around(FilmStore, "sync", after="film-synced")
    point.around(Journal, "append", after="journal-written")
    point.around(Journal, "sync", after="journal-synced")
    point.around(Index, "commit", before="index-uncommitted", after="index-committed")
    point.around(Index, "catch_up", after="index-caught-up")
    point.around(room, "restore", after="state-restored")
    point.around(room, "write_endpoint", before="endpoint-unwritten", after="endpoint-written")
    point.around(transport.Transport, "send", "ack-unsent", "ack-sent", is_of(Kind.ACK))
    point.around(transport.Transport, "send", "print-unsent", "", is_of(Kind.PRINT))
    point.around(Pool, "submit", after="job-given")
    room.WorkerSpec = functools.partial(room.WorkerSpec, entry="faults.failpoints:worker")  # type: ignore[misc]
    return __main__.main(sys.argv[1:])


def worker(values: dict[str, Any]) -> None:
    """A worker with its points."""
    from filmlabd.artifacts import RunDirectory
    from filmlabd.pool import worker as room

    point = Point(os.environ["FAILPOINT"], os.environ["FAILPOINT_ONCE"])
    point.around(RunDirectory, "_write", after="print-written")
    point.around(os, "rename", after="print-renamed")
    point.around(room, "attempt", after="print-made")
    room.main(values)


if __name__ == "__main__":
    sys.exit(daemon())
