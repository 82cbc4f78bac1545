"""How sessions end: watched, leased, and with what they left in their spool."""

from collections.abc import Iterator

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import RunFinish, RunUpdate, encode_entry, seal_entries
from filmlab.wire.frame import Envelope, Kind
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.departures import LAST_WORDS_S, OVER_KEPT
from filmlabd.core.lab import Lab
from filmlabd.core.leases import LEASE_S
from filmlabd.core.session import Session
from filmlabd.facts import RecordRefused, RunClosed, SessionEnded, SessionOpened
from service.rig import PEER, SESSION, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.core.check()


def test_a_dead_trainers_open_run_is_closed_as_crashed(rig: Rig) -> None:
    """The run of a process that is gone without a word is crashed, its session ended, its spool dropped."""
    rig.hello()
    rig.say(1, begin())
    rig.feed(events.TrainerDied(SESSION))
    rig.work_all()
    assert rig.kept(RunClosed)[0].status == "crashed"
    assert rig.kept(SessionEnded)[0].how == "died"
    assert SESSION not in rig.core.sessions
    assert events.DropSpool(SESSION) in rig.commands


def test_the_last_words_of_a_killed_trainer_are_taken_after_its_death(rig: Rig) -> None:
    """Its records lay in the socket of a daemon that was stopped, and its death is noticed before they are read."""
    rig.hello()
    rig.say(1, begin())
    rig.feed(events.TrainerDied(SESSION))
    assert events.ReadSpool(SESSION) not in rig.commands
    for seq in (2, 3):
        rig.now += 0.9 * LAST_WORDS_S
        rig.say(seq, RunUpdate(run=0, wall=2.0, summary={"seq": seq}))
    rig.settle()
    assert [record.seq for record in rig.appended if record.kind is Kind.DATA_C] == [1, 2, 3]
    assert [fact.how for fact in rig.kept(SessionEnded)] == ["died"]


def test_what_a_dead_trainer_left_in_its_spool_is_taken_in_first() -> None:
    """A run that finished into the spool is finished, not crashed; its records are kept once, its umask is known."""
    first = seal_entries(SESSION, 1, [encode_entry(begin())])
    second = seal_entries(SESSION, 2, [encode_entry(RunFinish(run=0, wall=2.0))])
    rig = Rig(spools={SESSION: [(first,), (first, second)]})
    rig.feed(events.SpoolFound(SESSION, 0o027))
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert [record.seq for record in rig.appended if record.kind is Kind.DATA_C] == [1, 2]
    assert rig.kept(SessionOpened)[0].umask == 0o027
    assert rig.kept(SessionEnded)
    assert events.DropSpool(SESSION) in rig.commands


def left(session: int, *pieces: tuple[int, ...]) -> list[tuple[Envelope, ...]]:
    """What lies in the spool of a session that began a run: records of these numbers, piece by piece."""
    first, later = begin(run_id=f"r{session}"), RunUpdate(run=0, wall=2.0)
    return [
        tuple(seal_entries(session, seq, [encode_entry(first if seq == 1 else later)]) for seq in piece)
        for piece in pieces
    ]


def read_and_taken(rig: Rig) -> list[tuple[str, int]]:
    """What was asked of spools, and which of their records went to the disk, in this order."""
    found = []
    for command in rig.commands:
        if isinstance(command, events.ReadSpool):
            found.append(("read", command.session))
        elif isinstance(command, events.Append) and command.envelope.kind is Kind.DATA_C:
            found.append(("take", command.envelope.session * 10 + command.envelope.seq))
    return found


def test_spools_are_read_one_at_a_time_piece_by_piece() -> None:
    """However much dead processes have left: nothing is read before what came before it is on its way to the disk."""
    rig = Rig(spools={1: left(1, (1, 2), (3,)), 2: left(2, (1,))})
    rig.disk_works = False
    rig.feed(events.SpoolFound(1, 0o077))
    rig.feed(events.SpoolFound(2, 0o077))
    rig.settle()
    assert read_and_taken(rig) == [
        ("read", 1), ("take", 11), ("take", 12), ("read", 1), ("take", 13), ("read", 1), ("read", 2), ("take", 21),
        ("read", 2),
    ]  # fmt: skip


def test_no_more_of_a_spool_is_read_while_records_of_it_wait_for_their_turn() -> None:
    """A batch has room for so much; a spool of small records would wait in memory otherwise."""
    rig = Rig(Core(7, Limits(batch_weight_most=8), Lab()), spools={1: left(1, (1, 2, 3), (4,))}, disk_works=False)
    rig.feed(events.SpoolFound(1, 0o077))
    rig.settle()
    assert [what for what, _ in read_and_taken(rig)].count("read") == 1
    while rig.syncs:
        rig.land()
        rig.settle()
    rig.work_all()
    assert [number for what, number in read_and_taken(rig) if what == "take"] == [11, 12, 13, 14]
    assert [what for what, _ in read_and_taken(rig)].count("read") == 3
    rig.core.check()


