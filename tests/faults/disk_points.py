"""One call to the disk fails: every call of a workload in turn, each in every way that it can.

`python tests/faults/disk_points.py SEED COUNT`.

Five workloads: journal, films, index, a client's spool, prints. Each is drawn by a seed; for each of its calls n = 1,
2, 3, … and each kind of fault it is done once more in a fresh directory, and then looked at as the next process would.

Unrealistic: the page cache is not lost with a sync that fails, so what was written is found again. SQLite's own calls
cannot be reached from here: the index's connection fails in their place (`test_shim` fails the real ones).
"""

import contextlib
import errno
import io
import itertools
import logging
import os
import random
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias
from unittest.mock import patch

from faults.shared_memory import scratch
from filmlab.errors import BadInput, Transient
from filmlab.spool import Spool, read_session
from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Stream
from filmlabd import artifacts
from filmlabd.artifacts import RunDirectory
from filmlabd.index.writer import Index
from filmlabd.journal.films import FilmStore
from filmlabd.journal.journal import Journal
from service import keeping
from service.keeping import SESSION, Story, everything, raw

Kind: TypeAlias = Literal["eio", "enospc", "short"]
KINDS: tuple[Kind, ...] = ("eio", "enospc", "short")
CODES = {"eio": errno.EIO, "enospc": errno.ENOSPC}
WRITES = ("pwritev", "pwrite", "write")
CALLS = (*WRITES, "posix_fallocate", "ftruncate", "fdatasync", "fsync", "open", "rename", "unlink", "mkdir")
SQLITE_CODES = {"eio": sqlite3.SQLITE_IOERR_FSYNC, "enospc": sqlite3.SQLITE_FULL, "short": sqlite3.SQLITE_CORRUPT}


