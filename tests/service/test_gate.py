"""When film is taken and when not, and that everybody who must know is told."""

import sys
from collections.abc import Iterator

import pytest

from filmlab.wire import messages
from filmlab.wire.chunks import Film, seal_chunk
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, encode_entry, seal_entries
from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Stream
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.gate import floor_bytes
from filmlabd.core.lab import Lab
from filmlabd.core.session import Life
from filmlabd.facts import RecordRefused
from service.rig import PEER, SESSION, Rig, begin

MIB = 2**20
OTHER = 0xDEF


@pytest.fixture
def rig() -> Rig:
    """One trainer with a run, on a disk of which 100 MiB are kept free."""
    rig = Rig(Core(7, Limits(keep_free_bytes=100 * MIB), Lab()))
    rig.hello()
    rig.say(1, begin())
    rig.sent.clear()
    return rig


def measure(rig: Rig, free_bytes: int, *, stuck: str = "", files: int = sys.maxsize) -> None:
    rig.feed(events.Measured(free_bytes, 10**12, files, stuck=stuck))


def chunk(seq: int, session: int = SESSION) -> Envelope:
    return seal_chunk(session, seq, Film(run=0, film=1, first=seq - 1, count=1, height=2, width=2, channels=1), [b"ab"])


def test_the_floor_is_2_gib_or_5_percent() -> None:
    """Whichever is less, so that a large disk is not taken for full; unless a setting says how much."""
    assert floor_bytes(None, 10 * 2**30) == 2**29
    assert floor_bytes(None, 10_000 * 2**30) == 2 * 2**30
    assert floor_bytes(0, 100 * 2**30) == 0


def test_below_the_floor_every_session_is_told_once(rig: Rig) -> None:
    """BUSY with the reason goes out when the gate closes, and not with every look at the disk."""
    rig.hello(OTHER, b"peer-2")
    rig.sent.clear()
    measure(rig, 99 * MIB)
    measure(rig, 98 * MIB)
    busy = rig.told(messages.Busy)
    assert [peer for peer, _ in rig.sent] == [PEER, b"peer-2"]
    assert "99 MiB left" in busy[0].reason and "100 MiB are kept free" in busy[0].reason


def test_numbers_are_still_taken_and_bring_no_credit(rig: Rig) -> None:
    """Stream C is acknowledged as ever; what the acknowledgement grants of film is nothing."""
    measure(rig, 0)
    rig.say(2, EpisodeEnd(run=0, wall=2.0, episode=0, return_=1.0, length=3))
    assert rig.told(messages.Ack) == [messages.Ack(2, 0, 0)]


def test_film_is_not_taken_below_the_floor(rig: Rig) -> None:
    """What a client sends all the same goes to no disk; it is told so, and not for each of a thousand chunks."""
    measure(rig, 0)
    rig.sent.clear()
    for seq in range(1, 20):
        rig.feed(events.Received(PEER, 4242, chunk(seq)))
    assert not [command for command in rig.commands if isinstance(command, events.AppendFilm)]
    assert len(rig.told(messages.Busy)) == 1 and not rig.told(messages.Resync)


def test_with_room_credit_comes_back_by_itself(rig: Rig) -> None:
    """Who sent in vain hears from where on to send again; everybody hears how much."""
    measure(rig, 0)
    rig.feed(events.Received(PEER, 4242, chunk(1)))
    rig.sent.clear()
    measure(rig, 200 * MIB)
    assert rig.told(messages.Resync) == [messages.Resync(Stream.B, 1)]
    assert rig.told(messages.Ack)[0].credit_bytes > 0
    rig.shoot(1, 1)
    assert rig.told(messages.Ack)[-1].durable_b == 1


def test_a_gate_at_the_floor_does_not_flap(rig: Rig) -> None:
    """It opens a little above where it closed."""
    measure(rig, 99 * MIB)
    measure(rig, 101 * MIB)
    assert rig.core.gate.desk.closed
    measure(rig, 113 * MIB)
    assert not rig.core.gate.desk.closed


def test_a_greeting_below_the_floor_is_answered_with_both(rig: Rig) -> None:
    """WELCOME without credit, and why."""
    measure(rig, 0)
    rig.hello(OTHER, b"peer-2")
    welcome, busy = [message for peer, message in rig.sent if peer == b"peer-2"]
    assert isinstance(welcome, messages.Welcome) and welcome.credit_bytes == 0
    assert isinstance(busy, messages.Busy)


