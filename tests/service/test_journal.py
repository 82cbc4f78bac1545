"""The control journal: order, positions, durability, and what is left after damage."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import Transient
from filmlab.wire.frame import Envelope
from filmlabd.journal.journal import Journal
from filmlabd.journal.records import NoDescriptors
from service.keeping import flip, no_descriptors, raw, record, records, same


def open_journal(directory: Path, *, trusted: int = 0, segment_bytes: int = 2000, grow_bytes: int = 600) -> Journal:
    return Journal(directory, trusted=trusted, segment_bytes=segment_bytes, grow_bytes=grow_bytes)


def told(journal: Journal, start: int = 0) -> list[Envelope]:
    return [envelope for _, envelope in journal.scan(start)]


@pytest.fixture
def file_limit() -> Iterator[None]:
    """A test may lower what a file may hold; here that is put back."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 900), min_size=1, max_size=6), max_size=8), st.data())
def test_what_was_appended_is_scanned_from_any_position(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], data: st.DataObject
) -> None:
    """Over segments and restarts: every record once, in order, at its position, from wherever one begins."""
    directory = tmp_path_factory.mktemp("journal")
    journal = open_journal(directory)
    written: list[Envelope] = []
    positions: list[int] = []
    for sizes in batches:
        batch = [record(len(written) + at + 1, os.urandom(size)) for at, size in enumerate(sizes)]
        positions += journal.append(batch)
        written += batch
        journal.sync()
        if data.draw(st.booleans()):
            journal.close()
            journal = open_journal(directory, trusted=data.draw(st.sampled_from([0, journal.end])))
    start = data.draw(st.integers(0, len(written)))
    from_position = [*positions, journal.end][start]
    found = list(journal.scan(from_position))
    assert [position for position, _ in found] == positions[start:]
    assert all(same(one, other) for (_, one), other in zip(found, written[start:], strict=True))
    assert journal.end == journal.bytes_used() >= sum(one.size_bytes for one in written)
    assert journal.quarantined == 0
    journal.close()


def test_segments_are_named_by_position_and_stay_within_their_limit(tmp_path: Path) -> None:
    """A segment's name is the position of its first record; none is longer than asked for."""
    journal = open_journal(tmp_path)
    for one in records(40):
        journal.append([one])
    journal.close()
    sizes = {int(path.stem): path.stat().st_size for path in sorted(tmp_path.glob("*.seg"))}
    assert len(sizes) > 2
    assert [sum(size for base, size in sizes.items() if base < other) for other in sizes] == list(sizes)
    assert max(sizes.values()) <= 2000


def test_a_batch_longer_than_a_segment_stays_together(tmp_path: Path) -> None:
    """One batch is never split, even where it needs a longer segment."""
    journal = open_journal(tmp_path)
    batch = records(30, 100)
    journal.append(batch[:1])
    journal.append(batch[1:])
    assert [one.seq for one in told(journal)] == list(range(1, 31))
    assert len(list(tmp_path.glob("*.seg"))) == 2
    journal.close()


def test_every_torn_tail_leaves_what_came_before(tmp_path: Path) -> None:
    """Cut at whatever byte of the last record: the ones before are there, and the next goes where it was."""
    batch = records(3)
    whole = b"".join(map(raw, batch))
    path = tmp_path / f"{0:016d}.seg"
    last_at = len(whole) - batch[2].size_bytes
    for cut in range(last_at, len(whole)):
        path.write_bytes(whole[:cut] + bytes(100))
        journal = open_journal(tmp_path)
        assert [one.seq for one in told(journal)] == [1, 2]
        assert journal.end == last_at
        journal.append(batch[2:])
        journal.close()
        assert path.read_bytes()[:last_at] == whole[:last_at]
        assert [one.seq for one in told(open_journal(tmp_path))] == [1, 2, 3]
    assert not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize("segment", [0, 1, -1])
