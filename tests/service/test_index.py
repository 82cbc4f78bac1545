"""The index follows the journal: the same answers after a restart, a rebuild, damage, a full disk."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.wire import entries
from filmlab.wire.frame import Envelope, Kind, seal
from filmlabd import facts
from filmlabd.index.read import Reader
from filmlabd.index.writer import Index
from filmlabd.journal.journal import Journal
from service.keeping import RUN, SESSION, Story, begin_episode, end_episode, everything, snapshot, steps


def long_story() -> Story:
    """A bit of everything: two sessions, two attempts, films kept, dropped and cut, prints made and failed."""
    story = Story()
    story.open(config={"lr": 0.1})
    story.names("loss", "return")
    for step in range(300):
        story.say(snapshot({0: step / 3, 1: float("nan")}, wall=1000.0 + step), snapshot({1: -step}))
    story.say(begin_episode(1), steps(1, [1.0, 2.0]), end_episode(film=1, frames=2, last_seq=1, metadata={"a": [1]}))
    story.say(begin_episode(2, 1, provisional=True), end_episode(1, film=2))
    story.judged(2, False, "over 3 in all")
    story.say(end_episode(2), end_episode(2), begin_episode(3, 3), steps(3, [0.5]))
    story.say(entries.Blocked(run=1, wall=5.0, counts=((3, 7), (40, 1)), total_ns=900, max_ns=500))
    story.say(entries.Dropped(run=1, wall=5.0, what="film", count=2, size_bytes=10, reason="memory"))
    story.say(entries.RunUpdate(run=1, wall=6.0, config={"lr": 0.2}, summary={"best": 3}))
    story.say(entries.Media(run=1, wall=6.0, name="map", mime="image/frames", film=4, frames=1, last_seq=9))
    story.fact(facts.JobDone(f"episode:{SESSION:016x}:1", RUN, "episode", SESSION, 1, "a.gif\na.json", "", 0.1, 7.0))
    story.fact(facts.JobStruck("curve:x", RUN, "curve", 0, 0, 1, False, "killed", 7.0))
    story.cut(3, 3, 1)
    story.closed("crashed")
    story.fact(facts.SessionEnded(SESSION, "died", 1400.0))
    story.session, story.last_c = 5, 0
    story.fact(facts.SessionOpened(5, 1, "host", 6, SESSION, 0o077, 1500.0))
    story.open(attempt=2, name="walk on")
    story.names("loss", "return")
    story.say(*[snapshot({0: 1.0}) for _ in range(50)])
    story.fact(facts.RecordRefused(5, 0, 8, "bad"))
    story.fact(facts.RecordRefused(5, 1, 3, "bad"))
    story.fact(facts.PlanChanged(RUN, 3, "every:5", "7-9", 2, "ann", 1600.0))
    return story


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    kept = Journal(tmp_path / "journal", segment_bytes=20_000)
    yield kept
    kept.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


def answers(path: Path) -> str:
    with Reader(path) as reader:
        return everything(reader)


def tell(journal: Journal, path: Path, told: list[Envelope]) -> str:
    """Append, index and close; every answer."""
    journal.append(told)
    index = Index(path)
    index.catch_up(journal)
    index.close()
    return answers(path)


def test_the_same_answers_whatever_the_commits(journal: Journal, path: Path, tmp_path: Path) -> None:
    """One record to a commit, with restarts, gives what one commit for everything gives."""
    told = long_story().told
    expected = tell(journal, path, told)
    index = Index(tmp_path / "other.sqlite")
    for number, (position, envelope) in enumerate(journal.scan()):
        index.apply(position, envelope)
        index.commit()
        if number % 50 == 49:
            index.close()
            index = Index(tmp_path / "other.sqlite")
    assert index.watermark == journal.end
    assert everything(index.read) == expected
    index.close()


def test_delete_it_and_the_answers_are_the_same(journal: Journal, path: Path) -> None:
    """The index holds nothing that the journal does not."""
    expected = tell(journal, path, long_story().told)
    for stale in path.parent.glob("index.sqlite*"):
        stale.unlink()
    assert tell(journal, path, []) == expected


@pytest.mark.parametrize("again", ["from the start", "under new positions"])
def test_applying_twice_changes_nothing(journal: Journal, path: Path, again: str) -> None:
    """Records below the watermark, and records of stream C that were applied already, are passed over."""
    told = long_story().told
    expected = tell(journal, path, told)
    index = Index(path)
    if again == "from the start":
        for position, envelope in journal.scan():
            index.apply(position, envelope)
    else:
        for position, envelope in zip(journal.append(told), told, strict=True):
            if envelope.kind is Kind.DATA_C:
                index.apply(position, envelope)
    index.commit()
    assert everything(index.read) == expected
    index.close()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_killed_anywhere_it_catches_up(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever was committed when the process went: the rest follows from the journal at the next start."""
    directory = tmp_path_factory.mktemp("index")
    journal = Journal(directory / "journal")
    told = long_story().told
    expected = tell(journal, directory / "whole.sqlite", told)
    for _ in range(3):
        index = Index(directory / "index.sqlite")
        for position, envelope in list(journal.scan(index.watermark))[: data.draw(st.integers(0, 200))]:
            index.apply(position, envelope)
            if data.draw(st.booleans()):
                index.commit()
        index.close()
    assert tell(journal, directory / "index.sqlite", []) == expected
    journal.close()


