"""Where everything lies: the choice of the state directory, and sockets that never meet."""

import os
import stat
from pathlib import Path

import pytest

from filmlab.errors import BadInput
from filmlab.paths import StatePaths, choose_state, filesystem_type, runtime_dir


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory that the table of mounts calls NFS. Unrealistic: its file system is a local one."""
    far = tmp_path / "far"
    far.mkdir()
    table = Path("/proc/self/mountinfo").read_text() + f"99 1 0:99 / {far} rw - nfs4 server:/x rw\n"
    real = Path.read_text

    def read_text(self: Path, *args: str, **kwargs: str) -> str:
        return table if str(self) == "/proc/self/mountinfo" else real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read_text)
    return far


def test_an_explicit_directory_comes_first(tmp_path: Path) -> None:
    """FILMLAB_STATE_DIR is before XDG_STATE_HOME, and that before the home directory."""
    environ = {"FILMLAB_STATE_DIR": f"{tmp_path}/a", "XDG_STATE_HOME": f"{tmp_path}/b", "HOME": f"{tmp_path}/c"}
    assert choose_state(environ).path == tmp_path / "a"
    del environ["FILMLAB_STATE_DIR"]
    assert choose_state(environ).path == tmp_path / "b/filmlab"
    del environ["XDG_STATE_HOME"]
    assert choose_state(environ).path == tmp_path / "c/.local/state/filmlab"


def test_a_network_file_system_is_passed_over_and_said(remote: Path, tmp_path: Path) -> None:
    """State never lies on a network file system, and whoever asked for that is told."""
    environ = {"FILMLAB_STATE_DIR": f"{remote}/x/y", "HOME": str(tmp_path)}
    assert filesystem_type(remote / "x") == "nfs4"
    assert choose_state(environ).path == tmp_path / ".local/state/filmlab"
    assert "network file system (nfs4)" in StatePaths.find(environ).notes[0]


def test_a_file_in_the_way_is_passed_over(tmp_path: Path) -> None:
    """A candidate that cannot be made is passed over with its reason, before anything is created."""
    (tmp_path / "file").touch()
    choice = choose_state({"FILMLAB_STATE_DIR": f"{tmp_path}/file/state", "HOME": str(tmp_path)})
    assert choice.path == tmp_path / ".local/state/filmlab"
    assert "no directory" in choice.passed_over[0][1]
    assert not choice.path.exists()


def test_two_state_directories_never_share_a_socket(tmp_path: Path) -> None:
    """Each state directory outside the account's home has sockets of its own; the same one always the same."""
    one, two = StatePaths.at(tmp_path / "one"), StatePaths.at(tmp_path / "two")
    assert one.ingest_socket != two.ingest_socket
    assert one.ingest_socket == StatePaths.at(tmp_path / "one").ingest_socket
    assert one.runtime.name.startswith("v1-")


def test_runtime_directory_needs_to_be_private(tmp_path: Path) -> None:
    """XDG_RUNTIME_DIR is used only while it is ours and closed to others; else the sockets lie below /tmp."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    environ = {"XDG_RUNTIME_DIR": str(run)}
    assert runtime_dir(tmp_path / "s", environ)[0].is_relative_to(run)
    run.chmod(0o755)
    assert runtime_dir(tmp_path / "s", environ)[0].is_relative_to(f"/tmp/filmlab-{os.getuid()}")
    assert runtime_dir(tmp_path / "s", {})[0].is_relative_to(f"/tmp/filmlab-{os.getuid()}")


def test_a_long_runtime_directory_falls_back_with_a_note(tmp_path: Path) -> None:
    """A socket path over 107 bytes is not tried: the short form is used, and one sentence says so."""
    run = tmp_path / ("x" * 100)
    run.mkdir(mode=0o700)
    paths = StatePaths.at(tmp_path / "s", {"XDG_RUNTIME_DIR": str(run)})
    assert len(os.fsencode(paths.control_socket)) <= 107
    assert "too long for a socket" in paths.notes[0]


def test_make_creates_private_directories_once_and_again(tmp_path: Path) -> None:
    """Everything that is made is 0700, and making it again changes nothing."""
    paths = StatePaths.at(tmp_path / "deep/state")
    for _ in range(2):
        paths.make()
    for made in (tmp_path / "deep", paths.state, paths.root, paths.spool, paths.log.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_make_refuses_a_directory_open_to_others(tmp_path: Path) -> None:
    """A `v1` that others can enter is refused, never quietly changed."""
    paths = StatePaths.at(tmp_path)
    paths.root.mkdir()
    paths.root.chmod(0o755)
    with pytest.raises(BadInput, match="open to others"):
        paths.make()


def test_make_refuses_a_symbolic_link(tmp_path: Path) -> None:
    """A `v1` that is a symbolic link is refused: somebody else may have laid it."""
    paths = StatePaths.at(tmp_path / "s")
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    paths.state.mkdir()
    paths.root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="symbolic link"):
        paths.make()
