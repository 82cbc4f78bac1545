"""What was `init` asked for? Arguments, then FILMLAB_* variables, then defaults, checked in one place."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from filmlab.endpoint import socket_path
from filmlab.errors import BadInput
from filmlab.jsonable import document
from filmlab.link.delivery import MIB
from filmlab.media import check_fps
from filmlab.schedule import CaptureSchedule, Decider
from filmlab.wholes import whole
from filmlab.wire.jsonbody import Json
from filmlab.wire.names import check_run_id, check_writer, clean_text, file_name, short_id
from filmlab.wire.run_entries import FORMATS, OVERLAYS

Mode: TypeAlias = Literal["auto", "online", "offline", "disabled"]
Resume: TypeAlias = Literal["allow", "must", "never"]

MEMORY_BYTES = 512 * MIB
MEMORY_MIN_BYTES = 4 * MIB
SPOOL_BYTES = 2048 * MIB
RESULTS_BYTES = 2048 * MIB
RESULTS_MOST_BYTES = 8192 * MIB
"""A film has at most 10 000 pieces of 1 MiB."""
CLOSE_TIMEOUT_S = 5.0

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run as `init` was asked for it; everything has been checked."""

    run_id: str
    given_id: bool
    """The id was chosen by the caller, so that there may be others who use it."""
    writer: str
    project: str
    name: str
    group: str
    tags: tuple[str, ...]
    config: Json
    resume: Resume
    mode: Mode
    directory: Path
    """Absolute: where the prints go."""
    strict: bool
    schedule: CaptureSchedule
    total_episodes: int
    fps: float
    formats: tuple[str, ...]
    overlay: tuple[str, ...]
    memory_bytes: int
    spool_bytes: int
    results_bytes: int
    close_timeout_s: float
    endpoint: str
    complaints: tuple[str, ...] = ()
    """What was put right and should be said."""
    resumed: bool = False
    """The id was known already: found out when the run begins, where a daemon can be asked."""


def resolve(
    *,
    project: str | None = None,
    name: str | None = None,
    group: str | None = None,
    tags: Iterable[str] = (),
    config: Any = None,
    id: str | None = None,
    resume: str | None = None,
    writer: str = "main",
    mode: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    strict: bool | None = None,
    schedule: CaptureSchedule | str | None = None,
    total_episodes: int | None = None,
    fps: float = 30.0,
    formats: Iterable[str] = FORMATS[:1],
    overlay: Iterable[str] = (),
    memory_bytes: int = MEMORY_BYTES,
    spool_bytes: int = SPOOL_BYTES,
    results_bytes: int = RESULTS_BYTES,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
    environ: Mapping[str, str] | None = None,
) -> RunOptions:
    """The options in force: an argument wins over its variable, which wins over the default.

    Raises:
        BadInput: a value cannot be used; the message says which, and what is expected.
    """
    environ = os.environ if environ is None else environ
    complaints: list[str] = []
    given = id if id is not None else environ.get("FILMLAB_RUN_ID") or None
    run_id = new_id() if given is None else check_run_id(_is_text(given, "id"))
    mode_used = _one_of(mode or environ.get("FILMLAB_MODE") or "auto", Mode, "mode")
    resume_used = _one_of(resume or environ.get("FILMLAB_RESUME") or "allow", Resume, "resume")
    if given is None and resume_used == "must":
        raise BadInput("resume='must' needs the id of the run: init(id=…), or FILMLAB_RUN_ID")
    project_used = _name(project or environ.get("FILMLAB_PROJECT") or "default", "project", complaints)
    name_used = _name(name or environ.get("FILMLAB_NAME") or script_name(), "name", complaints)
    doc, complaint = document(config, "config")
    complaints += [complaint] if complaint else []
    endpoint = environ.get("FILMLAB_ENDPOINT", "")
    if endpoint:
        socket_path(endpoint)
    return RunOptions(
        run_id=run_id,
        given_id=given is not None,
        writer=check_writer(_is_text(writer, "writer")),
        project=project_used,
        name=name_used,
        group=_name(group or environ.get("FILMLAB_GROUP") or "", "group", complaints),
        tags=_tags(tags, complaints),
        config=doc,
        resume=resume_used,
        mode=mode_used,
        directory=run_directory(dir or environ.get("FILMLAB_DIR") or "filmlab", project_used, name_used, run_id),
        strict=strict if strict is not None else _flag(environ.get("FILMLAB_STRICT", "")),
        schedule=_schedule(schedule),
        total_episodes=whole("total_episodes", total_episodes or 0, 0),
        fps=check_fps(fps),
        formats=_chosen("formats", formats, FORMATS) or FORMATS[:1],
        overlay=_chosen("overlay", overlay, OVERLAYS),
        memory_bytes=whole("memory_bytes", memory_bytes, MEMORY_MIN_BYTES),
        spool_bytes=whole("spool_bytes", spool_bytes, 0),
        results_bytes=whole("results_bytes", results_bytes, 0, RESULTS_MOST_BYTES),
        close_timeout_s=_seconds("close_timeout_s", close_timeout_s),
        endpoint=endpoint,
        complaints=tuple(complaints),
    )