def test_a_disk_without_room_for_files_is_full_too(rig: Rig) -> None:
    """Every film is a file, however small."""
    measure(rig, 10**12, files=10)
    assert "10 more files" in rig.told(messages.Busy)[0].reason


def test_a_quota_of_the_user_closes_the_gate(rig: Rig) -> None:
    """There may be room for everybody else: what the disk itself says counts."""
    measure(rig, 10**12, stuck="no room for 5 bytes of film: Disk quota exceeded")
    assert "quota" in rig.told(messages.Busy)[0].reason
    measure(rig, 10**12)
    assert not rig.core.gate.desk.closed


def test_film_that_found_no_room_is_acknowledged_when_it_has(rig: Rig) -> None:
    """The batch is synced without it; the next sync tries it again, and only then is it durable."""
    rig.disk_works = False
    rig.shoot(1, 1)
    rig.say(2, EpisodeBegin(run=0, wall=1.0, episode=0, film=1, reason="every 1"))
    rig.settle(1.0)
    sync = rig.syncs.pop(0)
    rig.feed(events.Synced(sync.batch, ((SESSION, 1),)))
    rig.feed(events.Indexed(sync.batch))
    assert rig.core.sessions[SESSION].durable_b == 0
    rig.disk_works = True
    rig.settle(60.0)
    while rig.syncs:
        rig.land()
        rig.settle(60.0)
    assert rig.core.sessions[SESSION].durable_b == 1
    assert (rig.core.sessions[SESSION].durable_c, rig.core.sessions[SESSION].films[1].frames) == (2, 1)


def spooled(rig: Rig) -> None:
    """Its process dies; a number and two chunks lie in its spool."""
    end = EpisodeEnd(run=0, wall=2.0, episode=0, return_=1.0, length=3, film=1, frames=2, last_seq=2)
    rig.spools[SESSION] = [(seal_entries(SESSION, 2, [encode_entry(end)]), chunk(1)), (chunk(2),)]
    rig.feed(events.TrainerDied(SESSION))


def test_film_in_a_dead_trainers_spool_waits_for_room(rig: Rig) -> None:
    """Its numbers are taken in at once; its spool stays until there is room for the film, and is then read again."""
    measure(rig, 0)
    spooled(rig)
    rig.settle()
    session = rig.core.sessions[SESSION]
    assert (session.durable_c, session.durable_b, session.life) == (2, 0, Life.LEAVING)
    assert not [command for command in rig.commands if isinstance(command, events.DropSpool)]
    spooled(rig)  # what lies there is still the same
    measure(rig, 10**12)
    rig.work_all()
    assert SESSION not in rig.core.sessions
    assert [command.film for command in rig.commands if isinstance(command, events.AppendFilm)] == [1, 1]


def test_a_gate_that_opens_while_a_spool_is_read_passes_over_nothing(rig: Rig) -> None:
    """What was left of a spool is read again from its beginning, and nothing of it counts as lost."""

    def reading() -> Iterator[tuple[Envelope, ...]]:
        yield (chunk(1),)
        rig.spools[SESSION] = [(chunk(1), chunk(2))]
        measure(rig, 10**12)
        yield (chunk(2),)

    measure(rig, 0)
    rig.spools[SESSION] = reading()
    rig.feed(events.TrainerDied(SESSION))
    rig.settle(1.0)
    assert not rig.kept(RecordRefused)
    taken = [command.envelope.seq for command in rig.commands if isinstance(command, events.AppendFilm)]
    assert taken == [1, 2]


def test_who_has_sent_in_vain_and_is_gone_is_forgotten(rig: Rig) -> None:
    """A disk may be full for weeks, in which many trainers come and go."""
    measure(rig, 99 * MIB)
    rig.feed(events.Received(PEER, 4242, chunk(1)))
    assert rig.core.gate._missed == {SESSION}
    rig.feed(events.TrainerDied(SESSION))
    rig.settle()
    assert SESSION not in rig.core.sessions
    measure(rig, 98 * MIB)
    assert not rig.core.gate._missed
