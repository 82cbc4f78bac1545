"""Record-now in the daemon: who may change a plan, when clients hear of it, what is used up."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.schedule import CaptureSchedule, Decider
from filmlab.schedule.asked import Asked
from filmlab.schedule.ranges import parse_ranges
from filmlab.wire import messages
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, RunFinish
from filmlabd.core import events
from filmlabd.core.jobs import film_key
from filmlabd.core.runs import Run
from filmlabd.facts import FilmJudged, PlanChanged
from filmlabd.index.writer import Index
from filmlabd.model import JobKind
from service.rig import PEER, SESSION, Rig, begin

CLIENT = b"a request"


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    made.hello()
    made.say(1, begin(schedule="never"))
    made.sent.clear()
    yield made
    made.core.check()


def ask(rig: Rig, **args: Any) -> None:
    rig.feed(events.Asked(CLIENT, "plan", {"run_id": "r1", "by": "ann", **args}))


def replies(rig: Rig) -> list[dict[str, Any]]:
    return [command.body for command in rig.commands if isinstance(command, events.Reply)]


def plans(rig: Rig) -> list[tuple[int, str, str, int, int]]:
    """(version, schedule, wanted, next, counted) of every plan that was sent."""
    return [
        (plan.version, plan.schedule, plan.wanted, plan.next_episodes, plan.counted) for plan in rig.told(messages.Plan)
    ]


def shot(episode: int, film: int, *, plan: int = 2, run: int = 0, reason: str = "asked for by ann") -> EpisodeBegin:
    return EpisodeBegin(run=run, wall=1.0, episode=episode, film=film, reason=reason, plan_version=plan)


def whole(episode: int, film: int) -> EpisodeEnd:
    return EpisodeEnd(run=0, wall=1.0, episode=episode, return_=0.0, length=1, film=film, frames=1, last_seq=film)


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_change_is_kept_then_told_and_answered(rig: Rig) -> None:
    """Neither a client nor who asked hears of a plan that a crash could still undo."""
    rig.disk_works = False
    ask(rig, wanted="12,40-45", next=2)
    assert (plans(rig), replies(rig)) == ([], [])
    rig.land()
    assert plans(rig) == [(2, "never", "12,40-45", 2, 0)]
    (reply,) = replies(rig)
    assert reply["ok"]
    assert (reply["version"], reply["wanted"], reply["next_episodes"], reply["asked_by"], reply["writers"]) == (
        2, "12,40-45", 2, "ann", ["main"],
    )  # fmt: skip
    assert [fact.asked_by for fact in rig.kept(PlanChanged)] == ["ann"]


def test_who_comes_meanwhile_hears_of_it_once_it_is_durable(rig: Rig) -> None:
    """A client that says HELLO between a change and its sync is sent the plan when it is safe, not before."""
    rig.disk_works = False
    ask(rig, schedule="every:5")
    rig.hello()
    assert plans(rig) == []
    rig.land()
    assert plans(rig) == [(2, "every:5", "", 0, 0)]


def test_looking_changes_nothing(rig: Rig) -> None:
    """Without a change the plan in force is told at once, and nothing is written."""
    ask(rig)
    assert [(reply["ok"], reply["version"], reply["schedule"]) for reply in replies(rig)] == [(True, 1, "never")]
    assert rig.kept(PlanChanged) == []


def test_requests_add_up_until_they_are_cancelled(rig: Rig) -> None:
    """Episodes join those that are wanted, a new number replaces the old one, cancelling forgets both."""
    ask(rig, wanted="5")
    ask(rig, wanted="6-8", schedule="cubic")
    ask(rig, next=4)
    ask(rig, next=1, by="bob")
    ask(rig, cancel=True)
    assert plans(rig) == [
        (2, "never", "5", 0, 0), (3, "cubic", "5-8", 0, 0), (4, "cubic", "5-8", 4, 0), (5, "cubic", "5-8", 1, 0),
        (6, "cubic", "", 0, 0),
    ]  # fmt: skip
    assert [plan.asked_by for plan in rig.told(messages.Plan)][2:4] == ["ann", "ann and bob"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"run_id": "zzz", "next": 1}, "no run is called 'zzz'"),
        ({"run_id": "over", "next": 1}, "run over is over"),
        ({"run_id": 7}, "run_id is a text"),
        ({"schedule": "every:100+banana"}, "^^^^^^"),
        ({"wanted": "9-3"}, "ends before it begins"),
        ({"next": -1}, "0 to 1000000"),
        ({"next": 1.5}, "a whole number"),
        ({"wanted": ",".join(str(2 * n) for n in range(2000))}, "too many to list"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(rig: Rig, args: dict[str, Any], says: str) -> None:
    """Unknown and ended runs, unreadable schedules, too much at once: said, and nothing changes."""
    rig.hello(session=2, peer=b"peer-2")
    rig.say(1, begin(run_id="over"), RunFinish(run=0, wall=2.0), session=2, peer=b"peer-2")
    rig.work_all()
    ask(rig, **args)
    (reply,) = replies(rig)
    assert not reply["ok"]
    assert says in reply["error"]
    assert rig.kept(PlanChanged) == []


# --- using up ---------------------------------------------------------------------------------------------------------


def test_an_episode_uses_up_what_was_asked_for_in_every_writer(rig: Rig) -> None:
    """The other writers are told what is left; each is told how many of its own are counted in that."""
    rig.hello(session=2, peer=b"peer-2")
    rig.say(1, begin(writer="eval"), session=2, peer=b"peer-2")
    ask(rig, wanted="12,40", next=2)
    rig.sent.clear()
    rig.say(2, shot(12, 1))
    told = [(peer, message) for peer, message in rig.sent if isinstance(message, messages.Plan)]
    assert [(peer, plan.wanted, plan.next_episodes, plan.counted, plan.version) for peer, plan in told] == [
        (PEER, "40", 1, 1, 2), (b"peer-2", "40", 1, 0, 2),
    ]  # fmt: skip


def test_an_episode_that_began_before_a_request_is_none_of_its_next(rig: Rig) -> None:
    """What was on its way when somebody asked for one more leaves that one to be recorded."""
    ask(rig, next=1)
    ask(rig, next=1)
    rig.say(2, shot(3, 1, plan=2))
    assert plans(rig)[-1] == (3, "never", "", 1, 1)
    rig.say(3, shot(4, 2, plan=3))
    assert plans(rig)[-1] == (3, "never", "", 0, 2)


def test_other_reasons_use_up_nothing(rig: Rig) -> None:
    """An episode that a rule wanted, or the loop itself, is not one that somebody asked for."""
    ask(rig, next=1, wanted="3")
    rig.say(2, shot(3, 1, reason="every 100"), shot(4, 2, reason="asked for"))
    rig.hello()
    assert plans(rig)[-1] == (2, "never", "3", 1, 0)


def test_limits_do_not_touch_what_was_asked_for(rig: Rig) -> None:
    """A film over the run's limits is kept when somebody asked for it, and uses up none of them."""
    ask(rig, schedule="always&max:1", next=2)
    for film, reason in enumerate(("asked for by ann", "asked for by ann", "always", "always"), 1):
        rig.shoot(film, film)
        rig.say(1 + film, shot(film, film, reason=reason), whole(film, film))
    made = [job.key for job in rig.work_all() if job.kind is JobKind.EPISODE]
    assert sorted(made) == [film_key(SESSION, film) for film in (1, 2, 3)]
    assert [(fact.film, fact.reason) for fact in rig.kept(FilmJudged)] == [(4, "over 1 in all")]


