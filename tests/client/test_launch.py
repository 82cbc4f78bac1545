"""How a client finds a daemon and starts one: real processes that behave as a daemon does at its start."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.lab import paths_below
from e2e.house import until
from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.errors import Transient
from filmlab.launch import (
    EXIT_ALREADY_RUNNING,
    RETRY_FIRST_S,
    Launcher,
    daemon_command,
    daemon_environment,
    ensure_daemon,
    find_daemon,
)
from filmlab.paths import StatePaths
from patience import PATIENCE_S

CLIENT = str(Path(__file__).parents[2] / "client")
# Takes the lock, goes to the background, says where it listens and what it was given, and stays until it is killed.
STAND_IN = """
import fcntl, json, os, signal, sys
root = sys.argv[1]
lock = os.open(root + "/daemon.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
if os.fork():
    os._exit(0)
with open(root + "/seen", "a") as seen:
    fds = sorted(os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if int(name) < 3)
    told = {"cwd": os.getcwd(), "sid": os.getsid(0), "environ": sorted(os.environ), "fds": fds}
    seen.write(json.dumps(told) + "\\n")
with open(root + "/.e", "w") as file:
    json.dump({"ingest": "ipc:///x", "control": "ipc:///y", "pid": os.getpid(), "version": "0", "boot": 1}, file)
os.rename(root + "/.e", root + "/endpoint")
signal.pause()
"""


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[StatePaths]:
    """A state directory; a stand-in that was started in it is killed at the end."""
    paths = paths_below(tmp_path)
    paths.make()
    yield paths
    found = find_daemon(paths)
    if found is not None and found.pid != os.getpid():
        os.kill(found.pid, signal.SIGKILL)


def stand_in(paths: StatePaths) -> list[str]:
    return [sys.executable, "-c", STAND_IN, str(paths.root)]


def run_until_found(launcher: Launcher, paths: StatePaths) -> Endpoint:
    """What the sender's thread does."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := find_daemon(paths)) is None:
        assert time.monotonic() < deadline, launcher.why
        launcher.step(time.monotonic())
    launcher.found()
    return found


def step_until(launcher: Launcher, text: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while text not in launcher.why:
        assert time.monotonic() < deadline, launcher.why
        launcher.step(time.monotonic())


def test_no_daemon_is_none(paths: StatePaths) -> None:
    """An endpoint file alone is no daemon, a lock alone is none either, and damage is as good as nothing."""
    assert find_daemon(paths) is None
    here = Endpoint("ipc:///x", "ipc:///y", 1, "0", 1)
    write_endpoint(paths.endpoint, here)
    assert find_daemon(paths) is None
    with paths.daemon_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert find_daemon(paths) == here
        paths.endpoint.write_text("{")
        assert find_daemon(paths) is None


def test_a_daemon_is_started_free_of_its_trainer(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a session, a directory and an environment of its own, and no pipe of the trainer's on its descriptors."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("FILMLAB_MODE", "auto")
    launcher = Launcher(paths, stand_in(paths))
    found = run_until_found(launcher, paths)
    seen = json.loads((paths.root / "seen").read_text())
    assert seen["cwd"] == "/"
    assert seen["sid"] != os.getsid(0)
    assert not {"CUDA_VISIBLE_DEVICES", "LD_PRELOAD"} & set(seen["environ"])
    assert {"PATH", "FILMLAB_MODE"} <= set(seen["environ"])
    assert seen["fds"] == sorted(["/dev/null", str(paths.log), str(paths.log)])
    assert found.pid != os.getpid()
    launcher.close()


def test_only_one_client_starts_a_daemon(paths: StatePaths) -> None:
    """While one client is starting it another one waits, and says so; later it finds the same daemon."""
    first, second = Launcher(paths, stand_in(paths)), Launcher(paths, stand_in(paths))
    first.step(0.0)
    second.step(0.0)
    assert first.why == "a daemon is being started"
    assert second.why == "another process is starting the daemon"
    run_until_found(first, paths)
    second.step(1.0)
    assert second.why == "a daemon is there that is not ready"
    assert len((paths.root / "seen").read_text().splitlines()) == 1
    first.close()
    second.close()


def test_a_start_that_fails_is_said_and_tried_again_later(paths: StatePaths) -> None:
    """The reason names the log; the pauses between tries grow."""
    launcher = Launcher(paths, [sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)"])
    step_until(launcher, "ended with code 3")
    assert str(paths.log) in launcher.why
    assert "no luck" in paths.log.read_text()
    now = time.monotonic()
    first = launcher.step(now) - now
    assert 0.0 < first <= 1.0
    launcher.step(now + first)
    assert launcher.why == "a daemon is being started"
    launcher.close()


def test_a_daemon_that_is_killed_in_its_start_is_not_waited_for(paths: StatePaths) -> None:
    """Gone to the background and gone altogether before anybody could find it: said at once, and tried again soon."""
    lock_and_leave = (
        "import fcntl, os, sys\n"
        "lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "os._exit(0)\n"
    )
    launcher = Launcher(paths, [sys.executable, "-c", lock_and_leave, str(paths.daemon_lock)])
    step_until(launcher, "ended at its start")
    now = time.monotonic()
    assert launcher.step(now) - now <= RETRY_FIRST_S
    launcher.close()


def test_a_daemon_that_lost_the_race_is_no_failure(paths: StatePaths) -> None:
    """Exit status 75 means that another daemon holds the lock: nothing went wrong."""
    launcher = Launcher(paths, [sys.executable, "-c", f"import sys; sys.exit({EXIT_ALREADY_RUNNING})"])
    launcher.step(time.monotonic())
    process = launcher._process
    assert process is not None
    process.wait()
    launcher.step(time.monotonic())
    assert launcher.why == "a daemon is being started"
    launcher.close()


def test_a_daemon_that_never_listens_is_given_up(paths: StatePaths) -> None:
    """After some seconds the start counts as failed, and the lock is free for others."""
    launcher, other = Launcher(paths, [sys.executable, "-c", ""]), Launcher(paths, stand_in(paths))
    now = time.monotonic()
    launcher.step(now)
    process = launcher._process
    assert process is not None
    process.wait()
    launcher.step(now + 11.0)
    assert "does not listen" in launcher.why
    run_until_found(other, paths)
    launcher.close()
    other.close()


def test_a_starter_that_hangs_is_killed(paths: StatePaths) -> None:
    """A child that does not go to the background is ended and reaped."""
    launcher = Launcher(paths, [sys.executable, "-c", "import signal; signal.pause()"])
    now = time.monotonic()
    launcher.step(now)
    process = launcher._process
    assert process is not None
    launcher.step(now + 11.0)
    assert process.returncode == -signal.SIGKILL
    assert "took too long" in launcher.why
    launcher.close()


def test_a_starter_that_is_slow_outlives_its_trainer(paths: StatePaths) -> None:
    """Closed before the daemon is in the background: it comes all the same, and the child is reaped once it has."""
    os.mkfifo(paths.root / "go")
    waits = "import sys\nopen(sys.argv[1] + '/go').read()\n"
    launcher = Launcher(paths, [sys.executable, "-c", waits + STAND_IN, str(paths.root)])
    launcher.step(time.monotonic())
    process = launcher._process
    assert process is not None
    launcher.close()
    assert process.returncode is None
    (paths.root / "go").write_text("")
    (reaper,) = (thread for thread in threading.enumerate() if thread.name == "filmlab-reaper")
    reaper.join(PATIENCE_S)
    assert process.returncode == 0
    until(lambda: find_daemon(paths) is not None, "the daemon to be found")


def test_a_command_that_is_not_there_is_a_reason(paths: StatePaths) -> None:
    """An interpreter that has been removed is told as the reason, nothing is raised."""
    launcher = Launcher(paths, ["/nonexistent/python"])
    launcher.step(time.monotonic())
    assert "no daemon could be started" in launcher.why
    launcher.close()


def test_the_command_is_this_interpreter_with_this_filmlab(paths: StatePaths, tmp_path: Path) -> None:
    """Though it is isolated, the daemon imports the very packages of its client, from wherever they came."""
    command = daemon_command(paths)
    assert command[:2] == [sys.executable, "-I"]
    assert command[-2:] == ["--state-dir", str(paths.state)]
    probe = command[3].replace("from filmlabd.__main__ import main", "import filmlab, filmlabd")
    probe = probe.replace("sys.exit(main(sys.argv[1:]))", "print(filmlab.__file__, filmlabd.__file__)")
    result = subprocess.run(
        [*command[:3], probe, *command[4:]], cwd=tmp_path, env={}, capture_output=True, text=True, check=True
    )
    import filmlab
    import filmlabd

    assert result.stdout.split() == [filmlab.__file__, filmlabd.__file__]


def test_the_environment_is_a_short_list() -> None:
    """Only what a daemon needs passes; whatever a job, a library or a debugger set does not."""
    given = dict.fromkeys(
        ["PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "FILMLAB_STATE_DIR", "FILMLABD_WORKERS", "LD_PRELOAD",
         "CUDA_HOME", "SLURM_JOB_ID", "PYTHONPATH", "PYTHONSTARTUP", "OMP_NUM_THREADS", "WANDB_API_KEY"], "x"
    )  # fmt: skip
    assert set(daemon_environment(given)) == {
        "PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "FILMLAB_STATE_DIR", "FILMLABD_WORKERS"
    }  # fmt: skip


def test_a_daemon_that_is_there_is_not_started_again(paths: StatePaths) -> None:
    """`ensure_daemon` gives the one that listens."""
    launcher = Launcher(paths, stand_in(paths))
    run_until_found(launcher, paths)
    launcher.close()
    assert ensure_daemon(paths).ingest == "ipc:///x"
    assert len((paths.root / "seen").read_text().splitlines()) == 1


def test_waiting_for_a_daemon_ends_with_a_reason(paths: StatePaths) -> None:
    """Where another daemon holds the lock and never says where it listens, the wait ends and tells so."""
    with paths.daemon_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Transient, match="not ready"):
            ensure_daemon(paths, timeout_s=0.1)
