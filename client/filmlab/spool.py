"""What lies on disk while no daemon takes it? One directory per session: records of both streams in segments.

`spool/<session>/{c,b}-000001.seg` hold framed records, contiguous in number; `owner` is `flock`ed as long as the
writing process lives. The daemon reads what a dead one left (`sessions`, `owner_alive`, `read_session`). Nothing is
synced: a spool survives the death of its process, not a power failure.
"""

import contextlib
import json
import os
import shutil
from array import array
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from filmlab.errors import Transient, WireError
from filmlab.private import PRIVATE_UMASK, is_locked, lock_new, started_ticks, umask_of_process
from filmlab.wire.frame import (
    HEADER_BYTES,
    META_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    Envelope,
    Kind,
    find_place,
    read_record,
    record_end,
)
from filmlab.wire.messages import Stream

SEGMENT_BYTES = 64 * 1024 * 1024
KEEP_FREE_BYTES = 256 * 1024 * 1024
"""What spooled film leaves of the disk. The daemon keeps more free, but its floor is for film that was never taken."""
OWNER = "owner"
_LETTERS = {Stream.C: "c", Stream.B: "b"}
_KINDS = {Stream.C: Kind.DATA_C, Stream.B: Kind.DATA_B}
_RECORD_MAX_BYTES = HEADER_BYTES + META_MAX_BYTES + PAYLOAD_MAX_BYTES


@dataclass(slots=True)
class _Segment:
    """One file: `offsets[i]` is where record `first + i` begins."""

    path: Path
    descriptor: int
    first: int
    size_bytes: int = 0
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))

    @property
    def last(self) -> int:
        return self.first + len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that writes a spool, as its `owner` file says."""

    pid: int = 0
    started: int = 0
    """In clock ticks since boot: tells a pid from its reuse."""
    umask: int = PRIVATE_UMASK
    """For what the daemon writes into the directories of its runs."""


class Spool:
    """The spool of one living session. Its directory exists only while there is something in it."""

    def __init__(self, root: Path, session: int, limit_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.lent_bytes = 0
        """What it may take beyond its limit: results have a bound of their own."""
        self._dir = root / f"{session:016x}"
        self._limit_bytes = limit_bytes
        self._segment_bytes = segment_bytes
        self._owner: int | None = None
        self._segments: dict[Stream, list[_Segment]] = {Stream.C: [], Stream.B: []}
        self._made = 0

    @property
    def used_bytes(self) -> int:
        """On disk now."""
        return sum(segment.size_bytes for segments in self._segments.values() for segment in segments)

    def append(self, stream: Stream, envelope: Envelope) -> None:
        """Write the record that follows the stream's last one in the spool.

        Raises:
            Transient: the spool's bound is reached or the disk does not take it; the spool is as it was before.
        """
        if self.used_bytes + envelope.size_bytes > self._limit_bytes + self.lent_bytes:
            raise Transient(f"the spool is full ({self._limit_bytes} bytes)")
        try:
            segment = self._open_segment(stream, envelope)
            if stream is Stream.B and _free_bytes(segment.descriptor) < KEEP_FREE_BYTES:
                raise Transient(f"the disk of the spool {self._dir} is nearly full")
            self._write(segment, envelope)
        except OSError as error:
            raise Transient(f"the spool {self._dir} cannot be written: {error.strerror}") from None

    def read(self, stream: Stream, from_seq: int, max_bytes: int) -> list[Envelope]:
        """Whole, unaltered records from `from_seq` on, in order: about `max_bytes`, at least one where there is one."""
        out: list[Envelope] = []
        size_bytes = 0
        for segment in self._segments[stream]:
            for seq in range(max(from_seq, segment.first), segment.last + 1):
                envelope = _read_one(segment, seq)
                if envelope is None:
                    continue
                size_bytes += envelope.size_bytes
                if out and size_bytes > max_bytes:
                    return out
                out.append(envelope)
        return out

    def drop(self, durable_c: int, durable_b: int) -> None:
        """Forget what is durable: every segment that holds nothing else, and the directory with the last of them."""
        for stream, durable in ((Stream.C, durable_c), (Stream.B, durable_b)):
            segments = self._segments[stream]
            while segments and segments[0].last <= durable:
                segment = segments.pop(0)
                os.close(segment.descriptor)
                # What cannot be deleted may stay: whoever reads it later passes over what is durable.
                with contextlib.suppress(OSError):
                    segment.path.unlink()
        if self._owner is not None and not any(self._segments.values()):
            shutil.rmtree(self._dir, ignore_errors=True)
            self._release()

    def close(self) -> None:
        """Let go of it: what is left is for a daemon to adopt."""
        self._release()

    def forget(self) -> None:
        """In a forked child: it is the parent's. Only the lock is let go, so that it ends with the parent."""
        owner, self._owner = self._owner, None
        if owner is not None:
            os.close(owner)

    def _open_segment(self, stream: Stream, envelope: Envelope) -> _Segment:
        segments = self._segments[stream]
        if segments and segments[-1].size_bytes + envelope.size_bytes <= self._segment_bytes:
            return segments[-1]
        if self._owner is None:
            self._owner = _make_directory(self._dir)
        self._made += 1
        path = self._dir / f"{_LETTERS[stream]}-{self._made:06d}.seg"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        segments.append(_Segment(path, os.open(path, flags, 0o600), envelope.seq))
        return segments[-1]

    def _write(self, segment: _Segment, envelope: Envelope) -> None:
        assert envelope.seq == segment.last + 1, (envelope.seq, segment.last)
        try:
            written = os.pwritev(segment.descriptor, envelope.parts, segment.size_bytes)
            if written < envelope.size_bytes:
                # A nearly full disk takes a part; the second try then gives the reason.
                rest = b"".join(envelope.parts)[written:]
                written += os.pwrite(segment.descriptor, rest, segment.size_bytes + written)
            if written < envelope.size_bytes:
                raise OSError(0, "a part of a record was written")
        except OSError:
            os.ftruncate(segment.descriptor, segment.size_bytes)
            raise
        segment.offsets.append(segment.size_bytes)
        segment.size_bytes += envelope.size_bytes

    def _release(self) -> None:
        for segments in self._segments.values():
            while segments:
                os.close(segments.pop().descriptor)
        self.forget()


