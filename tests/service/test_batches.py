"""When the disk is synced."""

import pytest

from filmlabd.batches import SYNC_AT_BYTES, Batches, TakenEntries


def record(seq: int, session: int = 1) -> TakenEntries:
    return TakenEntries(session, seq, ())


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
