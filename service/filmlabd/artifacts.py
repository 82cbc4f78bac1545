"""How does a print get into its run's directory? Whole or not at all, and never through a symbolic link.

The run's directory is opened once; everything below it is reached from there, component by component.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self, TypeAlias

from filmlab.errors import BadInput, FilmlabError, Transient

Made: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""(paths relative to the run's directory, notes) of the prints that a job made."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not waiting: whatever lies there by now, a pipe for one, must not hold a worker.
_PRINT = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NOWHERE = -1
# Nothing that time heals. A full disk, a server that is away and their like are worth another try.
_LASTING = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL}
)


class Printed:
    """What lies in one run's directory, to be read: nothing is made, and nothing need be there. A context manager."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Args:
            path: absolute. Its parents may be symbolic links, it may not.
        """
        self.path = path
        try:
            self._root = os.open(path, _DIRECTORY)
        except OSError:
            self._root = _NOWHERE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._root != _NOWHERE:
            os.close(self._root)

    def open(self, relative: str) -> BinaryIO | None:
        """A print; None where it is not there. `../…`: it lies elsewhere, as a recorder's do."""
        try:
            with contextlib.ExitStack() as stack:
                if relative.startswith("../"):
                    descriptor = os.open(f"{os.path.realpath(self.path)}/{relative}", _PRINT)
                else:
                    at = self._root
                    *directories, name = _split(relative)
                    for component in directories:
                        at = _open_directory(component, at, self.path)
                        stack.callback(os.close, at)
                    descriptor = os.open(name, _PRINT, dir_fd=at)
        except (OSError, BadInput):
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb")  # noqa: PTH123  # a descriptor, not a path
        os.close(descriptor)
        return None

    def head(self, relative: str, size_bytes: int) -> bytes | None:
        """The first bytes of a print; None where it is not there."""
        file = self.open(relative)
        if file is None:
            return None
        with file:
            return file.read(size_bytes)


