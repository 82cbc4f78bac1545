"""The core's protocol: acknowledgements, gaps, refusals, sessions and their ends."""

from collections.abc import Iterator

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Flush, RunFinish, encode_entry, seal_entries
from filmlab.wire.frame import PROTOCOL, Kind, seal
from filmlab.wire.messages import Stream
from filmlabd import events
from filmlabd.core import Core, Limits
from filmlabd.facts import RecordRefused, RunClosed, RunOpened, SessionEnded, SessionOpened
from filmlabd.lab import Lab
from filmlabd.leases import LEASE_S
from filmlabd.session import CREDIT_MAX_BYTES, CREDIT_MIN_BYTES, Session, credit_bytes
from service.rig import PEER, SESSION, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.core.check()


def test_hello_is_answered_with_both_numbers(rig: Rig) -> None:
    """WELCOME tells durable and next apart: what was received is not what is safe."""
    rig.hello()
    rig.disk_works = False
    rig.say(1, begin())
    rig.hello()
    welcome = rig.told(messages.Welcome)[-1]
    assert (welcome.durable_c, welcome.next_c, welcome.durable_b, welcome.next_b) == (0, 2, 0, 1)
    assert welcome.boot == 7


def test_nothing_is_acknowledged_before_it_is_on_disk(rig: Rig) -> None:
    """The ack follows the sync, not the write."""
    rig.hello()
    rig.disk_works = False
    rig.say(1, begin())
    rig.shoot(1, film=1)
    assert rig.told(messages.Ack) == []
    rig.land()
    assert rig.told(messages.Ack)[-1].durable_c == 1
    assert rig.told(messages.Ack)[-1].durable_b == 0
    rig.land()
    assert rig.told(messages.Ack)[-1].durable_b == 1


def test_records_in_a_hurry_are_synced_at_once_and_others_soon(rig: Rig) -> None:
    """Group commit: a waiting client's records go now, the others gather for at most a quarter of a second."""
    rig.hello()
    rig.settle()
    rig.commands.clear()
    rig.say(1, begin(), waiting=False)
    assert not [command for command in rig.commands if isinstance(command, events.Sync)]
    assert rig.core.next_at() == pytest.approx(rig.now + 0.25)
    rig.say(2, Flush(run=0, wall=1.0, token=1), waiting=True)
    assert [command for command in rig.commands if isinstance(command, events.Sync)]


def test_one_sync_at_a_time(rig: Rig) -> None:
    """While the disk is busy the next batch gathers, so a slow disk makes batches larger, not the queue longer."""
    rig.hello()
    rig.disk_works = False
    for seq in range(1, 6):
        rig.say(seq, Flush(run=0, wall=1.0, token=seq))
    assert len(rig.syncs) == 1
    rig.land()
    assert len(rig.syncs) == 1
    rig.land()
    assert rig.told(messages.Ack)[-1].durable_c == 5


def test_a_record_seen_before_is_acknowledged_again_and_not_kept_again(rig: Rig) -> None:
    """A resend after a lost ack doubles nothing."""
    rig.hello()
    rig.say(1, begin())
    before = len(rig.appended)
    acks = len(rig.told(messages.Ack))
    rig.say(1, begin())
    assert len(rig.appended) == before
    assert len(rig.told(messages.Ack)) == acks + 1


def test_a_gap_is_told_at_most_every_50_ms(rig: Rig) -> None:
    """A gap brings one RESYNC, not one for every record behind it, and none of them is taken."""
    rig.hello()
    for seq in (3, 4, 5):
        rig.say(seq, Flush(run=0, wall=1.0, token=seq))
    assert rig.told(messages.Resync) == [messages.Resync(Stream.C, 1)]
    rig.now += 0.06
    rig.say(6, Flush(run=0, wall=1.0, token=6))
    assert len(rig.told(messages.Resync)) == 2


def test_a_session_that_said_no_hello_is_told_so(rig: Rig) -> None:
    """After a restart without an index a client learns at once that it must introduce itself."""
    rig.say(1, begin())
    assert rig.told(messages.Error)[0].code == "no-session"