def test_the_last_are_as_many_as_the_plan_asks_for_at_the_end(rig: Rig) -> None:
    """Films that waited for the end of the run under an earlier plan go with it."""
    ask(rig, schedule="last:3")
    for film in (1, 2):
        rig.shoot(film, film)
        begun = EpisodeBegin(run=0, wall=1.0, episode=film, film=film, reason="maybe", provisional=True)
        rig.say(1 + film, begun, whole(film, film))
    ask(rig, schedule="last:1")
    rig.say(4, RunFinish(run=0, wall=2.0))
    assert [job.film for job in rig.work_all() if job.kind is JobKind.EPISODE] == [2]
    assert [(fact.film, fact.kept, fact.reason) for fact in rig.kept(FilmJudged)] == [
        (1, False, "not among the last"), (2, True, "last 1"),
    ]  # fmt: skip


def test_a_further_attempt_goes_on_with_what_is_left(rig: Rig) -> None:
    """A run that is resumed begins with its program's schedule, and with the requests that are still open."""
    ask(rig, schedule="cubic", next=3)
    rig.shoot(1, 1)
    rig.say(2, shot(0, 1), whole(0, 1), RunFinish(run=0, wall=2.0))
    rig.work_all()
    assert "r1" not in rig.core.lab.runs
    rig.hello(session=2, peer=b"peer-2")
    rig.say(1, begin(schedule="every:7"), session=2, peer=b"peer-2")
    assert plans(rig)[-1] == (3, "every:7", "", 2, 0)


# --- the law ----------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["3", "0-9", "12,14"]), st.integers(0, 4)),
        st.tuples(st.just("play"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("hear"), st.just(0), st.just(0)),
        st.tuples(st.just("land"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(steps)
def test_core_client_and_index_agree(told: list[tuple[str, Any, int]]) -> None:
    """However requests, episodes, syncs and messages interleave: once all is said, the same is left of the requests in
    the client, in the core, and in an index that is made from the journal alone."""
    rig = Rig(disk_works=False)
    rig.hello()
    rig.say(1, begin(schedule="never"))
    rig.land()
    client, seq, episode, taken, heard = Decider(CaptureSchedule()), 1, 0, [], 0
    for what, first, number in [*told, ("play", 2, 0), ("land", 0, 0), ("land", 0, 0), ("hear", 0, 0)]:
        if what == "ask":
            ask(rig, wanted=first, next=number)
        elif what == "play":
            for _ in range(first):
                if reason := client.take_asked(episode):
                    seq += 1
                    taken.append(episode)
                    rig.say(seq, shot(episode, len(taken), plan=client.version, reason=reason))
                episode += 1
        elif what == "hear":
            sent = [message for _, message in rig.sent if isinstance(message, messages.Plan)]
            for plan in sent[heard:]:
                client = client.with_plan(plan)
            heard = len(sent)
        else:
            rig.feed(events.Woken())
            while rig.syncs:
                rig.land()
    run = rig.core.lab.runs["r1"]
    assert isinstance(run, Run)
    assert (client._asked.wanted, client._asked.next_episodes) == (run.asked.wanted, run.asked.next_episodes)
    assert (client.version, run.changing, run.counted["main"]) == (run.plan_version, 0, len(taken))
    assert index_of(rig) == (run.asked, run.plan_version)


def index_of(rig: Rig) -> tuple[Asked, int]:
    """What an index says that is made of the journal alone."""
    with TemporaryDirectory() as directory:
        index = Index(Path(directory) / "index.sqlite")
        position = 0
        for envelope in rig.appended:
            index.apply(position, envelope)
            position += envelope.size_bytes
        index.commit()
        row = index.read.run("r1")
        index.close()
    return Asked(parse_ranges(row.wanted), row.next_episodes, row.asked_by), row.plan_version
