"""What does the daemon answer on the control socket? Pure: the core's state as small maps, and changes of plans."""

from typing import TYPE_CHECKING, Any

from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.ranges import format_ranges, parse_ranges
from filmlab.wire.names import check_run_id, clean_text
from filmlabd.core.events import Asked, Effect, Now, Reply
from filmlabd.core.jobs import Priority, film_key, job_of
from filmlabd.core.lab import Lab
from filmlabd.core.runs import ASKED_BY_MAX_CHARS, Change, Run
from filmlabd.core.session import Life

if TYPE_CHECKING:
    from filmlabd.core.core import Core

NAMED_MAX = 100
"""Of the jobs that were given up, in the answer to `status`."""


def answer(core: "Core", asked: Asked, now: Now) -> list[Effect]:
    """The reply to one request: `{"ok": True, …}`, or `{"ok": False, "error": …}`; or what must be durable first."""
    try:
        match asked.verb:
            case "status":
                body = _status(core, now) | asked.measured
            case "claim":
                body = _claim(core, asked.args)
            case "plan":
                return _plan(core.lab, asked, now)
            case "develop":
                body = _develop(core.lab, asked.args, now)
            case "retry":
                body = _retry(core.lab, asked.args, now)
            case "gc":
                return core.keeper.clear(asked.request, asked.args)
            case "remove":
                return core.keeper.remove(asked.request, check_run_id(_text(asked.args, "run_id")))
            case "shutdown":
                body = {}
            case _:
                raise BadInput(f"unknown request {asked.verb[:40]!r}")
    except BadInput as error:
        return [Reply(asked.request, {"ok": False, "error": str(error)})]
    return [Reply(asked.request, {"ok": True, **body})]


def _status(core: "Core", now: Now) -> dict[str, Any]:
    jobs, named = core.lab.jobs, core.lab.jobs.quarantined
    return core.about | {
        "boot": f"{core.boot:016x}",
        "sessions": len(core.sessions),
        "runs": sorted(run.id for run in core.lab.runs.values() if _is_trained(core, run)),
        "queue": jobs.counts,
        "paused": jobs.breaker.why(now.at),
        "quarantined": [{"key": key, "reason": reason} for key, reason in sorted(named.items())[:NAMED_MAX]],
        "quarantined_more": max(0, jobs.counts["failed"] - NAMED_MAX),
        "ingested_bytes": core.ingested_bytes,
        "refused_records": core.refused,
        "garbage": dict(core.garbage),
        "stopping": core.stopping,
        "disk": _disk(core),
    }


def _disk(core: "Core") -> dict[str, Any]:
    """How it was last measured, and whether film is taken."""
    disk, quota = core.gate.disk, core.keeper.quota
    return {
        "film_bytes": disk.film_bytes if disk is not None else None,
        "film_files": disk.film_files if disk is not None else None,
        "most_film_bytes": quota.size_bytes,
        "most_film_files": quota.files,
        "free_bytes": disk.free_bytes if disk is not None else None,
        "keep_free_bytes": core.gate.floor_bytes,
        "film_refused": core.gate.desk.closed,
    }


def _claim(core: "Core", args: dict[str, Any]) -> dict[str, Any]:
    """Who has this run open, and where its prints go: what `init(id=…)` must know before it returns."""
    run_id = args.get("run_id")
    if not isinstance(run_id, str):
        raise BadInput("claim needs run_id")
    run, past = core.lab.runs.get(check_run_id(run_id)), core.lab.past.get(run_id)
    known = run or past
    writers = run.writers if run else {}
    return {
        "known": known is not None,
        "attempt": known.attempt if known else 0,
        "directory": known.directory if known else "",
        "writers": sorted(writers),
        "sessions": {writer: f"{session:016x}" for writer, (session, _) in writers.items()},
        "leaving": sorted(writer for writer, seat in writers.items() if _is_leaving(core, *seat)),
        "film_refused": core.gate.desk.closed,
    }


def _is_trained(core: "Core", run: Run) -> bool:
    """Does the process of some writer of it live, and go on with it?"""
    return any(not _is_leaving(core, *seat) for seat in run.writers.values())