def sessions(spool_root: Path) -> list[int]:
    """The sessions that have a spool there, of living processes and of dead ones."""
    try:
        names = [item.name for item in spool_root.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name, 16) for name in names if len(name) == 16 and not set(name) - set("0123456789abcdef"))


def owner_alive(spool_root: Path, session: int) -> bool:
    """Does the process that writes this spool still live? Then it will hand it over itself."""
    return is_locked(spool_root / f"{session:016x}" / OWNER)


def read_owner(spool_root: Path, session: int) -> Owner:
    """Who writes or wrote this spool; zeros where that cannot be read."""
    try:
        said = json.loads((spool_root / f"{session:016x}" / OWNER).read_bytes())
        owner = Owner(int(said["pid"]), int(said["started"]), int(said["umask"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Owner()
    return owner if 0 <= owner.umask <= 0o777 else Owner()


def session_bytes(spool_root: Path, session: int) -> int:
    """What a session's spool takes on disk; 0 where there is none (any more)."""
    try:
        return sum(file.stat().st_size for file in (spool_root / f"{session:016x}").iterdir())
    except OSError:
        return 0


def read_session(spool_root: Path, session: int) -> Generator[Envelope]:
    """Every whole record of a session's spool, stream C first, each stream in the order of its numbers."""
    for stream, letter in _LETTERS.items():
        for path in sorted((spool_root / f"{session:016x}").glob(f"{letter}-*.seg")):
            for envelope in _records(path):
                if envelope.session == session and envelope.kind is _KINDS[stream]:
                    yield envelope


def remove_session(spool_root: Path, session: int) -> None:
    """Delete a session's spool, if there is one."""
    shutil.rmtree(spool_root / f"{session:016x}", ignore_errors=True)


def _make_directory(final: Path) -> int:
    """Make the directory with its lock held before it can be seen; the descriptor that holds it."""
    fresh = final.with_name(f".{final.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    owner = Owner(os.getpid(), started_ticks(os.getpid()), umask_of_process())
    try:
        descriptor = lock_new(fresh / OWNER, json.dumps(asdict(owner)).encode())
    except OSError:
        with contextlib.suppress(OSError):
            fresh.rmdir()
        raise
    try:
        fresh.rename(final)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _free_bytes(descriptor: int) -> int:
    """Of the disk that a file lies on."""
    found = os.fstatvfs(descriptor)
    return found.f_bavail * found.f_frsize


def _read_one(segment: _Segment, seq: int) -> Envelope | None:
    """The record, or None where it can no longer be read."""
    index = seq - segment.first
    begin = segment.offsets[index]
    end = segment.offsets[index + 1] if seq < segment.last else segment.size_bytes
    try:
        envelope, _ = read_record(os.pread(segment.descriptor, end - begin, begin), 0)
    except (OSError, WireError):
        return None
    return envelope


def _records(path: Path) -> Iterator[Envelope]:
    """Every whole record of a file that may be torn or damaged, with contents of its own (no views)."""
    with path.open("rb") as file:
        offset = 0
        while True:
            # Twice what a record may have: after damage one step gets half of this on, whatever headers claim.
            data = os.pread(file.fileno(), 2 * _RECORD_MAX_BYTES, offset)
            if not data:
                return
            used = 0
            for envelope, end in _whole(data):
                yield replace(envelope, meta=bytes(envelope.meta), payload=bytes(envelope.payload))
                used = end
            offset += used or _past_damage(data)


def _past_damage(data: bytes) -> int:
    """How far to go on in data that begin with damage: to the next record, or to where one may begin."""
    try:
        # First where the damaged header says: a record that lies in somebody's payload is not one of ours.
        end = record_end(data, 0)
        if end != len(data):
            read_record(data, end)
    except WireError:
        place = find_place(data, 1)
        return place[0] if place is not None else max(1, len(data) - HEADER_BYTES + 1)
    return end


def _whole(data: bytes) -> Iterator[tuple[Envelope, int]]:
    offset = 0
    while offset < len(data):
        try:
            envelope, offset = read_record(data, offset)
        except WireError:
            return
        yield envelope, offset
