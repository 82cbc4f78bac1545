"""A household of real processes on a state directory of its own: daemon, trainers, and what they leave on disk."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filmlab.control import Control, NoDaemon
from filmlab.endpoint import read_endpoint
from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlabd.index.read import NoIndex, Reader
from filmlabd.model import RunRow
from patience import PATIENCE_S

T = TypeVar("T")


def until(look: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
    """The first true answer of `look`, or a failure that says what did not come."""
    pause = threading.Event()
    give_up_at = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > give_up_at:
            raise AssertionError(f"waited {patience_s:.0f} s for {what}")
        pause.wait(0.02)


# Before `init`: where it asks a daemon that has to be started first, it waits for as long as a busy machine takes.
PATIENT = f"import filmlab._init; filmlab._init.CLAIM_TIMEOUT_S = {PATIENCE_S}"


class House:
    """Everything that is started here ends with `close`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FILMLAB", "XDG_"))}
        self.environ = kept | {
            "FILMLAB_STATE_DIR": str(root / "state"),
            "FILMLAB_DIR": str(root / "films"),
            # How full the disk of this machine is, is no test's subject.
            "FILMLABD_KEEP_FREE_BYTES": "0",
            # Nor is how much of it others leave: tests wait for prints, and at nice 19 a busy machine makes none.
            "FILMLABD_WORKER_NICE": "0",
            "HOME": str(root),
            "PYTHONUNBUFFERED": "1",
        }
        self.paths = StatePaths.at(root / "state", self.environ)
        self._processes: list[subprocess.Popen[str]] = []

    def daemon(self, *flags: str) -> subprocess.Popen[str]:
        """A daemon in the foreground, once it serves."""
        command = [sys.executable, "-m", "filmlabd", "--workers", "2", *flags]
        process = self._start(command, {})
        until(lambda: self.daemon_pid() == process.pid or process.poll() is not None, "the daemon to serve")
        assert process.poll() is None, process.communicate()
        return process

    def trainer(self, program: str, **variables: str) -> subprocess.Popen[str]:
        """A Python program in a process of its own."""
        return self._start([sys.executable, "-c", textwrap.dedent(program)], variables)

    def train(self, program: str, **variables: str) -> str:
        """The same, run to its end; its output."""
        process = self.trainer(program, **variables)
        output, _ = process.communicate(timeout=PATIENCE_S * 2)
        assert process.returncode == 0, output
        return output

    def command(self, *arguments: str, status: int = 0) -> str:
        """What the `filmlab` command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "filmlabd.cli", *arguments],
            env=self.environ, cwd=self.root, text=True, capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        return Control(self.paths, timeout_s=PATIENCE_S).ask(verb, **args)

    def read(self) -> Reader:
        return Reader(self.paths.index)

    def runs(self) -> list[RunRow]:
        """All runs in the index; none while there is no index yet."""
        try:
            with self.read() as index:
                return index.runs()
        except NoIndex:
            return []

    def daemon_pid(self) -> int:
        """Of the daemon that serves, 0 when there is none."""
        if not is_locked(self.paths.daemon_lock):
            return 0
        found = read_endpoint(self.paths.endpoint)
        return found.pid if found is not None and _alive(found.pid) else 0

    def wait_printed(self, run_id: str = "") -> None:
        """Until every run (or this one) is over and all its final prints are there."""

        def printed() -> bool:
            runs = [row for row in self.runs() if not run_id or row.run_id == run_id]
            return bool(runs) and all(row.printed for row in runs)

        until(printed, f"the final prints of {run_id or 'every run'}")

    def run_dir(self) -> Path:
        """The only run directory there is."""
        found = sorted(path.parent for path in (self.root / "films").glob("*/*/index.html"))
        assert len(found) == 1, found
        return found[0]

    def json(self, name: str) -> Any:
        return json.loads((self.run_dir() / name).read_text())

    def close(self) -> None:
        """End what is still there; the daemon last, since a trainer without one starts another."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        pid = self.daemon_pid()
        if pid:
            try:
                self.ask("shutdown")
                until(lambda: not is_locked(self.paths.daemon_lock), "the daemon to end", 20.0)
            except (NoDaemon, AssertionError):
                os.kill(pid, signal.SIGKILL)
        self._end_starters()
        shutil.rmtree(self.paths.runtime, ignore_errors=True)

    def _end_starters(self) -> None:
        """A daemon that a trainer began may be on its way still, when nobody waits for it any more."""
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.fsencode(self.paths.state) in (entry / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)

    def _start(self, command: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env=self.environ | variables, cwd=self.root, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._processes.append(process)
        return process


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