class FaultyDisk:
    """Fails the n-th call. `eio`, `enospc`: a write writes half first; `short`: it writes half and says so."""

    def __init__(self, fail_at: int, kind: Kind) -> None:
        self.struck = ""
        """The call that was failed."""
        self.calls = 0
        self.fail_at = fail_at
        self.kind = kind

    @contextlib.contextmanager
    def mounted(self) -> Iterator["FaultyDisk"]:
        with contextlib.ExitStack() as stack:
            for name in CALLS:
                stack.enter_context(patch.object(os, name, self._wrap(name, getattr(os, name))))
            stack.enter_context(patch.object(artifacts, "open", self._open_file, create=True))
            stack.enter_context(patch.object(sqlite3, "connect", self._connect(sqlite3.connect)))
            yield self

    def hit(self, name: str) -> bool:
        """Is this call the one? A call that can come short of nothing is passed over for one that can."""
        self.calls += 1
        if self.calls != self.fail_at:
            return False
        if self.kind == "short" and name not in WRITES:
            return False
        self.struck = name
        return True

    def error(self) -> OSError:
        return OSError(CODES[self.kind], os.strerror(CODES[self.kind]))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            if name == "open" and not args[1] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                return real(*args, **more)
            if not self.hit(name):
                return real(*args, **more)
            written = 0
            if name in WRITES:
                data = b"".join(map(bytes, args[1])) if name == "pwritev" else bytes(args[1])
                half = data[: len(data) // 2]
                written = real(args[0], [half] if name == "pwritev" else half, *args[2:])
            if self.kind == "short":
                return written
            raise self.error()

        return call

    def _open_file(self, descriptor: int, mode: str) -> io.FileIO:
        return _FaultyFile(self, descriptor, mode)

    def _connect(self, real: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        disk = self

        class Connection(sqlite3.Connection):
            """Fails a statement as SQLite does when its file does."""

            def execute(self, *args: Any) -> sqlite3.Cursor:
                disk.calls += 1
                if disk.calls == disk.fail_at and not args[0].startswith(("ROLLBACK", "PRAGMA")):
                    disk.struck = "statement"
                    error = sqlite3.OperationalError(f"struck: {disk.kind}")
                    error.sqlite_errorcode = SQLITE_CODES[disk.kind]
                    raise error
                return super().execute(*args)

        return lambda *args, **more: real(*args, factory=Connection, **more)


class _FaultyFile(io.FileIO):
    """What a print is written to: its writes are calls like any other."""

    def __init__(self, disk: FaultyDisk, descriptor: int, mode: str) -> None:
        super().__init__(descriptor, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        if not self._disk.hit("write") or self._disk.kind == "short":
            return super().write(data) or 0
        super().write(bytes(data)[: len(data) // 2])
        raise self._disk.error()


def patiently(action: Callable[[], object]) -> None:
    """As the disk's thread does: a full disk is waited out, anything else ends the process."""
    for _ in range(3):
        try:
            action()
        except Transient:
            continue
        return


# --- the five ---------------------------------------------------------------------------------------------------------


def journal(place: Path, rng: random.Random, disk: FaultyDisk) -> None:
    """Acknowledged records are there after a restart, in order, once, unaltered; and it goes on."""
    told = [keeping.record(seq, rng.randbytes(rng.randint(1, 120))) for seq in range(1, rng.randint(6, 16))]
    limits = {"segment_bytes": rng.choice([300, 700, 5000]), "grow_bytes": rng.choice([100, 400])}
    acked = 0
    with disk.mounted(), contextlib.suppress(OSError):
        kept = Journal(place, **limits)
        for at in range(0, len(told), 2):
            patiently(lambda: kept.append(told[at : at + 2]))  # noqa: B023 - called at once
            kept.sync()
            acked = min(at + 2, len(told))
        kept.close()
    after = Journal(place)
    _check_prefix([envelope for _, envelope in after.scan()], told, acked)
    assert after.quarantined == 0
    after.append([keeping.record(99)])
    after.sync()
    after.close()


def films(place: Path, rng: random.Random, disk: FaultyDisk) -> None:
    """The same for the chunks of films, of which some files are open at a time."""
    shots = [keeping.frames(1, (rng.randint(1, 9), 6, 3)) for _ in range(rng.randint(5, 12))]
    told = [keeping.chunk(seq, shot, 0) for seq, shot in enumerate(shots, 1)]
    reels = rng.randint(1, 4)
    acked = 0
    with disk.mounted(), contextlib.suppress(OSError):
        kept = FilmStore(place, open_max=2)
        for envelope in told:
            patiently(lambda: kept.append(SESSION, envelope.seq % reels, [envelope]))  # noqa: B023 - called at once
            kept.sync()
            acked = envelope.seq
        kept.close()
    after = FilmStore(place)
    durable = after.durable_b(SESSION, 0)
    found = [envelope for film in range(reels) for envelope in after.scan(SESSION, film)]
    _check_prefix(sorted(found, key=lambda envelope: envelope.seq), told, acked)
    assert durable == len(found)
    after.close()


def spool(place: Path, rng: random.Random, disk: FaultyDisk) -> None:
    """A record that was not taken can be handed over again; what is there in the end is all of them; nothing raises."""
    told = [keeping.record(seq, rng.randbytes(rng.randint(1, 200))) for seq in range(1, rng.randint(5, 14))]
    durable = rng.randint(0, len(told))
    place.mkdir()
    with disk.mounted():
        kept = Spool(place, SESSION, limit_bytes=10**6, segment_bytes=rng.choice([200, 500]))
        for envelope in told:
            patiently(lambda: kept.append(Stream.C, envelope))  # noqa: B023 - called at once
        assert [raw(envelope) for envelope in kept.read(Stream.C, 1, 10**6)] == [raw(envelope) for envelope in told]
        kept.drop(durable, 0)
        kept.close()
    left = list(read_session(place, SESSION))
    assert {envelope.seq for envelope in left} >= set(range(durable + 1, len(told) + 1))
    assert all(raw(envelope) == raw(told[envelope.seq - 1]) for envelope in left)


def prints(place: Path, rng: random.Random, disk: FaultyDisk) -> None:
    """A print is the old one or the new one, whole; nothing half-made is left; it is said what went wrong."""
    place.mkdir()
    old, new = rng.randbytes(rng.randint(0, 300)), [rng.randbytes(rng.randint(1, 300)) for _ in range(3)]
    with RunDirectory(place, 0o077) as directory:
        directory.publish("curves/loss.svg", old, final=True)
    made = False
    with disk.mounted(), contextlib.suppress(Transient, BadInput), RunDirectory(place, 0o077) as directory:
        directory.publish("curves/loss.svg", new, final=True)
        directory.publish("index.html", b"page", final=rng.random() < 0.5)
        made = True
    found = (place / "curves/loss.svg").read_bytes()
    assert found in (old, b"".join(new)) and (not made or found == b"".join(new))
    assert not made or (place / "index.html").read_bytes() == b"page"
    left = [path.name for path in place.rglob(".*")]
    assert not left or disk.struck == "unlink", left


def index(place: Path, rng: random.Random, disk: FaultyDisk) -> None:
    """Whatever statement fails: tried again, made again or begun again, the index is as it would have been."""
    place.mkdir()
    story = Story()
    story.open()
    story.names("loss")
    for number in range(rng.randint(3, 6)):
        story.say(keeping.snapshot({0: float(number)}, step=number), keeping.begin_episode(number + 1, number))
        story.say(keeping.steps(number + 1, [1.0, 2.0]), keeping.end_episode(number, film=number + 1))
    log = Journal(place / "journal")
    log.append(story.told)
    log.sync()
    with disk.mounted(), contextlib.suppress(OSError, sqlite3.OperationalError):
        made = Index(place / "index.sqlite")
        patiently(lambda: made.catch_up(log))
        patiently(made.commit)
        made.close()
    after, fresh = Index(place / "index.sqlite"), Index(place / "fresh.sqlite")
    after.catch_up(log)
    fresh.catch_up(log)
    assert everything(after.read) == everything(fresh.read)
    for one in (after, fresh):
        one.close()
    log.close()


Workload: TypeAlias = Callable[[Path, random.Random, FaultyDisk], None]
WORKLOADS: dict[Workload, int] = {journal: 10, films: 10, spool: 10, prints: 10, index: 1}
"""How often each is drawn: one fault of the index takes as long as ten others, since it may have to be made again."""


def _check_prefix(found: list[Envelope], told: list[Envelope], acked: int) -> None:
    assert len(found) >= acked, f"{acked} were acknowledged, {len(found)} are there"
    assert [raw(envelope) for envelope in found] == [raw(envelope) for envelope in told[: len(found)]]


def sweep(root: Path, seed: int, points: int) -> Counter[str]:
    """Workloads drawn by the seed, until so many faults have struck; how many of each workload and kind.

    Raises AssertionError with the point's name when what is found afterwards is not what it should be.
    """
    rng = random.Random(seed)
    tried: Counter[str] = Counter()
    # A sync that succeeds changes nothing that this process could see.
    with patch.object(os, "fsync", lambda fd: None), patch.object(os, "fdatasync", lambda fd: None):
        while tried.total() < points:
            (workload,) = rng.choices(list(WORKLOADS), list(WORKLOADS.values()))
            kind = rng.choice(KINDS)
            tried[f"{workload.__name__} {kind}"] += _each_call(root, workload, kind, rng.getrandbits(32))
    return tried


def _each_call(root: Path, workload: Workload, kind: Kind, story: int) -> int:
    """The same story again and again, until there is no call left to fail; how many faults have struck."""
    struck = 0
    for fail_at in itertools.count(1):
        disk = FaultyDisk(fail_at, kind)
        place = root / "place"
        try:
            workload(place, random.Random(story), disk)
        except Exception as error:  # whatever it is, it is a find: say by what
            named = f"{workload.__name__} (story {story}), call {fail_at} ({disk.struck}): {kind}"
            raise AssertionError(f"{named}: {type(error).__name__}: {error}") from error
        shutil.rmtree(place)
        struck += bool(disk.struck)
        if disk.calls < fail_at:
            return struck
    raise AssertionError("no end of calls")


def main() -> int:
    seed, points = map(int, sys.argv[1:])
    logging.disable()
    with scratch("points") as name:
        tried = sweep(Path(name), seed, points)
    print(f"{tried.total()} calls to the disk that failed tried / 0 bad (seed {seed}): {dict(sorted(tried.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
