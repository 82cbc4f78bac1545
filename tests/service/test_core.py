"""The core's protocol: acknowledgements, gaps, refusals, and who may open what."""

from collections.abc import Iterator

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Flush, RunFinish
from filmlab.wire.frame import PROTOCOL, Kind, seal
from filmlab.wire.messages import Stream
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.lab import Lab
from filmlabd.core.session import ANSWERS_KEPT, CREDIT_MAX_BYTES, CREDIT_MIN_BYTES, credit_bytes
from filmlabd.facts import RecordRefused, RunOpened, SessionOpened
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
        "sessions": {"main": f"{SESSION:016x}"}, "leaving": [], "film_refused": "",
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
    rig.feed(events.SpoolFound(SESSION, 0o027))
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


def test_an_answer_that_was_lost_with_its_connection_is_given_again(rig: Rig) -> None:
    """Nobody knows whether a PRINT arrived: after each HELLO the last answers follow, to where it came from."""
    rig.hello()
    rig.say(1, begin(), Flush(run=0, wall=1.0, token=99))
    rig.work_all()
    assert [item.token for item in rig.told(messages.Print) if item.what == "flush"] == [99]
    rig.sent.clear()
    rig.hello(peer=b"peer-2")
    (answer,) = [(peer, item) for peer, item in rig.sent if isinstance(item, messages.Print)]
    assert (answer[0], answer[1].token, answer[1].ok) == (b"peer-2", 99, True)


def test_no_more_answers_are_kept_than_a_few(rig: Rig) -> None:
    """A trainer that flushes after every episode costs no memory."""
    rig.hello()
    rig.say(1, begin(), *(Flush(run=0, wall=1.0, token=token) for token in range(1, 201)))
    rig.work_all()
    rig.sent.clear()
    rig.hello()
    assert [item.token for item in rig.told(messages.Print)] == list(range(201 - ANSWERS_KEPT, 201))
