"""Prints in their directory: names, whole files, and what is refused."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import BadInput, Transient
from filmlab.wire.names import ID_PATTERN
from filmlabd.artifact_names import curve_stem, episode_stem, media_stem
from filmlabd.artifacts import Printed, RunDirectory, withdraw
from filmlabd.model import EpisodeRow


def row(**changes: object) -> EpisodeRow:
    """An episode row; only what names depend on matters here."""
    values: dict[str, object] = {
        "run_id": "r", "writer": "main", "attempt": 1, "episode": 12, "session": 1, "film": 1, "return_": 1.0,
        "length": 1, "solved": None, "ended": True, "complete": True, "frames": 1, "last_seq": 1, "reason": "",
        "note": "", "metadata": {}, "wall": 0.0, "occurrence": 0, "job_state": "ready",
    }  # fmt: skip
    return EpisodeRow(**(values | changes))  # type: ignore[arg-type]  # fields of EpisodeRow


def test_names() -> None:
    """Writer main, attempt 1 and the first occurrence are silent in a name; everything else is in it."""
    assert episode_stem(row()) == "episodes/episode_000012"
    assert episode_stem(row(writer="eval", attempt=2, occurrence=2)) == "episodes/episode_000012_weval_a2-3"
    assert curve_stem("loss/../π") == "curves/loss%2F..%2F%CF%80"
    assert media_stem(row(media_name="conv 1", media_step=40)) == "media/conv%201_40"


_writers = st.one_of(
    st.just("main"),
    st.from_regex(ID_PATTERN, fullmatch=True),
    st.lists(st.sampled_from(["a", "_a2", "-2", "_w", "_7", "x", "-x1"]), min_size=1, max_size=5)
    .map("".join)
    .filter(lambda text: ID_PATTERN.fullmatch(text) is not None),
)
_media = st.lists(st.sampled_from(["a", "_7", "_wa", "-2", "_a2"]), min_size=1, max_size=4).map("".join)
_rows = st.tuples(
    _writers, st.integers(1, 3), st.integers(0, 3), _media, st.sampled_from([7, 2])
).map(lambda v: row(writer=v[0], attempt=v[1], occurrence=v[2], media_name=v[3], media_step=v[4]))  # fmt: skip


@given(_rows, _rows)
def test_names_never_meet(one: EpisodeRow, other: EpisodeRow) -> None:
    """Two different media, or episodes, never get the same file name."""
    assert (media_stem(one) == media_stem(other)) == (one == other)
    if (one.writer, one.attempt, one.occurrence) != (other.writer, other.attempt, other.occurrence):
        assert episode_stem(one) != episode_stem(other)


def test_publish(tmp_path: Path) -> None:
    """A print appears whole, in directories made with the trainer's umask, and nothing else beside it."""
    with RunDirectory(tmp_path / "p" / "run", 0o027) as directory:
        assert directory.publish("curves/loss.svg", [b"<svg", b"/>"], final=True) == "curves/loss.svg"
        assert directory.head("curves/loss.svg", 4) == b"<svg"
        assert directory.head("curves/none.svg", 4) is None
        assert directory.head("none/loss.svg", 4) is None
    target = tmp_path / "p" / "run" / "curves" / "loss.svg"
    assert target.read_bytes() == b"<svg/>"
    assert [path.name for path in target.parent.iterdir()] == ["loss.svg"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o750


def test_never_writable_for_everybody(tmp_path: Path) -> None:
    """A trainer without any umask still gets no directory that everybody may write."""
    with RunDirectory(tmp_path / "run", 0) as directory:
        directory.publish("a/b.json", b"{}", final=False)
    assert stat.S_IMODE((tmp_path / "run" / "a").stat().st_mode) == 0o775
    assert stat.S_IMODE((tmp_path / "run" / "a" / "b.json").stat().st_mode) == 0o664


def test_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """While a file is being written its name shows the old one, and so it stays when writing fails."""

    def pieces() -> Iterator[bytes]:
        yield b"new" * 100_000
        assert (tmp_path / "run.json").read_bytes() == b"old"
        raise MemoryError

    with RunDirectory(tmp_path, 0o022) as directory:
        directory.publish("run.json", b"old", final=False)
        with pytest.raises(MemoryError):
            directory.publish("run.json", pieces(), final=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"run.json": b"old"}


def test_leftover_of_a_killed_worker(tmp_path: Path) -> None:
    """A part that a killed worker left is no obstacle and does not stay, whatever it is."""
    (tmp_path / "secret").write_text("mine")
    (tmp_path / ".run.json.part").symlink_to(tmp_path / "secret")
    with RunDirectory(tmp_path, 0o022) as directory:
        directory.publish("run.json", b"{}", final=True)
    assert (tmp_path / "secret").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "secret"]


def test_symlinks_are_refused(tmp_path: Path) -> None:
    """A run's directory, or one below it, that is a symbolic link is refused by name; nothing is written behind it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "run").symlink_to(outside)
    with pytest.raises(BadInput, match=r"/run cannot be opened: a component of it is a symbolic link"):
        RunDirectory(tmp_path / "run", 0o022)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "curves").symlink_to(outside)
    with RunDirectory(tmp_path / "real", 0o022) as directory:
        with pytest.raises(BadInput, match=r"curves/loss\.svg cannot be written: a component of it is a symbolic link"):
            directory.publish("curves/loss.svg", b"", final=True)
        assert directory.head("curves/loss.svg", 1) is None
    assert list(outside.iterdir()) == []


def test_replaced_symlink_as_target(tmp_path: Path) -> None:
    """A print whose name is a symbolic link takes the link's place; what it leads to is left alone."""
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "run.json").symlink_to(tmp_path / "secret")
    with RunDirectory(tmp_path, 0o022) as directory:
        directory.publish("run.json", b"{}", final=False)
    assert (tmp_path / "secret").read_text() == "mine"
    assert not (tmp_path / "run.json").is_symlink()


