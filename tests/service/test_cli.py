"""The command line: what a user sees, with and without a daemon."""

import argparse
import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from filmlab.paths import StatePaths
from filmlabd.cli.commands import make_parser
from filmlabd.cli.format import table
from filmlabd.cli.main import main
from service.machine import daemon, fresh_machine
from service.recorded import Recording, record

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
Run: TypeAlias = Callable[..., tuple[int, str]]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    """An empty state directory, in force by the environment; nothing else of the user's is seen."""
    return fresh_machine(tmp_path, monkeypatch)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its exit status, and what it printed (or its message, where it printed nothing)."""

    def run(*arguments: str) -> tuple[int, str]:
        status = main(arguments)
        shown = capsys.readouterr()
        return status, shown.out or shown.err

    return run


def run_json(run: Run, *arguments: str) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json")[1])


# --- every command ----------------------------------------------------------------------------------------------------


def test_every_command_and_option_has_docs() -> None:
    """docs/cli.md has a section for each command, with every option and argument in it."""
    commands = next(item for item in make_parser()._actions if isinstance(item, argparse._SubParsersAction))
    sections = {part.split("\n", 1)[0].strip(): part for part in DOCS.read_text().split("\n## ")[1:]}
    for name, parser in commands.choices.items():
        section = sections[f"filmlab {name}"]
        for action in parser._actions:
            word = action.option_strings[-1] if action.option_strings else action.metavar
            assert word == "--help" or f"`{word}" in section, (name, word)


@pytest.mark.parametrize(("command", "key"), [("ls", "runs"), ("status", "index"), ("doctor", "findings")])
def test_a_fresh_machine(paths: StatePaths, run: Run, command: str, key: str) -> None:
    """With nothing recorded and no daemon every command works, ends well, and creates nothing."""
    before = sorted(paths.state.rglob("*"))
    status, shown = run(command)
    assert status == 0, shown
    assert key in run_json(run, command)
    assert sorted(paths.state.rglob("*")) == before


def test_usage(paths: StatePaths, run: Run, tmp_path: Path) -> None:
    """A command that is called wrongly ends with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["frobnicate"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        main(["ls", "--last", "-3"])
    assert run()[0] == 2
    assert run("ls", "zzz") == (2, f"filmlab: no run is called 'zzz': nothing has been recorded in {paths.state}\n")
    assert run("ls", "--state-dir", str(tmp_path / "none"))[0] == 2


def test_another_state_directory(paths: StatePaths, run: Run, tmp_path: Path) -> None:
    """`--state-dir` looks elsewhere."""
    record(paths.index)
    (tmp_path / "other").mkdir()
    assert len(run_json(run, "ls")["runs"]) == 2
    assert run_json(run, "ls", "--state-dir", str(tmp_path / "other"))["runs"] == []


def test_the_command_itself(paths: StatePaths) -> None:
    """As a process: it prints, and a reader that stops early is no error."""
    record(paths.index)
    command = [sys.executable, "-m", "filmlabd.cli", "ls"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "aaaa1111" in done.stdout
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["ls", "top"])
def test_a_terminal_of_another_encoding(paths: StatePaths, command: str) -> None:
    """What it cannot show is a question mark there and no error; JSON is UTF-8 whatever the terminal is."""
    made = Recording(paths.index)
    made.run(1, "cccc3333", "強化学習", "p", "/films/c")
    made.close()

    def said(*flags: str) -> bytes:
        arguments = [sys.executable, "-m", "filmlabd.cli", command, *flags]
        return subprocess.check_output(arguments, env=os.environ | {"PYTHONIOENCODING": "latin-1"})

    assert b" ???? " in said()
    assert json.loads(said("--json").decode())["runs"][0]["name"] == "強化学習"


# --- ls ---------------------------------------------------------------------------------------------------------------


def test_ls(paths: StatePaths, run: Run) -> None:
    """Each run has a line with status, episodes, last and best return, drops, failures and directory."""
    record(paths.index)
    status, shown = run("ls")
    header, pole, walker, note = shown.splitlines()
    assert status == 0
    assert header.split() == [
        "ID", "NAME", "PROJECT", "STATUS", "EPISODES", "LAST", "BEST", "DROPPED", "FAILED", "BEGAN", "DIRECTORY",
    ]  # fmt: skip
    assert pole.split()[:7] == ["aaaa1111", "pole", "cart", "finished", "6", "nan", "40"]
    assert pole.endswith("/films/cart/pole-aaaa")
    assert "running" in walker
    assert "2 films" in walker
    assert "no daemon is running" in note


def test_ls_as_json(paths: StatePaths, run: Run) -> None:
    """JSON is valid, has everything, and null where there is no number."""
    record(paths.index)
    document = run_json(run, "ls")
    pole, walker = document["runs"]
    assert document["daemon"] is False
    assert (pole["last_return"], pole["best_return"]) == (None, 40.0)
    assert pole["blocked"]["calls"] == 100
    assert walker["dropped"] == [{"what": "film", "count": 2, "bytes": 3 * 2**20, "reason": "over 512 MiB in memory"}]
    assert walker["failed_prints"] == 1


def test_ls_of_a_project_and_the_last(paths: StatePaths, run: Run) -> None:
    """`--project` and `--last` narrow what is listed."""
    record(paths.index)
    assert [item["id"] for item in run_json(run, "ls", "--project", "cart")["runs"]] == ["aaaa1111"]
    assert run("ls", "--project", "none")[1] == f"no runs of project none in {paths.state}\n"
    shown = run("ls", "--last", "1")[1]
    assert "aaaa1111" not in shown
    assert "the last 1 of 2 runs" in shown
    assert "aaaa1111" in run("ls", "--last", "0")[1]


def test_ls_run(paths: StatePaths, run: Run) -> None:
    """A run's episodes have return, length, why they were kept or not, and their file."""
    record(paths.index)
    status, shown = run("ls", "aaaa")
    lines = shown.splitlines()
    assert status == 0
    assert lines[:2] == ["aaaa1111  pole  (cart)  finished", "/films/cart/pole-aaaa"]
    assert lines[4].startswith("training inside filmlab: 2.5 ms in 100 calls, p50 ")
    assert lines[4].endswith(", longest 400 µs")
    assert lines[6].split() == ["EPISODE", "RETURN", "LENGTH", "SOLVED", "WHY", "FILE"]
    assert lines[7].split() == [
        "0", "0", "10", "no", "every", "2", "episodes/episode_000000.gif",
    ]  # fmt: skip
    assert lines[8].endswith("not in every 2 or last 1")
    assert lines[11].endswith("developing")


def test_ls_run_with_troubles(paths: StatePaths, run: Run) -> None:
    """Drops, failed prints, films that were not kept and cut episodes are told, each with its reason."""
    record(paths.index)
    shown = run("ls", "bbbb2222")[1]
    for words in (
        "missing: 2 films not handed over (3 MiB): over 512 MiB in memory",
        "failed: killed by signal 9",
        "not kept: not among the last 1",
        "the trainer ended in this episode",
        "given up: episode:11: killed by signal 9",
        "weights",
    ):
        assert words in shown
    document = run_json(run, "ls", "bbbb2222")
    assert [item["kept"] for item in document["list"]] == [True, False, True]
    assert document["media"][0]["step"] == 40


def test_ls_run_by_name_and_project(paths: StatePaths, run: Run) -> None:
    """A run is found by its name; of another project it is not."""
    record(paths.index)
    assert run_json(run, "ls", "pole")["id"] == "aaaa1111"
    assert run("ls", "pole", "--project", "default")[0] == 2
    assert "the last 2 of 6 episodes" in run("ls", "pole", "--last", "2")[1]


def test_an_index_of_a_later_version(paths: StatePaths, run: Run) -> None:
    """An index that this version cannot read is trouble, and no misuse of the command."""
    record(paths.index)
    with contextlib.closing(sqlite3.connect(paths.index)) as db:
        db.execute("PRAGMA user_version = 999")
    assert run("ls")[0] == 1
    assert run("ls", "aaaa")[0] == 1
    assert run("doctor")[0] == 1


def test_a_damaged_index(paths: StatePaths, run: Run) -> None:
    """An index that is no database is told as trouble, not as a traceback."""
    paths.index.write_bytes(b"no database " * 1000)
    assert run("ls")[0] == 1
    status, shown = run("doctor")
    assert status == 1
    assert "made again from the journal" in shown


# --- status -----------------------------------------------------------------------------------------------------------


def test_status_without_a_daemon(paths: StatePaths, run: Run) -> None:
    """Without a daemon it is said, with what the next one will find."""
    record(paths.index)
    status, shown = run("status")
    assert status == 0
    assert "none; a trainer starts one by itself" in shown
    assert "2, of which 1 had not ended" in shown
    assert run_json(run, "status")["index"]["failed_prints"] == 1


def test_status(paths: StatePaths, run: Run) -> None:
    """A daemon that is well is shown with what it does."""
    with daemon(paths):
        status, shown = run("status")
        document = run_json(run, "status")
    assert status == 0
    assert "running, version 0.1.0, process 77, up 1 h 1 min" in shown
    assert "2 waiting, 1 running, 0 given up" in shown
    assert "2, of which 1 at work" in shown
    assert document["daemon"] == "running"
    assert document["status"]["pid"] == 77


def test_status_with_troubles(paths: StatePaths, run: Run) -> None:
    """What was given up or refused, and a full disk, end with 1 and a reason each."""
    troubles = {
        "quarantined": [{"key": "episode:1", "reason": "killed by signal 9"}],
        "quarantined_more": 7,
        "refused_records": 2,
        "disk_full": "No space left on device",
    }
    with daemon(paths, **troubles):
        status, shown = run("status")
    assert status == 1
    named = ("given up: episode:1: killed by signal 9", "given up: 7 more prints")
    for words in (*named, "2 records refused", "No space left"):
        assert f"trouble: {words}" in shown or words in shown


def test_status_of_a_daemon_that_is_there_but_silent(paths: StatePaths, run: Run) -> None:
    """A lock that is held with no endpoint is a daemon that hangs or only starts: trouble, and where to look."""
    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    status, shown = run("status")
    document = run_json(run, "status")
    os.close(holder)
    assert status == 1
    assert str(paths.log) in shown
    assert document["daemon"] == "hanging"


# --- how things are written -------------------------------------------------------------------------------------------


def test_table() -> None:
    """Numbers stand flush right, empty columns are left out, and nothing in a cell is obeyed by the terminal."""
    assert table(["A", "B", "C"], [["x", "", "1"], ["y\x1b[2J", "", "10"]], right="C") == [
        "A       C",
        "x       1",
        "y\N{REPLACEMENT CHARACTER}[2J  10",
    ]