def test_a_flipped_bit_is_set_aside_and_the_rest_kept(tmp_path: Path, segment: int) -> None:
    """Damage to what was synced: one record less, a copy of it in the quarantine, counted once for ever."""
    journal = open_journal(tmp_path)
    for one in records(40):
        journal.append([one])
        journal.sync()
    journal.close()
    flip(sorted(tmp_path.glob("*.seg"))[segment], 60)
    for _ in range(2):
        journal = open_journal(tmp_path)
        seqs = [one.seq for one in told(journal)]
        assert len(seqs) == 39 and seqs == sorted(seqs)
        assert [one.seq for one in told(journal)] == seqs
        assert journal.quarantined == 1
        journal.close()
    (missing,) = set(range(1, 41)) - set(seqs)
    (copy,) = (tmp_path / "quarantine").glob("*.bin")
    assert copy.stat().st_size == 36 + 1 + 50 + missing


@settings(max_examples=60)
@given(st.data())
def test_a_power_cut_costs_nothing_that_was_synced_and_leaves_no_gap(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whichever blocks of what was not synced reach the disk: the journal is a beginning of what was appended, with
    everything that was synced. A record behind a hole would count as durable before the one that is lost in it."""
    directory = tmp_path_factory.mktemp("journal")
    journal = open_journal(directory)
    batch = records(12)
    synced = data.draw(st.integers(0, 12))
    for one in batch[:synced]:
        journal.append([one])
        journal.sync()
    border = journal.end
    for one in batch[synced:]:
        journal.append([one])
    path = max(directory.glob("*.seg"))
    disk = bytearray(path.read_bytes())
    for at in range(max(0, border - int(path.stem)), len(disk), 64):
        if data.draw(st.booleans()):
            disk[at : at + 64] = bytes(len(disk[at : at + 64]))
    path.write_bytes(disk)
    # The index may be behind, or gone.
    journal = open_journal(directory, trusted=data.draw(st.sampled_from([0, border])))
    seqs = [one.seq for one in told(journal)]
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) >= synced
    journal.append([record(len(seqs) + 1, b"more")])
    assert len(told(journal)) == len(seqs) + 1
    journal.close()


def test_a_new_record_never_lands_on_damage(tmp_path: Path) -> None:
    """Positions stay what they were after damage in the middle: what is appended goes behind the last whole record."""
    journal = open_journal(tmp_path, segment_bytes=10_000)
    journal.append(records(5))
    journal.sync()
    end = journal.end
    journal.append([record(6, b"behind the mark")])
    journal.close()
    flip(tmp_path / f"{0:016d}.seg", 100)
    journal = open_journal(tmp_path)
    assert [one.seq for one in told(journal)] == [1, 3, 4, 5, 6]
    (position,) = journal.append([record(7, b"new")])
    assert position > end
    assert told(journal)[-1].seq == 7
    journal.close()


def test_a_tail_of_another_version_is_kept_aside_when_it_is_cut(tmp_path: Path) -> None:
    """What a newer daemon wrote is not thrown away by an older one that cannot read it."""
    newer = bytearray(raw(record(2, b"from the future")))
    newer[4] = 9
    (tmp_path / f"{0:016d}.seg").write_bytes(raw(record(1, b"a")) + newer + bytes(50))
    journal = open_journal(tmp_path)
    assert [one.seq for one in told(journal)] == [1]
    assert journal.quarantined == 1
    (copy,) = (tmp_path / "quarantine").glob("*.bin")
    assert copy.read_bytes().startswith(newer)
    journal.close()


def test_a_trusted_position_of_another_journal_does_no_harm(tmp_path: Path) -> None:
    """Where the index's watermark is no border of this journal, all of it is looked at."""
    journal = open_journal(tmp_path, segment_bytes=10_000)
    journal.append(records(8))
    end = journal.end
    journal.close()
    for trusted in (1, 36 + 1 + 51, 100, end - 1, end, end + 5):
        journal = open_journal(tmp_path, trusted=trusted)
        assert (len(told(journal)), journal.end, journal.quarantined) == (8, end, 0)
        journal.close()


@pytest.mark.usefixtures("file_limit")
def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """A batch that does not fit is refused whole, as transient, and goes in once there is room."""
    journal = open_journal(tmp_path, segment_bytes=100_000)
    journal.append(records(4))
    end = journal.end
    big = [record(5, os.urandom(3000)), record(6, os.urandom(3000))]
    limit_files(4000)
    with pytest.raises(Transient, match="no room for 6074 bytes"):
        journal.append(big)
    assert (journal.end, len(told(journal))) == (end, 4)
    assert journal.append([record(5, b"fits")]) == [end]
    journal.sync()
    limit_files(1_000_000)
    journal.append([record(6, os.urandom(3000))])
    assert [one.seq for one in told(journal)] == [1, 2, 3, 4, 5, 6]
    journal.close()


@pytest.mark.usefixtures("file_limit")
def test_a_new_segment_that_does_not_fit_leaves_no_trace(tmp_path: Path) -> None:
    """When the disk is full at the moment of a new segment, the next try makes it again."""
    journal = open_journal(tmp_path)
    journal.append([record(1, os.urandom(1500))])
    limit_files(800)
    with pytest.raises(Transient):
        journal.append([record(2, os.urandom(1000))])
    limit_files(1_000_000)
    journal.append([record(2, os.urandom(1000))])
    journal.append([record(3, os.urandom(1000))])
    journal.sync()
    journal.close()
    journal = open_journal(tmp_path)
    assert [one.seq for one in told(journal)] == [1, 2, 3]
    journal.close()


def test_a_failed_sync_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an I/O error a sync could falsely succeed, so the journal takes nothing more. (The disk here is ours.)"""
    journal = open_journal(tmp_path)
    journal.append(records(1))

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(OSError, match="Input/output"):
            journal.sync()
    for action in (journal.sync, lambda: journal.append(records(1))):
        with pytest.raises(OSError, match="takes nothing more"):
            action()
    journal.close()
    assert len(told(open_journal(tmp_path))) == 1


def test_sync_syncs_every_segment_that_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was appended since the last sync is synced, over a change of segment too, and the new name."""
    journal = open_journal(tmp_path)
    synced: set[str] = set()
    for call in ("fdatasync", "fsync"):
        real = getattr(os, call)

        def spy(fd: int, real: object = real) -> None:
            synced.add(os.fspath(Path(f"/proc/self/fd/{fd}").readlink()))
            real(fd)  # type: ignore[operator]  # the call itself

        monkeypatch.setattr(os, call, spy)
    for one in records(60):
        journal.append([one])
    journal.sync()
    assert synced == {str(path) for path in [tmp_path, *tmp_path.glob("*.seg")]}
    assert len(synced) > 2
    synced.clear()
    journal.sync()
    assert not synced
    journal.close()


def test_opening_syncs_what_a_killed_process_may_have_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found in the journal is about to count as durable, so it is made so."""
    (tmp_path / f"{0:016d}.seg").write_bytes(raw(record(1, b"a")))
    synced: list[str] = []
    real = os.fdatasync

    def spy(fd: int) -> None:
        synced.append(os.fspath(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fdatasync", spy)
    open_journal(tmp_path).close()
    assert synced == [str(tmp_path / f"{0:016d}.seg")]


def test_what_was_preallocated_behind_an_older_segment_is_no_damage(tmp_path: Path) -> None:
    """A process killed in the middle of beginning a new segment leaves zeros behind the old one."""
    journal = open_journal(tmp_path)
    for one in records(40):
        journal.append([one])
    journal.close()
    first = tmp_path / f"{0:016d}.seg"
    first.write_bytes(first.read_bytes() + bytes(5000))
    journal = open_journal(tmp_path)
    assert [one.seq for one in told(journal)] == list(range(1, 41))
    assert journal.quarantined == 0
    journal.close()


def test_without_descriptors_another_segment_waits(tmp_path: Path) -> None:
    """Nothing of the batch is written, and the same batch goes into the segment once there are some."""
    journal = Journal(tmp_path, segment_bytes=2000, grow_bytes=0)
    told = records(12, 200)
    journal.append(told[:6])
    journal.sync()
    with no_descriptors():
        for attempt in (lambda: journal.append(told[6:]), journal.roll):
            with pytest.raises(NoDescriptors):
                attempt()
    journal.append(told[6:])
    journal.sync()
    assert [envelope.seq for _, envelope in journal.scan()] == list(range(1, 13))
    journal.close()
    again = Journal(tmp_path)
    assert [envelope.seq for _, envelope in again.scan()] == list(range(1, 13)) and again.quarantined == 0
    again.close()