def test_bye_ends_the_session_once_all_is_durable(rig: Rig) -> None:
    """BYE overtakes nothing: what came before it is kept and has its consequences first."""
    rig.hello()
    rig.say(1, begin(), RunFinish(run=0, wall=2.0), waiting=False)
    rig.feed(events.Received(PEER, 1, messages.encode(messages.Bye(), SESSION)))
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert rig.kept(SessionEnded)[0].how == "bye"


def test_every_bye_is_answered_and_ends_its_session_once(rig: Rig) -> None:
    """The answer may be lost with its connection: BYE comes again then, on another one, maybe when all is over."""
    rig.hello()
    rig.say(1, begin(), RunFinish(run=0, wall=2.0))
    bye = messages.encode(messages.Bye(), SESSION)
    rig.feed(events.Received(PEER, 1, bye))
    rig.feed(events.Received(b"peer-2", 1, bye))
    rig.work_all()
    assert SESSION not in rig.core.sessions
    rig.feed(events.Received(b"peer-3", 1, bye))
    assert [peer for peer, said in rig.sent if said == messages.Bye()] == [PEER, b"peer-2", b"peer-3"]
    assert len(rig.kept(SessionEnded)) == 1


def test_a_process_that_the_kernel_does_not_name_has_a_lease(rig: Rig) -> None:
    """In another pid namespace: it is not watched under a number that is somebody else's here, and not dead at once."""
    rig.hello(pid=0)
    rig.say(1, begin())
    assert not [command for command in rig.commands if isinstance(command, events.Watch)]
    assert rig.told(messages.Welcome)[-1].lease_s == LEASE_S
    rig.now += LEASE_S - 1
    rig.feed(events.Received(PEER, 0, messages.encode(messages.Ping(1), SESSION)))
    rig.now += LEASE_S - 1
    rig.settle(0.5)
    assert rig.kept(SessionEnded) == []
    rig.settle(5)
    assert [fact.status for fact in rig.kept(RunClosed)] == ["crashed"]
    assert [fact.how for fact in rig.kept(SessionEnded)] == ["died"]


def test_a_process_that_cannot_be_watched_is_told_to_be_heard_from(rig: Rig) -> None:
    """The sandbox may keep pidfd from us: then the lease begins, and another WELCOME says so."""
    rig.hello()
    assert rig.told(messages.Welcome)[-1].lease_s == 0
    rig.feed(events.Unwatched(SESSION))
    assert rig.told(messages.Welcome)[-1].lease_s == LEASE_S
    rig.settle(LEASE_S + 5)
    assert [fact.how for fact in rig.kept(SessionEnded)] == ["died"]


def test_a_restored_process_is_told_from_a_later_one_of_its_pid(rig: Rig) -> None:
    """After a restart too, a pid counts together with when its process began; one without a pid has a lease."""
    commands = rig.core.restore([Session(1, 77, 1234), Session(2)], events.Now(rig.now, 0.0))
    assert [command for command in commands if isinstance(command, events.Watch)] == [events.Watch(1, 77, 1234)]
    assert rig.core.next_at() == rig.now + LEASE_S


def test_what_a_spool_has_lost_does_not_hold_up_the_rest(rig: Rig) -> None:
    """A damaged record of an adopted spool is refused in its place; the records behind it are taken."""
    rig.hello()
    rig.say(1, begin())
    last = seal_entries(SESSION, 4, [encode_entry(RunFinish(run=0, wall=1.0))])
    absurd = seal_entries(SESSION, 2**40, [encode_entry(RunFinish(run=0, wall=1.0))])
    rig.spools[SESSION] = [(last,), (absurd,)]
    rig.feed(events.TrainerDied(SESSION))
    rig.settle()
    assert [fact.seq for fact in rig.kept(RecordRefused)] == [2, 3]
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert len(rig.kept(SessionEnded)) == 1


def test_a_hello_of_a_session_that_is_over_begins_no_further_attempt(rig: Rig) -> None:
    """It was held up on its way, maybe for minutes: it is told so, and nothing is opened; after a restart likewise."""
    rig.hello()
    rig.say(1, begin(), RunFinish(run=0, wall=2.0))
    rig.feed(events.TrainerDied(SESSION))
    rig.work_all()
    rig.sent.clear()
    rig.hello()
    assert [item.code for item in rig.told(messages.Error)] == ["session-over"]
    assert len(rig.kept(SessionOpened)) == 1
    later = Rig()
    later.core.restore([], events.Now(later.now, 0.0), [5, SESSION])
    later.hello()
    assert [item.code for item in later.told(messages.Error)] == ["session-over"]
    later.hello(session=6)
    assert [item.session for item in later.kept(SessionOpened)] == [6]


def test_only_the_last_sessions_to_end_are_remembered(rig: Rig) -> None:
    """A daemon that runs for a year does not grow with each session that it has seen."""
    rig.core.restore([], events.Now(rig.now, 0.0), range(1, OVER_KEPT + 3))
    rig.hello(session=2)
    rig.hello(session=3)
    assert [item.session for item in rig.kept(SessionOpened)] == [2]