class RunDirectory(Printed):
    """One run's directory, made where it is missing. A context manager."""

    def __init__(self, path: Path, umask: int) -> None:
        """Open it, its missing parents made.

        Args:
            path: absolute. Its parents may be symbolic links, it may not.
            umask: the trainer's; directories and files are made as it would have made them, though never writable for
                everybody.

        Raises:
            BadInput: it cannot be written by us, or belongs to somebody else.
            Transient: the disk is full, or away.
        """
        self.path = path
        self._umask = umask | stat.S_IWOTH
        self._made_root = not path.exists()
        with _told(path, "cannot be made"), _umask(self._umask):
            path.mkdir(mode=0o777, parents=True, exist_ok=True)
        with _told(path, "cannot be opened"):
            parent = os.open(path.parent, _DIRECTORY & ~os.O_NOFOLLOW)
            try:
                self._root = _open_directory(path.name, parent, path)
                if self._made_root:
                    os.fsync(parent)
            finally:
                os.close(parent)

    def publish(self, relative: str, pieces: bytes | Iterable[bytes], *, final: bool) -> str:
        """Put a file in place of what is there: whoever looks sees the old one or the new one, whole.

        Args:
            relative: `curves/loss.svg`; directories are made.
            pieces: the contents, written as they come.
            final: synced to disk before it takes its place. A live redraw need not be.

        Raises:
            BadInput, Transient: as the constructor does.
        """
        *directories, name = _split(relative)
        shown = self.path / relative
        with _told(shown, "cannot be written"), contextlib.ExitStack() as stack:
            directory = self._enter(directories, stack, final=final)
            part = f".{name}.part"
            # What a killed worker left; two workers never have the same job.
            _remove(part, directory)
            try:
                self._write(part, directory, pieces, final=final)
                os.rename(part, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                _remove(part, directory)
                raise
            if final:
                os.fsync(directory)
        return relative

    def publish_beside(self, name: str, data: bytes, mark: bytes, token: str) -> str:
        """Put a file beside what is there: a file of this name may be there already only if it has the same mark.

        Args:
            name: in this directory itself.
            mark: what the contents end with, and those of no other film.
            token: tells who writes apart from whoever writes a file of this name at the same time.

        Raises:
            BadInput, Transient: as the constructor does; Transient as well where somebody else was quicker.
        """
        part = f".{token}.part"
        with _told(self.path / name, "cannot be written"):
            _remove(part, self._root)
            try:
                self._write(part, self._root, data, final=True)
                self._link(part, name)
            except FileExistsError as found:
                if self.is_taken(name, mark):
                    raise Transient(f"{self.path / name} has come to be meanwhile") from found
                os.rename(part, name, src_dir_fd=self._root, dst_dir_fd=self._root)
            finally:
                _remove(part, self._root)
            os.fsync(self._root)
        return name

    def is_taken(self, name: str, mark: bytes) -> bool:
        """Whether something else than a file that ends with this mark has this name, in this directory itself."""
        if not _exists(name, self._root):
            return False
        try:
            descriptor = os.open(name, _PRINT, dir_fd=self._root)
        except OSError:
            # Whatever cannot be read is somebody else's.
            return True
        try:
            found = os.fstat(descriptor)
            at = found.st_size - len(mark)
            return not stat.S_ISREG(found.st_mode) or at < 0 or os.pread(descriptor, len(mark), at) != mark
        finally:
            os.close(descriptor)

    def _enter(self, directories: Sequence[str], stack: contextlib.ExitStack, *, final: bool) -> int:
        """A descriptor of the directory below the root, closed with the stack."""
        at = self._root
        shown = self.path
        for component in directories:
            shown /= component
            if self._make(component, at) and final:
                os.fsync(at)
            at = _open_directory(component, at, shown)
            stack.callback(os.close, at)
        return at

    def _make(self, component: str, at: int) -> bool:
        try:
            with _umask(self._umask):
                os.mkdir(component, 0o777, dir_fd=at)
        except FileExistsError:
            return False
        return True

    def _link(self, part: str, name: str) -> None:
        """Give what is written its name. Raises FileExistsError where something has it."""
        try:
            os.link(part, name, src_dir_fd=self._root, dst_dir_fd=self._root, follow_symlinks=False)
        except OSError as error:
            # Some file systems have no second names; there, only who comes at the very same moment is not seen.
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            if _exists(name, self._root):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from None
            os.rename(part, name, src_dir_fd=self._root, dst_dir_fd=self._root)

    def _write(self, part: str, directory: int, pieces: bytes | Iterable[bytes], *, final: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _umask(self._umask):
            descriptor = os.open(part, flags, 0o666, dir_fd=directory)
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
            for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
                file.write(piece)
            if final:
                file.flush()
                os.fsync(descriptor)


def _remove(name: str, at: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=at)


def _exists(name: str, at: int) -> bool:
    try:
        os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def withdraw(path: Path, relatives: Iterable[str]) -> tuple[int, int]:
    """Take prints away again, and directories that have nothing else in them: (files, bytes) that went.

    What is not there any more, is no plain file, or is reached through a symbolic link only, is left.

    Args:
        path: the run's directory, absolute.
        relatives: as they were published; nothing else is touched.

    Raises:
        BadInput: one of them is no path below a run's directory.
    """
    count = size_bytes = 0
    directories: set[tuple[str, ...]] = set()
    for relative in relatives:
        *parents, name = _split(relative)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            at = _walk(path, parents, stack)
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                os.unlink(name, dir_fd=at)
                count, size_bytes = count + 1, size_bytes + found.st_size
                directories.update(tuple(parents[:depth]) for depth in range(1, len(parents) + 1))
    for parts in sorted(directories, key=len, reverse=True):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            os.rmdir(parts[-1], dir_fd=_walk(path, parts[:-1], stack))
    with contextlib.suppress(OSError):
        path.rmdir()
    return count, size_bytes


def _walk(path: Path, directories: Sequence[str], stack: contextlib.ExitStack) -> int:
    """A descriptor of a directory below `path`, every one of them opened as it is, and closed with the stack."""
    at = os.open(path, _DIRECTORY)
    stack.callback(os.close, at)
    for name in directories:
        at = os.open(name, _DIRECTORY, dir_fd=at)
        stack.callback(os.close, at)
    return at


def _open_directory(name: str, at: int, shown: Path) -> int:
    """A descriptor of a directory that is ours, and no symbolic link."""
    descriptor = os.open(name, _DIRECTORY, dir_fd=at)
    found = os.fstat(descriptor)
    problem = ""
    if found.st_uid != os.geteuid():
        problem = f"belongs to user {found.st_uid}, not to {os.geteuid()}"
    elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        problem = "may be written by everybody: `chmod o-w` it"
    if problem:
        os.close(descriptor)
        raise BadInput(f"{shown} {problem}")
    return descriptor


def _split(relative: str) -> list[str]:
    """Directories and file name of a path that stays below the root."""
    parts = relative.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise BadInput(f"{relative!r} is no path below a run's directory")
    return parts


@contextlib.contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Operating system errors, as whose they are and what they are about."""
    try:
        yield
    except FilmlabError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno == errno.ENOTDIR:
            reason = "a component of it is a symbolic link, or no directory"
        kind = BadInput if error.errno in _LASTING else Transient
        raise kind(f"{path} {what}: {reason}") from error


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    """The process's own for a moment: a worker has one thread."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
