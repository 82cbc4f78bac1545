"""`filmlab show` and what it says when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import House
from patience import PATIENCE_S
from web.site import write_runs

WITHOUT = """
import sys
sys.modules[{missing!r}] = None
from filmlabd.cli.main import main
sys.exit(main({arguments!r}))
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def complaint(house: House, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "filmlabd.cli", *arguments]
    done = subprocess.run(command, env=house.environ, text=True, capture_output=True, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "jinja2"])
def test_what_is_missing_is_said_in_one_line(house: House, missing: str) -> None:
    """A trainer's environment need not have the page's libraries: the command says what to install."""
    program = WITHOUT.format(missing=missing, arguments=["show"])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=house.environ,
        text=True,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("filmlab: `filmlab show` needs")
    assert "pip install 'filmlab[ui]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_cannot_be_shown(house: House) -> None:
    """No such run, or a port that somebody has."""
    assert complaint(house, "show", "nobody") == (
        2, f"filmlab: no run is called 'nobody': nothing has been recorded in {house.paths.state}\n"
    )  # fmt: skip
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = complaint(house, "show", "--port", str(port))
    assert (status, said) == (2, f"filmlab: port {port} of 127.0.0.1: Address already in use\n")


@pytest.mark.parametrize("port", ["65536", "99999", "9" * 30])
def test_a_port_that_is_none(house: House, port: str) -> None:
    """One line, as for every argument that cannot be."""
    assert complaint(house, "show", "--port", port) == (
        2, f"filmlab: a port is a number from 1 to 65535, got {port}\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("ls",), ("why", "1"), ("wait",), ("develop",), ("export",), ("results",), ("compare",),
     ("rm", "--yes"), ("doctor",), ("record", "--next", "1")],
)  # fmt: skip
def test_a_name_that_is_no_text(house: House, arguments: tuple[str, ...]) -> None:
    """Bytes that are no UTF-8 are the name of no run, whichever command is asked."""
    write_runs(house, 1)
    status, said = complaint(house, arguments[0], os.fsdecode(b"\xff"), *arguments[1:])
    assert (status, said) == (2, "filmlab: no run is called '\\udcff'\n")


def test_what_it_prints_and_how_it_ends(house: House) -> None:
    """The link and the line for ssh, at once; Ctrl-C ends it in good order."""
    process = house._start([sys.executable, "-m", "filmlabd.cli", "show"], {})
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(5)]
    assert lines[0] == f"The runs of {house.paths.state}, until Ctrl-C:"
    url = lines[2]
    port = url.removeprefix("http://127.0.0.1:").partition("/")[0]
    assert lines[4].startswith(f"From another machine, first:  ssh -L {port}:127.0.0.1:{port} ")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    again = house._start([sys.executable, "-m", "filmlabd.cli", "show", "--json", "--port", port], {})
    assert again.stdout is not None
    assert json.loads(again.stdout.readline())["port"] == int(port)
