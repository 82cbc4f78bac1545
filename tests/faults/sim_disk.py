"""A model of the disk: what was appended, what was synced, and what each kind of death leaves of the rest.

Unrealistic: no bytes are torn here, a record is there or it is not (recovery at the level of bytes has its own tests,
`test_journal`, `test_films`, `faults.disk_points`), and SQLite itself never fails. The index and `restore` are the real
ones, over a database in memory.
"""

import random
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filmlab.errors import Transient
from filmlab.wire.frame import Envelope, Kind
from filmlab.wire.messages import Stream
from filmlabd.facts import RecordRefused, read_fact
from filmlabd.index.read import Answers
from filmlabd.index.schema import open_writer
from filmlabd.index.writer import Index


class ModelJournal:
    """The control journal: records with their positions. It is the `Log` that the index catches up with."""

    def __init__(self) -> None:
        self.records: list[tuple[int, Envelope]] = []
        self.end = 0
        self.synced = 0
        """How many records are synced."""
        self.synced_c: dict[int, int] = defaultdict(int)
        """Per session, the last number of stream C that is synced, or refused by a synced fact."""
        self.refused: dict[int, set[int]] = defaultdict(set)
        """Per session, the numbers of stream B that are refused by a synced fact."""

    def append(self, envelopes: list[Envelope]) -> list[int]:
        positions = []
        for envelope in envelopes:
            positions.append(self.end)
            self.records.append((self.end, envelope))
            self.end += envelope.size_bytes
        return positions

    def sync(self) -> None:
        for _, envelope in self.records[self.synced :]:
            if envelope.kind is Kind.DATA_C:
                self._consumed(envelope.session, envelope.seq)
            else:
                fact = read_fact(envelope)
                if isinstance(fact, RecordRefused) and fact.stream == Stream.C:
                    self._consumed(fact.session, fact.seq)
                elif isinstance(fact, RecordRefused):
                    self.refused[fact.session].add(fact.seq)
        self.synced = len(self.records)

    def scan(self, from_position: int = 0) -> Iterator[tuple[int, Envelope]]:
        return (item for item in list(self.records) if item[0] >= from_position)

    def crash(self, rng: random.Random, *, unsynced_lost: bool) -> None:
        """Where unsynced pages are lost, any prefix of them may have reached the disk all the same."""
        if unsynced_lost:
            kept = rng.randint(self.synced, len(self.records))
            del self.records[kept:]
            self.end = self.records[-1][0] + self.records[-1][1].size_bytes if self.records else 0
        # Recovery syncs what it finds before anything rests on it.
        self.sync()

    def _consumed(self, session: int, seq: int) -> None:
        assert seq == self.synced_c[session] + 1, f"stream C of {session:x}: {seq} after {self.synced_c[session]}"
        self.synced_c[session] = seq


class ModelFilms:
    """The film files, each a list of [record, synced]; stands in for FilmStore where `restore` asks."""

    def __init__(self) -> None:
        self.files: dict[tuple[int, int], list[tuple[Envelope, bool]]] = {}
        self.ever_synced: dict[int, set[int]] = defaultdict(set)
        self._graves: dict[tuple[int, int], list[tuple[Envelope, bool]]] = {}

    def append(self, session: int, film: int, envelope: Envelope) -> None:
        self.files.setdefault((session, film), []).append((envelope, False))

    def sync(self) -> None:
        for key, records in self.files.items():
            if not records[-1][1]:
                self.files[key] = [(envelope, True) for envelope, _ in records]
                self.ever_synced[key[0]].update(envelope.seq for envelope, done in records if not done)
        self._graves.clear()

    def delete(self, session: int, film: int) -> None:
        records = self.files.pop((session, film), None)
        if records is not None:
            self._graves[session, film] = records

    def durable_b(self, session: int, mark: int, refused: Collection[int] = ()) -> int:
        held = {item.seq for key, records in self.files.items() if key[0] == session for item, _ in records}
        held.update(refused)
        while mark + 1 in held:
            mark += 1
        return mark

    def crash(self, rng: random.Random, *, unsynced_lost: bool) -> None:
        """Files are written in any order: each keeps a prefix of what was not synced, deletions may be undone."""
        if unsynced_lost:
            for key, records in sorted(self.files.items()):
                synced = sum(1 for _, done in records if done)
                kept = records[: rng.randint(synced, len(records))]
                if kept:
                    self.files[key] = kept
                else:
                    del self.files[key]
            for key, records in sorted(self._graves.items()):
                if rng.random() < 0.5:
                    self.files[key] = records
        self._graves.clear()
        self.sync()


