"""Covers filmlabd.cli.top: one look without a terminal, and a real terminal that is left as it was."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filmlab.paths import StatePaths
from filmlabd.cli.main import main
from filmlabd.cli.top import Watch
from patience import PATIENCE_S
from service.machine import daemon, fresh_machine
from service.recorded import record


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    return fresh_machine(tmp_path, monkeypatch)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["top", *arguments]) == 0
    return capsys.readouterr().out


def test_one_picture(paths: StatePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`--once`, and whatever is no terminal, gets one picture with all runs, free of control characters."""
    record(paths.index)
    monkeypatch.setenv("COLUMNS", "140")
    shown = said(capsys, "--once")
    assert [line.split()[1] for line in shown.splitlines()[4:]] == ["walker", "pole"]
    assert "\x1b" not in shown
    assert "no daemon" in shown
    with daemon(paths):
        assert "daemon queue 2 waiting · workers 1/2" in said(capsys)


def test_json(paths: StatePaths, capsys: pytest.CaptureFixture[str]) -> None:
    """One look as valid JSON: null for what is not known."""
    record(paths.index)
    document = json.loads(said(capsys, "--json"))
    assert [run["name"] for run in document["runs"]] == ["walker", "pole"]
    assert (document["daemon"]["state"], document["alive"]) == ("none", 1)
    assert document["runs"][1]["points_per_s"] is None


def test_without_rich(paths: StatePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install, and JSON needs nothing more."""
    for name in ("rich", "rich.console", "filmlabd.cli.top_screen"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["top"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'filmlab[ui]'" in line
    assert json.loads(said(capsys, "--json"))["runs"] == []


def test_rates_need_two_looks(paths: StatePaths) -> None:
    """What came in since the look before is told by second; of what is over nothing is counted."""
    record(paths.index)
    watch = Watch(paths)
    with daemon(paths):
        watch.look(10.0, 1.7e9)
        shown = watch.look(11.0, 1.7e9)
    assert [(run.name, run.points_per_s) for run in shown.runs[:1]] == [("walker", 0.0)]
    assert shown.daemon.bytes_per_s == 0.0


def test_an_index_that_cannot_be_read(paths: StatePaths) -> None:
    """It is a trouble on the board, not the end of it, and what was seen last stays."""
    record(paths.index)
    watch = Watch(paths)
    watch.look(10.0, 1.7e9)
    paths.index.write_bytes(b"no database " * 1000)
    shown = watch.look(11.0, 1.7e9)
    assert len(shown.runs) == 2
    assert "the index cannot be read" in shown.troubles[0]


class Terminal:
    """`filmlab top` in a terminal of its own."""

    def __init__(self, columns: int, lines: int) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.modes = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "filmlabd.cli", "top"], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}, start_new_session=True,
        )  # fmt: skip

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, word: bytes) -> bytes:
        """Read what is drawn up to this."""
        while word not in self.seen:
            ready, _, _ = select.select([self.master], [], [], PATIENCE_S)
            assert ready, self.seen
            self.seen += os.read(self.master, 65536)
        before, self.seen = self.seen.split(word, 1)
        return before

    def end(self) -> int:
        """Its exit status; what it still writes is read, so that it can."""
        reader = threading.Thread(target=self.until, args=(b"\x1b[?1049l",))
        reader.start()
        status = self.process.wait(PATIENCE_S)
        reader.join()
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(paths: StatePaths) -> Iterator[Terminal]:
    record(paths.index)
    made = Terminal(120, 20)
    yield made
    made.close()


def press_q(terminal: Terminal) -> None:
    os.write(terminal.master, b"q")


def interrupt(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGINT)


def terminate(terminal: Terminal) -> None:
    terminal.process.terminate()


@pytest.mark.parametrize("end", [press_q, interrupt, terminate])
def test_a_terminal(terminal: Terminal, end: Callable[[Terminal], None]) -> None:
    """It is drawn on a screen of its own, follows the window's size, and leaves the terminal as it was."""
    terminal.until(b"\x1b[?1049h")
    assert b"POINTS/S" in terminal.until(b"q ends")
    terminal.resize(60, 10)
    while b"POINTS/S" in terminal.until(b"q ends"):
        # Drawn before the new size was seen.
        pass
    assert termios.tcgetattr(terminal.slave) != terminal.modes
    end(terminal)
    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.slave) == terminal.modes