def test_a_reader_sees_commits_and_nothing_between(journal: Journal, path: Path) -> None:
    """A reader beside the daemon sees what is committed, while it is open too."""
    story = Story()
    story.open()
    index = Index(path)
    index.catch_up(journal)
    with Reader(path) as reader:
        for position, envelope in zip(journal.append(story.told), story.told, strict=True):
            index.apply(position, envelope)
        assert reader.runs() == []
        index.commit()
        assert [run.run_id for run in reader.runs()] == [RUN]
    index.close()


def test_a_reader_reads_what_a_killed_daemon_left(journal: Journal, path: Path, tmp_path: Path) -> None:
    """With no daemon, from a file whose log was never folded in."""
    journal.append(long_story().told)
    index = Index(path)
    index.catch_up(journal)
    left = tmp_path / "left"
    left.mkdir()
    for part in path.parent.glob("index.sqlite*"):
        (left / part.name).write_bytes(part.read_bytes())
    assert (left / "index.sqlite-wal").stat().st_size > 0
    assert answers(left / "index.sqlite") == everything(index.read)
    index.close()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "a page", "empty"])
def test_a_damaged_index_is_set_aside_and_made_again(journal: Journal, path: Path, damage: str) -> None:
    """The damaged file is kept for whoever wants to look; the answers are the same."""
    expected = tell(journal, path, long_story().told)
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data[:] = os.urandom(len(data))
    elif damage == "truncated":
        del data[len(data) // 2 :]
    elif damage == "a page":
        data[4096 * 3 : 4096 * 4] = bytes(range(256)) * 16
    else:
        data.clear()
    path.write_bytes(data)
    assert tell(journal, path, []) == expected
    aside = path.with_name("index.sqlite.corrupt-1")
    # An empty file is a database without a table: nothing was lost that could be kept.
    assert aside.exists() == (damage != "empty")
    if damage == "garbage":
        path.write_bytes(b"again" * 1000)
        assert tell(journal, path, []) == expected
        assert path.with_name("index.sqlite.corrupt-2").exists()


def overwrite(index: Index, path: Path) -> None:
    """Fill an open index with noise behind its first page, where it will be read and not remembered."""
    index._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    index._db.execute("PRAGMA shrink_memory")


def test_an_index_that_breaks_while_in_use_is_made_again(journal: Journal, path: Path, tmp_path: Path) -> None:
    """Damage that shows in the middle of a commit costs a rebuild, not the daemon."""
    told = long_story().told
    expected = tell(journal, tmp_path / "whole.sqlite", told)
    journal.close()
    other = Journal(tmp_path / "journal-2")
    index = Index(path)
    index.catch_up(other)
    half = len(told) // 2
    other.append(told[:half])
    index.catch_up(other)
    overwrite(index, path)
    for position, envelope in zip(other.append(told[half:]), told[half:], strict=True):
        index.apply(position, envelope)
    index.commit()
    assert everything(index.read) == expected
    assert path.with_name("index.sqlite.corrupt-1").exists()
    index.close()
    other.close()


def test_an_index_ahead_of_its_journal_is_made_again(journal: Journal, path: Path, tmp_path: Path) -> None:
    """A journal that lost its end, or another one altogether: the index goes by what is there."""
    tell(journal, path, long_story().told)
    other = Journal(tmp_path / "journal-2")
    story = Story()
    story.open(run_id="other")
    other.append(story.told)
    index = Index(path)
    index.catch_up(other)
    assert [run.run_id for run in index.read.runs()] == ["other"]
    index.close()
    other.close()


def test_no_record_has_all_episodes_read(journal: Journal, path: Path) -> None:
    """Each record is applied in the time of a search: one that read every episode made a long run slower and slower."""
    told = long_story().told
    index = Index(path)
    index.catch_up(journal)
    said: list[str] = []
    index._db.set_trace_callback(said.append)
    for position, envelope in zip(journal.append(told), told, strict=True):
        index.apply(position, envelope)
    index.commit()
    index._db.set_trace_callback(None)
    about = [text for text in said if "episodes" in text and text.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]
    plans = {text: str(index._db.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()) for text in about}
    assert len(plans) > 10
    assert not [text for text, plan in plans.items() if "SCAN episodes" in plan]
    index.close()


def test_a_full_disk_loses_nothing(journal: Journal, path: Path) -> None:
    """A commit that does not fit can be made again, and again, until it does."""
    told = long_story().told
    index = Index(path)
    index.catch_up(journal)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(part.stat().st_size for part in path.parent.glob("index.sqlite*"))
    positions = journal.append(told)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, limits[1]))
    try:
        for position, envelope in zip(positions, told, strict=True):
            index.apply(position, envelope)
        for _ in range(2):
            with pytest.raises(Transient, match="takes nothing for now"):
                index.commit()
            assert index.read.runs() == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    index.commit()
    assert index.watermark == journal.end
    with_room = everything(index.read)
    index.close()
    path.unlink()
    assert tell(journal, path, []) == with_room