@dataclass
class ModelSpool:
    """The spool of one session: segments of a few records for each stream; survives its process, not a power cut."""

    limit_bytes: int
    owner_alive: bool = True
    segments: dict[Stream, list[list[Envelope]]] = field(default_factory=lambda: {Stream.C: [], Stream.B: []})

    @property
    def empty(self) -> bool:
        return not any(self.segments.values())

    @property
    def used_bytes(self) -> int:
        return sum(item.size_bytes for parts in self.segments.values() for part in parts for item in part)

    def append(self, stream: Stream, envelope: Envelope) -> None:
        if self.used_bytes + envelope.size_bytes > self.limit_bytes:
            raise Transient("the spool is full")
        parts = self.segments[stream]
        assert not parts or parts[-1][-1].seq + 1 == envelope.seq, (stream, parts[-1][-1].seq, envelope.seq)
        if not parts or len(parts[-1]) >= 3:
            parts.append([])
        parts[-1].append(envelope)

    def read(self, stream: Stream, from_seq: int, most: int = 4) -> list[Envelope]:
        return [item for part in self.segments[stream] for item in part if item.seq >= from_seq][:most]

    def drop(self, durable_c: int, durable_b: int) -> None:
        for stream, durable in ((Stream.C, durable_c), (Stream.B, durable_b)):
            parts = self.segments[stream]
            while parts and parts[0][-1].seq <= durable:
                parts.pop(0)

    def all(self) -> list[Envelope]:
        return [item for stream in (Stream.C, Stream.B) for part in self.segments[stream] for item in part]

    def power_cut(self, rng: random.Random) -> None:
        self.owner_alive = False
        for stream, parts in self.segments.items():
            flat = [item for part in parts for item in part]
            kept = flat[: rng.randint(0, len(flat))]
            self.segments[stream] = [kept] if kept else []


class MemoryIndex(Index):
    """The real index on a database in memory that outlives it, as a file does."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._memory = db
        super().__init__(Path(":memory:"))

    def _connect(self) -> None:
        self._db = self._memory
        self._watermark = int(self._db.execute("SELECT value FROM state WHERE name = 'watermark'").fetchone()[0])
        self.read = Answers(self._db)
        self._start()


_template = b""


def empty_database() -> sqlite3.Connection:
    """A database with the index's tables; they are made once and copied from then on."""
    global _template
    if not _template:
        db = open_writer(Path(":memory:"))
        _template = db.serialize()
        db.close()
    db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
    db.deserialize(_template)
    return db


class ModelDisk:
    """Everything that outlives a daemon: journal, films, spools, index."""

    def __init__(self) -> None:
        self.journal = ModelJournal()
        self.films = ModelFilms()
        self.spools: dict[int, ModelSpool] = {}
        self.database = empty_database()
        self._older = b""

    def open_index(self) -> MemoryIndex:
        return MemoryIndex(self.database)

    def remember_index(self) -> None:
        """This commit may be what a power cut leaves."""
        self._older = self.database.serialize()

    def crash(self, rng: random.Random, *, unsynced_lost: bool, power: bool) -> None:
        """The daemon is gone, and with `unsynced_lost` what no sync has covered; with `power` every process is."""
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")
        self.journal.crash(rng, unsynced_lost=unsynced_lost)
        self.films.crash(rng, unsynced_lost=unsynced_lost)
        if power:
            for _, spool in sorted(self.spools.items()):
                spool.power_cut(rng)
        # The index may be of any earlier commit, or gone: it is derived.
        luck = rng.random()
        if luck < 0.15:
            self._replace_database(empty_database())
        elif unsynced_lost and luck < 0.5 and self._older:
            self.database.deserialize(self._older)

    def drop_spool(self, session: int) -> None:
        self.spools.pop(session, None)

    def _replace_database(self, fresh: sqlite3.Connection) -> None:
        self.database.close()
        self.database = fresh
        self._older = b""
