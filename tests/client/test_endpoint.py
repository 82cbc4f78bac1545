"""The endpoint file and the checks on a socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.endpoint import Endpoint, check_socket, read_endpoint, remove_endpoint, socket_path, write_endpoint
from filmlab.errors import BadInput, Corrupt, Transient

HERE = Endpoint("ipc:///run/a.sock", "ipc:///run/b.sock", 12, "0.1.0", 2**64 - 1)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A Unix socket in a private directory."""
    tmp_path.chmod(0o700)
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        yield path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The endpoint comes back as it was written, a boot number of 64 bits included, and leaves no other file."""
    path = tmp_path / "endpoint"
    assert read_endpoint(path) is None
    write_endpoint(path, HERE)
    write_endpoint(path, HERE)
    assert read_endpoint(path) == HERE
    assert [item.name for item in tmp_path.iterdir()] == ["endpoint"]


def test_only_its_own_boot_removes_it(tmp_path: Path) -> None:
    """A daemon that leaves late does not withdraw its successor's endpoint."""
    path = tmp_path / "endpoint"
    write_endpoint(path, HERE)
    remove_endpoint(path, boot=1)
    assert read_endpoint(path) == HERE
    remove_endpoint(path, boot=HERE.boot)
    assert read_endpoint(path) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"ingest": 1}', b"\xff\xfe"])
def test_garbage_is_corrupt(tmp_path: Path, text: bytes) -> None:
    """A damaged endpoint file is a Corrupt that a caller can act on, nothing else."""
    (tmp_path / "endpoint").write_bytes(text)
    with pytest.raises(Corrupt):
        read_endpoint(tmp_path / "endpoint")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("ipc://@name", "abstract"),
        ("tcp://127.0.0.1:5555", "only ipc"),
        ("ipc://relative.sock", "only ipc"),
        ("ipc:///" + "x" * 107, "at most 107"),
    ],
)
def test_only_sockets_with_a_short_path(endpoint: str, said: str) -> None:
    """Endpoints that other users can reach, or that do not fit, are refused with the reason."""
    with pytest.raises(BadInput, match=said):
        socket_path(endpoint)
    assert socket_path("ipc:///" + "x" * 106) == Path("/" + "x" * 106)


def test_a_socket_of_ours_in_a_private_directory_is_fine(listening: Path) -> None:
    """The usual case passes."""
    check_socket(listening)


def test_a_socket_in_an_open_directory_is_refused(listening: Path) -> None:
    """Where others can enter, anybody may have put the socket there."""
    listening.parent.chmod(0o755)
    with pytest.raises(BadInput, match="open to others"):
        check_socket(listening)


def test_no_socket_is_transient(tmp_path: Path) -> None:
    """A missing socket means no daemon yet; a file in its place is a mistake."""
    with pytest.raises(Transient):
        check_socket(tmp_path / "none")
    with pytest.raises(Transient):
        check_socket(tmp_path / "none/deeper")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="no socket"):
        check_socket(tmp_path / "file")