def new_id() -> str:
    """Eight characters of a-z and 2-7."""
    return "".join(_ID_ALPHABET[byte & 31] for byte in os.urandom(8))


def run_directory(base: str | os.PathLike[str], project: str, name: str, run_id: str) -> Path:
    """Absolute: `<base>/<project>/<name>-<short id>`. Raises BadInput where the daemon could not take such a path."""
    root = Path(base).expanduser().absolute()
    path = Path(os.path.normpath(root)) / file_name(project) / f"{file_name(name)}-{short_id(run_id)}"
    try:
        text = os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput(f"dir: {os.fspath(base)!r} is no UTF-8 path") from None
    if len(text) > 3800 or b"\0" in text:
        raise BadInput("dir: the path is too long, or has a NUL in it")
    return path


def script_name() -> str:
    """What runs, without its suffix; `run` where there is no script."""
    stem = Path(sys.argv[0] if sys.argv else "").stem
    return stem if stem not in ("", "-c", "-m", "__main__", "ipykernel_launcher") else "run"


def _name(text: str, what: str, complaints: list[str]) -> str:
    """Free text as it can be stored; what was taken out of it is said."""
    cleaned = clean_text(_is_text(text, what))
    if text and not cleaned:
        raise BadInput(f"{what}: nothing of it can be shown")
    if cleaned != text and len(text) != len(cleaned):
        complaints.append(f"{what}: cut to 200 characters without control characters: {cleaned[:60]!r}…")
    return cleaned


def _tags(tags: Iterable[str], complaints: list[str]) -> tuple[str, ...]:
    items = (tags,) if isinstance(tags, str) else tuple(tags)
    return tuple(_name(tag, "tag", complaints) for tag in items[:100] if tag)


def _is_text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{what}: a text, got {type(value).__name__}")
    return value


def _one_of(value: str, choices: Any, what: str) -> Any:
    if value not in get_args(choices):
        raise BadInput(f"{what}: one of {', '.join(get_args(choices))}; got {value!r}")
    return value


def _chosen(what: str, given: Iterable[str], choices: tuple[str, ...]) -> tuple[str, ...]:
    """Some of the choices, each once, in the order given; one alone needs no brackets."""
    try:
        chosen = (given,) if isinstance(given, str) else tuple(given)
    except TypeError:
        raise BadInput(f"{what}: some of {', '.join(choices)}; got {type(given).__name__}") from None
    for item in chosen:
        if item not in choices:
            raise BadInput(f"{what}: some of {', '.join(choices)}; got {item!r}")
    return tuple(dict.fromkeys(chosen))


def _flag(text: str) -> bool:
    if text.lower() not in ("", "0", "1", "false", "true", "no", "yes"):
        raise BadInput(f"FILMLAB_STRICT: 0 or 1, got {text!r}")
    return text.lower() in ("1", "true", "yes")


def _schedule(value: CaptureSchedule | str | None) -> CaptureSchedule:
    if value is None:
        return CaptureSchedule(cubic=True)
    schedule = CaptureSchedule.parse(value) if isinstance(value, str) else value
    if not isinstance(schedule, CaptureSchedule):
        raise BadInput(f"schedule: a CaptureSchedule or its text, got {type(schedule).__name__}")
    # Raises for a limit that stands alone.
    Decider(schedule)
    return schedule


def _seconds(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise BadInput(f"{what}: seconds from 0, got {value!r}")
    return float(value)