def test_an_unreadable_record_is_counted_and_consumed(path: Path) -> None:
    """A record that passed its CRC and says nothing that we understand does not stop the ones behind it."""
    story = Story()
    story.open()
    story.last_c += 1
    story.told.append(seal(Kind.DATA_C, SESSION, story.last_c, b"\x80", b"\xff" * 60))
    story.told.append(seal(Kind.FACT, 99, 50, b"\x80", b'{"fact": "Rumour"}'))
    story.say(entries.Flush(run=77, wall=1.0, token=1))
    story.say(entries.RunUpdate(run=1, wall=1.0, summary={"after": True}))
    index = Index(path)
    at = 0
    for envelope in story.told:
        index.apply(at, envelope)
        at += envelope.size_bytes
    index.commit()
    assert index.read.unreadable() == 3
    assert index.read.run(RUN).summary == {"after": True}
    assert index.read.sessions()[0].durable_c == story.last_c
    index.close()


def test_a_newer_index_is_refused(path: Path) -> None:
    """An index of a newer filmlab is neither read nor written, nor set aside."""
    Index(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    for opens in (Index, Reader):
        with pytest.raises(BadInput, match=r"written by a newer filmlab .* made again from the journal"):
            opens(path)
    assert not path.with_name("index.sqlite.corrupt-1").exists()


def test_film_durable_is_kept_and_never_goes_back(path: Path) -> None:
    """What stream B has reached is known after a restart, by the highest mark and by deleted films."""
    index = Index(path)
    story = Story()
    story.open()
    story.fact(facts.RecordRefused(SESSION, 1, 12, "bad"))
    story.fact(facts.RecordRefused(SESSION, 1, 5, "bad"))
    at = 0
    for envelope in story.told:
        index.apply(at, envelope)
        at += envelope.size_bytes
    index.film_durable(SESSION, 7)
    index.commit()
    index.film_durable(SESSION, 4)
    index.commit()
    index.close()
    index = Index(path)
    assert [(row.session, row.durable_b, row.refused_b) for row in index.read.sessions()] == [
        (SESSION, 7, frozenset({12}))
    ]
    story.fact(facts.FilmDeleted(SESSION, 1, 13, "old"))
    index.apply(at, story.told[-1])
    index.commit()
    assert [(row.durable_b, row.refused_b) for row in index.read.sessions()] == [(13, frozenset())]
    index.close()


def test_apply_bounds_what_it_holds(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long way to catch up is committed in pieces."""
    monkeypatch.setattr("filmlabd.index.writer.PENDING_MAX_BYTES", 2000)
    journal.append(long_story().told)
    index = Index(path)
    for position, envelope in journal.scan():
        index.apply(position, envelope)
        assert position - index.watermark <= 2000
    index.close()


def test_without_a_journal_damage_is_said(path: Path) -> None:
    """Who writes an index without a journal at hand is told that it is damaged."""
    index = Index(path)
    story = Story()
    story.open()
    overwrite(index, path)
    at = 0
    for envelope in story.told:
        index.apply(at, envelope)
        at += envelope.size_bytes
    with pytest.raises(Corrupt, match="is damaged"):
        index.commit()
    index.close()
