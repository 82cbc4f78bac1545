"""Does the journal name a session at all? Of one that it does not name nothing was ever acknowledged. Looks only."""

import json
import os
from collections.abc import Collection
from pathlib import Path

from filmlab.wire.frame import Envelope, Kind
from filmlabd.journal.journal import segments
from filmlabd.journal.records import Damage, read_records

_PIECE_BYTES = 1024 * 1024


def unmentioned(directory: Path, sessions: Collection[int]) -> frozenset[int]:
    """Those of these sessions that no record and no fact of the journal names.

    None of them where anything of the journal is damaged, was set aside, or cannot be read: there it may have stood.

    Raises:
        OSError: the disk failed.
    """
    left = set(sessions)
    if not left or any((directory / "quarantine").glob("*")):
        return frozenset()
    held = segments(directory)
    for number, (_, path) in enumerate(held):
        if not _take_away(path, left, is_newest=number == len(held) - 1):
            return frozenset()
        if not left:
            break
    return frozenset(left)


def _take_away(path: Path, left: set[int], *, is_newest: bool) -> bool:
    """Take the sessions that a segment names out of `left`; False where it cannot be read whole."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for item in read_records(fd, 0, os.fstat(fd).st_size):
            if isinstance(item, Damage):
                # What lies behind the last record of a segment was preallocated.
                return is_newest and item.tail and _is_empty(fd, item.at, item.end)
            named = _session_of(item.envelope)
            if named is None:
                return False
            left.discard(named)
    finally:
        os.close(fd)
    return True


def _session_of(envelope: Envelope) -> int | None:
    """Whose record it is, 0 for a fact of nobody's; None for a fact that says it in a way unknown here."""
    if envelope.kind is not Kind.FACT:
        return envelope.session
    if not envelope.session and not envelope.seq:
        return 0  # a mark, or a filler in the place of what was removed
    try:
        session = json.loads(bytes(envelope.payload)).get("session", 0)
    except (ValueError, AttributeError):
        return None
    return session if isinstance(session, int) else None


def _is_empty(fd: int, start: int, end: int) -> bool:
    return not any(any(os.pread(fd, min(_PIECE_BYTES, end - at), at)) for at in range(start, end, _PIECE_BYTES))
