"""How are records written to a file, and read back from one that may be torn or damaged?"""

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filmlab.errors import Transient, WireError
from filmlab.wire.frame import (
    HEADER_BYTES,
    MAGIC,
    META_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    Envelope,
    find_place,
    find_record,
    read_record,
)
from filmlabd.burden import NO_DESCRIPTORS

RECORD_MAX_BYTES = HEADER_BYTES + META_MAX_BYTES + PAYLOAD_MAX_BYTES
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that go away when somebody makes room; anything else from a disk is not to be trusted again."""

_PIECE_BYTES = 1024 * 1024
_IOV_MAX = 1000
# The parts of a header that tell where a record ends, without a look at its contents: magic, seq, lengths.
_PEEK = struct.Struct("<4s12xQII4x")


class NoDescriptors(Transient):
    """A file could not be opened because too many are open. Nothing was done."""


@dataclass(frozen=True, slots=True)
class Found:
    """A whole, unaltered record at [at, end) of its file. Meta and payload are views that keep a read buffer alive."""

    at: int
    end: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [at, end) that are no record. `tail`: no record follows them."""

    at: int
    end: int
    tail: bool


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Where a record claims to lie, by its header alone."""

    seq: int
    at: int
    end: int


def read_records(fd: int, start: int, end: int) -> Iterator[Found | Damage]:
    """Everything in [start, end) of a file, in order: records, and the damage between and behind them.

    Memory stays at one piece (1 MiB, or two records where those are larger) whatever the file's size.
    """
    window = _Window(fd, end)
    at = start
    while at < end:
        found = window.record(at)
        if found is not None:
            yield found
            at = found.end
            continue
        resume = window.next_after(at)
        yield Damage(at, end if resume is None else resume, resume is None)
        if resume is None:
            return
        at = resume


def read_slot(fd: int, slot: Slot) -> Envelope | None:
    """The record in a slot, or None when it is not whole and unaltered."""
    try:
        envelope, _ = read_record(_pread(fd, slot.end - slot.at, slot.at), 0)
    except WireError:
        return None
    return envelope if envelope.seq == slot.seq else None


def slots(fd: int, end: int) -> list[Slot]:
    """Where the records of a file lie, in file order, by hopping from header to header; past damage by search.

    A slot's contents are unchecked (`read_slot` does that). A torn last record has no slot.
    """
    out: list[Slot] = []
    at = 0
    slot = _peek_at(fd, at, end)
    while at < end:
        following = _peek_at(fd, slot.end, end) if slot is not None else None
        # Where no header follows, this one may lie about its length, and whole records be hidden behind the lie.
        if slot is not None and (following is not None or slot.end == end or read_slot(fd, slot) is not None):
            out.append(slot)
            at, slot = slot.end, following
            continue
        resume = _Window(fd, end).next_after(at)
        if resume is None:
            break
        at, slot = resume, _peek_at(fd, resume, end)
    return out


def write_all(fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
    """Write everything at `offset`; returns how many bytes that was.

    Raises:
        OSError: it could not all be written. What was written stays: the caller cuts it back.
    """
    start = offset
    pending = [buffer for buffer in buffers if len(buffer)]
    index = 0
    while index < len(pending):
        batch = pending[index : index + _IOV_MAX]
        written = os.pwritev(fd, batch, offset)
        if written <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        offset += written
        # A short write is how a disk says that it is nearly full; the next one gets the errno.
        while written and written >= len(pending[index]):
            written -= len(pending[index])
            index += 1
        if written:
            pending[index] = memoryview(pending[index])[written:]
    return offset - start


def open_patiently(path: str | os.PathLike[str], flags: int, mode: int = 0o600) -> int:
    """As `os.open`, with a descriptor that no child inherits.

    Raises:
        NoDescriptors: too many files are open.
        OSError: as `os.open`.
    """
    try:
        return os.open(path, flags | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno not in NO_DESCRIPTORS:
            raise
        raise NoDescriptors(f"{path} cannot be opened: {error.strerror}") from error


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Make the names in a directory durable.

    Raises:
        NoDescriptors: it was not tried.
        OSError: they may not be durable.
    """
    fd = open_patiently(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class _Window:
    """A piece of a file that moves along as records are asked for."""

    def __init__(self, fd: int, end: int) -> None:
        self._fd = fd
        self._end = end
        self._base = 0
        self._data = b""

    def record(self, at: int) -> Found | None:
        """The record that begins at `at`, if a whole and unaltered one does."""
        for want_bytes in (0, _PIECE_BYTES, 2 * RECORD_MAX_BYTES):
            if want_bytes:
                self._move(at, want_bytes)
            elif not self._base <= at < self._base + len(self._data):
                continue
            try:
                envelope, stop = read_record(self._data, at - self._base)
            except WireError:
                if self._base + len(self._data) >= min(self._end, at + RECORD_MAX_BYTES):
                    return None
            else:
                return Found(at, self._base + stop, envelope)
        return None

    def next_after(self, at: int) -> int | None:
        """Where the first record after the damage at `at` begins."""
        # First where the damaged header says: a record that somebody embedded in a payload is not one of ours.
        claimed = _peek(_pread(self._fd, HEADER_BYTES, at), at)
        if claimed is not None and claimed.end == self._end:
            return None
        if claimed is not None and claimed.end < self._end and self.record(claimed.end) is not None:
            return claimed.end
        probe, want_bytes = at + 1, _PIECE_BYTES
        while probe < self._end:
            self._move(probe, want_bytes)
            read_to = self._base + len(self._data)
            if read_to >= self._end:
                found = find_record(self._data, 0)
                return probe + found[1] if found is not None else None
            place = find_place(self._data, 0)
            if place is None:
                # A header may begin in what was read and end behind it.
                probe, want_bytes = max(probe + 1, read_to - HEADER_BYTES + 1), _PIECE_BYTES
            elif probe + place[1] <= read_to:
                return probe + place[0]
            else:
                # Twice what a record may have: each further step gets half of that on, whatever headers claim.
                probe, want_bytes = probe + place[0], 2 * RECORD_MAX_BYTES
        return None

    def _move(self, at: int, want_bytes: int) -> None:
        self._base = at
        self._data = _pread(self._fd, min(want_bytes, self._end - at), at)
        if len(self._data) < min(want_bytes, self._end - at):
            self._end = at + len(self._data)


def _peek_at(fd: int, at: int, end: int) -> Slot | None:
    """The slot that begins there, unless it would end behind the end."""
    slot = _peek(_pread(fd, HEADER_BYTES, at), at)
    return slot if slot is not None and slot.end <= end else None


def _peek(header: bytes, at: int) -> Slot | None:
    if len(header) != HEADER_BYTES:
        return None
    magic, seq, meta_bytes, payload_bytes = _PEEK.unpack(header)
    if magic != MAGIC or meta_bytes > META_MAX_BYTES or payload_bytes > PAYLOAD_MAX_BYTES:
        return None
    return Slot(seq, at, at + HEADER_BYTES + meta_bytes + payload_bytes)


def _pread(fd: int, size: int, at: int) -> bytes:
    data = os.pread(fd, size, at)
    while 0 < len(data) < size:
        more = os.pread(fd, size - len(data), at + len(data))
        if not more:
            break
        data += more
    return data
