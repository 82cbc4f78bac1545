"""When films are looked through, which end is written down, and who is answered when."""

import math
import sys

import pytest

from filmlab.wire import messages
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, RunFinish
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.jobs import Priority, curve_key
from filmlabd.core.lab import Lab
from filmlabd.core.retention import KeptFilm, Quota
from filmlabd.facts import FilmDeleted, RunRemoved
from filmlabd.model import Job, JobKind, Outcome
from service.rig import SESSION, Rig, begin

QUOTA = 1000


def film(number: int, session: int = SESSION, run_id: str = "r1") -> KeptFilm:
    return KeptFilm(session, number, run_id, "main", number, math.nan, 100, 1.0, True)


def measure(rig: Rig, film_bytes: int = 0, *, free_bytes: int = 10**12, films: int = 0) -> None:
    rig.feed(events.Measured(free_bytes, 10**13, sys.maxsize, film_bytes, films))


def surveys(rig: Rig) -> list[events.Survey]:
    return [command for command in rig.commands if isinstance(command, events.Survey)]


def replies(rig: Rig) -> list[dict[str, object]]:
    return [command.body for command in rig.commands if isinstance(command, events.Reply)]


def deleted(rig: Rig) -> list[tuple[int, int]]:
    return [(command.session, command.film) for command in rig.commands if isinstance(command, events.DeleteFilm)]


def shoot(rig: Rig, count: int, *, finish: bool = False) -> None:
    """Films 1 to `count` of the run, developed."""
    for number in range(1, count + 1):
        rig.say(2 * number, EpisodeBegin(run=0, wall=1.0, episode=number, film=number, reason="every 1"))
        rig.shoot(number, number)
        end = EpisodeEnd(
            run=0, wall=2.0, episode=number, return_=0.0, length=1, film=number, frames=1, last_seq=number
        )  # fmt: skip
        rig.say(2 * number + 1, end)
    if finish:
        rig.say(2 * count + 2, RunFinish(run=0, wall=3.0))
    rig.work_all()


@pytest.fixture
def rig() -> Rig:
    """A trainer with a run; 1000 bytes of film are kept; the first look has been taken."""
    rig = Rig(Core(7, Limits(keep_free_bytes=100, film_bytes=QUOTA), Lab()))
    rig.hello()
    rig.say(1, begin())
    measure(rig)
    rig.feed(events.Surveyed())
    rig.commands.clear()
    return rig


def test_a_daemon_begins_with_a_look() -> None:
    """What a crash left is swept, once and not with every measurement; what belongs to no film, only of the dead."""
    rig = Rig(Core(7, Limits(), Lab()))
    rig.hello()
    measure(rig)
    measure(rig)
    assert len(surveys(rig)) == 1
    rig.feed(events.Surveyed(leftovers=((SESSION, 1),), orphans=((SESSION, 2), (99, 3))))
    assert deleted(rig) == [(SESSION, 1), (99, 3)]
    measure(rig)
    assert len(surveys(rig)) == 1


def test_over_the_quota_one_look_is_taken(rig: Rig) -> None:
    """And no second one while what it found is being deleted."""
    shoot(rig, 3)
    measure(rig, 990)
    measure(rig, 990)
    assert surveys(rig) == [events.Survey(Quota(QUOTA))]
    rig.disk_works = False
    rig.feed(events.Surveyed(gone=(film(1),)))
    measure(rig, 990)
    assert len(surveys(rig)) == 1 and not deleted(rig)
    rig.settle()
    rig.land()
    assert deleted(rig) == [(SESSION, 1)]
    measure(rig, 990)
    assert len(surveys(rig)) == 2


def test_the_end_of_a_film_is_written_down_before_it_is_deleted(rig: Rig) -> None:
    """With how far its stream is durable: after a restart its client is not asked for it again."""
    shoot(rig, 2)
    measure(rig, 990)
    rig.feed(events.Surveyed(gone=(film(1), film(7, session=99))))
    rig.settle()
    assert [(fact.session, fact.film, fact.durable_b) for fact in rig.kept(FilmDeleted)] == [
        (SESSION, 1, 2),
        (99, 7, 0),
    ]
    kinds = [type(command).__name__ for command in rig.commands]
    assert kinds.index("Append") < kinds.index("Sync") < kinds.index("DeleteFilm")


