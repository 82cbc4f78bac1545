"""What must be true at the end of every simulated story, whatever befell it."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from faults.sim_disk import MemoryIndex, empty_database
from filmlab.wire.entries import EpisodeBegin, Snapshot
from filmlab.wire.frame import Kind
from filmlab.wire.messages import Stream
from filmlabd import facts
from filmlabd.facts import read_fact
from filmlabd.index.read import Answers

if TYPE_CHECKING:
    from faults.sim_trainer import Trainer
    from faults.simulation import World


def check_end(world: "World") -> None:
    """Everything at once; raises AssertionError with what is wrong."""
    assert world.daemon is not None
    kept = Kept(world)
    read = world.daemon.index.read
    for trainer in world.trainers:
        _check_streams(trainer, kept, read)
        _check_points(trainer, kept, read)
        _check_films(world, trainer, kept, read)
    _check_runs(kept, read)
    assert not read.sessions(), "sessions that never end"
    assert not world.disk.spools, "spools that nobody takes"
    _check_rebuilt(world, read)


class Kept:
    """What lies in journal and films."""

    def __init__(self, world: "World") -> None:
        self.c: dict[int, dict[int, bytes]] = defaultdict(dict)
        self.b: dict[int, dict[int, bytes]] = defaultdict(dict)
        self.refused: set[tuple[int, int, int]] = set()
        self.deleted: set[tuple[int, int]] = set()
        self.over: set[int] = set()
        self.attempts: dict[tuple[int, int], tuple[str, str, int]] = {}
        self.settled: Counter[str] = Counter()
        for _, envelope in world.disk.journal.records:
            if envelope.kind is Kind.DATA_C:
                held = self.c[envelope.session]
                assert envelope.seq not in held, f"record {envelope.seq} of {envelope.session:x} is there twice"
                held[envelope.seq] = bytes(envelope.payload)
            else:
                self._fact(read_fact(envelope))
        for (session, _), records in world.disk.films.files.items():
            for envelope, _ in records:
                before = self.b[session].setdefault(envelope.seq, bytes(envelope.payload))
                assert before == bytes(envelope.payload), f"film record {envelope.seq} of {session:x} was altered"

    def _fact(self, fact: facts.Fact) -> None:
        match fact:
            case facts.RecordRefused():
                assert (fact.session, fact.stream, fact.seq) not in self.refused, fact
                self.refused.add((fact.session, fact.stream, fact.seq))
            case facts.SessionOpened():
                assert fact.session not in self.over, f"opened after its end: {fact}"
            case facts.SessionEnded():
                self.over.add(fact.session)
            case facts.FilmDeleted():
                self.deleted.add((fact.session, fact.film))
            case facts.RunOpened():
                # Twice only where its RunBegin, the session's first record, was lost after the first time.
                assert (fact.session, fact.run) not in self.attempts or not self.c[fact.session], (
                    f"opened twice: {fact}"
                )
                self.attempts[fact.session, fact.run] = (fact.run_id, fact.writer, fact.attempt)
            case facts.JobDone():
                self.settled[fact.key] += 1
            case facts.JobStruck() if fact.final:
                self.settled[fact.key] += 1


def _check_streams(trainer: "Trainer", kept: Kept, read: Answers) -> None:
    """Contiguous, unaltered, and at least what was acknowledged; all of it where the trainer ended in order."""
    session = trainer.session
    for stream, held in ((Stream.C, kept.c[session]), (Stream.B, kept.b[session])):
        pushed = {envelope.seq: bytes(envelope.payload) for envelope in trainer.pushed[stream]}
        refused = {seq for owner, kind, seq in kept.refused if owner == session and kind == stream}
        deleted = {
            seq for film, shot in trainer.shots.items() if (session, film) in kept.deleted for seq in shot.seqs
        } if stream is Stream.B else set()  # fmt: skip
        for seq, payload in held.items():
            assert pushed.get(seq) == payload, f"{stream.name} {seq} of trainer {trainer.number} is not what was sent"
            assert seq not in refused, f"{stream.name} {seq} is kept and refused"
        there = held.keys() | refused
        row = read.session(session)
        # Behind what is durable, a power cut may leave chunks of film that nobody asks for.
        last = max(there, default=0) if stream is Stream.C else (row.durable_b if row is not None else 0)
        gaps = set(range(1, last + 1)) - there - deleted
        assert not gaps, f"{stream.name} of trainer {trainer.number} lacks {sorted(gaps)}"
        promised = trainer.acked[stream]
        if trainer.powered:
            promised = max(promised, trainer.safe[stream])
            promised = len(pushed) if trainer.ending in ("durable", "safe") else promised
        lacking = set(range(1, promised + 1)) - there - deleted
        assert not lacking, f"{stream.name} of trainer {trainer.number}: {sorted(lacking)} were promised and are lost"


def _records(trainer: "Trainer", kept: Kept) -> list[int]:
    return sorted(kept.c[trainer.session])


def _check_points(trainer: "Trainer", kept: Kept, read: Answers) -> None:
    """The index shows each durable point once, in order, under the attempt that logged it."""
    said = [
        entry for seq in _records(trainer, kept) for entry in trainer.entries[seq - 1] if isinstance(entry, Snapshot)
    ]
    place = kept.attempts.get((trainer.session, 0))
    shown = [
        (int(step), float(value))
        for points in (read.points(place[0] if place else trainer.run_id, "loss"))
        for step, value in zip(points.step, points.value, strict=True)
        if int(value) // 1_000_000 == trainer.number
        and (place is None or (points.writer, points.attempt) == (place[1], place[2]))
    ]
    expected = [(entry.step, trainer.value(entry.step)) for entry in said] if place is not None else []
    assert shown == expected, f"points of trainer {trainer.number}: {shown} instead of {expected}"


def _check_films(world: "World", trainer: "Trainer", kept: Kept, read: Answers) -> None:
    """Every durable film is developed once, quarantined once, or dropped for a reason."""
    begun = {
        entry.film
        for seq in _records(trainer, kept)
        for entry in trainer.entries[seq - 1]
        if isinstance(entry, EpisodeBegin)
    }
    for film in begun:
        key = f"episode:{trainer.session:016x}:{film}"
        row = read.episode(trainer.session, film)
        if (trainer.session, 0) not in kept.attempts:
            assert not world.prints.get(key), f"{key} of a refused run was developed"
            continue
        assert row is not None and row.ended, f"{key}: {row}"
        assert row.job_state in ("done", "failed", "dropped"), f"{key} is {row.job_state} for ever"
        settled = kept.settled[key]
        if row.job_state == "dropped":
            assert row.job_reason and not settled, row
            assert (trainer.session, film) in kept.deleted, f"{key} is dropped, its film is kept for ever"
        else:
            assert settled == 1, f"{key} was settled {settled} times"
            assert row.job_state == "failed" or world.prints[key] >= 1, row


def _check_runs(kept: Kept, read: Answers) -> None:
    """Every run has come to its end and is printed, and its latest attempt is the last one that was opened."""
    latest: dict[str, int] = {}
    for run_id, _, attempt in kept.attempts.values():
        latest[run_id] = max(attempt, latest.get(run_id, 0))
    rows = {row.run_id: row for row in read.runs()}
    for run_id, attempt in latest.items():
        row = rows.get(run_id)
        if row is None:
            continue  # its RunBegin is not durable, only the fact before it
        assert row.printed, f"run {run_id} is never printed: {row}"
        assert row.status in ("finished", "crashed"), row
        assert row.attempt == attempt, (row, latest)


def _check_rebuilt(world: "World", read: Answers) -> None:
    """The index is derived: made again from the journal alone it gives the same answers."""
    fresh = MemoryIndex(empty_database())
    fresh.catch_up(world.disk.journal)
    assert fresh.read.runs() == read.runs()
    for row in read.runs():
        assert repr(fresh.read.episodes(row.run_id)) == repr(read.episodes(row.run_id)), row.run_id
        assert repr(fresh.read.metrics(row.run_id)) == repr(read.metrics(row.run_id)), row.run_id
        assert fresh.read.prints(row.run_id) == read.prints(row.run_id), row.run_id
    fresh.close()
