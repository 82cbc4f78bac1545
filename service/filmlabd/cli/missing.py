"""Why is a clip not there? One answer for each episode and medium that was captured, and what to do about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from filmlab.schedule.ranges import format_ranges, merge_ranges
from filmlab.words import plural
from filmlabd.cli.checks import Finding, Level
from filmlabd.cli.presence import Presence, Seen
from filmlabd.cli.why import Answer, explain
from filmlabd.model import EpisodeRow, PrintRow

NUMBERS_MAX_CHARS = 60
_SAID = frozenset({"it is still being played", "its last frames are awaited"})
"""What `filmlab why` says and is said here in other words."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What an episode's fate depends on beside its row."""

    run_id: str
    living: bool
    """Its run is still being trained, as far as the index knows."""
    daemon: Seen
    durable_b: Mapping[int, int]
    """Session -> how far its film has come, of sessions that have not ended."""
    exists: Callable[[str], bool]
    """Whether a print is on disk; its path is as in the row."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One episode or medium that was captured, and whose clip is not there."""

    whose: str
    """`12`, or a medium's name and step; with writer and attempt where these are not the first."""
    episode: int
    """−1 of a medium."""
    cause: str
    """`playing`, `unsafe` (not durable yet), `waiting`, `struck` (tried again), `undecided`, `failed`, `thrown away`,
    `no frames`, `dropped`, `gone` (from the disk)."""
    level: Level
    text: str
    advice: str = ""


def find_missing(rows: Iterable[EpisodeRow], prints: Iterable[PrintRow], scene: Scene) -> list[Missing]:
    """Of every episode and medium with a film whose clip is not there, in their order."""
    made = {(row.session, row.film): row for row in prints if row.film}
    found = (_look(row, explain(row, made.get((row.session, row.film))), scene) for row in rows if row.film)
    return [item for item in found if item is not None]


def sum_up(missing: Iterable[Missing]) -> list[Finding]:
    """One finding for all those of which the same is to be said."""
    groups: dict[tuple[Level, str, str], list[Missing]] = {}
    for item in missing:
        groups.setdefault((item.level, item.text, item.advice), []).append(item)
    return [
        Finding(_name(items), level, _numbers(items) + text, advice) for (level, text, advice), items in groups.items()
    ]


def uncaptured(rows: Iterable[EpisodeRow], schedule: str, *, living: bool, run_id: str) -> list[Finding]:
    """The episodes of which no film was ever taken, by the reason that their trainer gave."""
    numbers: dict[str, list[int]] = {}
    for row in rows:
        if not row.film and not row.media_name and row.ended:
            numbers.setdefault(row.reason or f"the schedule was {schedule}", []).append(row.episode)
    advice = f"`filmlab record {run_id} --next 1` captures the next one" if living else ""
    return [
        Finding("not captured", Level.OK, f"{plural(len(found), 'episode')} ({_ranges(found)}): {reason}", advice)
        for reason, found in numbers.items()
    ]


def _look(row: EpisodeRow, answer: Answer, scene: Scene) -> Missing | None:
    """What is to be said of one; None where its clip is there."""
    cause, level, text, advice = _diagnose(row, answer, scene)
    if not cause:
        return None
    notes = "; ".join(detail for detail in answer.details if detail not in _SAID)
    return Missing(
        _whose(row), -1 if row.media_name else row.episode, cause, level, text + f" ({notes})" * bool(notes), advice
    )


def _diagnose(row: EpisodeRow, answer: Answer, scene: Scene) -> tuple[str, Level, str, str]:
    """(cause, level, text, advice); no cause where nothing is missing."""
    match answer.verdict:
        case "undecided":
            return "undecided", Level.OK, answer.why, ""
        case "developing":
            return _developing(row, answer, scene)
        case "thrown away":
            return "thrown away", Level.OK, f"thrown away: {answer.why}", ""
        case "failed":
            again = f"mend that, then `filmlab develop {scene.run_id}` tries again"
            return "failed", Level.BAD, f"its print failed and was given up: {answer.why}", again
        case "empty" if "film dropped" in row.note:
            more = "let the program take more: init(memory_bytes=…, spool_bytes=…), or capture fewer frames"
            return "dropped", Level.WARN, "its trainer had to drop its film", more
        case "empty" if not row.frames and not any("film" in note for note in answer.details):
            return "no frames", Level.WARN, "no frame was captured", "the environment needs render_mode='rgb_array'"
        case "empty":
            return "no frames", Level.WARN, "nothing of its film can be shown", ""
    gone = [path for path in row.paths if not scene.exists(path)]
    if gone:
        text = f"made, and not there any more: {gone[0]}" + (f" and {len(gone) - 1} more" if len(gone) > 1 else "")
        if row.film_gone:
            return "gone", Level.BAD, text, f"it cannot be made again, for its film is gone too: {row.film_gone}"
        return "gone", Level.BAD, text, f"somebody removed or moved it; `filmlab develop {scene.run_id}` makes it again"
    return "", Level.OK, "", ""


def _developing(row: EpisodeRow, answer: Answer, scene: Scene) -> tuple[str, Level, str, str]:
    """Of one whose print is still to be made."""
    answers = scene.daemon.presence is Presence.RUNNING
    starts, level = scene.daemon.remedy, Level.OK if answers else Level.WARN
    if not row.ended:
        return "playing", level, "it is still being played" if scene.living else "its trainer has not ended it", starts
    durable_b = scene.durable_b.get(row.session)
    if durable_b is not None and durable_b < row.last_seq:
        text = (
            f"its last frames are not safe yet: {durable_b} of {row.last_seq} records of its session's film have come"
        )
        return "unsafe", level, text, starts
    if any("tried again" in detail for detail in answer.details):
        return "struck", Level.WARN, "its print is tried again", starts
    if not answers:
        return "waiting", level, "it waits for a worker", starts
    queue = scene.daemon.status.get("queue", {})
    waiting, running = queue.get("waiting", 0), queue.get("running", 0)
    return "waiting", level, f"it waits for a worker: {plural(waiting, 'job')} wait, {running} run", ""


def _whose(row: EpisodeRow) -> str:
    what = f"{row.media_name} at step {row.media_step or 0}" if row.media_name else str(row.episode)
    author = f" of writer {row.writer}" if row.writer != "main" else ""
    return what + author + (f", attempt {row.attempt}" if row.attempt > 1 else "")


def _name(items: list[Missing]) -> str:
    kinds = Counter("medium" if item.episode < 0 else "episode" for item in items)
    if len(items) == 1:
        return f"{next(iter(kinds))} {items[0].whose}"
    return " and ".join(f"{number} {'media' if kind == 'medium' else 'episodes'}" for kind, number in kinds.items())


def _numbers(items: list[Missing]) -> str:
    """Which they are, where the name does not say it."""
    if len(items) == 1:
        return ""
    numbers = [item.episode for item in items if item.episode >= 0]
    others = [item.whose for item in items if item.episode < 0]
    return f"{', '.join(filter(None, [_ranges(numbers), *others[:3]]))}: "


def _ranges(numbers: list[int]) -> str:
    text = format_ranges(merge_ranges((number, number) for number in numbers)).replace(",", ", ")
    if len(text) <= NUMBERS_MAX_CHARS:
        return text
    return text[:NUMBERS_MAX_CHARS].rpartition(",")[0] + ", …"
