"""Covers filmlabd.cli.export: files that are there whole or not at all, and what is said of them."""

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from filmlab import progress
from filmlab.paths import StatePaths
from filmlabd.cli.export import write
from filmlabd.cli.main import main
from service.machine import fresh_machine
from service.recorded import record

Run: TypeAlias = Callable[..., tuple[int, str]]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    """A state directory with two runs and no daemon; the working directory is empty."""
    paths = fresh_machine(tmp_path, monkeypatch)
    record(paths.index)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return paths


@pytest.fixture
def run(paths: StatePaths, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run `filmlab export`: its exit status, and what it printed (or its message, where it printed nothing)."""

    def run(*arguments: str) -> tuple[int, str]:
        status = main(["export", *arguments])
        shown = capsysbinary.readouterr()
        return status, (shown.out or shown.err).decode()

    return run


def test_a_file_named_after_the_run(run: Run) -> None:
    """Without `-o` the file lies in the working directory; its size and what is in it are said."""
    status, said = run("aaaa")
    (path,) = Path().iterdir()
    assert (status, path.name) == (0, "pole-aaaa1111.html")
    assert said.startswith(f"{path.name}: ")
    # Its prints are not there: that is no error.
    assert "0 of 2 clips, 2 curves" in said
    assert path.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("form", "first"), [("csv", "writer,attempt,metric,step,wall,value\n"), ("json", "{\n")])
def test_metrics(run: Run, form: str, first: str) -> None:
    """`--csv` and `--json` write the metrics; to standard output nothing else is written."""
    status, said = run("walker", f"--{form}")
    path = Path(f"walker-bbbb2222.{form}")
    assert (status, said) == (0, f"{path}: {path.stat().st_size} B, 5 points\n")
    assert path.read_text().startswith(first)
    assert run("walker", f"--{form}", "-o", "-") == (0, path.read_text())
    if form == "json":
        assert json.loads(path.read_text())["metrics"]["loss"][0]["value"] == [0.5]


class Terminal(io.StringIO):
    """Something that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), ("drawing", "1 of 2 curves", "writing", "KiB")), (("--csv",), ("writing", "KiB so far")),
     (("--json", "-o", "run.json"), ("writing", "KiB so far"))],
)  # fmt: skip
def test_how_far_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """On a terminal a line says it, and is gone in the end; anywhere else there is none."""
    monkeypatch.setattr(progress, "QUIET_S", 0.0)
    monkeypatch.setattr(progress, "REDRAW_S", 0.0)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    status, said = run("aaaa", *arguments)
    lines = terminal.getvalue().split(progress._CLEAR)
    assert status == 0 and said.endswith("\n") and progress._CLEAR not in said
    assert all(any(word in line for line in lines) for word in words), lines
    assert lines[-1] == ""
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    assert run("aaaa", *arguments)[0] == 0
    assert plain.getvalue() == ""


def test_misuse(run: Run, paths: StatePaths) -> None:
    """What cannot be done as it was said ends with 2, says why, and leaves nothing behind."""
    assert run("zzz") == (2, "filmlab: no run is called 'zzz'\n")
    assert run("aaaa", "-o", ".") == (2, "filmlab: -o: . is a directory\n")
    status, said = run("aaaa", "--max-bytes", "2KB")
    assert (status, "without any clip" in said) == (2, True)
    for wrong in (["--clips", "some"], ["--max-bytes", "much"], ["--csv", "--json"]):
        with pytest.raises(SystemExit):
            run("aaaa", *wrong)
    paths.index.unlink()
    assert "nothing has been recorded" in run("aaaa")[1]
    assert list(Path().iterdir()) == []


def test_what_cannot_be_written(run: Run) -> None:
    """A directory that is not there is trouble, and is named."""
    status, said = run("aaaa", "-o", "none/run.html")
    assert (status, said) == (1, "filmlab: [Errno 2] No such file or directory: 'none/run.html'\n")


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """While a file is written, and where that fails, what was there before is there; and nothing else."""

    def pieces() -> Iterator[bytes]:
        yield b"new"
        assert (tmp_path / "run.html").read_bytes() == b"old"
        raise OSError("the disk is full")

    (tmp_path / "run.html").write_bytes(b"old")
    with pytest.raises(OSError, match="full"):
        write(tmp_path / "run.html", pieces())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"run.html": b"old"}
    assert write(tmp_path / "run.html", [b"new", b"er"]) == 5
    assert (tmp_path / "run.html").read_bytes() == b"newer"


def test_links_and_pipes(tmp_path: Path) -> None:
    """What a link leads to is replaced, not the link; a pipe is written to."""
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", [b"x"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"x"
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write, args=(tmp_path / "pipe", [b"y"]))
    writer.start()
    assert (tmp_path / "pipe").read_bytes() == b"y"
    writer.join()
    assert (tmp_path / "pipe").is_fifo()


def test_a_name_that_is_no_file_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is written to as bytes, whatever the terminal's encoding is."""
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["export", "aaaa", "-o", "-"]) == 0
    out.flush()
    assert "·".encode() in out.buffer.getvalue()  # type: ignore[attr-defined]  # BytesIO
