"""Every call to the disk fails once, each way that it can: what was synced is there, and nothing is there twice."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filmlab.errors import Transient
from filmlab.wire.frame import Envelope
from filmlabd.films import FilmStore
from filmlabd.journal import Journal
from service.keeping import SESSION, chunk, frames, records

CALLS = ("pwritev", "posix_fallocate", "ftruncate", "fdatasync", "fsync", "open")
SHOTS = frames(1)


class FaultyDisk:
    """Fails one call of those above, the n-th of all. A failing pwritev writes half first, as a full disk does.

    Unrealistic: the page cache is not lost with an fdatasync that fails, so what was written is found again.
    """

    def __init__(self, patch: pytest.MonkeyPatch, fail_at: int, code: int) -> None:
        self.calls = 0
        self.failed = False
        self._fail_at = fail_at
        self._code = code
        for name in CALLS:
            patch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls != self._fail_at:
                return real(*args, **more)
            self.failed = True
            if name == "pwritev":
                data = b"".join(bytes(part) for part in args[1])
                real(args[0], [data[: len(data) // 2]], args[2])
            raise OSError(self._code, os.strerror(self._code))

        return call


def sweep(directory: Path, code: int, work: Callable[[Path], list[int]], found: Callable[[Path], list[int]]) -> int:
    """Let call 1, 2, 3, … fail in turn, until none is left to fail. How many there were."""
    for fail_at in range(1, 1000):
        place = directory / f"{code}-{fail_at}"
        with pytest.MonkeyPatch.context() as patch:
            disk = FaultyDisk(patch, fail_at, code)
            acked = work(place)
        seqs = found(place)
        assert seqs == list(range(1, len(seqs) + 1)), f"call {fail_at}"
        assert len(seqs) >= len(acked), f"call {fail_at}"
        if not disk.failed:
            assert len(acked) == 12
            return fail_at
    raise AssertionError("no end of calls")


def patiently(action: Callable[[], object]) -> None:
    """As the disk thread does: a full disk is waited out, anything else ends the process."""
    for _ in range(3):
        try:
            action()
        except Transient:
            continue
        return


def write_journal(directory: Path) -> list[int]:
    acked: list[int] = []
    try:
        journal = Journal(directory, segment_bytes=300, grow_bytes=100)
        told = records(12)
        for at in range(0, 12, 2):
            patiently(lambda: journal.append(told[at : at + 2]))  # noqa: B023 - called at once
            journal.sync()
            acked += [at + 1, at + 2]
    except OSError:
        return acked
    return acked


def read_journal(directory: Path) -> list[int]:
    journal = Journal(directory)
    out = [envelope.seq for _, envelope in journal.scan()]
    assert journal.quarantined == 0
    # Whatever happened, it goes on.
    journal.append([records(1)[0]])
    journal.sync()
    journal.close()
    return out


def chunk_of(seq: int) -> Envelope:
    return chunk(seq, SHOTS, 0)


def write_films(directory: Path) -> list[int]:
    acked: list[int] = []
    try:
        films = FilmStore(directory, open_max=2)
        for seq in range(1, 13):
            patiently(lambda: films.append(SESSION, seq % 4, [chunk_of(seq)]))  # noqa: B023 - called at once
            films.sync()
            acked.append(seq)
    except OSError:
        return acked
    return acked


def read_films(directory: Path) -> list[int]:
    films = FilmStore(directory)
    durable = films.durable_b(SESSION, 0)
    seqs = sorted(envelope.seq for film in range(4) for envelope in films.scan(SESSION, film))
    assert durable == len(seqs)
    films.close()
    return seqs


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_journal_survives_every_single_fault(tmp_path: Path, code: int) -> None:
    """Acknowledged records are there after a restart, in order, once, whatever call failed."""
    assert sweep(tmp_path, code, write_journal, read_journal) > 25


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_films_survive_every_single_fault(tmp_path: Path, code: int) -> None:
    """Acknowledged chunks are there after a restart, once, whatever call failed."""
    assert sweep(tmp_path, code, write_films, read_films) > 25