def test_a_film_that_is_being_developed_again_stays(rig: Rig) -> None:
    """Its worker may be reading it."""
    shoot(rig, 2)
    measure(rig, 990)
    rig.feed(events.Asked(b"q", "develop", {"run_id": "r1", "session": f"{SESSION:x}", "film": 1}))
    rig.feed(events.Surveyed(gone=(film(1), film(2))))
    assert [fact.film for fact in rig.kept(FilmDeleted)] == [2]


def test_when_nothing_may_go_the_next_look_can_wait(rig: Rig) -> None:
    """A look through many films that took a second is not taken every second."""
    measure(rig, 990)
    rig.now += 1
    rig.feed(events.Surveyed(unprinted=9))
    rig.now += 19
    measure(rig, 990)
    assert len(surveys(rig)) == 1
    rig.now += 1
    measure(rig, 990)
    assert len(surveys(rig)) == 2


def test_a_disk_below_its_floor_costs_films(rig: Rig) -> None:
    """Printed films make room, as much as there lacks until film can come again."""
    measure(rig, 10, free_bytes=40)
    assert surveys(rig) == [events.Survey(Quota(QUOTA), 72)]


def test_undeveloped_film_over_the_quota_stops_more_from_coming(rig: Rig) -> None:
    """Until some is developed; but a film that is still being shot never waits for its own end."""
    rig.shoot(1, 1)
    measure(rig, QUOTA)
    assert not rig.told(messages.Busy)
    rig.say(2, EpisodeBegin(run=0, wall=1.0, episode=0, film=1, reason="every 1"))
    rig.say(3, EpisodeEnd(run=0, wall=2.0, episode=0, return_=0.0, length=1, film=1, frames=1, last_seq=1))
    measure(rig, QUOTA)
    assert "not printed yet" in rig.told(messages.Busy)[0].reason
    rig.work_all()
    measure(rig, QUOTA)
    assert rig.told(messages.Ack)[-1].credit_bytes > 0


def test_gc_answers_when_all_is_gone(rig: Rig) -> None:
    """With what went; asked `dry` it says the same and deletes nothing."""
    shoot(rig, 2)
    rig.commands.clear()
    rig.disk_works = False
    seen = {"gone": (film(1),), "orphans": ((99, 1),), "orphan_bytes": 5, "unprinted": 1}
    rig.feed(events.Asked(b"dry", "gc", {"dry": True}))
    rig.feed(events.Surveyed(**seen, request=b"dry"))
    said = {
        "ok": True, "films": 1, "film_bytes": 100, "failed": 0, "failed_bytes": 0, "orphans": 1, "orphan_bytes": 5,
        "unprinted": 1,
    }  # fmt: skip
    assert replies(rig) == [said] and not deleted(rig) and not rig.kept(FilmDeleted)
    rig.feed(events.Asked(b"do", "gc", {}))
    rig.feed(events.Surveyed(**seen, request=b"do"))
    assert len(replies(rig)) == 1 and deleted(rig) == [(99, 1)]
    rig.settle()
    rig.land()
    compacted = [command for command in rig.commands if isinstance(command, events.Compact)]
    assert compacted == [events.Compact(begin_segment=False)], "each `gc` would leave a segment"
    assert replies(rig) == [said, said] and deleted(rig) == [(99, 1), (SESSION, 1)]


def test_films_of_given_up_prints_go_when_somebody_lets_them_go(rig: Rig) -> None:
    """Not by `gc` alone, which names them; and then they are no trouble any more. One that is tried again stays."""
    shoot_two_that_fail(rig)
    assert len(given_up(rig)) == 2
    seen = {"given_up": (film(1), film(2))}
    for args in ({}, {"failed": True, "dry": True}):
        rig.feed(events.Asked(b"q", "gc", args))
        rig.feed(events.Surveyed(**seen, request=b"q"))
        assert (replies(rig)[-1]["failed"], replies(rig)[-1]["failed_bytes"]) == (2, 200)
    assert not rig.kept(FilmDeleted)
    rig.feed(events.Asked(b"d", "develop", {"run_id": "r1", "session": f"{SESSION:x}", "film": 2}))
    rig.feed(events.Asked(b"q", "gc", {"failed": True}))
    rig.feed(events.Surveyed(**seen, request=b"q"))
    rig.settle()
    assert [fact.film for fact in rig.kept(FilmDeleted)] == [1] and deleted(rig) == [(SESSION, 1)]
    assert (replies(rig)[-1]["failed"], given_up(rig)) == (1, [])


