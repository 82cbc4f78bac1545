"""Is this state directory fit for filmlab, and well? Each check looks at one thing and says what to do about it."""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import filmlab
from filmlab import spool
from filmlab.endpoint import SOCKET_PATH_MAX_BYTES, check_socket, socket_path
from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.paths import StateChoice, StatePaths, filesystem_type
from filmlab.private import check_private
from filmlab.words import plural, size
from filmlabd import config
from filmlabd.cli.presence import Presence, Seen
from filmlabd.core.gate import floor_bytes
from filmlabd.index.read import NoIndex, Reader

SPACE_BAD_BYTES = 256 * 2**20


class Level(StrEnum):
    """How bad a finding is. `bad` makes the command end with 1."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says: what was looked at, what was found, and what to do when that is not fine."""

    name: str
    level: Level
    text: str
    advice: str = ""


def check_settings(environ: Mapping[str, str], paths: StatePaths) -> Finding:
    """The daemon's settings can be read, and put it where trainers look for it."""
    file = config.default_file(environ)
    try:
        settings = config.load(environ)
    except BadInput as error:
        return Finding("settings", Level.BAD, str(error), "a daemon does not start with these")
    if settings.state_dir and Path(settings.state_dir).absolute() != paths.state:
        text = f"the daemon's state_dir is {settings.state_dir}, trainers look in {paths.state}"
        return Finding("settings", Level.BAD, text, "set FILMLAB_STATE_DIR for both instead")
    if settings.notes:
        return Finding("settings", Level.WARN, "; ".join(settings.notes), "see docs/settings.md")
    return Finding("settings", Level.OK, f"from {file}" if file.exists() else f"the defaults; {file} is not there")


def check_state(choice: StateChoice, environ: Mapping[str, str]) -> Finding:
    """Which state directory is in force, and why not another."""
    kind = filesystem_type(choice.path)
    text = f"{choice.path} ({choice.why}), on a local disk{f' ({kind})' if kind else ''}"
    passed = "; ".join(f"{path} {reason}" for path, reason in choice.passed_over)
    if passed:
        text += f"; passed over: {passed}"
    if choice.passed_over and environ.get("FILMLAB_STATE_DIR"):
        return Finding("state directory", Level.WARN, text, "FILMLAB_STATE_DIR should name a local directory of yours")
    return Finding("state directory", Level.OK, text)


def check_permissions(paths: StatePaths) -> Finding:
    """Nobody else can read or replace what lies there."""
    there = [path for path in (paths.root, paths.runtime) if path.exists()]
    for path in there:
        try:
            check_private(path)
        except BadInput as error:
            return Finding("permissions", Level.BAD, str(error), f"chmod 700 {path}, if it is yours")
    return Finding("permissions", Level.OK, "closed to others" if there else "nothing is there yet")


def check_space(paths: StatePaths, environ: Mapping[str, str]) -> Finding:
    """Room on the disk of the state directory."""
    nearest = paths.state
    while not nearest.exists():
        nearest = nearest.parent
    found = os.statvfs(nearest)
    free_bytes, all_bytes = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    text = f"{size(free_bytes)} of {size(all_bytes)} free at {nearest}"
    advice = "make room, or name another disk with FILMLAB_STATE_DIR"
    if free_bytes < SPACE_BAD_BYTES or (found.f_files and found.f_favail == 0):
        return Finding("disk space", Level.BAD, text, advice)
    keep_free_bytes = floor_bytes(_keep_free(environ), all_bytes)
    if free_bytes < keep_free_bytes:
        text += f"; below {size(keep_free_bytes)} no film is taken, only metrics"
        return Finding("disk space", Level.WARN, text, f"{advice}, or set keep_free_bytes")
    return Finding("disk space", Level.OK, text)


def _keep_free(environ: Mapping[str, str]) -> int | None:
    try:
        return config.load(environ).keep_free_bytes
    except BadInput:
        return None  # which is said by `check_settings`


def check_sockets(paths: StatePaths, environ: Mapping[str, str]) -> Finding:
    """Where the sockets are or will be, and whether their paths fit."""
    given = environ.get("FILMLAB_ENDPOINT")
    if given:
        try:
            socket_path(given)
        except BadInput as error:
            return Finding("sockets", Level.BAD, str(error), "unset FILMLAB_ENDPOINT, or correct it")
    longest = max(len(os.fsencode(path)) for path in (paths.ingest_socket, paths.control_socket))
    text = f"in {paths.runtime}, at most {longest} of {SOCKET_PATH_MAX_BYTES} bytes"
    if given:
        text += f"; trainers use FILMLAB_ENDPOINT {given}"
    if longest > SOCKET_PATH_MAX_BYTES:
        return Finding("sockets", Level.BAD, text, "set XDG_RUNTIME_DIR to a shorter path")
    if paths.notes:
        return Finding(
            "sockets", Level.WARN, f"{text}; {'; '.join(paths.notes)}", "set XDG_RUNTIME_DIR to a shorter path"
        )
    if not environ.get("XDG_RUNTIME_DIR"):
        text += " (XDG_RUNTIME_DIR is not set)"
    return Finding("sockets", Level.OK, text)


