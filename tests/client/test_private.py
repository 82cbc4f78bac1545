"""Owners, modes and locks."""

import fcntl
import os
from pathlib import Path

import pytest

from filmlab.errors import BadInput
from filmlab.private import check_owner, is_locked, private_dir, process_state


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    """What belongs to somebody else is never written into, even when it could be."""
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(BadInput, match="belongs to user 12345"):
        check_owner(tmp_path)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A file in the place of a directory is refused by name."""
    (tmp_path / "x").touch()
    with pytest.raises(BadInput, match="no directory"):
        private_dir(tmp_path / "x")


def test_a_lock_is_seen_while_it_is_held(tmp_path: Path) -> None:
    """A lock counts as held exactly as long as its holder keeps the file open."""
    path = tmp_path / "lock"
    assert not is_locked(path)
    with path.open("w") as file:
        assert not is_locked(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(path)
    assert not is_locked(path)


def test_what_a_process_does_is_told() -> None:
    """Running while it asks for itself; nothing of a process that there cannot be."""
    assert process_state(os.getpid()) == "R"
    assert process_state(2**22 + 1) == ""