def test_a_bad_record_is_refused_for_good_and_its_number_is_consumed(rig: Rig) -> None:
    """One bad record does not stop its stream: it is refused by a fact, told, and passed."""
    rig.hello()
    rig.feed(events.Received(PEER, 1, seal(Kind.DATA_C, SESSION, 1, b"\x80", b"not an entry")))
    rig.settle()
    assert rig.kept(RecordRefused)[0].seq == 1
    error = rig.told(messages.Error)[0]
    assert (error.code, error.stream, error.seq) == ("bad-input", Stream.C, 1)
    assert rig.told(messages.Ack)[-1].durable_c == 1
    rig.say(2, begin())
    assert rig.told(messages.Ack)[-1].durable_c == 2


@pytest.mark.parametrize("kind", [Kind.FACT, Kind.WELCOME, Kind.ACK, Kind.PLAN])
def test_what_only_a_daemon_says_is_refused_from_a_peer(rig: Rig, kind: Kind) -> None:
    """A peer cannot write facts into the journal, nor play the daemon."""
    rig.hello()
    before = len(rig.appended)
    rig.feed(events.Received(PEER, 1, seal(kind, SESSION, 1, b"\x80")))
    assert len(rig.appended) == before
    assert rig.told(messages.Error)[-1].code == "bad-input"


def test_a_ping_is_answered_through_the_disk(rig: Rig) -> None:
    """PONG comes after a sync: a daemon whose disk hangs does not look alive."""
    rig.hello()
    rig.settle()
    rig.disk_works = False
    rig.feed(events.Received(PEER, 1, messages.encode(messages.Ping(99), SESSION)))
    assert rig.told(messages.Pong) == []
    rig.land()
    assert rig.told(messages.Pong)[0].nonce == 99


def test_a_newer_client_makes_the_daemon_give_way(rig: Rig) -> None:
    """An older daemon of the same user drains and exits, so that the newer client can start its own."""
    rig.hello(min_protocol=PROTOCOL + 1, max_protocol=PROTOCOL + 1)
    assert rig.told(messages.Drain)
    assert any(isinstance(command, events.Exit) for command in rig.commands)


def test_an_older_client_is_told_which_versions_there_are(rig: Rig) -> None:
    """A version that nobody speaks any more is a clear error, not a silence."""
    rig.hello(min_protocol=0, max_protocol=0)
    error = rig.told(messages.Error)[0]
    assert error.code == "version"
    assert f"protocol {PROTOCOL}" in error.message


def test_a_writer_that_is_alive_cannot_be_taken(rig: Rig) -> None:
    """Two living processes under one run and writer would mix: the second is refused, another name joins."""
    rig.hello()
    rig.say(1, begin())
    rig.hello(session=2, peer=b"peer-2")
    rig.say(1, begin(), session=2, peer=b"peer-2")
    assert rig.told(messages.Error)[-1].code == "run-taken"
    rig.say(2, begin(run=1, writer="eval"), session=2, peer=b"peer-2")
    assert [fact.writer for fact in rig.kept(RunOpened)] == ["main", "eval"]
    assert [fact.attempt for fact in rig.kept(RunOpened)] == [1, 1]


def test_with_no_writer_alive_a_new_attempt_begins(rig: Rig) -> None:
    """Resuming a run after its end numbers a further attempt, also when the run is long printed."""
    rig.hello()
    rig.say(1, begin(), RunFinish(run=0, wall=2.0))
    rig.work_all()
    assert "r1" not in rig.core.lab.runs
    rig.hello(session=2, peer=b"peer-2")
    rig.say(1, begin(), session=2, peer=b"peer-2")
    assert [fact.attempt for fact in rig.kept(RunOpened)] == [1, 2]


def test_the_plan_follows_a_runs_beginning(rig: Rig) -> None:
    """A client learns the schedule in force without asking."""
    rig.hello()
    rig.say(1, begin(schedule="every:10+last:1"))
    plan = rig.told(messages.Plan)[0]
    assert (plan.run, plan.version, plan.schedule) == (0, 1, "every:10+last:1")


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


def test_what_a_dead_trainer_left_in_its_spool_is_taken_in_first() -> None:
    """A run that finished into the spool is finished, not crashed, and its records are kept once."""
    first = seal_entries(SESSION, 1, [encode_entry(begin())])
    second = seal_entries(SESSION, 2, [encode_entry(RunFinish(run=0, wall=2.0))])
    rig = Rig(spools={SESSION: [(first,), (first, second)]})
    rig.feed(events.SpoolFound(SESSION))
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert [record.seq for record in rig.appended if record.kind is Kind.DATA_C] == [1, 2]
    assert rig.kept(SessionEnded)
    assert events.DropSpool(SESSION) in rig.commands


