"""Whose record comes next, and what comes of it for whoever waits beside a flood."""

import pytest

from filmlab.wire.entries import EpisodeEnd, Flush, encode_entry, seal_entries
from filmlab.wire.frame import WAITING, Envelope, Kind
from filmlabd.core import events, turns
from filmlabd.core.core import Core, Limits
from filmlabd.core.lab import Lab
from filmlabd.core.turns import Turns
from filmlabd.facts import SessionEnded
from service.rig import Rig, begin


def ending(number: int) -> EpisodeEnd:
    return EpisodeEnd(run=0, wall=1.0, episode=number, return_=1.0, length=1)


def record(session: int, seq: int, *, waiting: bool = False) -> Envelope:
    return seal_entries(session, seq, [encode_entry(ending(seq))], WAITING if waiting else 0)


def taken(held: Turns) -> list[tuple[int, int]]:
    """(session, number) of all that wait, in their turns."""
    found = []
    while (turn := held.take()) is not None:
        found.append((turn[0], turn[1].seq))
    return found


def test_each_session_in_turn_and_each_in_its_order() -> None:
    """A session that sends thousands of records lets another one's only record through."""
    held = Turns()
    for seq in (1, 2, 3):
        held.put(1, record(1, seq))
    held.put(2, record(2, 9))
    assert held.holds(1) and held.holds(2) and not held.holds(3)
    assert taken(held) == [(1, 1), (2, 9), (1, 2), (1, 3)]
    assert held.take() is None and not held.holds(1)


def test_whoever_begins_to_wait_goes_first_and_then_in_turn() -> None:
    """A flush goes before the others, once: one that waits all the time has no more than its turn."""
    held = Turns()
    held.put(1, record(1, 1))
    held.put(2, record(2, 1))
    for seq in (1, 2, 3):
        held.put(3, record(3, seq, waiting=True))
    assert taken(held) == [(3, 1), (1, 1), (2, 1), (3, 2), (3, 3)]


def test_so_much_is_held_of_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, not records; and of one session alone."""
    monkeypatch.setattr(turns, "ROOM_MAX_BYTES", 200)
    held = Turns()
    held.put(1, record(1, 1))
    assert not held.is_crowded(1)
    held.put(1, record(1, 2))
    assert held.is_crowded(1) and not held.is_crowded(2)
    held.take()
    assert not held.is_crowded(1)


def small_batches() -> Rig:
    """Two sessions with a run each; a batch has room for the entries of two records."""
    rig = Rig(Core(7, Limits(batch_weight_most=16), Lab()), disk_works=False)
    for session in (1, 2):
        rig.hello(session, peer=b"%d" % session)
        rig.say(1, begin(run_id=f"r{session}"), session=session)
    land_all(rig)
    return rig


def flood(rig: Rig, first: int, last: int) -> None:
    """An episode in each record, none waited for."""
    for seq in range(first, last + 1):
        rig.say(seq, ending(seq), session=1, waiting=False)


def land_all(rig: Rig) -> None:
    """Whatever waits for the disk comes there, batch for batch."""
    rig.settle()
    while rig.syncs:
        rig.land()
        rig.settle()


def seqs(rig: Rig) -> list[int]:
    """Of the records that went to the disk."""
    return [envelope.seq for envelope in rig.appended if envelope.kind is Kind.DATA_C]


def test_a_batch_takes_no_more_records_than_are_soon_indexed() -> None:
    """What comes beyond it waits until the next one gathers, and is acknowledged in order."""
    rig = small_batches()
    rig.appended.clear()
    flood(rig, 2, 11)
    assert seqs(rig) == [2, 3, 4, 5], "a batch that is due, and the one behind it"
    assert (rig.core.sessions[1].durable_c, rig.core.sessions[1].next_c) == (1, 12)
    land_all(rig)
    assert seqs(rig) == list(range(2, 12))
    assert rig.core.sessions[1].durable_c == 11


def test_a_flush_beside_a_flood_is_in_the_next_batch() -> None:
    """However many records of another session came before it."""
    rig = small_batches()
    flood(rig, 2, 40)
    rig.say(2, Flush(run=0, wall=1.0, token=5), session=2)
    for _ in range(3):
        rig.land()
    assert rig.core.sessions[2].durable_c == 2
    assert rig.core.sessions[1].durable_c < 10
    land_all(rig)
    assert rig.core.sessions[1].durable_c == 40


def test_what_is_sent_beyond_all_bounds_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded whoever sends; nothing is lost, and nothing is out of order."""
    monkeypatch.setattr(turns, "ROOM_MAX_BYTES", 300)
    rig = small_batches()
    flood(rig, 2, 40)
    assert rig.core.sessions[1].next_c < 12
    while rig.core.sessions[1].durable_c < 40:
        land_all(rig)
        flood(rig, rig.core.sessions[1].next_c, 40)
    assert seqs(rig)[-39:] == list(range(2, 41))


def test_a_spool_is_read_as_fast_as_it_is_taken() -> None:
    """Of one of gigabytes no more is in memory than what waits for its turn."""
    rig = small_batches()
    records = [record(9, seq) for seq in range(2, 30)]
    opening = seal_entries(9, 1, [encode_entry(begin(run_id="r9"))])
    left = iter([(opening,), *((envelope,) for envelope in records)])
    rig.spools[9] = left
    rig.feed(events.SpoolFound(9, 0o022))
    rig.settle()
    assert len(list(left)) > 20, "most of it has not been read while the disk is busy"


def test_a_spool_is_taken_in_whole_piece_by_piece() -> None:
    """Each piece is asked for when the one before has had its turn, and the session ends after the last."""
    rig = small_batches()
    opening = seal_entries(9, 1, [encode_entry(begin(run_id="r9"))])
    rig.spools[9] = [(opening,), *((record(9, seq),) for seq in range(2, 30))]
    rig.feed(events.SpoolFound(9, 0o022))
    land_all(rig)
    assert [
        envelope.seq for envelope in rig.appended if envelope.session == 9 and envelope.kind is Kind.DATA_C
    ] == list(range(1, 30))
    assert [fact.session for fact in rig.kept(SessionEnded)] == [9]