def shoot_two_that_fail(rig: Rig) -> None:
    """Films 1 and 2, whose prints are given up at once."""
    rig.feed(events.WorkersFree(2))
    for number in (1, 2):
        rig.say(2 * number, EpisodeBegin(run=0, wall=1.0, episode=number, film=number, reason="every 1"))
        rig.shoot(number, number)
        end = EpisodeEnd(run=0, wall=2.0, episode=number, return_=0.0, length=1, film=number, last_seq=number)
        rig.say(2 * number + 1, end)
    rig.settle()
    for _ in range(5):
        rig.work(ok=False, retry=False)
        rig.settle()


def given_up(rig: Rig) -> list[str]:
    return [key for key in rig.core.lab.jobs.quarantined if key.startswith("episode:")]


def test_a_run_is_removed_with_its_films(rig: Rig) -> None:
    """First the end of each film, then that of the run; whoever asked hears when it is done, and the id is free.

    A print of it that was given up is nobody's trouble any more.
    """
    shoot(rig, 2, finish=True)
    job = Job(curve_key("r1", "loss"), JobKind.CURVE, "r1", metric="loss")
    rig.core.lab.jobs.submit(job, Priority.WATCHED, rig.now)
    rig.core.lab.jobs.start(1, rig.now)
    rig.feed(events.JobFinished(Outcome(job.key, False, 0.0, error="no", retry=False)))
    rig.work_all()
    assert rig.core.lab.jobs.quarantined == {job.key: "no"}
    rig.disk_works = False
    rig.feed(events.Asked(b"q", "remove", {"run_id": "r1"}))
    assert surveys(rig)[-1].run_id == "r1"
    rig.feed(events.Surveyed(gone=(film(1), film(2)), request=b"q"))
    rig.settle()
    assert not replies(rig)
    rig.land()
    assert [type(fact).__name__ for fact in rig.facts[-3:]] == ["FilmDeleted", "FilmDeleted", "RunRemoved"]
    (said,) = replies(rig)
    assert (said["films"], said["film_bytes"], said["orphans"]) == (2, 200, 0)
    assert not rig.core.lab.runs and not rig.core.lab.past
    assert rig.core.lab.jobs.counts["failed"] == 0
    rig.say(7, begin(1))
    assert rig.core.lab.runs["r1"].attempt == 1


def test_a_run_that_is_not_over_is_not_removed(rig: Rig) -> None:
    """Neither a living one, nor one whose prints are being made, nor one that begins again meanwhile."""
    rig.feed(events.Asked(b"q", "remove", {"run_id": "r1"}))
    assert "not over" in str(replies(rig)[-1])
    rig.say(2, RunFinish(run=0, wall=3.0))
    rig.settle()
    rig.feed(events.Asked(b"q", "remove", {"run_id": "r1"}))
    assert "still being developed" in str(replies(rig)[-1])
    rig.work_all()
    rig.feed(events.Asked(b"q", "remove", {"run_id": "r1"}))
    rig.say(3, begin(1))
    rig.feed(events.Surveyed(request=b"q"))
    assert "not over" in str(replies(rig)[-1])
    rig.feed(events.Asked(b"q", "remove", {"run_id": "nobody"}))
    assert "no run" in str(replies(rig)[-1])
    assert not rig.kept(RunRemoved)


def test_a_look_that_fails_is_told_and_tried_again(rig: Rig) -> None:
    """An index that is busy for too long is no reason to stop keeping house."""
    measure(rig, 990)
    rig.feed(events.Surveyed(trouble="busy"))
    rig.feed(events.Asked(b"q", "gc", {}))
    rig.feed(events.Surveyed(trouble="busy", request=b"q"))
    assert replies(rig) == [{"ok": False, "error": "busy"}]
    rig.now += 21
    measure(rig, 990)
    assert len(surveys(rig)) == 3