def check_daemon(paths: StatePaths, seen: Seen) -> Finding:
    """Whether one lives, answers, and is of this version."""
    if seen.presence is Presence.NONE:
        left = " (the last one was killed)" if paths.endpoint.exists() else ""
        return Finding("daemon", Level.OK, f"none is running{left}; a trainer starts one by itself")
    if seen.presence is Presence.HANGING:
        end = f"`kill -9 {seen.pid}`" if seen.pid else f"ending the process that holds {paths.daemon_lock}"
        advice = f"see {paths.log}; {end} loses nothing that was acknowledged, and a trainer starts another"
        return Finding("daemon", Level.BAD, seen.hanging, advice)
    status = seen.status
    text = f"running, version {status.get('version', '?')}, process {status.get('pid', '?')}"
    try:
        check_socket(paths.ingest_socket if "ingest" not in status else socket_path(str(status["ingest"])))
    except (BadInput, Transient) as error:
        return Finding("daemon", Level.BAD, f"{text}; trainers cannot reach it: {error}", f"see {paths.log}")
    if status.get("disk_full"):
        return Finding("daemon", Level.BAD, f"{text}; nothing can be written: {status['disk_full']}", "make room")
    if status.get("paused"):
        return Finding("daemon", Level.BAD, f"{text}; {status['paused']}", f"{paths.log} says how they died")
    if status.get("version") not in (None, filmlab.__version__):
        advice = "end it (it drains first) so that the next trainer starts this version"
        return Finding("daemon", Level.WARN, f"{text}; this is filmlab {filmlab.__version__}", advice)
    return Finding("daemon", Level.OK, text)


def check_index(paths: StatePaths) -> Finding:
    """The index can be read, and no print was given up."""
    try:
        with Reader(paths.index) as reader:
            runs = len(reader.runs())
            failed = [row for row in reader.failures() if row.quarantined]
            unreadable = reader.unreadable()
    except NoIndex:
        return Finding("prints", Level.OK, "nothing has been recorded yet")
    except (BadInput, Corrupt, sqlite3.Error) as error:
        advice = "the index is made again from the journal: end the daemon, remove the file, and start one"
        return Finding("prints", Level.BAD, f"{paths.index}: {error}", advice)
    text = f"{plural(runs, 'run')} in the index"
    if failed:
        shown = "; ".join(f"{row.key}: {row.reason}" for row in failed[:3]) + ("; …" if len(failed) > 3 else "")
        advice = "`filmlab ls RUN` names them one by one"
        return Finding("prints", Level.BAD, f"{text}; {plural(len(failed), 'print')} given up: {shown}", advice)
    if unreadable:
        advice = "they are from another version, or damaged"
        return Finding("prints", Level.WARN, f"{text}; {plural(unreadable, 'record')} could not be understood", advice)
    return Finding("prints", Level.OK, f"{text}; none given up")


def check_damage(paths: StatePaths) -> Finding:
    """What was set aside because the disk gave back something else than was written."""
    quarantined = sorted((paths.journal / "quarantine").glob("*"))
    aside = sorted(paths.root.glob("index.sqlite.corrupt-*"))
    if quarantined:
        text = f"{plural(len(quarantined), 'damaged record')} in {paths.journal / 'quarantine'}"
        return Finding("damage", Level.WARN, text, "look at the disk (dmesg, SMART); the rest of the journal is whole")
    if aside:
        text = f"a damaged index was set aside and made again: {', '.join(path.name for path in aside)}"
        return Finding("damage", Level.WARN, text, f"look at the disk, then remove it from {paths.root}")
    return Finding("damage", Level.OK, "none found")


def check_spool(paths: StatePaths) -> Finding:
    """What trainers left on disk while no daemon answered, and nobody has taken in yet."""
    left = [number for number in spool.sessions(paths.spool) if not spool.owner_alive(paths.spool, number)]
    if not left:
        return Finding("spool", Level.OK, "nothing is left over")
    size_bytes = sum(spool.session_bytes(paths.spool, number) for number in left)
    text = f"{size(size_bytes)} of {plural(len(left), 'trainer')} that ended wait in {paths.spool}"
    return Finding("spool", Level.WARN, text, "`filmlab sync` hands it over; so does the next trainer or `filmlabd`")
