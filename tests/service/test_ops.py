"""The service manager's socket, its watchdog, the log, and memory."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlabd import ops
from patience import PATIENCE_S


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Give pytest its own log handlers back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("abstract", [False, True])
def test_notify(tmp_path: Path, abstract: bool) -> None:
    """The service manager gets the state, through a socket with a path or an abstract one."""
    address = f"@filmlab-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        assert ops.notify("READY=1\nSTATUS=2 runs", {"NOTIFY_SOCKET": address})
        assert manager.recv(100) == b"READY=1\nSTATUS=2 runs"


def test_notify_without_a_manager(tmp_path: Path) -> None:
    """No service manager, one that is gone, or a strange address: nothing happens."""
    assert not ops.notify("READY=1", {})
    assert not ops.notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert not ops.notify("READY=1", {"NOTIFY_SOCKET": "vsock:2:1"})


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog(environ: dict[str, str], interval_s: float | None) -> None:
    """The watchdog is fed at half its time, and only where it is meant for this process."""
    assert ops.watchdog_interval_s(environ, 7) == interval_s


def test_log_to_a_file(tmp_path: Path) -> None:
    """The file gets time, level, process and name; what is below the level is left out; nothing is logged twice."""
    file = tmp_path / "daemon.log"
    ops.set_up_logging("info", {}, file)
    ops.set_up_logging("info", {}, file)
    logging.getLogger("filmlabd.test").info("run %s began", "ab")
    logging.getLogger("filmlabd.test").debug("detail")
    (line,) = file.read_text().splitlines()
    assert line.endswith(f"INFO    {os.getpid()} filmlabd.test: run ab began")


def test_the_log_file_is_turned_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that has grown is set aside, and only so many are kept."""
    monkeypatch.setattr(ops, "LOG_FILE_MAX_BYTES", 500)
    ops.set_up_logging("info", {}, tmp_path / "daemon.log")
    for number in range(50):
        logging.getLogger("filmlabd.test").info("line %d", number)
    assert len(list(tmp_path.iterdir())) == 1 + ops.LOG_FILES_KEPT


def test_log_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """In the foreground the log goes to the terminal."""
    ops.set_up_logging("warning", {})
    logging.getLogger("filmlabd.test").warning("the disk is full")
    assert capsys.readouterr().err.rstrip().endswith("filmlabd.test: the disk is full")


def test_log_to_journald(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is journald's, every line bears its priority and no time."""
    path = tmp_path / "stream"
    with path.open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        found = os.fstat(stream.fileno())
        ops.set_up_logging("info", {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        logging.getLogger("filmlabd.test").error("one\ntwo")
    assert path.read_text() == "<3>filmlabd.test: one\n<3>two\n"


def test_memory_goes_back() -> None:
    """A process that held much for a moment is small afterwards, though something younger is still there."""
    program = """
import re
from pathlib import Path
from filmlabd import ops
assert ops.give_memory_back()
del [bytearray(2 << 20)][0]
held = [(bytearray(1 << 20), bytes(1000)) for _ in range(200)]
kept = [small for _, small in held]
del held
print(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert int(done.stdout) < 100 * 1024
