"""Is there a daemon, and how does a client start one? Runs in the sender's thread and never waits there.

The daemon is the same interpreter with this very filmlab, in a session of its own, with no descriptor, no pipe and
hardly a variable of the trainer's. `filmlabd --background` takes its lock and leaves its parent by itself, so that the
child which is started here ends at once and is reaped.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from filmlab.endpoint import Endpoint, read_endpoint
from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.paths import StatePaths
from filmlab.private import is_locked

EXIT_ALREADY_RUNNING = 75
"""What a daemon says that finds another one holding the lock."""
START_S = 10.0
"""How long a daemon may take until it listens."""
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
_LOOK_AGAIN_S = 0.05
_OTHERS_S = 0.2
"""Between two looks at what another process has begun."""
_LEAVE_S = 2.0
"""How long a starter that is on its way to the background is waited for, so that it need not be reaped later."""
_PACKAGES = ("filmlab", "filmlabd", "zmq", "msgpack", "numpy", "PIL", "zstandard", "yaml")
# LD_LIBRARY_PATH: on clusters the interpreter itself may not start without it.
_KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
_KEPT_PREFIXES = ("LC_", "XDG_", "FILMLAB")
# -I gives a path without the current directory, PYTHONPATH and the user's site. What this process uses goes before the
# installed packages, so that the daemon is of the same version, but after the standard library, which nothing may hide.
_BOOT = (
    "import json, sys\n"
    "found = json.loads(sys.argv.pop(1))\n"
    "at = next((i for i, p in enumerate(sys.path) if p.endswith('-packages')), len(sys.path))\n"
    "sys.path[at:at] = [p for p in found if p not in sys.path[:at]]\n"
    "from filmlabd.__main__ import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


def find_daemon(paths: StatePaths) -> Endpoint | None:
    """Where the daemon of this state directory listens, or None while none is ready."""
    try:
        endpoint = read_endpoint(paths.endpoint)
    except (Corrupt, OSError):
        return None
    return endpoint if endpoint is not None and is_locked(paths.daemon_lock) else None


def daemon_command(paths: StatePaths) -> list[str]:
    """The command that starts a daemon on this state directory in the background.

    Raises:
        Transient: there is no interpreter to start, or no daemon beside this client.
    """
    if not sys.executable:
        raise Transient("the interpreter does not say where it is, so no daemon can be started")
    found = json.dumps(_import_directories())
    return [sys.executable, "-I", "-c", _BOOT, found, "--background", "--state-dir", str(paths.state)]


def daemon_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a daemon gets: no CUDA_*, no LD_PRELOAD, nothing of a job's."""
    return {name: text for name, text in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}


class Launcher:
    """Starts a daemon, at most one at a time on this machine, and again with growing pauses. `why` is for people."""

    def __init__(self, paths: StatePaths, command: Sequence[str] | None = None) -> None:
        self.why = ""
        self._paths = paths
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._due_at = float("-inf")
        self._until = float("-inf")
        self._pause_s = RETRY_FIRST_S
        self._in_background = False

    def step(self, now: float) -> float:
        """Do what is next, without waiting; returns when to call again, unless a daemon has been found till then."""
        if self._process is not None:
            self._look_after(self._process, now)
        if self._lock is not None and self._process is None and (now >= self._until or self._is_gone()):
            how = "ended at its start" if now < self._until else f"does not listen {START_S:g} s after its start"
            self.why = f"the daemon {how}; see {self._paths.log}"
            self._fail(now)
        if self._lock is None and now >= self._due_at:
            self._begin(now)
        return now + _LOOK_AGAIN_S if self._lock is not None else max(self._due_at, now + _LOOK_AGAIN_S)

    def found(self) -> None:
        """A daemon listens: others may look for it now."""
        self._pause_s = RETRY_FIRST_S
        self._due_at = float("-inf")
        self.why = ""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        self._unlock()

    def close(self) -> None:
        """Stop trying. A daemon that is starting goes on with it: on a busy machine long after its trainer is gone."""
        if self._process is not None:
            try:
                self._process.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                _reap_later(self._process)
            self._process = None
        self._unlock()

    def forget(self) -> None:
        """In a forked child: what was begun is the parent's."""
        self._process = None
        self._unlock()

    def _begin(self, now: float) -> None:
        try:
            # Again each time: somebody may have removed the state directory under a training that goes on.
            self._paths.make()
            if is_locked(self._paths.daemon_lock):
                self.why = "a daemon is there that is not ready"
                self._due_at = now + _OTHERS_S
                return
            self._lock = _try_lock(self._paths.start_lock)
            if self._lock is None:
                self.why = "another process is starting the daemon"
                self._due_at = now + _OTHERS_S
                return
            self._process, self._in_background = self._start(), False
        except (OSError, Transient, BadInput) as error:
            self.why = f"no daemon could be started: {error}"
            self._fail(now)
        else:
            self.why = "a daemon is being started"
            self._until = now + START_S

    def _start(self) -> "subprocess.Popen[bytes]":
        command = list(self._command) if self._command is not None else daemon_command(self._paths)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        log = os.open(self._paths.log, flags, 0o600)
        try:
            return subprocess.Popen(
                command,
                cwd="/",
                env=daemon_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _look_after(self, process: "subprocess.Popen[bytes]", now: float) -> None:
        code = process.poll()
        if code is None and now < self._until:
            return
        if code is None:
            _end(process)
        self._process, self._in_background = None, code == 0
        if code not in (0, EXIT_ALREADY_RUNNING):
            end = "took too long" if code is None else f"ended with code {code}"
            self.why = f"the daemon's start {end}; see {self._paths.log}"
            self._fail(now)

    def _is_gone(self) -> bool:
        """A daemon that went to the background had its lock by then: where that is free, it has been killed since."""
        return self._in_background and not is_locked(self._paths.daemon_lock)

    def _fail(self, now: float) -> None:
        self._due_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, RETRY_MOST_S)
        self._unlock()

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def ensure_daemon(paths: StatePaths, timeout_s: float = 5.0) -> Endpoint:
    """Find a daemon, or start one and wait for it: for callers that may wait.

    Raises:
        BadInput: the state directory cannot be used.
        Transient: none listens after `timeout_s`; the message says why.
    """
    paths.make()
    launcher = Launcher(paths)
    deadline = time.monotonic() + timeout_s
    try:
        while (endpoint := find_daemon(paths)) is None:
            now = time.monotonic()
            if now >= deadline:
                raise Transient(launcher.why or "no daemon answers")
            time.sleep(max(0.0, min(launcher.step(now), deadline) - now))
        launcher.found()
    finally:
        launcher.close()
    return endpoint


def _import_directories() -> list[str]:
    """The directories from which this process imports filmlab, its daemon and what they need, in the order of use.

    Raises:
        Transient: the daemon is not installed.
    """
    found: list[str] = []
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None and name == "filmlabd":
            raise Transient("filmlabd, the daemon, is not installed beside filmlab")
        if spec is None or not spec.submodule_search_locations:
            continue
        directory = str(Path(next(iter(spec.submodule_search_locations))).absolute().parent)
        if directory not in found:
            found.append(directory)
    return found


def _try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, or None while another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _reap_later(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a child elsewhere. Without room for a thread it is reaped when this process ends."""
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=process.wait, name="filmlab-reaper", daemon=True).start()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a child that has not gone to the background, and reap it."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