def _is_leaving(core: "Core", session: int, number: int) -> bool:
    """Is this writer's process done with it, so that it counts as alive only until all that it left is taken in?"""
    found = core.sessions.get(session)
    return found is None or found.life is not Life.ALIVE or number in found.finishing


def _develop(lab: Lab, args: dict[str, Any], now: Now) -> dict[str, Any]:
    """Make the prints of one film (again): `run_id`, `session` as hex, `film`, `medium`, `recorder`."""
    run_id, film, recorder = _known_run(lab, args), args.get("film"), args.get("recorder", 0)
    if type(film) is not int or film < 1 or type(recorder) is not int:
        raise BadInput("develop: film and recorder are whole numbers")
    job = job_of(film_key(_session(args), film, medium=args.get("medium") is True), run_id, recorder)
    lab.jobs.submit(job, Priority.WATCHED, now.at)
    return {"key": job.key}


def _session(args: dict[str, Any]) -> int:
    try:
        return int(_text(args, "session") or "0", 16)
    except ValueError:
        raise BadInput("session is a number in hex") from None


def _retry(lab: Lab, args: dict[str, Any], now: Now) -> dict[str, Any]:
    """Try a print again that was given up, whatever it is of: `run_id`, `key`, `recorder` of a recorder's film, and of
    results their `session` (hex) and `film`."""
    run_id, recorder, film = _known_run(lab, args), args.get("recorder", 0), args.get("film", 0)
    if type(recorder) is not int or type(film) is not int:
        raise BadInput("retry: recorder and film are whole numbers")
    job = job_of(_text(args, "key"), run_id, recorder, (_session(args), film))
    lab.jobs.retry(job, now.at)
    return {"key": job.key}


def _plan(lab: Lab, asked: Asked, now: Now) -> list[Effect]:
    """Say which plan is in force for a living run, or change it first: `schedule`, `wanted`, `next`, `cancel`, `by`."""
    run = _living(lab, asked.args)
    change = _change(asked.args)
    if change is None:
        return [Reply(asked.request, {"ok": True, **_plan_words(run)})]
    fact = run.change_plan(change, now.wall)
    lab.asking[run.id, fact.version] = Reply(asked.request, {"ok": True, **_plan_words(run)})
    return [fact]


def _living(lab: Lab, args: dict[str, Any]) -> Run:
    run_id = _known_run(lab, args)
    run = lab.runs.get(run_id)
    if run is None or not run.alive:
        raise BadInput(f"run {run_id} is over: nothing more of it can be recorded")
    return run


def _known_run(lab: Lab, args: dict[str, Any]) -> str:
    """The `run_id` of a run that there is, or was."""
    run_id = check_run_id(_text(args, "run_id"))
    if run_id not in lab.runs and run_id not in lab.past:
        raise BadInput(f"no run is called {run_id!r}")
    return run_id


def _change(args: dict[str, Any]) -> Change | None:
    """What is asked for; None when nothing is to change."""
    schedule, wanted = _text(args, "schedule"), _text(args, "wanted")
    count, cancel = args.get("next"), args.get("cancel") is True
    if count is not None and type(count) is not int:
        raise BadInput("plan: next is a whole number")
    if not (schedule or wanted or cancel) and count is None:
        return None
    return Change(
        # A name is no place for the words that join names.
        by=clean_text(_text(args, "by"), ASKED_BY_MAX_CHARS).replace(" and ", " & ").strip() or "somebody",
        schedule=CaptureSchedule.parse(schedule) if schedule else None,
        wanted=parse_ranges(wanted) if wanted else None,
        next_episodes=count,
        cancel=cancel,
    )


def _plan_words(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "version": run.plan_version,
        "schedule": str(run.schedule),
        "wanted": format_ranges(run.asked.wanted),
        "next_episodes": run.asked.next_episodes,
        "asked_by": run.asked.by,
        "writers": sorted(run.writers),
    }


def _text(args: dict[str, Any], name: str) -> str:
    value = args.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"{name} is a text")
    return value
