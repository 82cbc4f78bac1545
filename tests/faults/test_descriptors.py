"""Row 27 of the fault table: a daemon out of descriptors takes nothing more, and goes on when there are some."""

import contextlib
import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import House, until
from faults import zmtp
from faults.pusher import Pusher
from filmlab.control import NoDaemon

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
DESCRIPTORS = 600
"""Of the daemon; 64 of them may be film files, which come and go."""
START = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
from filmlabd.__main__ import main
sys.exit(main())
"""
SHUT = "no more connections for now"


class Cramped:
    """A daemon with few descriptors, its log, and an honest trainer beside what befalls it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._log = house.root / "daemon.out"
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, "--workers", "1"],
                env=house.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                cwd=house.root, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        until(lambda: house.daemon_pid() == self.process.pid, "the daemon to serve")
        self.trainer = Pusher(house, "honest", random.Random(SEED), records=10**9)
        until(lambda: self.trainer.link.status().durable_b > 10, "the honest trainer to be heard")

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_said(self, words: str) -> None:
        until(lambda: self.process.poll() is not None or words in self._log.read_text(), f"the log to say {words!r}")
        assert self.process.poll() is None, self._log.read_text()[-3000:]

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def relieved(self) -> None:
        """It is over: the same process lets others in again, and has all of the honest trainer's records."""
        until(self._answers, "the daemon to let others in again")
        self.trainer.stop()
        self.trainer.wait_durable()
        self.trainer.check_kept(self.house)
        assert self.house.daemon_pid() == self.pid and self.process.poll() is None
        print(f"FILMLAB_SEED={SEED}: the daemon went on")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        with contextlib.suppress(NoDaemon):
            return not self.house.ask("status")["disk_full"]
        return False

    def end(self) -> None:
        self.trainer.link.close(5.0)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def cramped(house: House) -> Iterator[Cramped]:
    made = Cramped(house)
    yield made
    made.end()


def test_row_27_connections_that_would_take_every_descriptor_are_not_let_in(cramped: Cramped) -> None:
    """From four fifths of them on it is said, and nobody else can connect; once they are gone, everybody can."""
    held: list[socket.socket] = []
    before = cramped.descriptors()
    with contextlib.suppress(OSError):
        for _ in range(int(0.85 * DESCRIPTORS) - before):
            # Let in: those that say nothing are hung up on after 3 s.
            held.append(zmtp.greet(cramped.house.paths.ingest_socket))
    cramped.wait_said(SHUT)
    until(lambda: not cramped.house.paths.ingest_socket.exists(), "the door to be shut")
    refused = 0
    for _ in range(2 * DESCRIPTORS):
        try:
            held.append(zmtp.connect(cramped.house.paths.ingest_socket))
        except OSError:
            refused += 1
    assert refused == 2 * DESCRIPTORS
    for end in held:
        end.close()
    cramped.relieved()


def test_row_27_a_limit_that_falls_below_what_is_open_is_waited_out(cramped: Cramped) -> None:
    """No film file can be opened, no worker started, no spool read: nothing is acknowledged, ends, or is lost."""
    before = resource.prlimit(cramped.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(cramped.pid, resource.RLIMIT_NOFILE, (8, before[1]))
    cramped.wait_said(SHUT)
    cramped.wait_said("nothing can be written")
    for path in Path("/proc").glob("[0-9]*"):
        if parent(path) == cramped.pid:
            os.kill(int(path.name), signal.SIGKILL)
    cramped.wait_said("no worker could be started")
    durable_b = cramped.trainer.link.status().durable_b
    resource.prlimit(cramped.pid, resource.RLIMIT_NOFILE, before)
    until(lambda: cramped.trainer.link.status().durable_b > durable_b, "film to be taken again")
    cramped.relieved()


def parent(process: Path) -> int:
    """The parent of a process, by its directory in /proc; 0 of one that is gone."""
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
