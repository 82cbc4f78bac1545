"""The queue of rendering jobs: coalescing, priority, fairness, distance, budget, retries."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import BadInput
from filmlabd.core.jobs import (
    BACKOFF_S,
    GIVEN_UP_KEPT,
    STRIKES,
    Jobs,
    LiveRules,
    Priority,
    Verdict,
    curve_key,
    film_key,
    job_of,
    page_key,
)
from filmlabd.model import Job, JobKind, Outcome


def job(key: str, run: str = "run-a", **more: object) -> Job:
    return Job(key, JobKind.CURVE, run, **more)  # type: ignore[arg-type]  # the tests' own shorthand


def done(key: str, cost_s: float = 0.01) -> Outcome:
    return Outcome(key, True, cost_s)


def failed(key: str, *, retry: bool = True) -> Outcome:
    return Outcome(key, False, 0.01, error="it broke", retry=retry)


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    queue = Jobs()
    yield queue
    queue.check()


def test_a_waiting_job_absorbs_the_next_of_its_key(jobs: Jobs) -> None:
    """A redraw that waits already makes a second one superfluous."""
    jobs.submit(job("a"), Priority.CURVE, 0.0)
    jobs.submit(job("a", final=True), Priority.FINISH, 0.0)
    assert jobs.start(5, 0.0) == [job("a", final=True)]
    assert jobs.start(5, 1.0) == []


def test_a_key_never_runs_twice_at_once(jobs: Jobs) -> None:
    """Two workers would write the same files: a job asked for while it runs is done again afterwards."""
    jobs.submit(job("a"), Priority.CURVE, 0.0)
    assert len(jobs.start(2, 0.0)) == 1
    jobs.submit(job("a"), Priority.CURVE, 0.1)
    assert jobs.start(2, 0.2) == []
    assert jobs.has("a")
    jobs.finish(done("a"), 0.3)
    assert jobs.start(2, 0.3) == [job("a")]


def test_priority_goes_before_age(jobs: Jobs) -> None:
    """What a finishing run waits for goes before an animation that was asked for earlier."""
    jobs.submit(job("animation"), Priority.ANIMATION, 0.0)
    jobs.submit(job("finish"), Priority.FINISH, 1.0)
    assert [item.key for item in jobs.start(2, 1.0)] == ["finish", "animation"]


def test_runs_take_turns(jobs: Jobs) -> None:
    """A run with a hundred jobs does not hold up the one job of another."""
    for index in range(3):
        jobs.submit(job(f"a{index}", "busy"), Priority.ANIMATION, 0.0)
    jobs.submit(job("b", "modest"), Priority.ANIMATION, 0.5)
    assert [item.key for item in jobs.start(1, 1.0)] == ["a0"]
    assert [item.key for item in jobs.start(1, 2.0)] == ["b"]


def test_live_redraws_keep_their_distance(jobs: Jobs) -> None:
    """The next live redraw of a panel comes max(2 s, 50 × its last cost) after the one before."""
    jobs.submit(job("a"), Priority.CURVE, 0.0, live=True)
    jobs.start(1, 0.0)
    jobs.finish(done("a", cost_s=0.1), 1.0)
    jobs.submit(job("a"), Priority.CURVE, 1.0, live=True)
    assert jobs.next_at(1.0) == 6.0
    assert jobs.start(1, 5.9) == []
    assert jobs.start(1, 6.0) == [job("a")]


def test_a_final_print_does_not_wait_for_the_distance(jobs: Jobs) -> None:
    """The distance is for live redraws; who finishes waits for nothing but a worker."""
    jobs.submit(job("a"), Priority.CURVE, 0.0, live=True)
    jobs.start(1, 0.0)
    jobs.finish(done("a", cost_s=10.0), 1.0)
    jobs.submit(job("a"), Priority.CURVE, 1.0, live=True)
    jobs.submit(job("a", final=True), Priority.FINISH, 1.0)
    assert jobs.start(1, 1.0) == [job("a", final=True)]


def test_live_redraws_together_stay_under_their_share() -> None:
    """Over a long time all live redraws of all panels cost at most a quarter of a core."""
    jobs = Jobs(LiveRules(gap_s=0.0, cost_factor=0.0, share=0.25))
    spent, now = 0.0, 0.0
    for step in range(4000):
        now = step * 0.05
        for panel in range(8):
            jobs.submit(job(f"p{panel}", f"run{panel}"), Priority.CURVE, now, live=True)
        for started in jobs.start(2, now):
            spent += 0.1
            jobs.finish(done(started.key, 0.1), now)
    jobs.check()
    assert 0.8 * 0.25 * now < spent < 0.25 * now + 3.0


def test_a_failing_job_is_retried_with_growing_pauses_then_given_up(jobs: Jobs) -> None:
    """Three strikes quarantine a job, with its reason."""
    jobs.submit(job("a"), Priority.ANIMATION, 0.0)
    states, now = [], 0.0
    for _ in range(STRIKES):
        assert jobs.start(1, now) == [job("a")]
        verdict = jobs.finish(failed("a"), now)
        assert verdict is not None
        states.append((verdict.state, verdict.strikes))
        now = jobs.next_at(now) or now
    assert states == [("retry", 1), ("retry", 2), ("failed", 3)]
    assert now == BACKOFF_S + 2 * BACKOFF_S
    assert jobs.quarantined == {"a": "it broke"}
    assert jobs.idle


def test_bad_input_is_given_up_at_once(jobs: Jobs) -> None:
    """Where the sender is at fault, trying again is pointless."""
    jobs.submit(job("a"), Priority.ANIMATION, 0.0)
    jobs.start(1, 0.0)
    verdict = jobs.finish(failed("a", retry=False), 0.0)
    assert verdict is not None
    assert verdict.state == "failed"


def test_live_redraws_leave_a_quarantined_panel_alone(jobs: Jobs) -> None:
    """A panel that cannot be drawn is not tried for ever; a final print tries it once more."""
    jobs.submit(job("a"), Priority.CURVE, 0.0, live=True)
    jobs.start(1, 0.0)
    jobs.finish(failed("a", retry=False), 0.0)
    jobs.submit(job("a"), Priority.CURVE, 10.0, live=True)
    assert jobs.idle
    jobs.submit(job("a", final=True), Priority.FINISH, 10.0)
    assert jobs.start(1, 10.0) == [job("a", final=True)]


def test_what_had_been_given_up_and_is_done_is_told(jobs: Jobs) -> None:
    """By this daemon or by a former one; once, and not of one that fails again."""
    jobs.submit(job("a"), Priority.CURVE, 0.0)
    jobs.start(1, 0.0)
    assert jobs.finish(Outcome("a", False, 0.1, error="no", retry=False), 0.0) == Verdict(job("a"), "failed", 1)
    for ok, mended in ((False, False), (True, True), (True, False)):
        jobs.submit(job("a"), Priority.CURVE, 1.0)
        jobs.start(1, 1.0)
        verdict = jobs.finish(Outcome("a", ok, 0.1, retry=False), 1.0)
        assert verdict is not None and verdict.mended == mended
    jobs.retry(job("b"), 2.0)
    jobs.start(1, 2.0)
    assert jobs.finish(Outcome("b", True, 0.1), 2.0) == Verdict(job("b"), "done", mended=True)


def test_a_stranger_is_no_outcome(jobs: Jobs) -> None:
    """An outcome of a job that does not run changes nothing."""
    assert jobs.finish(done("never asked for"), 0.0) is None


def test_a_job_that_ran_out_of_memory_is_tried_once_with_less_and_alone(jobs: Jobs) -> None:
    """It waits for what runs, holds up what comes behind it, and is given up when that was not enough."""
    for key in "abc":
        jobs.submit(job(key), Priority.CURVE, 0.0)
    assert [item.key for item in jobs.start(2, 0.0)] == ["a", "b"]
    assert jobs.finish(Outcome("a", False, 0.1, error="not enough memory", memory=True), 0.0) == Verdict(
        job("a"), "retry", 1
    )
    assert [item.key for item in jobs.start(1, 0.0)] == ["c"]
    jobs.submit(job("d"), Priority.ANIMATION, 1.0)
    assert (jobs.start(2, 1.0), jobs.next_at(1.0)) == ([], None)
    jobs.finish(done("b"), 1.0)
    assert jobs.start(2, 1.0) == []
    jobs.finish(done("c"), 1.0)
    assert jobs.start(2, 1.0) == [job("a", lean=True)]
    assert (jobs.start(1, 1.0), jobs.next_at(1.0)) == ([], None)
    verdict = jobs.finish(Outcome("a", False, 0.1, error="not enough memory", memory=True), 2.0)
    assert verdict == Verdict(job("a", lean=True), "failed", 2)
    assert jobs.quarantined == {"a": "not enough memory"}
    assert [item.key for item in jobs.start(2, 2.0)] == ["d"]


def test_asking_again_does_not_make_a_lean_job_a_full_one(jobs: Jobs) -> None:
    """What is absorbed while it waits for its second try was asked for without knowing."""
    jobs.submit(job("a"), Priority.CURVE, 0.0)
    jobs.start(1, 0.0)
    jobs.submit(job("a", final=True), Priority.CURVE, 0.0)
    jobs.finish(Outcome("a", False, 0.1, error="not enough memory", memory=True), 0.0)
    jobs.submit(job("a"), Priority.CURVE, 0.0)
    assert jobs.start(1, 9.0) == [job("a", final=True, lean=True)]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("sflx"), st.integers(0, 3), st.booleans()), max_size=60))
def test_every_job_ends(steps: list[tuple[str, int, bool]]) -> None:
    """Whatever happens in whatever order, every job that was asked for is done or given up in the end."""
    jobs, running, now = Jobs(), [], 0.0
    for action, which, flag in steps:
        now += 0.3
        match action:
            case "s":
                jobs.submit(job(f"k{which}", f"r{which % 2}"), Priority.CURVE, now, live=flag)
            case "l":
                running += jobs.start(1 + which, now)
            case "f" | "x" if running:
                outcome = done(running.pop().key) if action == "f" else None
                jobs.finish(outcome or failed(running.pop().key, retry=flag), now)
        jobs.check()
    for _ in range(200):
        for item in running:
            jobs.finish(done(item.key), now)
        now = max(now, jobs.next_at(now) or now)
        running = jobs.start(4, now)
        if jobs.idle:
            break
    assert jobs.idle


def test_a_key_says_its_job() -> None:
    """Each key leads back to what it was made of; anything else is refused."""
    film = job_of(film_key(0xAB, 7), "run-a")
    assert (film.kind, film.session, film.film) == (JobKind.EPISODE, 0xAB, 7)
    assert job_of(film_key(0xAB, 7, medium=True), "run-a", 3).recorder == 3
    assert job_of(curve_key("run-a", "a:b/c"), "run-a").metric == "a:b/c"
    assert job_of(page_key("run-a"), "run-a").kind is JobKind.PAGE
    recorder = job_of("recorder:00000000000000ab:4:save", "run-a")
    assert (recorder.kind, recorder.recorder, recorder.metric) == (JobKind.RECORDER, 4, "save")
    for wrong in ("", "episode", "episode:1", "episode:x:y", "page:run-b", "curve:run-b:x", "curve:run-a", "other:1:2"):
        with pytest.raises(BadInput):
            job_of(wrong, "run-a")


@pytest.mark.parametrize("ends", [[done], [failed, done], [failed] * STRIKES])
def test_of_films_that_are_through_nothing_is_remembered(jobs: Jobs, ends: list[Callable[[str], Outcome]]) -> None:
    """A daemon may see millions of them in its life: its memory holds those that wait (see `Jobs.check`)."""
    key = film_key(1, 7)
    jobs.submit(job_of(key, "run-a"), Priority.ANIMATION, 0.0)
    for at, end in enumerate(ends):
        assert jobs.start(1, 100.0 * at) == [job_of(key, "run-a")]
        jobs.finish(end(key), 100.0 * at)
    assert not jobs.has(key)
    jobs.check()


def give_up(jobs: Jobs, key: str, run: str = "run-a") -> None:
    jobs.submit(job(key, run), Priority.CURVE, 0.0)
    jobs.start(1, 0.0)
    jobs.finish(failed(key, retry=False), 0.0)


def test_of_jobs_that_were_given_up_the_last_are_named_and_all_are_counted(jobs: Jobs) -> None:
    """A daemon whose every print fails keeps no entry for each of them for ever."""
    for number in range(GIVEN_UP_KEPT + 3):
        give_up(jobs, f"k{number}")
    assert list(jobs.quarantined) == [f"k{number}" for number in range(3, GIVEN_UP_KEPT + 3)]
    assert jobs.counts == {"waiting": 0, "running": 0, "failed": GIVEN_UP_KEPT + 3}


def test_a_job_that_is_given_up_anew_is_the_last_one(jobs: Jobs) -> None:
    """It is tried when somebody asks, and named once."""
    for key in ("a", "b", "a"):
        give_up(jobs, key)
    assert list(jobs.quarantined) == ["b", "a"]
    assert jobs.counts["failed"] == 2


def test_of_a_run_that_was_removed_no_print_is_given_up(jobs: Jobs) -> None:
    """Nobody can ask for it again; those of other runs stay."""
    give_up(jobs, "a", "run-a")
    give_up(jobs, "b", "run-b")
    jobs.forget_removed_run("run-a")
    assert list(jobs.quarantined) == ["b"]


def test_of_a_run_that_is_over_redraws_are_forgotten_once_nothing_of_it_waits(jobs: Jobs) -> None:
    """While many of its prints are made again, its page keeps its distance; afterwards nothing is left."""
    for key in ("a", "b"):
        jobs.submit(job(key), Priority.WATCHED, 0.0)
    jobs.start(1, 0.0)
    jobs.finish(done("a"), 0.0)
    jobs.forget_idle_run("run-a")
    with pytest.raises(AssertionError, match="redraws are remembered"):
        jobs.start(1, 0.0)
        jobs.finish(done("b"), 0.0)
        jobs.check(runs=())
    jobs.forget_idle_run("run-a")
    jobs.check(runs=())