def test_bye_ends_the_session_once_all_is_durable(rig: Rig) -> None:
    """BYE overtakes nothing: what came before it is kept and has its consequences first."""
    rig.hello()
    rig.say(1, begin(), RunFinish(run=0, wall=2.0), waiting=False)
    rig.feed(events.Received(PEER, 1, messages.encode(messages.Bye(), SESSION)))
    rig.work_all()
    assert [fact.status for fact in rig.kept(RunClosed)] == ["finished"]
    assert rig.kept(SessionEnded)[0].how == "bye"


def test_idle_means_nobody_there_and_nothing_to_do() -> None:
    """The auto-started daemon ends after a while without sessions and jobs, and not while there is one."""
    rig = Rig(core=Core(7, Limits(idle_exit_s=300.0), Lab()))
    rig.hello()
    rig.say(1, begin())
    rig.settle(1000.0)
    assert not any(isinstance(command, events.Exit) for command in rig.commands)
    rig.feed(events.TrainerDied(SESSION))
    rig.work_all()
    idle_from = rig.now
    rig.settle(1000.0)
    assert any(isinstance(command, events.Exit) for command in rig.commands)
    assert rig.now == pytest.approx(idle_from + 300.0, abs=1.0)


def test_garbage_is_counted_in_bounded_memory(rig: Rig) -> None:
    """Reasons carry numbers of the sender's choice: however many differ, the table stays small."""
    for index in range(1000):
        rig.feed(events.Garbage(PEER, f"reason {index}"))
    assert len(rig.core.garbage) <= 65
    assert sum(rig.core.garbage.values()) == 1000


def test_credit_is_shared_within_bounds() -> None:
    """One client gets 16 MiB, many share the pool, none gets less than 1 MiB."""
    pool = 256 * 1024 * 1024
    assert credit_bytes(pool, 1) == CREDIT_MAX_BYTES
    assert credit_bytes(pool, 64) == 4 * 1024 * 1024
    assert credit_bytes(pool, 10_000) == CREDIT_MIN_BYTES


def test_a_session_is_opened_by_one_fact_only(rig: Rig) -> None:
    """HELLO comes again at every reconnect; the session is new once."""
    rig.hello()
    rig.hello()
    assert len(rig.kept(SessionOpened)) == 1


def test_claim_tells_who_has_a_run_open(rig: Rig) -> None:
    """init(id=…) asks before it returns: known, living writers, attempt, directory."""
    rig.hello()
    rig.say(1, begin())
    rig.feed(events.Asked(b"q1", "claim", {"run_id": "r1"}))
    rig.feed(events.Asked(b"q2", "claim", {"run_id": "other"}))
    rig.feed(events.Asked(b"q3", "claim", {"run_id": "../etc"}))
    replies = {command.request: command.body for command in rig.commands if isinstance(command, events.Reply)}
    assert replies[b"q1"] == {
        "ok": True, "known": True, "attempt": 1, "directory": "/tmp/x", "writers": ["main"],
        "sessions": {"main": f"{SESSION:016x}"}, "leaving": [],
    }  # fmt: skip
    assert replies[b"q2"]["known"] is False
    assert replies[b"q3"]["ok"] is False


def test_claim_tells_who_is_alive_only_until_its_spool_is_taken_in() -> None:
    """A writer whose process has ended, or has let go of its spool, is leaving."""
    rig = Rig()
    rig.hello()
    rig.say(1, begin())
    rig.disk_works = False
    rig.say(2, RunFinish(run=0, wall=1.0))
    rig.feed(events.SpoolFound(SESSION))
    rig.feed(events.Asked(b"q", "claim", {"run_id": "r1"}))
    (reply,) = [command.body for command in rig.commands if isinstance(command, events.Reply)]
    assert (reply["writers"], reply["leaving"]) == (["main"], ["main"])


def test_an_unended_episode_is_not_waited_for_by_a_flush(rig: Rig) -> None:
    """flush() in mid-episode waits for the episodes that have ended."""
    rig.hello()
    rig.say(1, begin(), EpisodeBegin(run=0, wall=1.0, episode=0, film=1))
    rig.shoot(1, film=1)
    rig.say(2, Flush(run=0, wall=1.0, token=5))
    rig.work_all()
    assert rig.told(messages.Print)[-1].token == 5
    rig.say(3, EpisodeEnd(run=0, wall=2.0, episode=0, return_=1.0, length=1, film=1, frames=1, last_seq=1))
    rig.work_all()


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
