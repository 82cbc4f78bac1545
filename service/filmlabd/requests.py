"""What does the daemon answer on the control socket? Pure: questions about the core's state, as small maps."""

from typing import TYPE_CHECKING, Any

from filmlab.errors import BadInput
from filmlab.wire.names import check_run_id
from filmlabd.events import Asked

if TYPE_CHECKING:
    from filmlabd.core import Core


def answer(core: "Core", asked: Asked) -> dict[str, Any]:
    """The reply to one request: `{"ok": True, …}`, or `{"ok": False, "error": …}`."""
    try:
        match asked.verb:
            case "status":
                return {"ok": True, **_status(core), **asked.measured}
            case "claim":
                return {"ok": True, **_claim(core, asked.args)}
            case _:
                raise BadInput(f"unknown request {asked.verb[:40]!r}")
    except BadInput as error:
        return {"ok": False, "error": str(error)}


def _status(core: "Core") -> dict[str, Any]:
    jobs = core.lab.jobs
    return core.about | {
        "boot": f"{core.boot:016x}",
        "sessions": len(core.sessions),
        "runs": sorted(run.id for run in core.lab.runs.values() if run.alive),
        "queue": jobs.counts,
        "quarantined": [{"key": key, "reason": reason} for key, reason in sorted(jobs.quarantined.items())[:100]],
        "ingested_bytes": core.ingested_bytes,
        "refused_records": core.refused,
        "garbage": dict(core.garbage),
        "stopping": core.stopping,
    }


def _claim(core: "Core", args: dict[str, Any]) -> dict[str, Any]:
    """Who has this run open, and where its prints go: what `init(id=…)` must know before it returns."""
    run_id = args.get("run_id")
    if not isinstance(run_id, str):
        raise BadInput("claim needs run_id")
    run, past = core.lab.runs.get(check_run_id(run_id)), core.lab.past.get(run_id)
    known = run or past
    return {
        "known": known is not None,
        "attempt": known.attempt if known else 0,
        "directory": known.directory if known else "",
        "writers": sorted(run.writers) if run else [],
    }
