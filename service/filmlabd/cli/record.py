"""`filmlab record`: what does a living run capture from here on, and what comes of that for its next episodes?"""

from collections.abc import Callable
from typing import Any, TypeVar

from filmlab.control import Control, Refused
from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked
from filmlab.schedule.ranges import parse_ranges
from filmlab.schedule.text import format_duration
from filmlab.words import plural
from filmlabd.asker import asker
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import Misuse, run_named
from filmlabd.forecast import SHOWN, coming
from filmlabd.model import RunRow

T = TypeVar("T")
ASK_TIMEOUT_S = 10.0


def run(paths: StatePaths, name: str, changes: dict[str, Any], *, as_json: bool) -> tuple[list[str], bool]:
    """Change the plan (with no changes: look at it), and say what is in force now.

    Args:
        name: a run's id, the beginning of its id, or its name.
        changes: any of `schedule`, `wanted` (texts), `next` (a number) and `cancel`, as the request `plan` takes them.

    Raises:
        Misuse: there is no such run, it is over, or what was asked for means nothing.
        NoDaemon: nobody could change it.
    """
    if "schedule" in changes:
        _check(CaptureSchedule.parse, changes["schedule"])
    if "wanted" in changes and not _check(parse_ranges, changes["wanted"]):
        raise Misuse("--episode names no episode")
    with run_named(paths, name) as (reader, found):
        last = reader.last_episodes(found.run_id, found.attempt)
    if found.status != "running":
        raise Misuse(f"run {found.run_id} is over ({found.status}): nothing more of it can be recorded")
    try:
        plan = Control(paths, ASK_TIMEOUT_S).ask("plan", run_id=found.run_id, by=asker(), **changes)
    except Refused as error:
        raise Misuse(str(error)) from None
    asked = Asked(parse_ranges(plan["wanted"]), plan["next_episodes"], plan["asked_by"])
    schedule = CaptureSchedule.parse(plan["schedule"])
    # Every living writer, and which of its episodes begins next, as far as is known.
    writers = {writer: last.get(writer, -1) + 1 for writer in plan["writers"]}
    ahead = {
        writer: coming(schedule, asked, first, found.total_episodes, alone=len(writers) == 1)
        for writer, first in writers.items()
    }
    if as_json:
        shown = {
            writer: {"next_episode": first, "captured": [{"episode": e, "why": why} for e, why in ahead[writer]]}
            for writer, first in writers.items()
        }
        return [dump(plan | {"total_episodes": found.total_episodes, "coming": shown})], False
    lines = [f"{found.run_id}  {found.name}  ({found.project})", *plan_lines(schedule, asked, plan["version"])]
    for writer, first in writers.items():
        lines += _coming_lines(writer if len(writers) > 1 else "", first, ahead[writer], schedule, found)
    lines += _too_late(parse_ranges(changes.get("wanted") or ""), writers)
    return [printable(line) for line in lines], False


def plan_lines(schedule: CaptureSchedule, asked: Asked, version: int) -> list[str]:
    """The plan in force, in words."""
    lines = [f"in force (plan {version}): {schedule}"]
    wishes = [f"the next {plural(asked.next_episodes, 'episode')}"] if asked.next_episodes else []
    wishes += [f"episode {first}" if first == last else f"episodes {first} to {last}" for first, last in asked.wanted]
    if wishes:
        lines.append(f"asked for by {asked.by or 'somebody'}: {', '.join(wishes)}")
    return lines


def _coming_lines(
    writer: str, first: int, ahead: list[tuple[int, str]], schedule: CaptureSchedule, found: RunRow
) -> list[str]:
    head = f"{writer}: " if writer else ""
    lines = [
        f"{head}{f'after episode {first - 1}, the last that is known of' if first else 'no episode is known of yet'}:"
    ]
    lines += [f"  {episode}  {why}" for episode, why in ahead]
    if len(ahead) < SHOWN:
        end = found.total_episodes
        lines += ["  nothing more by its number" + (f" until the end, episode {end - 1}" if end else "")]
    rest = [f"one every {format_duration(period_s)}" for period_s in schedule.every_s]
    if schedule.last_n_episodes and not found.total_episodes:
        rest.append(f"the last {schedule.last_n_episodes}, which is known when the run ends")
    limits = [f"{schedule.max_per_hour} an hour"] if schedule.max_per_hour is not None else []
    limits += [f"{schedule.max_total} in all"] if schedule.max_total is not None else []
    if rest:
        lines.append(f"  and {', and '.join(rest)}")
    if limits:
        lines.append(f"  at most {', and at most '.join(limits)}, but for what was asked for")
    return lines


def _too_late(wanted: tuple[tuple[int, int], ...], writers: dict[str, int]) -> list[str]:
    """What was asked for now though it has begun already."""
    next_episode = min(writers.values(), default=0)
    late = [str(first) if first == last else f"{first}-{last}" for first, last in wanted if last < next_episode]
    if not late:
        return []
    return [f"note: {', '.join(late)} began before this; only a further attempt of the run could record it"]


def _check(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except BadInput as error:
        raise Misuse(str(error)) from None
