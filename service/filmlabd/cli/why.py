"""`filmlab why`: why was an episode kept, or not, and what befell it on the way?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filmlab.errors import BadInput
from filmlab.kinds import CLIPS
from filmlab.paths import StatePaths
from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked
from filmlab.schedule.ranges import parse_ranges
from filmlab.words import plural
from filmlabd.artifact_names import POSTER
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import run_named
from filmlabd.model import EpisodeRow, PrintRow, RunRow


@dataclass(frozen=True, slots=True)
class Answer:
    """What can be said of one occurrence of an episode."""

    writer: str
    attempt: int
    occurrence: int
    verdict: str
    """`kept`, `empty` (with nothing to show), `developing`, `undecided`, `failed`, `thrown away`, `not captured`."""
    why: str
    """The rule, the request or the limit that it was."""
    details: tuple[str, ...] = ()
    """What befell it: cut, dropped, damaged, failed prints."""
    files: tuple[str, ...] = field(default=())
    """Relative to the run's directory."""


def run(paths: StatePaths, name: str, episode: int, *, as_json: bool) -> tuple[list[str], bool]:
    """Everything that is known of episode number `episode` of a run, from the index alone.

    Raises:
        Misuse: there is no such run.
    """
    with run_named(paths, name) as (reader, found):
        rows = [row for row in reader.episodes(found.run_id) if not row.media_name]
        prints = {(row.session, row.film): row for row in reader.prints(found.run_id) if row.film}
    answers = [explain(row, prints.get((row.session, row.film))) for row in rows if row.episode == episode]
    forecast = "" if answers else _forecast(found, rows, episode)
    if as_json:
        document = {"run_id": found.run_id, "episode": episode, "directory": found.directory}
        return [dump(document | {"answers": [asdict(answer) for answer in answers], "unknown": forecast})], False
    lines = [f"{found.run_id}  {found.name}  ({found.project})  episode {episode}"]
    for answer in answers:
        whose = _whose(answer, answers)
        lines.append(f"{whose}{answer.verdict}: {answer.why}")
        lines += [f"  {detail}" for detail in answer.details]
        lines += [f"  {Path(found.directory) / path}" for path in answer.files]
    return [printable(line) for line in [*lines, *([forecast] if forecast else [])]], False


def explain(row: EpisodeRow, made: PrintRow | None) -> Answer:
    """What is known of one episode.

    Args:
        made: what is known of the job that develops its film.
    """
    verdict, why, details = _judge(row, made)
    notes = [*details, *([row.note] if row.note else [])]
    # What the worker noticed; the note of the episode itself is among it.
    notes += [note for note in (made.notes if made is not None else ()) if note not in notes]
    if row.ended and not row.complete:
        notes.append("the episode was left before its end")
    return Answer(row.writer, row.attempt, row.occurrence, verdict, why, tuple(notes), row.paths)


def _judge(row: EpisodeRow, made: PrintRow | None) -> tuple[str, str, list[str]]:
    """(verdict, why, details)."""
    why = row.reason or "its trainer did not say why"
    if not row.film:
        return "not captured", why, []
    match row.job_state:
        case "pending" if row.provisional:
            return "undecided", f"{why}: that is known when the run ends", []
        case "pending":
            return "developing", why, ["it is still being played" if not row.ended else "its last frames are awaited"]
        case "ready":
            return "developing", why, _strikes(made)
        case "dropped":
            return "thrown away", row.job_reason or why, [f"it was captured: {why}"]
        case "failed":
            return "failed", row.job_reason or "its print failed", [f"it was to be kept: {why}", *_strikes(made)]
        case _:
            gone = [f"its prints stay, its film is gone: {row.film_gone}"] if row.film_gone else []
            return ("kept" if _is_shown(row) else "empty"), why, gone


def _is_shown(row: EpisodeRow) -> bool:
    """Whether there is something to look at: of an episode a clip, of a medium any file."""
    clips = [path for path in row.paths if path.endswith(CLIPS) and not path.endswith(POSTER)]
    return bool(row.paths if row.media_name else clips)


def _strikes(made: PrintRow | None) -> list[str]:
    """How developing it has gone wrong so far."""
    if made is None or not made.strikes:
        return []
    if made.quarantined:
        return [f"its print was given up after {plural(made.strikes, 'failure')}"]
    return [f"its print failed {plural(made.strikes, 'time')} and is tried again: {made.reason}"]


def _forecast(found: RunRow, rows: Sequence[EpisodeRow], episode: int) -> str:
    """What to say of an episode that nothing is known of."""
    newest = max((row.episode for row in rows), default=-1)
    known = f"the last that is known of is {newest}" if rows else "none is known of yet"
    if found.status != "running":
        return f"there was no episode {episode}: {known}, and the run is {found.status}"
    if episode < newest:
        return (
            f"nothing is known of episode {episode}, though later ones are: it was left out, or its number never came"
        )
    return f"episode {episode} has not ended yet ({known}); {_plan_says(found, episode)}"


def _plan_says(found: RunRow, episode: int) -> str:
    """What the plan in force makes of an episode by its number."""
    try:
        schedule = CaptureSchedule.parse(found.schedule)
        wanted = Asked(parse_ranges(found.wanted), 0, found.asked_by).reason(episode)
    except BadInput as error:
        return f"the plan in force cannot be read: {error}"
    reasons = [*([wanted] if wanted else []), *schedule.reasons(episode, found.total_episodes)]
    if reasons:
        return f"the plan in force captures it: {', '.join(reasons)}"
    if schedule.every_s or (schedule.last_n_episodes and not found.total_episodes):
        return f"whether the plan in force captures it is known when it begins: {found.schedule}"
    return f"the plan in force does not capture it: {found.schedule}"


def _whose(answer: Answer, beside: Sequence[Answer]) -> str:
    """Which of several it is; nothing where there is one, of the main writer's first attempt."""
    if len(beside) == 1 and (answer.writer, answer.attempt) == ("main", 1):
        return ""
    again = f", time {answer.occurrence + 1}" if answer.occurrence else ""
    return f"writer {answer.writer}, attempt {answer.attempt}{again}: "
