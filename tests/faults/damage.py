"""A bit turns over, or the end of a file is missing: `python tests/faults/damage.py SEED COUNT`.

Journals, films and spools drawn by a seed are written, one place of them is damaged, and they are opened and read as
after a restart. No altered record comes out; every record that was not hit does.
"""

import logging
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from faults.shared_memory import scratch
from filmlab.errors import WireError
from filmlab.spool import Spool, read_session
from filmlab.wire.frame import read_record, record_end
from filmlab.wire.messages import Stream
from filmlabd.journal.films import FilmStore
from filmlabd.journal.journal import Journal
from service import keeping
from service.keeping import SESSION, raw

TRIALS = 20
"""With each archive."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A record at [at, end) of its file."""

    name: str
    at: int
    end: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Archive:
    """Files, what lies in them in order, and how they are read. `read` says how many damaged places it counted too."""

    kind: str
    files: dict[str, bytes]
    records: list[Placed]
    read: Callable[[Path], tuple[list[bytes], int]]
    loose_at: tuple[str, int] = ("", 0)
    """From here on damage takes what follows it in its file along: nothing says any more that it was synced."""


def journal(place: Path, rng: random.Random) -> Archive:
    """Batches, each synced, in segments of a few records."""
    kept = Journal(place, segment_bytes=rng.choice([400, 1500, 10**6]), grow_bytes=rng.choice([100, 1000]))
    last: list[int] = []
    count = rng.randint(4, 30)
    told = [keeping.record(seq, rng.randbytes(rng.randint(1, 90))) for seq in range(1, count)]
    while told:
        size = rng.randint(1, 4)
        last = kept.append(told[:size])
        told = told[size:]
        kept.sync()
    if rng.random() < 0.5:
        kept.close()  # else it was killed, and what was preallocated is still there
    files = _files(place)
    base = max(int(name[:16]) for name in files)
    return Archive("journal", files, _placed(files), _read_journal, (f"{base:016d}.seg", max(0, last[0] - 37 - base)))


def film(place: Path, rng: random.Random) -> Archive:
    """One film of a few chunks."""
    kept = FilmStore(place)
    for seq in range(1, rng.randint(3, 12)):
        kept.append(SESSION, 1, [keeping.chunk(seq, keeping.frames(1, (rng.randint(1, 9), 6, 3)), seq - 1)])
    kept.sync()
    kept.close()
    files = _files(place)
    return Archive("film", files, _placed(files), _read_film)


def spool(place: Path, rng: random.Random) -> Archive:
    """A client's spool of several segments."""
    kept = Spool(place, SESSION, limit_bytes=10**6, segment_bytes=rng.choice([300, 1000]))
    for seq in range(1, rng.randint(3, 20)):
        kept.append(Stream.C, keeping.record(seq, rng.randbytes(rng.randint(1, 90))))
    kept.close()
    files = _files(place)
    return Archive("spool", files, _placed(files), _read_spool)


def check(archive: Archive, place: Path, rng: random.Random) -> str:
    """Damage it once; `flip` or `cut`. Raises AssertionError where that goes unseen, or costs more than it must."""
    name = rng.choice([name for name, data in archive.files.items() if data and not name.endswith("owner")])
    flips = rng.random() < 0.6
    at = rng.randrange(len(archive.files[name]))
    for path, data in archive.files.items():
        damaged = bytearray(data)
        if path == name and flips:
            damaged[at] ^= 1 << rng.randrange(8)
        elif path == name:
            del damaged[at:]
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(damaged)
    hit = {item.raw for item in archive.records if item.name == name and item.end > at and (item.at <= at or not flips)}
    loose_name, loose_at = archive.loose_at
    behind = {item.raw for item in archive.records if item.name == name == loose_name and item.end > at >= loose_at}
    behind |= hidden(archive, name, (place / name).read_bytes())
    found, counted = archive.read(place)
    whole = [item.raw for item in archive.records]
    where = f"{archive.kind}, {'flip' if flips else 'cut'} at {at} of {name}"
    assert found == [item for item in whole if item in set(found)], f"{where}: altered, doubled or out of order"
    missing = set(whole) - set(found)
    assert missing >= hit, f"{where}: what was hit came out"
    assert missing <= hit | behind, f"{where}: {len(missing - hit - behind)} records more than those that were hit"
    # Behind the last mark it looks like what a power cut leaves of a write.
    assert counted or not flips or missing <= behind, f"{where}: nobody counted it"
    return "flip" if flips else "cut"


def hidden(archive: Archive, name: str, damaged: bytes) -> set[bytes]:
    """The records behind a header whose damaged length ends, by chance, where another record or a mark does: they are
    believed to lie in its payload, where anybody may put what looks like a record."""
    ends = {end for _, end in _stretches(archive.files[name])}
    out: set[bytes] = set()
    for item in archive.records:
        if item.name == name and damaged[item.at : item.end] != item.raw:
            try:
                claimed = record_end(damaged, item.at)
            except WireError:
                continue
            if claimed in ends:
                out |= {other.raw for other in archive.records if other.name == name and item.at < other.at < claimed}
    return out


def damage(root: Path, seed: int, count: int) -> Counter[str]:
    """So many damaged archives; how many of each kind."""
    rng = random.Random(seed)
    tried: Counter[str] = Counter()
    with patch.object(os, "fsync", lambda fd: None), patch.object(os, "fdatasync", lambda fd: None):
        while tried.total() < count:
            make = rng.choice([journal, journal, film, spool])
            with tempfile.TemporaryDirectory(dir=root) as whole:
                archive = make(Path(whole), rng)
            for _ in range(TRIALS):
                with tempfile.TemporaryDirectory(dir=root) as place:
                    tried[f"{archive.kind} {check(archive, Path(place), rng)}"] += 1
    return tried


def _files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def _placed(files: dict[str, bytes]) -> list[Placed]:
    """The records in these files, marks left out."""
    return [
        Placed(name, at, end, raw(envelope))
        for name, data in files.items()
        for at, end in _stretches(data)
        if len((envelope := read_record(data, at)[0]).payload)
    ]


def _stretches(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each record and each mark of an undamaged file begins and ends."""
    at = 0
    while data[at : at + 4] == b"FLM1":
        _, end = read_record(data, at)
        yield at, end
        at = end


def _read_journal(place: Path) -> tuple[list[bytes], int]:
    opened = Journal(place)
    found = [raw(envelope) for _, envelope in opened.scan()]
    opened.close()
    return found, opened.quarantined


def _read_film(place: Path) -> tuple[list[bytes], int]:
    opened = FilmStore(place)
    found = [raw(envelope) for envelope in opened.scan(SESSION, 1)]
    durable = opened.durable_b(SESSION, 0)
    opened.close()
    seqs = [read_record(data, 0)[0].seq for data in found]
    # What is missing is not claimed to be durable: that is how it is counted, and asked for again.
    assert durable == next((at for at, seq in enumerate(seqs) if seq != at + 1), len(seqs))
    return found, 1


def _read_spool(place: Path) -> tuple[list[bytes], int]:
    # Counted by the daemon, which finds a number missing.
    return [raw(envelope) for envelope in read_session(place, SESSION)], 1


def main() -> int:
    seed, count = map(int, sys.argv[1:])
    logging.disable()
    with scratch("damage") as name:
        tried = damage(Path(name), seed, count)
    print(f"{tried.total()} flipped bits and cut files tried / 0 bad (seed {seed}): {dict(sorted(tried.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
