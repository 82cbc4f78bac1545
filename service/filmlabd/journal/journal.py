"""Where does everything that was acknowledged lie, in order? In one append-only control journal of segments.

The first append after a sync begins with a mark, a fact without contents: everything before it was synced. So recovery
can tell damage to what was acknowledged (set aside, the rest kept) from a hole that a power cut left in what was not
(cut from there on: its senders still have it, and a record behind the hole must not count as durable before those in
it).
"""

import errno
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from filmlab.errors import Transient
from filmlab.wire.frame import MAGIC, PROTOCOL, Envelope, Kind, seal
from filmlabd.journal.records import (
    DISK_FULL,
    Damage,
    Found,
    open_patiently,
    read_records,
    slots,
    sync_directory,
    write_all,
)

Position: TypeAlias = int
"""Where a record begins: its segment's first position + its offset there. Ordered as the journal is."""

SEGMENT_BYTES = 128 * 1024 * 1024
GROW_BYTES = 16 * 1024 * 1024
"""How far ahead a segment is preallocated, so that a sync seldom has to write its size too."""
QUARANTINE_MAX_BYTES = 64 * 1024 * 1024
_NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})
_COPY_BYTES = 1024 * 1024
_MARK = seal(Kind.FACT, 0, 0, b"\x80")


