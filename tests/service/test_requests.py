"""What is asked on the control socket: prints that are wanted again."""

from collections.abc import Iterator
from typing import Any

import pytest

from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, RunFinish
from filmlabd.core import events
from filmlabd.core.jobs import Priority
from filmlabd.core.requests import NAMED_MAX
from filmlabd.model import Job, JobKind, Outcome
from service.rig import SESSION, Rig, begin


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A run that is over and printed, with one film."""
    made = Rig()
    made.hello()
    made.say(1, begin(), EpisodeBegin(run=0, wall=1.0, film=1, episode=0))
    made.shoot(1, 1)
    made.say(2, EpisodeEnd(run=0, wall=1.0, episode=0, film=1, frames=1, last_seq=1, return_=0.0, length=1))
    made.say(3, RunFinish(run=0, wall=1.0))
    made.work_all()
    made.commands.clear()
    yield made
    made.core.check()


def ask(rig: Rig, **args: Any) -> dict[str, Any]:
    rig.feed(events.Asked(b"q", "develop", {"run_id": "r1", "session": f"{SESSION:016x}", "film": 1} | args))
    (reply,) = [command.body for command in rig.commands if isinstance(command, events.Reply)]
    rig.commands.clear()
    return reply


def test_a_film_is_developed_again_and_the_page_after_it(rig: Rig) -> None:
    """Also of a run that is over and printed, at once, and also after it was given up."""
    assert ask(rig)["ok"] is True
    assert [job.kind for job in rig.work_all()] == [JobKind.EPISODE, JobKind.PAGE]
    ask(rig)
    rig.settle()
    rig.work(ok=False, retry=False)
    assert list(rig.core.lab.jobs.quarantined) == [f"episode:{SESSION:016x}:1"]
    assert ask(rig)["ok"] is True
    assert JobKind.EPISODE in [job.kind for job in rig.work_all()]
    assert rig.core.lab.jobs.quarantined == {}


@pytest.mark.parametrize(
    "wrong", [{"run_id": "r9"}, {"session": "x"}, {"session": 5}, {"film": 0}, {"film": "1"}, {"recorder": None}]
)
def test_what_cannot_be_asked_for_is_refused(rig: Rig, wrong: dict[str, Any]) -> None:
    """And asks for nothing."""
    assert ask(rig, **wrong)["ok"] is False
    assert rig.work_all() == []


def test_results_are_tried_again_from_their_film(rig: Rig) -> None:
    """Their key does not say in which film they lie, so that is said beside it."""
    asked = {"run_id": "r1", "key": "results:r1:training:main", "session": f"{SESSION:016x}", "film": 7}
    rig.feed(events.Asked(b"q", "retry", asked))
    assert [(job.kind, job.session, job.film) for job in rig.work_all()][:1] == [(JobKind.RESULTS, SESSION, 7)]


def test_a_print_that_was_given_up_is_tried_again(rig: Rig) -> None:
    """By its key, whatever it is of: a film, a curve, the page."""
    keys = [f"episode:{SESSION:016x}:1", "curve:r1:episode/return", "page:r1"]
    for key in keys:
        rig.feed(events.Asked(b"q", "retry", {"run_id": "r1", "key": key}))
        assert rig.commands[0] == events.Reply(b"q", {"ok": True, "key": key})
        assert key in [job.key for job in rig.work_all()]
        rig.commands.clear()


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_id": "r9"},
        {"key": "curve:r2:x"},
        {"key": "page:r2"},
        {"key": "episode:zz:1"},
        {"recorder": "1"},
        {"key": "results:r1:training:main"},
        {"film": "1"},
        {"session": "x"},
    ],
)
def test_what_is_no_print_of_the_run_is_not_tried(rig: Rig, wrong: dict[str, Any]) -> None:
    """It is refused."""
    rig.feed(events.Asked(b"q", "retry", {"run_id": "r1", "key": "page:r1"} | wrong))
    (reply,) = [command.body for command in rig.commands if isinstance(command, events.Reply)]
    assert reply["ok"] is False
    assert rig.work_all() == []


def test_prints_of_a_run_that_is_over_leave_nothing_behind(rig: Rig) -> None:
    """However often they are made again: `Core.check` looks at what is remembered of runs that are over."""
    jobs = rig.core.lab.jobs
    for ok in (True, False):
        ask(rig)
        rig.settle()
        rig.work(ok=ok, retry=False)
        rig.work_all()
    assert not jobs._stories and not jobs._served_at


def test_of_very_many_prints_that_were_given_up_the_rest_is_counted(rig: Rig) -> None:
    """An answer names a hundred of them."""
    for number in range(NAMED_MAX + 2):
        job = Job(f"curve:r1:{number:03d}", JobKind.CURVE, "r1", metric=f"{number:03d}")
        rig.core.lab.jobs.submit(job, Priority.CURVE, rig.now)
        rig.core.lab.jobs.start(1, rig.now)
        rig.feed(events.JobFinished(Outcome(job.key, False, 0.0, error="no", retry=False)))
    rig.commands.clear()
    rig.feed(events.Asked(b"q", "status"))
    (said,) = [command.body for command in rig.commands if isinstance(command, events.Reply)]
    assert (len(said["quarantined"]), said["quarantined_more"]) == (NAMED_MAX, 2)
    assert said["queue"]["failed"] == NAMED_MAX + 2
