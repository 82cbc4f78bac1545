"""Is all well with one run, and with what its prints depend on? Each check looks at one thing."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from filmlab import spool
from filmlab.errors import BadInput, WireError
from filmlab.paths import StatePaths
from filmlab.schedule import CaptureSchedule
from filmlab.wire.entries import RunBegin, decode_entries
from filmlab.wire.names import NO_ROOM_FOR_NAMES
from filmlab.words import plural, size
from filmlabd.cli.checks import SPACE_BAD_BYTES, Finding, Level
from filmlabd.cli.presence import Presence, Seen
from filmlabd.model import DropRow, EpisodeRow, PrintRow, RecorderRow, RunRow, amount

FIRST_RECORDS = 64
"""A run's beginning stands among the first records of its session's spool, or it is not looked for."""


def check_run(run: RunRow, seen: Seen) -> Finding:
    """What has become of it."""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    text = f"{run.status}{attempt}, {plural(run.episodes, 'episode')}"
    if run.status == "running" and seen.presence is not Presence.RUNNING:
        return Finding("run", Level.WARN, f"{text}: so it was when a daemon looked last", seen.remedy)
    if run.status == "crashed":
        advice = "a further attempt goes on with it: init(id=…)"
        return Finding("run", Level.WARN, f"{text}: its trainer ended without run.finish()", advice)
    return Finding("run", Level.OK, text)


def check_schedule(run: RunRow, rows: Sequence[EpisodeRow]) -> Finding:
    """What it captures, and whether that has ever been anything."""
    asked = f"; asked for: {run.wanted or ''}{' next ' + str(run.next_episodes) if run.next_episodes else ''}"
    text = f"{run.schedule}{asked * bool(run.wanted or run.next_episodes)}"
    try:
        CaptureSchedule.parse(run.schedule)
    except BadInput as error:
        return Finding(
            "schedule", Level.BAD, f"{text} cannot be read: {error}", "this filmlab is older than the daemon"
        )
    advice = f"`filmlab record {run.run_id} --schedule cubic` changes it, `--next 1` asks for one"
    captured = sum(bool(row.film) and not row.media_name for row in rows)
    if captured or not run.episodes:
        return Finding("schedule", Level.OK, f"{text}: captured {captured} of {plural(run.episodes, 'episode')}")
    text += f": captured none of {plural(run.episodes, 'episode')}"
    return Finding("schedule", Level.WARN, text, advice if run.status == "running" else "init(schedule=…) sets another")


def check_directory(run: RunRow) -> Finding:
    """Its prints can go where they should, and could before."""
    return _place("directory", Path(run.directory), made=run.episodes > 0 and run.printed)


def check_recorders(
    recorders: Sequence[RecorderRow], rows: Sequence[EpisodeRow], prints: Sequence[PrintRow]
) -> list[Finding]:
    """Each recorder's directory, and what stands there of what it was given."""
    out = []
    for recorder in recorders:
        begin = f"{recorder.directory}/"
        paths = {path for row in rows for path in row.paths if row.session == recorder.session}
        key = f"recorder:{recorder.session:016x}:{recorder.number}:"
        paths |= {path for row in prints if row.key.startswith(key) for path in row.paths}
        files = [path for path in paths if path.startswith(begin)]
        there = f"{sum(Path(path).exists() for path in files)} of its {plural(len(files), 'file')} there"
        found = _place(f"recorder of {recorder.kind}", Path(recorder.directory), made=bool(files))
        out.append(Finding(found.name, found.level, f"{found.text}; {there}", found.advice))
    return out


def check_prints(run_id: str, prints: Sequence[PrintRow]) -> list[Finding]:
    """Curves, pages and histories that were given up; films are looked at one by one elsewhere."""
    advice = f"mend that, then `filmlab develop {run_id}` tries again"
    return [
        Finding("print", Level.BAD, f"{row.key.replace(f':{run_id}', '')} was given up: {row.reason}", advice)
        for row in prints
        if row.quarantined and not row.film
    ]


def check_drops(drops: Sequence[DropRow]) -> list[Finding]:
    """What its trainers could not hand over."""
    memory = "init(memory_bytes=…, spool_bytes=…) gives the trainer more room; fewer or smaller frames need less"
    names = "log what varies (a state, a number) as a value, or as the step, and not within the name of a metric"
    return [
        Finding(
            "dropped",
            Level.WARN,
            f"{amount(row.what, row.count)} {row.fate}",
            names if row.reason.startswith(NO_ROOM_FOR_NAMES) else memory,
        )
        for row in drops
    ]


def check_spools(paths: StatePaths, run_id: str, seen: Seen) -> list[Finding]:
    """What of it lies in spools."""
    out = []
    for number in spool.sessions(paths.spool):
        if run_id not in {begin.run_id for begin in runs_in_spool(paths, number)}:
            continue
        living = spool.owner_alive(paths.spool, number)
        pid, size_bytes = spool.read_owner(paths.spool, number).pid, spool.session_bytes(paths.spool, number)
        text = f"{size(size_bytes)} of process {pid or '?'}, which {'lives' if living else 'has ended'}"
        match seen.presence:
            case Presence.RUNNING if living:
                out.append(Finding("spool", Level.OK, f"{text} and hands it over"))
            case Presence.NONE if living:
                advice = "no daemon runs; one of mode auto starts one by itself, for others start `filmlabd`"
                out.append(Finding("spool", Level.WARN, text, advice))
            case Presence.NONE:
                out.append(Finding("spool", Level.WARN, text, "`filmlab sync` hands it over"))
            case _:
                out.append(Finding("spool", Level.WARN, text, seen.remedy))
    return out


def runs_in_spool(paths: StatePaths, number: int) -> list[RunBegin]:
    """The runs that begin in a session's spool; those that began before it do not stand there."""
    found: list[RunBegin] = []
    for envelope in islice(spool.read_session(paths.spool, number), FIRST_RECORDS):
        try:
            found += [entry for entry in decode_entries(envelope.payload) if isinstance(entry, RunBegin)]
        except WireError:
            continue  # a record of film, or a damaged one
    return found


def _place(name: str, path: Path, *, made: bool) -> Finding:
    """A directory that prints go to."""
    if path.is_symlink():
        return Finding(name, Level.BAD, f"{path} is a symbolic link: nothing is written through it", "remove the link")
    if not path.exists():
        if made:
            return Finding(name, Level.WARN, f"{path} was there, and is not any more", "somebody removed or moved it")
        nearest = next(parent for parent in path.parents if parent.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            return Finding(
                name, Level.BAD, f"{path} cannot be made: {nearest} is closed to you", f"chmod u+wx {nearest}"
            )
        return Finding(name, Level.OK, f"{path} is made with the first print")
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        return Finding(
            name, Level.BAD, f"{path} cannot be written", f"it should be a directory of yours: chmod u+wx {path}"
        )
    found = os.statvfs(path)
    free_bytes = found.f_bavail * found.f_frsize
    text = f"{path} can be written, {size(free_bytes)} free"
    if free_bytes < SPACE_BAD_BYTES:
        return Finding(name, Level.BAD, text, "make room there")
    return Finding(name, Level.OK, text)