class Journal:
    """The journal under one directory, for the one thread of the one process that writes it.

    Segments `<first position:016d>.seg` follow each other without a gap in positions; each is at most `segment_bytes`
    long, unless one batch alone is longer.

    Args:
        trusted: everything before this position is known to be whole (the index has applied it), so that opening need
            not read it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        trusted: Position = 0,
        segment_bytes: int = SEGMENT_BYTES,
        grow_bytes: int = GROW_BYTES,
    ) -> None:
        self.directory = directory
        self._segment_bytes = segment_bytes
        self._grow_bytes = grow_bytes
        self._quarantine = directory / "quarantine"
        self._damaged: set[Position] = set()
        self._fd = -1
        self._base: Position = 0
        self._size = 0
        self._allocated = 0
        self._dirty = False
        self._mark_next = False
        self._new_name = False
        self._broken = ""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._recover(trusted)

    @property
    def end(self) -> Position:
        """The position that the next record will get."""
        return self._base + self._size

    @property
    def quarantined(self) -> int:
        """How many damaged places have been found in this journal, in this life or an earlier one."""
        named = {int(path.name[:16]) for path in self._quarantine.glob("*.bin")}
        return len(named | self._damaged)

    def bytes_used(self) -> int:
        """What the records take on disk, without what is preallocated."""
        segments = self._segments()
        return self.end - segments[0][0] if segments else 0

    def append(self, envelopes: Sequence[Envelope]) -> list[Position]:
        """Write records behind the last one; not durable before `sync`. All of them, or none.

        Raises:
            Transient: the disk is full, or too many files are open; the journal is as it was.
            OSError: the disk failed; this journal takes nothing more (the process should end and recover).
        """
        self._check_usable()
        if not envelopes:
            return []
        written = [_MARK, *envelopes] if self._mark_next else envelopes
        total_bytes = sum(envelope.size_bytes for envelope in written)
        try:
            self._make_room(total_bytes)
            buffers = [part for envelope in written for part in (envelope.header, envelope.meta, envelope.payload)]
            write_all(self._fd, buffers, self._size)
        except OSError as error:
            self._cut_back(error)
            raise Transient(f"no room for {total_bytes} bytes in the journal: {error.strerror}") from error
        self._dirty = True
        self._mark_next = False
        positions = []
        for envelope in written:
            positions.append(self.end)
            self._size += envelope.size_bytes
        return positions[len(written) - len(envelopes) :]

    def sync(self) -> None:
        """Make everything that was appended durable, names of new segments included.

        Raises:
            NoDescriptors: not all of it is durable yet; the next try does the rest.
            OSError: it may not be durable, and trying again could falsely succeed: this journal takes nothing more.
        """
        self._check_usable()
        try:
            if self._dirty:
                os.fdatasync(self._fd)
                self._dirty = False
                self._mark_next = True
            if self._new_name:
                sync_directory(self.directory)
                self._new_name = False
        except OSError as error:
            self._broken = f"sync failed: {error.strerror}"
            raise

    @property
    def open_from(self) -> Position:
        """Where the segment begins that is being written; those before it stay as they are."""
        return self._base

    def roll(self) -> Position:
        """Begin another segment, so that nothing is written to the present one any more; where it begins.

        Raises:
            NoDescriptors, OSError: as `sync` does.
        """
        self._check_usable()
        if self._size:
            self._roll()
            self.sync()
        return self._base

    def scan(self, from_position: Position = 0) -> Iterator[tuple[Position, Envelope]]:
        """Every whole record from a position on, in order. Damage is quarantined, counted and passed over."""
        segments = self._segments()
        borders = [*[base for base, _ in segments], self.end][1:]
        for (base, path), border in zip(segments, borders, strict=True):
            # What lies behind a segment's last record was preallocated, and left there by a killed process.
            size = border - base
            start = max(0, from_position - base)
            if start >= size:
                continue
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                for item in read_records(fd, start, size):
                    if isinstance(item, Damage):
                        self._set_aside(fd, base, item)
                    elif not _is_mark(item.envelope):
                        yield base + item.at, item.envelope
            finally:
                os.close(fd)

    def close(self) -> None:
        """Give back what was preallocated. What was appended and not synced is left to the kernel."""
        if self._fd >= 0:
            if not self._broken:
                os.ftruncate(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1
        self._broken = self._broken or "closed"

    def _recover(self, trusted: Position) -> None:
        """Cut what is torn behind the last record, and sync what a killed process left unsynced."""
        segments = self._segments()
        if not segments:
            return
        for (_, path), (following, _) in pairwise(segments):
            if following > trusted:
                self._sync_file(path)
        self._base, path = segments[-1]
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        file_bytes = os.fstat(self._fd).st_size
        start = trusted - self._base if self._base < trusted <= self._base + file_bytes else 0
        self._size = self._last_end(start, file_bytes)
        os.ftruncate(self._fd, self._size)
        os.fdatasync(self._fd)
        self._allocated = self._size
        self._mark_next = self._size > 0
        sync_directory(self.directory)

    def _last_end(self, start: int, file_bytes: int) -> int:
        """Where the newest segment is whole up to. What was acknowledged and is damaged is set aside, and kept over."""
        last_end = synced = start
        damaged: list[Damage] = []
        for item in read_records(self._fd, start, file_bytes):
            if isinstance(item, Found):
                last_end = item.end
                synced = item.at if _is_mark(item.envelope) else synced
            elif item.at == start > 0 and not self._is_border(start):
                # `trusted` is of another journal: look at all of this one.
                return self._last_end(0, file_bytes)
            elif not item.tail or self._is_foreign(item.at):
                damaged.append(item)
        for item in damaged:
            if item.at < synced or item.tail:
                self._set_aside(self._fd, self._base, item)
            else:
                self._set_aside(self._fd, self._base, Damage(item.at, last_end, True))
                return item.at
        return last_end

    def _is_border(self, at: int) -> bool:
        """Whether a record of the newest segment ends here, by the headers alone."""
        held = slots(self._fd, at)
        return bool(held) and held[-1].end == at

    def _is_foreign(self, at: int) -> bool:
        """Whether a record of a newer protocol version seems to begin here: what is cut of it is kept aside."""
        head = os.pread(self._fd, len(MAGIC) + 1, at)
        return head[: len(MAGIC)] == MAGIC and head[len(MAGIC) :] > bytes([PROTOCOL])

    def _make_room(self, total_bytes: int) -> None:
        if self._fd < 0:
            self._start_segment(self.end)
        elif self._size and self._size + total_bytes > self._segment_bytes:
            self._roll()
        needed = self._size + total_bytes
        if needed <= self._allocated:
            return
        ahead = max(needed, min(self._segment_bytes, needed + self._grow_bytes))
        for goal in (ahead, needed):
            try:
                os.posix_fallocate(self._fd, self._size, goal - self._size)
            except OSError as error:
                if error.errno in _NO_FALLOCATE:
                    return
                if error.errno not in DISK_FULL or goal == needed:
                    raise
            else:
                self._allocated = goal
                return

    def _roll(self) -> None:
        old_fd = self._fd
        try:
            # Synced first: only the newest segment can have a hole in what nobody acknowledged.
            os.ftruncate(old_fd, self._size)
            os.fdatasync(old_fd)
        except OSError as error:
            self._broken = f"sync failed: {error.strerror}"
            raise OSError(errno.EIO, self._broken) from error
        self._allocated = self._size
        self._start_segment(self.end)
        os.close(old_fd)

    def _start_segment(self, base: Position) -> None:
        path = self.directory / f"{base:016d}.seg"
        self._fd = open_patiently(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._base, self._size, self._allocated = base, 0, 0
        self._new_name = True

    def _cut_back(self, error: OSError) -> None:
        """After a failed append: the file as it was, or nothing more of it when the disk itself has failed."""
        if error.errno not in DISK_FULL:
            self._broken = f"write failed: {error.strerror}"
            raise error
        if self._fd >= 0:
            os.ftruncate(self._fd, self._size)
            self._allocated = self._size

    def _check_usable(self) -> None:
        if self._broken:
            raise OSError(errno.EIO, f"the journal takes nothing more: {self._broken}")

    def _segments(self) -> list[tuple[Position, Path]]:
        return segments(self.directory)

    def _sync_file(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def _set_aside(self, fd: int, base: Position, damage: Damage) -> None:
        """Copy damaged bytes out, once, under their position. The segment keeps them: positions never change."""
        position = base + damage.at
        if position in self._damaged:
            return
        self._damaged.add(position)
        try:
            self._quarantine.mkdir(mode=0o700, exist_ok=True)
            path = self._quarantine / f"{position:016d}.bin"
            held_bytes = sum(item.stat().st_size for item in self._quarantine.glob("*.bin"))
            out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:  # already there from an earlier life, or no room: the copy is for people, the count stands
            return
        try:
            end = min(damage.end, damage.at + max(0, QUARANTINE_MAX_BYTES - held_bytes))
            for at in range(damage.at, end, _COPY_BYTES):
                os.write(out, os.pread(fd, min(_COPY_BYTES, end - at), at))
        except OSError:
            return  # as above
        finally:
            os.close(out)


def segments(directory: Path) -> list[tuple[Position, Path]]:
    """Every segment with its first position, in order."""
    names = (path for path in directory.glob("*.seg") if path.stem.isdigit())
    return sorted((int(path.stem), path) for path in names)


def _is_mark(envelope: Envelope) -> bool:
    """Or a filler, in the place of what was removed (see `journal_compact`): as little a fact."""
    return envelope.kind is Kind.FACT and not envelope.session and not envelope.seq
