"""Where does the film of each episode lie? One file per film, and the bookkeeping of what of it is durable."""

import contextlib
import errno
import os
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filmlab.errors import Transient
from filmlab.wire.frame import Envelope
from filmlabd.journal.film_frames import in_order
from filmlabd.journal.records import (
    DISK_FULL,
    NoDescriptors,
    Slot,
    open_patiently,
    read_slot,
    slots,
    sync_directory,
    write_all,
)

OPEN_MAX = 64
_Key = tuple[int, int]


@dataclass(slots=True)
class _Open:
    """A film file that is being written. `size` ends its last whole record."""

    fd: int
    size: int
    dirty: bool = False


class FilmStore:
    """The film files below one directory, `<session:016x>/<film:08d>.film`, for the one thread that writes them."""

    def __init__(self, directory: Path, *, open_max: int = OPEN_MAX) -> None:
        self._directory = directory
        self._open_max = open_max
        self._files: OrderedDict[_Key, _Open] = OrderedDict()
        self._dirty_directories: set[Path] = set()
        self._broken = ""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in directory.iterdir():
            # A session's directory that a crash left with nothing in it. Only here: nobody is about to write to it yet.
            with contextlib.suppress(OSError):
                path.rmdir()
        sizes = [path.stat().st_size for path in directory.glob("*/*.film")]
        self._bytes_used, self._count = sum(sizes), len(sizes)

    def path(self, session: int, film: int) -> Path:
        """Where a film lies, or would lie."""
        return film_path(self._directory, session, film)

    def append(self, session: int, film: int, envelopes: Sequence[Envelope]) -> None:
        """Write chunks behind the film's last one; not durable before `sync`. All of them, or none.

        Raises:
            Transient: the disk is full, or too many files are open; the film is as it was.
            OSError: the disk failed; this store takes nothing more (the process should end and recover).
        """
        self._check_usable()
        total_bytes = sum(envelope.size_bytes for envelope in envelopes)
        buffers = [part for envelope in envelopes for part in (envelope.header, envelope.meta, envelope.payload)]
        file = None
        try:
            file = self._opened(session, film)
            write_all(file.fd, buffers, file.size)
        except OSError as error:
            if error.errno not in DISK_FULL:
                self._broken = self._broken or f"write failed: {error.strerror}"
                raise
            if file is not None:
                os.ftruncate(file.fd, file.size)
            raise Transient(f"no room for {total_bytes} bytes of film: {error.strerror}") from error
        file.size += total_bytes
        file.dirty = True
        self._bytes_used += total_bytes

    def sync(self) -> None:
        """Make everything that was appended durable, names of new files and directories included.

        Raises:
            NoDescriptors: not all of it is durable yet; the next try does the rest.
            OSError: it may not be durable, and trying again could falsely succeed: this store takes nothing more.
        """
        self._check_usable()
        try:
            for file in self._files.values():
                if file.dirty:
                    os.fdatasync(file.fd)
                    file.dirty = False
            for directory in sorted(self._dirty_directories):
                if directory.exists():
                    sync_directory(directory)
        except OSError as error:
            self._broken = f"sync failed: {error.strerror}"
            raise
        self._dirty_directories.clear()

    def scan(self, session: int, film: int) -> Iterator[Envelope]:
        """The film's undamaged records by number, each number once. Nothing when there is no film."""
        try:
            fd = os.open(self.path(session, film), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            yield from in_order(fd)
        finally:
            os.close(fd)

    def durable_b(self, session: int, mark: int, refused: Collection[int] = ()) -> int:
        """The largest number up to which stream B of a session lies here whole, from `mark` (known to be durable) on.

        What a killed process had written and not synced is synced first. `refused` numbers count as there.
        For the daemon's start: it reads every record above `mark`.
        """
        held = set(refused)
        for path in sorted(self._session_directory(session).glob("*.film")):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                above = [slot for slot in slots(fd, os.fstat(fd).st_size) if slot.seq > mark]
                whole = {slot.seq for slot in above if slot.seq not in held and read_slot(fd, slot) is not None}
                if whole:
                    os.fdatasync(fd)
                    held |= whole
            finally:
                os.close(fd)
        if held:
            sync_directory(self._directory)
            if self._session_directory(session).exists():
                sync_directory(self._session_directory(session))
        while mark + 1 in held:
            mark += 1
        return mark

    def delete(self, session: int, film: int) -> None:
        """Remove a film, and its session's directory with the last one. Removing what is not there is no error."""
        file = self._files.pop((session, film), None)
        if file is not None:
            os.close(file.fd)
        path = self.path(session, film)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return
        self._bytes_used -= size
        self._count -= 1
        self._dirty_directories.add(path.parent)
        with contextlib.suppress(OSError):  # others are in it; asking first would need a descriptor
            path.parent.rmdir()
            self._dirty_directories.add(self._directory)

    def bytes_used(self) -> int:
        """What all films take on disk."""
        return self._bytes_used

    def count(self) -> int:
        """How many films there are."""
        return self._count

    def close(self) -> None:
        """Close what is open, without a sync."""
        for file in self._files.values():
            os.close(file.fd)
        self._files.clear()

    def _check_usable(self) -> None:
        if self._broken:
            raise OSError(errno.EIO, f"the films take nothing more: {self._broken}")

    def _session_directory(self, session: int) -> Path:
        return self.path(session, 0).parent

    def _opened(self, session: int, film: int) -> _Open:
        key = (session, film)
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
            return file
        while len(self._files) >= self._open_max:
            self._evict()
        try:
            file = self._files[key] = self._open(self.path(session, film))
        except NoDescriptors:
            if not self._files:
                raise
            # One of our own will do: it is opened again when it is needed.
            self._evict()
            return self._opened(session, film)
        return file

    def _open(self, path: Path) -> _Open:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            self._dirty_directories.add(self._directory)
        is_new = not path.exists()
        if is_new:
            self._dirty_directories.add(path.parent)
        fd = open_patiently(path, os.O_RDWR | os.O_CREAT)
        self._count += is_new
        file_bytes = os.fstat(fd).st_size
        size = _whole_bytes(fd, file_bytes)
        if size < file_bytes:
            os.ftruncate(fd, size)
            self._bytes_used -= file_bytes - size
        return _Open(fd, size)

    def _evict(self) -> None:
        _, file = self._files.popitem(last=False)
        try:
            # Synced now: once it is closed, `sync` knows nothing of it.
            if file.dirty:
                os.fdatasync(file.fd)
        except OSError as error:
            self._broken = f"sync failed: {error.strerror}"
            self._check_usable()
        finally:
            os.close(file.fd)


def film_path(directory: Path, session: int, film: int) -> Path:
    """Where a film lies below the directory of all films."""
    return directory / f"{session:016x}" / f"{film:08d}.film"


def _whole_bytes(fd: int, file_bytes: int) -> int:
    """Where the last whole record ends."""
    held: list[Slot] = slots(fd, file_bytes)
    while held and read_slot(fd, held[-1]) is None:
        held.pop()
    return held[-1].end if held else 0
