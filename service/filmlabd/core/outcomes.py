"""What is remembered, and who is told, of a job that is done or has failed? Pure."""

from filmlab.wire import messages
from filmlabd.core.breaker import Breaker
from filmlabd.core.events import Effect, Now, Tell, Warn
from filmlabd.core.jobs import Verdict
from filmlabd.core.runs import Run
from filmlabd.facts import JobDone, JobStruck
from filmlabd.model import JobKind, Outcome

WORKING_AGAIN = "workers work again: rendering goes on"
LASTING = (JobKind.EPISODE, JobKind.MEDIA, JobKind.RECORDER, JobKind.RESULTS)
"""Kinds whose prints are remembered one by one; of the others the next redraw tells, unless they were given up."""


def fact_of(verdict: Verdict, outcome: Outcome, now: Now) -> JobDone | JobStruck | None:
    """What to keep of a verdict; None of a redraw that will be tried again, or is done and had not been given up."""
    job, lasting = verdict.job, verdict.job.kind in LASTING
    if verdict.state == "done" and (lasting or verdict.mended):
        paths, notes = "\n".join(outcome.paths), "\n".join(outcome.notes)
        return JobDone(job.key, job.run_id, job.kind, job.session, job.film, paths, notes, outcome.cost_s, now.wall)
    if verdict.state == "failed" or (verdict.state == "retry" and lasting):
        strikes, final = verdict.strikes, verdict.state == "failed"
        return JobStruck(
            job.key, job.run_id, job.kind, job.session, job.film, strikes, final, outcome.error, now.wall
        )  # fmt: skip
    return None


def news_of(breaker: Breaker, *, was_open: bool, now: Now) -> list[Effect]:
    """What to log when rendering has come to a pause, or to its end."""
    if breaker.open == was_open:
        return []
    return [Warn(breaker.why(now.at) or WORKING_AGAIN)]


def tells_of(fact: JobDone | JobStruck, run: Run | None) -> list[Tell]:
    """The message for the client whose print it is, while it has the run open."""
    if run is None:
        return []
    failure = fact.reason if isinstance(fact, JobStruck) else ""
    path = fact.paths.split("\n")[0] if isinstance(fact, JobDone) else ""
    if path and not path.startswith("/"):
        # A recorder's prints lie elsewhere: their paths are absolute already.
        path = f"{run.directory}/{path}"
    return [
        Tell(
            owner,
            messages.Print(number, fact.kind, not failure, path=path, reason=failure[:1000], film=fact.film),
        )
        for owner, number in run.writers.values()
        if owner == fact.session
    ]
