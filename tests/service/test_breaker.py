"""The circuit breaker: whose fault it is when workers die, how long to pause, and how it ends."""

import pytest

from filmlabd.core.breaker import DEATHS, PAUSE_FIRST_S, PAUSE_MOST_S, PROBES_MOST, QUICK_S, Breaker
from filmlabd.core.jobs import STRIKES, Jobs, Priority
from filmlabd.model import Job, JobKind, Outcome


def opened(keys: str = "abca") -> Breaker:
    """One that these quick deaths have opened at instant 0."""
    breaker = Breaker()
    for key in keys:
        breaker.died(key, 0.1, "killed by signal 9", 0.0)
    assert breaker.open
    return breaker


@pytest.mark.parametrize("keys", ["aaaa", "abab", "abc", "aab"])
def test_the_same_few_jobs_are_at_fault_themselves(keys: str) -> None:
    """Not enough different jobs, or not enough deaths: nothing pauses."""
    breaker = Breaker()
    for key in keys:
        breaker.died(key, 0.1, "killed", 0.0)
    assert (breaker.open, breaker.room(2, 0, 0.0), breaker.why(0.0)) == (False, 2, "")


def test_different_jobs_dying_in_a_row_pause_everything() -> None:
    """Nothing starts until the pause is over, then one job at a time."""
    breaker = opened()
    assert breaker.room(4, 0, 0.5) == 0
    assert breaker.next_at() == PAUSE_FIRST_S
    assert breaker.room(4, 0, PAUSE_FIRST_S) == 1
    assert breaker.room(4, 1, PAUSE_FIRST_S) == 0
    assert "killed by signal 9" in breaker.why(0.0)
    assert "one job is tried in 1 s" in breaker.why(0.0)


def test_a_job_that_ends_between_them_or_a_death_after_a_long_life_does_not_count() -> None:
    """Only an unbroken row of quick deaths says that the machine is at fault."""
    for interrupt in (lambda breaker: breaker.worked(), lambda breaker: breaker.died("x", QUICK_S + 1, "killed", 0.0)):
        breaker = Breaker()
        for key in "abc":
            breaker.died(key, 0.1, "killed", 0.0)
        interrupt(breaker)
        breaker.died("d", 0.1, "killed", 0.0)
        assert not breaker.open


def test_each_probe_that_dies_doubles_the_pause_up_to_a_minute() -> None:
    """Others that were still running when it opened change nothing."""
    breaker, now, pauses = opened(), 1.0, []
    breaker.died("late", 0.1, "killed", now)
    assert breaker.next_at() == PAUSE_FIRST_S
    for _ in range(8):
        breaker.started("a")
        breaker.died("a", 0.1, "killed", now)
        pauses.append(breaker.next_at() - now)
        now = breaker.next_at()
    assert pauses == [2, 4, 8, 16, 32, PAUSE_MOST_S, PAUSE_MOST_S, PAUSE_MOST_S]


def test_what_works_closes_it() -> None:
    """At once and without a trace: the next row of deaths begins from nothing."""
    breaker = opened()
    breaker.started("a")
    breaker.worked()
    assert (breaker.open, breaker.room(3, 2, 0.0)) == (False, 3)
    for key in "abc":
        breaker.died(key, 0.1, "killed", 0.0)
    assert not breaker.open


# --- with the queue ---------------------------------------------------------------------------------------------------


def queue(*keys: str) -> Jobs:
    jobs = Jobs()
    for key in keys:
        jobs.submit(Job(key, JobKind.EPISODE, "run-a"), Priority.ANIMATION, 0.0)
    return jobs


def die(jobs: Jobs, key: str, now: float) -> str:
    """Its worker dies; what becomes of the job."""
    verdict = jobs.finish(Outcome(key, False, 0.1, error="killed by signal 9", died=True), now)
    assert verdict is not None
    return verdict.state


def test_good_jobs_outlive_workers_that_all_die_for_an_hour() -> None:
    """None is given up, the machine is hardly bothered, and all are done once workers live again."""
    jobs, now, tried = queue(*"abcdefghijkl"), 0.0, 0
    while now < 3600.0:
        for started in jobs.start(2, now):
            tried += 1
            die(jobs, started.key, now)
        jobs.check()
        at = jobs.next_at(now)
        assert at is not None
        now = max(at, now + 0.01)
    assert jobs.quarantined == {}
    assert DEATHS < tried < 3600 / PAUSE_MOST_S + 20
    (probe,) = jobs.start(2, now)
    jobs.finish(Outcome(probe.key, True), now)
    left = [started.key for started in jobs.start(20, now)]
    assert len(left) == 11
    # Nothing stuck to them: each may die as often as any other before it is given up.
    for later_s in (0.0, 1.0):
        for key in left:
            assert die(jobs, key, now + later_s) == "retry"
            jobs.breaker.worked()
        assert len(jobs.start(20, now + later_s + 1.0)) == 11


def test_while_one_runs_or_it_pauses_nobody_is_woken_for_nothing() -> None:
    """`next_at` is the end of the pause, and nothing while a probe runs: its end is an event."""
    jobs = queue(*"abcdef")
    for _ in range(2):
        for started in jobs.start(2, 0.0):
            die(jobs, started.key, 0.0)
    assert jobs.next_at(0.0) == PAUSE_FIRST_S
    assert len(jobs.start(2, PAUSE_FIRST_S)) == 1
    assert jobs.next_at(PAUSE_FIRST_S) is None


def test_bad_jobs_are_found_out_among_good_ones() -> None:
    """Four that always kill their workers: a good one ends the pause, and the bad ones are given up in the end."""
    bad, good = set("abcd"), set("wxyz")
    jobs, now, done = queue(*sorted(bad | good)), 0.0, set()
    while not jobs.idle:
        for started in jobs.start(2, now):
            if started.key in bad:
                die(jobs, started.key, now)
            else:
                jobs.finish(Outcome(started.key, True), now)
                done.add(started.key)
        jobs.check()
        now = max(jobs.next_at(now) or 0.0, now + 0.01)
    assert done == good
    assert set(jobs.quarantined) == bad


def test_bad_jobs_alone_come_to_an_end() -> None:
    """With no good one that could tell, each is given up after ten probes: no pause lasts for ever."""
    jobs, now, tried = queue("a", "b", "c"), 0.0, 0
    while not jobs.idle:
        for started in jobs.start(2, now):
            tried += 1
            die(jobs, started.key, now)
        now = max(jobs.next_at(now) or 0.0, now + 0.01)
    assert set(jobs.quarantined) == {"a", "b", "c"}
    assert tried <= DEATHS + 3 * (PROBES_MOST + STRIKES)
