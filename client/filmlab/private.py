"""Is this directory or lock ours alone? The checks that keep other users of the machine away."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from filmlab.errors import BadInput

PRIVATE_UMASK = 0o077
"""Where nobody says another one."""


def private_dir(path: Path) -> None:
    """Make `path` (its parent exists) with mode 0700, or check that it is ours, no symlink and closed to others.

    Raises:
        BadInput: it is not, or cannot be made.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise BadInput(f"{path} cannot be made: {error.strerror}") from None
    check_private(path)


def check_private(path: Path) -> None:
    """Raise BadInput unless `path` is a directory of ours, no symlink, closed to everybody else."""
    check_owner(path)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise BadInput(f"{path} is a symbolic link")
    if found.st_mode & 0o077:
        raise BadInput(f"{path} is open to others (mode {found.st_mode & 0o777:04o}); it should be 0700")


def check_owner(path: Path) -> None:
    """Raise BadInput unless `path` leads to a directory that is ours."""
    try:
        found = path.stat()
    except OSError as error:
        raise BadInput(f"{path} cannot be looked at: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise BadInput(f"{path} is no directory")
    if found.st_uid != os.getuid():
        raise BadInput(f"{path} belongs to user {found.st_uid}, not to {os.getuid()}")


def is_locked(path: Path) -> bool:
    """Does a living process hold the `flock` on this file? (The look takes a shared lock for an instant.)"""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def lock_new(path: Path, content: bytes) -> int:
    """Create a file (it must not exist yet) with its `flock` held; the lock goes with the returned descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, content)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def started_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot, 0 where that is not known: tells a pid from its reuse."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def process_state(pid: int) -> str:
    """`T` of a stopped process, `D` of one that waits for a disk, … (proc(5)); empty where that is not known."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """What stands in /proc about a process, from its state on; nothing where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    # The command's name is in brackets and may hold anything, brackets included.
    return text.rpartition(")")[2].split()


def umask_of_process() -> int:
    """Of this process, as the kernel tells it: asking by `os.umask` would change it for a moment in every thread."""
    try:
        for line in Path("/proc/self/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    except OSError:
        pass
    return PRIVATE_UMASK
