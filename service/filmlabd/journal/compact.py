"""How does the journal let go of runs that were removed? Their records become holes; positions and lengths stay.

A closed segment is written anew beside itself, without the blocks of what goes, and takes its own place by rename: a
crash at any moment leaves the old one or the new one. In the place of what went lie records of zeros, which take no
room on a file system with sparse files, and which a scan passes over as it does marks.
"""

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from filmlab.wire.frame import HEADER_BYTES, PAYLOAD_MAX_BYTES, Envelope, Kind, seal
from filmlabd.journal.journal import Position, segments
from filmlabd.journal.records import Damage, Found, read_records, sync_directory, write_all

log = logging.getLogger(__name__)

_META = b"\x80"
FILLER_LEAST_BYTES = HEADER_BYTES + len(_META)
FILLER_MOST_BYTES = FILLER_LEAST_BYTES + PAYLOAD_MAX_BYTES


def compact(directory: Path, sessions: Collection[int], newest: Position) -> int:
    """Turn what these sessions sent into holes, in all segments before `newest`; how many bytes of disk that freed.

    Args:
        sessions: whose records of stream C nobody needs: they are over, and all their runs were removed. Facts stay.

    Raises:
        OSError: the disk failed, or has no room for a second copy of a segment; the journal is as it was.
    """
    for part in directory.glob("*.seg.part"):
        part.unlink()
    freed_bytes = 0
    for base, path in segments(directory):
        if base < newest:
            freed_bytes += _compact_segment(path, sessions)
    return freed_bytes


def _compact_segment(path: Path, sessions: Collection[int]) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    part = path.with_name(f"{path.name}.part")
    try:
        before = os.fstat(fd)
        if not _has_any(fd, before.st_size, sessions):
            return 0
        out = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _copy(fd, out, before.st_size, sessions)
            os.fsync(out)
            after_blocks = os.fstat(out).st_blocks
        finally:
            os.close(out)
        part.rename(path)
        sync_directory(path.parent)
        return max(0, before.st_blocks - after_blocks) * 512
    finally:
        os.close(fd)
        part.unlink(missing_ok=True)


def _has_any(fd: int, size: int, sessions: Collection[int]) -> bool:
    """Whether there is something to let go of. A segment with damage in it is left as it is: it was set aside so."""
    found = False
    for item in read_records(fd, 0, size):
        if isinstance(item, Damage):
            return False
        found = found or _goes(item.envelope, sessions)
    return found


def _copy(fd: int, out: int, size: int, sessions: Collection[int]) -> None:
    os.ftruncate(out, size)
    hole_at: int | None = None
    for item in read_records(fd, 0, size):
        assert isinstance(item, Found), item
        if _goes(item.envelope, sessions):
            hole_at = item.at if hole_at is None else hole_at
            continue
        if hole_at is not None:
            _fill(out, hole_at, item.at)
            hole_at = None
        write_all(out, item.envelope.parts, item.at)
    if hole_at is not None:
        _fill(out, hole_at, size)


def _fill(out: int, start: int, end: int) -> None:
    """Fillers over [start, end), of which the headers alone are written."""
    for size_bytes in _filler_sizes(end - start):
        filler = seal(Kind.FACT, 0, 0, _META, bytes(size_bytes - FILLER_LEAST_BYTES))
        write_all(out, (filler.header, filler.meta), start)
        start += size_bytes


def _filler_sizes(total_bytes: int) -> Iterator[int]:
    """Sizes that add up, none of them too small for a record or too large."""
    while total_bytes > FILLER_MOST_BYTES:
        size_bytes = min(FILLER_MOST_BYTES, total_bytes - FILLER_LEAST_BYTES)
        yield size_bytes
        total_bytes -= size_bytes
    yield total_bytes


def _goes(envelope: Envelope, sessions: Collection[int]) -> bool:
    return envelope.kind is Kind.DATA_C and envelope.session in sessions