def test_directory_replaced_during_a_write(tmp_path: Path) -> None:
    """A directory that is swapped for a symbolic link while a file is written does not lead the write elsewhere."""
    run, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()

    def pieces() -> Iterator[bytes]:
        (run / "curves").rename(run / "moved")
        (run / "curves").symlink_to(outside)
        yield b"x"

    with RunDirectory(run, 0o022) as directory:
        directory.publish("curves/loss.svg", pieces(), final=True)
    assert list(outside.iterdir()) == []
    assert (run / "moved" / "loss.svg").read_bytes() == b"x"


@pytest.mark.parametrize("relative", ["", "..", "../x", "a/../b", "/etc/x", "a//b", "a/.", "a\0b"])
def test_paths_stay_below(tmp_path: Path, relative: str) -> None:
    """A path that would leave the directory is refused before anything is touched."""
    with RunDirectory(tmp_path, 0o022) as directory, pytest.raises(BadInput, match="no path below"):
        directory.publish(relative, b"", final=False)
    assert list(tmp_path.iterdir()) == []


def test_world_writable_is_refused(tmp_path: Path) -> None:
    """A directory in which everybody may swap files is refused with what to do about it; sticky ones are fine."""
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(0o777)
    with pytest.raises(BadInput, match=r"/run may be written by everybody: `chmod o-w` it"):
        RunDirectory(run, 0o022)
    run.chmod(0o1777)
    with RunDirectory(run, 0o022) as directory:
        directory.publish("run.json", b"{}", final=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_foreign_directory_is_refused(tmp_path: Path) -> None:
    """A directory of another user is refused, naming both."""
    run = tmp_path / "run"
    run.mkdir()
    os.chown(run, 65534, 65534)
    with pytest.raises(BadInput, match=r"/run belongs to user 65534, not to 0"):
        RunDirectory(run, 0o022)


def test_what_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A path that leads through a file, or onto a directory, is told by name; trying again is pointless."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"/file/run cannot be made: "):
        RunDirectory(tmp_path / "file" / "run", 0o022)
    with RunDirectory(tmp_path, 0o022) as directory:
        (tmp_path / "run.json").mkdir()
        with pytest.raises(BadInput, match=r"/run\.json cannot be written: Is a directory"):
            directory.publish("run.json", b"{}", final=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run.json"]


def test_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    """ENOSPC is told as ours to retry, naming the file, and leaves the old one; /dev/full stands for the disk here."""

    def pieces() -> Iterator[bytes]:
        with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123  # unbuffered
            full.write(b"x")
        yield b""

    with RunDirectory(tmp_path, 0o022) as directory:
        directory.publish("run.json", b"old", final=True)
        with pytest.raises(Transient, match=r"/run\.json cannot be written: No space left on device"):
            directory.publish("run.json", pieces(), final=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"run.json": b"old"}


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """A directory that is not there stays so; a print is a file, and no link, pipe or directory."""
    with Printed(tmp_path / "none") as directory:
        assert directory.open("x.gif") is None
        assert directory.head("episodes/x.gif", 3) is None
    assert list(tmp_path.iterdir()) == []
    there = tmp_path / "run"
    (there / "episodes").mkdir(parents=True)
    (there / "episodes" / "x.gif").write_bytes(b"GIF89a")
    (there / "link.gif").symlink_to("episodes/x.gif")
    os.mkfifo(there / "pipe.gif")
    with Printed(there) as directory:
        assert directory.head("episodes/x.gif", 3) == b"GIF"
        file = directory.open("episodes/x.gif")
        assert file is not None
        with file:
            assert file.read() == b"GIF89a"
        for name in (
            "link.gif",
            "pipe.gif",
            "episodes",
            "none.gif",
            "episodes/none.gif",
            "/etc/passwd",
            "episodes/../x",
        ):
            assert directory.open(name) is None, name


def test_prints_are_withdrawn_with_what_is_empty_then(tmp_path: Path) -> None:
    """Exactly the files that are named go, and directories that have nothing else in them."""
    run = tmp_path / "run"
    for name in ("index.html", "episodes/a.gif", "episodes/a.json", "curves/loss.svg", "curves/mine.txt"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(b"12345")
    names = ["index.html", "episodes/a.gif", "episodes/a.json", "curves/loss.svg", "media/never.png"]
    assert withdraw(run, names) == (4, 20)
    assert [path for path in run.rglob("*") if path.is_file()] == [run / "curves" / "mine.txt"]
    assert not (run / "episodes").exists()
    assert withdraw(run, names) == withdraw(tmp_path / "nothing", names) == (0, 0)


def test_nothing_is_withdrawn_through_a_symbolic_link(tmp_path: Path) -> None:
    """Neither a file behind a link, nor one in a linked directory, nor the run's directory where that is one."""
    run, other = tmp_path / "run", tmp_path / "other"
    (run / "episodes").mkdir(parents=True)
    other.mkdir()
    (other / "a.gif").write_bytes(b"mine")
    (run / "curves").symlink_to(other)
    (run / "episodes" / "a.gif").symlink_to(other / "a.gif")
    (tmp_path / "link").symlink_to(run)
    assert withdraw(run, ["curves/a.gif", "episodes/a.gif"]) == (0, 0)
    assert withdraw(tmp_path / "link", ["episodes/a.gif"]) == (0, 0)
    assert (other / "a.gif").read_bytes() == b"mine" and (run / "episodes" / "a.gif").is_symlink()
    with pytest.raises(BadInput):
        withdraw(run, ["../other/a.gif"])
    assert (other / "a.gif").exists()
