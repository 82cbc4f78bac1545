"""deploy/filmlabd.service: what it asks of the daemon, the daemon does."""

import configparser
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.endpoint import read_endpoint
from filmlab.paths import StatePaths
from patience import PATIENCE_S

LOOK_EVERY_S = 0.2
UNIT = Path(__file__).parents[2] / "deploy" / "filmlabd.service"


def service() -> dict[str, str]:
    """The [Service] section."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str
    parser.read(UNIT)
    return dict(parser["Service"])


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a service manager, which hears what is notified."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(LOOK_EVERY_S)
        yield listening


def hear(manager: socket.socket, daemon: "subprocess.Popen[bytes]", word: str) -> None:
    """Wait until the daemon says a word; fail at once when it ends without."""
    for _ in range(int(PATIENCE_S / LOOK_EVERY_S)):
        ended = daemon.poll() is not None
        with contextlib.suppress(TimeoutError):
            if word in manager.recv(1000).decode().splitlines():
                return
        assert not ended, f"the daemon ended with {daemon.returncode} and never said {word}"
    raise AssertionError(f"the daemon lives and never said {word}")


def test_the_daemon_tells_its_manager(manager: socket.socket, tmp_path: Path) -> None:
    """`Type=notify`: it says when it serves (and its sockets are there by then), and when it stops; it ends with 0.

    With `WatchdogSec=` in the unit it must also show that it lives, or the manager would kill it again and again.
    """
    unit = service()
    (tmp_path / "run").mkdir(mode=0o700)
    own = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "FILMLAB_STATE_DIR": str(tmp_path / "s")}
    environ = os.environ | own | {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
    endpoint = StatePaths.find(environ).endpoint
    assert unit["Type"] == "notify"
    with subprocess.Popen([sys.executable, "-m", "filmlabd", "--workers", "1"], env=environ, stderr=-3) as daemon:
        try:
            hear(manager, daemon, "READY=1")
            assert read_endpoint(endpoint).pid == daemon.pid
            if "WatchdogSec" in unit:
                hear(manager, daemon, "WATCHDOG=1")
            daemon.send_signal(signal.SIGTERM)
            hear(manager, daemon, "STOPPING=1")
            assert daemon.wait(PATIENCE_S) == 0
        finally:
            daemon.kill()


def test_nothing_that_would_break_it() -> None:
    """No user namespace of its own (peers would be nobody), no filter without what workers need, sockets by path."""
    unit = service()
    assert "PrivateUsers" not in unit
    assert "~@resources" not in unit["SystemCallFilter"]
    assert unit["RestrictAddressFamilies"] == "AF_UNIX"
    assert unit["RestartPreventExitStatus"] == "78"


def test_systemd_understands_it(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    program = tmp_path / ".local/bin/filmlabd"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "run").mkdir(mode=0o700)
    environ = os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    command = ["systemd-analyze", "--user", "verify", str(UNIT)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
