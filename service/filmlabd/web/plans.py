"""What does a living run capture from here on, and how is that changed? The daemon's plan, and what comes of it."""

from typing import Any

from filmlab.control import NoDaemon, Refused
from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked
from filmlab.schedule.ranges import parse_ranges
from filmlabd.asker import asker
from filmlabd.forecast import coming
from filmlabd.index.read import Reader
from filmlabd.model import RunRow
from filmlabd.web.room import Room

NEXT_MAX = 1_000_000
SCHEDULE_MAX_CHARS = 2000


def plan_document(room: Room, run_id: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A run's plan in force, after these changes if there are any, and which episodes that means.

    Raises:
        NoSuchRun: there is none.
        BadInput: the changes mean nothing, or the run is over.
        NoDaemon: nobody could change it.
    """
    with room.opened(run_id) as (reader, run):
        return _document(room, reader, run, changes)


def _document(room: Room, reader: Reader, run: RunRow, changes: dict[str, Any] | None) -> dict[str, Any]:
    said = "" if changes is None else "changed"
    plan = _in_index(run)
    if run.status == "running":
        try:
            plan = room.ask("plan", run_id=run.run_id, by=asker(), **(changes or {}))
        except NoDaemon:
            if changes is not None:
                raise
            said = "no daemon is running: the plan cannot be changed"
        except Refused:
            if changes is not None:
                raise
            said = "the run has just ended"
    elif changes is not None:
        raise BadInput(f"the run is over ({run.status}): nothing more of it can be recorded")
    schedule = CaptureSchedule.parse(plan["schedule"])
    asked = Asked(parse_ranges(plan["wanted"]), plan["next_episodes"], plan["asked_by"])
    last = reader.last_episodes(run.run_id, run.attempt)
    writers = {writer: last.get(writer, -1) + 1 for writer in plan["writers"]}
    ahead = {
        writer: coming(schedule, asked, first, run.total_episodes, alone=len(writers) == 1)
        for writer, first in writers.items()
    }
    return {
        "alive": run.status == "running", "said": said, "version": plan["version"], "schedule": plan["schedule"],
        "wanted": plan["wanted"], "next": plan["next_episodes"], "by": plan["asked_by"],
        "coming": [
            {"writer": writer, "next": first, "episodes": [{"episode": at, "why": why} for at, why in ahead[writer]]}
            for writer, first in writers.items()
        ],
    }  # fmt: skip


def parse_changes(body: dict[str, Any]) -> dict[str, Any]:
    """What the page asks to change, checked before the daemon is asked.

    Raises:
        BadInput: it means nothing.
    """
    changes: dict[str, Any] = {}
    schedule, wanted, count = body.get("schedule"), body.get("wanted"), body.get("next")
    if schedule is not None:
        if not isinstance(schedule, str) or not 0 < len(schedule) <= SCHEDULE_MAX_CHARS:
            raise BadInput("a schedule is a text such as every:100+last:1")
        changes["schedule"] = str(CaptureSchedule.parse(schedule))
    if wanted is not None:
        if not isinstance(wanted, str) or not parse_ranges(wanted):
            raise BadInput("no episode is named")
        changes["wanted"] = wanted
    if count is not None:
        if type(count) is not int or not 0 <= count <= NEXT_MAX:
            raise BadInput(f"0 to {NEXT_MAX:,} episodes")
        changes["next"] = count
    if body.get("cancel") is True:
        changes["cancel"] = True
    if not changes:
        raise BadInput("nothing is to change")
    return changes


def _in_index(run: RunRow) -> dict[str, Any]:
    """The plan as the index has it, for when nobody can be asked."""
    return {
        "version": run.plan_version, "schedule": run.schedule, "wanted": run.wanted,
        "next_episodes": run.next_episodes, "asked_by": run.asked_by, "writers": [],
    }  # fmt: skip
