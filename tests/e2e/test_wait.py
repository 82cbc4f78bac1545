"""Waiting, as a user does it: `filmlab wait`, `run.flush`, on a terminal and in a pipe."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from e2e.house import House, until
from filmlabd.cli.main import main
from patience import PATIENCE_S

WAITS = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="long", id="long", schedule="always", total_episodes=8)
    for _ in range(2):
        with run.episode() as episode:
            episode.step(0, 1.0, np.zeros((8, 8, 3), np.uint8))
    run.flush()
    print("ready")
    input()
    run.finish()
"""
FLUSHES = """
    import filmlab
    run = filmlab.init(project="play", name="alone", mode="online")
    run.log({"a": 1.0})
    print("flushed", run.flush(1.0))
"""


class Terminal:
    """A pseudo-terminal that a process has as its standard error, and what it showed."""

    def __init__(self, house: House, arguments: list[str], **variables: str) -> None:
        mine, its = pty.openpty()
        environ = house.environ | {"TERM": "xterm"} | variables
        environ = {name: value for name, value in environ.items() if name != "NO_COLOR" or name in variables}
        self.process = subprocess.Popen(
            arguments, env=environ, cwd=house.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its,
            text=True,
        )  # fmt: skip
        os.close(its)
        self._mine, self.shown = mine, ""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def end(self) -> tuple[int, str]:
        """Its exit status and its output, once it has ended."""
        output, _ = self.process.communicate(timeout=PATIENCE_S)
        self._reading.join()
        os.close(self._mine)
        return self.process.returncode, output

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed: that is how a terminal ends
            while data := os.read(self._mine, 4096):
                self.shown += data.decode()


@pytest.fixture
def trainer(house: House) -> Iterator[subprocess.Popen[str]]:
    """A run that has played 2 of 8 episodes and goes on when it gets a line."""
    process = house.trainer(WAITS)
    assert process.stdout is not None
    assert any(line == "ready\n" for line in process.stdout)
    yield process
    process.kill()


def test_wait_comes_back_when_all_is_there(house: House, trainer: subprocess.Popen[str]) -> None:
    """On a terminal it shows how far the run is, without colour where that is not wanted, and takes that away again."""
    waiting = Terminal(house, [sys.executable, "-m", "filmlabd.cli", "wait", "long"], NO_COLOR="1")
    until(lambda: "2 of 8 episodes" in waiting.shown, "the progress to be shown")
    assert "training ━━━━━───" in waiting.shown
    trainer.communicate("\n", timeout=PATIENCE_S)
    status, output = waiting.end()
    assert status == 0, (output, waiting.shown)
    assert output.startswith("long  long  finished: 2 episodes, 2 films developed; in ")
    assert waiting.shown.endswith("\r\x1b[K")
    assert "\x1b[36m" not in waiting.shown
    assert (house.run_dir() / "episodes/episode_000001.gif").exists()


def test_waiting_in_vain(house: House, trainer: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Past its time it says how far it came; in a pipe nothing is drawn; a run that crashed is trouble."""
    where = ["--state-dir", str(house.paths.state)]
    assert main(["wait", "long", "--timeout", "0.5", *where]) == 1
    shown = capsys.readouterr()
    assert shown.out.endswith("not there yet after 0.5 s\n")
    assert shown.err == ""
    assert main(["wait", "nobody", *where]) == 2
    trainer.kill()
    trainer.wait()
    capsys.readouterr()
    assert main(["wait", "long", "--json", "--timeout", str(PATIENCE_S), *where]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["printed"], document["films"], document["problem"]) == (
        "crashed", True, {"done": 2}, "",
    )  # fmt: skip


def test_flush_shows_what_it_waits_for(house: House) -> None:
    """On a terminal only; the line is gone when it returns."""
    program = "\n".join(line[4:] for line in FLUSHES.splitlines())
    terminal = Terminal(house, [sys.executable, "-c", program])
    assert terminal.end() == (0, "flushed False\n")
    assert "handing over \x1b[36m" in terminal.shown
    assert "records" in terminal.shown
    assert "handing over" not in house.train(FLUSHES)
