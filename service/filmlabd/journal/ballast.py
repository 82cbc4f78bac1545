"""What is given up when the disk is full? A file that holds room for the journal and the index, made ahead of need."""

import contextlib
import os
from pathlib import Path

BALLAST_BYTES = 64 * 2**20


class Ballast:
    """The file, for the one thread that writes the disk. Whether it can be made is never anybody's trouble."""

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def make(self, free_bytes: int) -> None:
        """Make it where it is missing, once there is room for it twice."""
        if free_bytes < 2 * self._size_bytes or self._path.exists():
            return
        with contextlib.suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, self._size_bytes)
            except OSError:
                self._path.unlink()
            finally:
                os.close(fd)

    def release(self) -> bool:
        """Give its room to whoever needs it now; False when it was given away already."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
