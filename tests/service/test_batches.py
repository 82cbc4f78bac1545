"""When the disk is synced."""

import pytest

from filmlab.wire.chunks import Film
from filmlab.wire.entries import EpisodeEnd, Snapshot
from filmlab.wire.messages import Stream
from filmlabd.core.batches import FILM_ASIDE_BYTES, SYNC_AT_BYTES, Batches, Staged, TakenChunk, TakenEntries
from filmlabd.facts import RecordRefused


def record(seq: int, session: int = 1) -> TakenEntries:
    return TakenEntries(session, seq, ())


def chunk(seq: int, session: int = 2) -> TakenChunk:
    return TakenChunk(session, seq, Film(run=0, film=1, first=0, count=1, height=1, width=1, channels=1, codec=0))


def taken(batches: Batches, now_at: float) -> list[Staged]:
    """What the batch holds that is due, which is on disk and indexed at once."""
    batch = batches.take_due(now_at)
    assert batch is not None
    return batches.land(batch.number).staged


def test_nothing_to_sync_is_never_due() -> None:
    """An idle daemon does not touch the disk."""
    assert Batches().due_at() is None


def test_a_lone_record_waits_for_company_for_a_quarter_of_a_second() -> None:
    """Beside a trainer's checkpoints we do not sync fifty times a second for ever."""
    batches = Batches(0.25)
    batches.stage(record(1), 100, 10.0)
    batches.stage(record(2), 100, 10.2)
    assert batches.due_at() == 10.25


def test_whoever_waits_is_served_at_once_and_size_counts_too() -> None:
    """A flush, or 4 MiB, ends the gathering."""
    hurried, large = Batches(), Batches()
    hurried.stage(record(1), 100, 10.0)
    hurried.hurry(10.01)
    assert hurried.due_at() == 10.01
    large.stage(record(1), SYNC_AT_BYTES, 10.0)
    assert large.due_at() == 10.0


def test_a_batch_that_takes_long_to_be_indexed_is_full() -> None:
    """Small entries are many in few bytes: their number counts, and whoever waits for the next batch waits for them."""
    batches = Batches(weight_most=20)
    end = EpisodeEnd(run=0, wall=1.0, episode=1, return_=1.0, length=1)
    row = Snapshot(run=0, wall=1.0, ids=bytes(4), values=bytes(8))
    batches.stage(TakenEntries(1, 1, (end, end)), 100, 10.0)
    batches.stage(TakenEntries(1, 2, (row, row, row)), 100, 10.0)
    assert not batches.full and batches.due_at() == 10.25
    batches.stage(TakenEntries(1, 3, (row,)), 100, 10.0)
    assert batches.full and batches.due_at() == 10.0
    batches.take_due(10.0)
    assert not batches.full


def test_the_next_batch_gathers_while_one_is_in_flight() -> None:
    """One sync at a time: what comes meanwhile is in the next."""
    batches = Batches(0.25)
    batches.stage(record(1), 100, 10.0)
    first = batches.take_due(10.25)
    assert first is not None
    batches.stage(record(2), 100, 10.3)
    batches.hurry(10.3)
    assert batches.due_at() is None
    assert batches.take_due(99.0) is None
    assert [item.seq for item in batches.land(first.number).staged if isinstance(item, TakenEntries)] == [1]
    assert batches.due_at() == 10.3


def test_a_landing_that_nobody_started_is_a_bug() -> None:
    """The shell answers each Sync once, with its own number."""
    batches = Batches()
    batches.stage(record(1), 100, 0.0)
    batches.take_due(1.0)
    with pytest.raises(AssertionError):
        batches.land(99)


def test_a_session_is_held_as_long_as_something_of_it_is_on_its_way() -> None:
    """A session's end waits for what was decided of it, too."""
    batches = Batches()
    batches.stage(record(1), 1, 0.0)
    assert batches.holds(1)
    assert not batches.holds(2)
    batch = batches.take_due(1.0)
    assert batch is not None
    assert batches.holds(1)
    batches.land(batch.number)
    assert not batches.holds(1)
    assert batches.empty


def test_film_lets_go_first_whoever_waits_for_a_record() -> None:
    """A flush beside a flood waits for the journal alone; the film is due as soon as the disk is free."""
    batches = Batches()
    batches.stage(chunk(1), FILM_ASIDE_BYTES, 10.0)
    batches.stage(record(1), 100, 10.0)
    batches.press(10.0)
    batch = batches.take_due(10.0)
    assert batch is not None
    assert (batch.staged, batch.size_bytes, batch.films, batch.control_only) == ([record(1)], 100, (), True)
    assert batches.holds(2)
    batches.land(batch.number)
    batch = batches.take_due(10.0)
    assert batch is not None
    assert (batch.staged, batch.size_bytes, batch.control_only) == ([chunk(1)], FILM_ASIDE_BYTES, False)


def test_a_little_film_is_not_set_aside() -> None:
    """It costs less than a sync of its own; and film that somebody waits for is in no way of anybody."""
    little, waited_for = Batches(), Batches()
    little.stage(chunk(1), FILM_ASIDE_BYTES - 1, 10.0)
    little.press(10.0)
    assert taken(little, 10.0) == [chunk(1)]
    waited_for.stage(chunk(1), FILM_ASIDE_BYTES, 10.0)
    waited_for.hurry(10.0)
    assert taken(waited_for, 10.0) == [chunk(1)]


def test_steady_flushes_do_not_starve_film() -> None:
    """Film that has let others go first goes with the next sync, whoever waits by then."""
    batches = Batches()
    batches.stage(chunk(1), FILM_ASIDE_BYTES, 10.0)
    found = []
    for seq in range(1, 5):
        batches.stage(record(seq), 100, 10.0)
        batches.stage(chunk(seq + 1), FILM_ASIDE_BYTES, 10.0)
        batches.press(10.0)
        found.append(taken(batches, 10.0))
    assert found[:2] == [[record(1)], [chunk(1), chunk(2), record(2), chunk(3)]]
    assert found[2:] == [[record(3)], [chunk(4), record(4), chunk(5)]]


def test_a_refused_chunk_stays_behind_the_film_before_it() -> None:
    """It says that its stream is durable up to there."""
    batches = Batches()
    refused = [RecordRefused(2, Stream.B, 2, "bad"), RecordRefused(1, Stream.C, 1, "bad")]
    batches.stage(chunk(1), FILM_ASIDE_BYTES, 10.0)
    for fact in refused:
        batches.stage(fact, 100, 10.0)
    batches.press(10.0)
    assert taken(batches, 10.0) == [refused[1]]
    assert taken(batches, 10.0) == [chunk(1), refused[0]]
