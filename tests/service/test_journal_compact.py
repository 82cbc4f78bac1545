"""Letting go of records: what stays is the same at the same place, and what went takes no room."""

import os
from pathlib import Path

import pytest

from filmlab.wire.frame import Envelope, Kind, seal
from filmlabd.facts import RunClosed, RunRemoved, SessionEnded
from filmlabd.index.writer import Index
from filmlabd.journal.compact import FILLER_LEAST_BYTES, FILLER_MOST_BYTES, _filler_sizes, compact
from filmlabd.journal.journal import Journal, Position, segments
from service.keeping import Story, everything, flip, raw, record, snapshot

MINE, OTHER = 11, 22


def fill(journal: Journal, count: int, size_bytes: int = 20_000) -> None:
    """Records of two sessions in turns, and a fact of the first now and then; synced now and then."""
    for seq in range(1, count + 1):
        journal.append([record(seq, os.urandom(size_bytes), MINE), record(seq, os.urandom(50), OTHER)])
        if seq % 5 == 0:
            journal.append([seal(Kind.FACT, MINE, seq, b"\x80", b'{"fact":"x"}')])
            journal.sync()
    journal.sync()


def everything_in(journal: Journal) -> list[tuple[Position, bytes]]:
    return [(position, raw(envelope)) for position, envelope in journal.scan()]


def blocks(directory: Path) -> int:
    return sum(path.stat().st_blocks for path in directory.glob("*.seg")) * 512


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path, segment_bytes=300_000, grow_bytes=0)
    fill(made, 60)
    return made


def kept(before: list[tuple[Position, bytes]], journal: Journal, newest: Position) -> list[tuple[Position, bytes]]:
    """What must be there afterwards."""
    gone = {
        position
        for position, envelope in journal.scan()
        if envelope.kind is Kind.DATA_C and envelope.session == MINE and position < newest
    }
    return [item for item in before if item[0] not in gone]


def test_what_stays_is_the_same_at_the_same_place(journal: Journal, tmp_path: Path) -> None:
    """Other sessions' records, and all facts; nothing counts as damaged, and the room is the disk's again."""
    newest = journal.roll()
    before, used = everything_in(journal), blocks(tmp_path)
    expected = kept(before, journal, newest)
    freed = compact(tmp_path, {MINE}, newest)
    assert everything_in(journal) == expected != before
    assert journal.quarantined == 0 and freed == used - blocks(tmp_path) > 0.7 * used
    journal.close()
    again = Journal(tmp_path)
    assert everything_in(again) == expected and again.end == newest
    again.close()


def test_the_newest_segment_is_left_alone(journal: Journal, tmp_path: Path) -> None:
    """It is being written."""
    newest = segments(tmp_path)[-1][0]
    tail = [item for item in everything_in(journal) if item[0] >= newest]
    compact(tmp_path, {MINE}, newest)
    assert tail and [item for item in everything_in(journal) if item[0] >= newest] == tail
    journal.close()


def test_a_second_time_there_is_nothing_to_do(journal: Journal, tmp_path: Path) -> None:
    """Fillers are nobody's records: no segment is written again for them."""
    newest = journal.roll()
    compact(tmp_path, {MINE}, newest)
    inodes = [path.stat().st_ino for path in sorted(tmp_path.glob("*.seg"))]
    assert compact(tmp_path, {MINE}, newest) == 0
    assert [path.stat().st_ino for path in sorted(tmp_path.glob("*.seg"))] == inodes
    assert compact(tmp_path, {MINE, OTHER}, newest) >= 0
    assert all(envelope.kind is Kind.FACT for _, envelope in journal.scan())
    journal.close()


def test_the_journal_goes_on_behind_it(journal: Journal, tmp_path: Path) -> None:
    """Records get the positions that they would have got, before and after a restart."""
    newest = journal.roll()
    compact(tmp_path, {MINE}, newest)
    assert journal.append([record(61, b"x", OTHER)])[0] >= newest
    journal.sync()
    journal.close()
    again = Journal(tmp_path, trusted=newest)
    assert [envelope.seq for _, envelope in again.scan(newest)] == [61]
    again.close()


@pytest.mark.parametrize("call", ["fsync", "rename", "pwritev"])
def test_a_disk_that_fails_leaves_the_journal_as_it_was(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Nothing takes the place of a segment that is not whole and synced; what was begun is tidied up."""
    newest = journal.roll()
    before = everything_in(journal)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if call == "rename" else os, call, fail)
    with pytest.raises(OSError, match="No space"):
        compact(tmp_path, {MINE}, newest)
    monkeypatch.undo()
    assert everything_in(journal) == before and not list(tmp_path.glob("*.part"))
    (tmp_path / "0000000000000000.seg.part").write_bytes(b"left by a killed daemon")
    assert compact(tmp_path, {MINE}, newest) > 0
    assert not list(tmp_path.glob("*.part"))
    journal.close()


def test_a_damaged_segment_is_left_as_it_is(journal: Journal, tmp_path: Path) -> None:
    """What was set aside of it lies under positions in it, and what is behind the damage is found by search."""
    newest = journal.roll()
    path = segments(tmp_path)[0][1]
    flip(path, 1000)
    contents = path.read_bytes()
    compact(tmp_path, {MINE}, newest)
    assert path.read_bytes() == contents
    journal.close()


@pytest.mark.parametrize("total", [37, 38, 5000, FILLER_MOST_BYTES, FILLER_MOST_BYTES + 1, 3 * FILLER_MOST_BYTES + 7])
def test_fillers_fit_any_hole(total: int) -> None:
    """Exactly, and each is a record by itself."""
    sizes = list(_filler_sizes(total))
    assert sum(sizes) == total
    assert all(FILLER_LEAST_BYTES <= size <= FILLER_MOST_BYTES for size in sizes)


def test_an_index_made_of_it_says_the_same(tmp_path: Path) -> None:
    """Two sessions with a run each; the first run was removed, and what its session said is a hole."""
    told: list[Envelope] = []
    for number, (session, run_id) in enumerate(((MINE, "run-a"), (OTHER, "run-b"))):
        story = Story(session=session, boot=90 + number)
        story.open(run_id=run_id)
        story.names("loss")
        for step in range(2000):
            story.say(snapshot({0: float(step)}, step))
        story.fact(RunClosed(session, 1, run_id, "main", 1, "finished", 5.0))
        story.fact(SessionEnded(session, "bye", 6.0))
        told += story.told
    removal = Story(session=MINE, boot=99)
    removal.fact(RunRemoved("run-a", 7.0))
    journal = Journal(tmp_path / "journal", grow_bytes=0)
    journal.append([*told, *removal.told])
    journal.sync()
    index = Index(tmp_path / "a.sqlite")
    index.catch_up(journal)
    assert index.read.spent_sessions() == {MINE}
    used = blocks(tmp_path / "journal")
    assert compact(tmp_path / "journal", index.read.spent_sessions(), journal.roll()) > 0.3 * used
    again = Index(tmp_path / "b.sqlite")
    again.catch_up(journal)
    assert everything(again.read) == everything(index.read)
    assert [run.run_id for run in again.read.runs()] == ["run-b"]
    for opened in (index, again, journal):
        opened.close()
