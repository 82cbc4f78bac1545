"""How does a run begin? Options are resolved, a given id is asked for, the run joins its session, one line is said."""

import itertools
import os
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filmlab import options as settings
from filmlab._current import current, enter, finish
from filmlab._foreign import INIT_OPTIONS, leave_out
from filmlab._process import is_open, is_ours
from filmlab._run import Run
from filmlab.control import Control
from filmlab.endpoint import socket_path
from filmlab.errors import BadInput, Transient
from filmlab.launch import ensure_daemon
from filmlab.media import Text
from filmlab.notices import say
from filmlab.options import RunOptions
from filmlab.paths import StatePaths
from filmlab.schedule import CaptureSchedule

CLAIM_TIMEOUT_S = 5.0
LEAVING_TIMEOUT_S = 30.0
FULL_DISK_TIMEOUT_S = 2.0
"""The same while film is not taken: what was left may have to wait for days."""
LEAVING_LOOK_S = 0.02


class WriterAlive(BadInput):
    """The run that was asked for has this very writer, in another process."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the daemon knows of a run's id."""

    known: bool
    directory: str
    writers: tuple[str, ...]
    """Alive."""
    leaving: tuple[str, ...]
    """Those of them whose process is done: what they left is being taken in."""
    film_refused: bool
    """Film is not taken in for now."""


def init(
    project: str | None = None,
    name: str | None = None,
    *,
    group: str | None = None,
    tags: Iterable[str] | None = (),
    config: Any = None,
    id: str | None = None,
    resume: str | bool | None = None,
    writer: str = "main",
    mode: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    strict: bool | None = None,
    schedule: CaptureSchedule | str | None = None,
    total_episodes: int | None = None,
    fps: float = 30.0,
    formats: Iterable[str] = ("gif",),
    overlay: Iterable[str] = (),
    memory_bytes: int = settings.MEMORY_BYTES,
    spool_bytes: int = settings.SPOOL_BYTES,
    results_bytes: int = settings.RESULTS_BYTES,
    close_timeout_s: float = settings.CLOSE_TIMEOUT_S,
    notes: str | None = None,
    reinit: bool | str | None = None,
    sync_tensorboard: bool | None = None,
    **others: Any,
) -> Run:
    """Begin a run, or a further attempt of one, and print one line about it. Does not wait for the daemon.

    (With an `id` of one's own it does, for up to 5 s, since somebody else may be using it.)

    Args:
        project: FILMLAB_PROJECT, else `default`.
        name: FILMLAB_NAME, else the script's. Free text; need not be unique.
        group: FILMLAB_GROUP. What belongs together, such as the seeds of one experiment.
        tags: up to 100 texts.
        config: a mapping, a dataclass or a namespace.
        id: FILMLAB_RUN_ID, else a new one. The same id again joins the run, or resumes it.
        resume: FILMLAB_RESUME, else `allow`, as True is; `must`: the id is known; `never`: it is not.
        writer: who this is among several processes of one run.
        mode: FILMLAB_MODE, else `auto` (starts a daemon where there is none); `online` (starts none); `offline` (keeps
            all on disk until a daemon takes it); `disabled` (does nothing).
        dir: FILMLAB_DIR, else `./filmlab`: the prints go to `<dir>/<project>/<name>-<id>/`.
        strict: FILMLAB_STRICT. Later calls raise instead of warning; for tests.
        schedule: which episodes are captured; default `CaptureSchedule(cubic=True)`.
        total_episodes: how many there will be, for `last_n_episodes`.
        fps: of the clips.
        formats: what clips are printed as: some of `gif`, `webp` and `mp4` (for which PyAV must be installed).
        overlay: what stands under the picture of an episode: some of `episode`, `step`, `return` and `action`.
        memory_bytes: ceiling on what is held in memory, in raw bytes; over it whole films are dropped.
        spool_bytes: ceiling on what is kept on disk while no daemon answers; 0: nothing.
        results_bytes: ceiling on results (`log_results`) that are not durable yet, up to 8 GiB; over it the agent's
            state is left out.
        close_timeout_s: how long `finish` waits for the daemon.
        notes: a text about the run, which becomes its medium `notes`.
        reinit: True or `finish_previous`: the run that was begun last is finished first; `return_previous`: it is
            returned in place of a new one, where it is open.
        sync_tensorboard: numbers that any library of this process writes to TensorBoard's files are the run's, too.
        others: what `wandb.init` takes beside these. Said in one line, and left out.

    Raises:
        BadInput: an argument or variable cannot be used; this writer of the run is alive elsewhere; `resume` does not
            agree with what is known of the id.
        TypeError: an argument is nobody's.
    """
    leave_out("init", others, INIT_OPTIONS)
    previous = current()
    if reinit == "return_previous" and previous is not None:
        return previous
    if reinit in (True, "finish_previous"):
        finish()
    options = settings.resolve(
        project=project, name=name, group=group, tags=tags or (), config=config, id=id,
        resume=_resume(resume), writer=writer,
        mode=mode, dir=dir, strict=strict, schedule=schedule, total_episodes=total_episodes, fps=fps, formats=formats,
        overlay=overlay, memory_bytes=memory_bytes, spool_bytes=spool_bytes, results_bytes=results_bytes,
        close_timeout_s=close_timeout_s,
    )  # fmt: skip
    for complaint in options.complaints:
        say(complaint)
    if is_open(options.run_id, options.writer):
        raise BadInput(f"run {options.run_id}: its writer {options.writer!r} is open in this very process")
    if options.given_id and options.mode in ("auto", "online"):
        options = _agree(options)
    run = Run(options)
    enter(run)
    say(_greeting(options))
    if notes:
        run.log({"notes": Text(notes)})
    if sync_tensorboard and not run.disabled:
        _sync_tensorboard(run)
    return run


def _sync_tensorboard(run: Run) -> None:
    from filmlab.integrations._listening import listen

    if not listen(run):
        say("init: sync_tensorboard: TensorBoard is not installed here, so there is nothing to listen to")


def _resume(given: str | bool | None) -> str | None:
    """As wandb's scripts say it: True and `auto` go on with what there is."""
    if given is False:
        return None
    return "allow" if given is True or given == "auto" else given


def _agree(options: RunOptions) -> RunOptions:
    """The options as they fit what the daemon knows of this id. Raises BadInput where they do not."""
    try:
        claim = _claim(options)
        began_at = time.monotonic()
        while options.writer in claim.leaving and time.monotonic() < began_at + _patience_s(claim):
            time.sleep(LEAVING_LOOK_S)
            claim = _claim(options)
    except Transient as error:
        say(f"run {options.run_id}: could not ask whether this id is in use ({error}); going on")
        return options
    if options.writer in claim.leaving:
        # No reason to refuse a training.
        writer = another_writer(options.writer, claim.writers)
        waits = f"what its writer {options.writer!r} left waits to be taken in"
        say(f"run {options.run_id}: {waits}; going on as {writer!r}")
        options = replace(options, writer=writer)
    if options.writer in claim.writers:
        raise WriterAlive(
            f"run {options.run_id}: its writer {options.writer!r} is alive in another process; "
            "give this one another name: init(id=…, writer=…)"
        )
    if options.resume == "must" and not claim.known:
        raise BadInput(f"run {options.run_id} is not known here, and resume='must' asks for one that is")
    if options.resume == "never" and claim.known:
        raise BadInput(f"run {options.run_id} is known already, and resume='never' asks for a new one")
    directory = Path(claim.directory) if claim.directory else options.directory
    return replace(options, directory=directory, resumed=claim.known)


def _patience_s(claim: Claim) -> float:
    return FULL_DISK_TIMEOUT_S if claim.film_refused else LEAVING_TIMEOUT_S


def another_writer(writer: str, taken: Container[str] = ()) -> str:
    """A name for a writer of this process, where `writer` is in use: `main-4711`, or `main-4711-2`."""
    name = f"{writer[:50]}-{os.getpid()}"
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


def _claim(options: RunOptions) -> Claim:
    """Ask the daemon. Raises Transient when none answers."""
    reply = Control(_control(options), CLAIM_TIMEOUT_S).ask("claim", run_id=options.run_id, writer=options.writer)
    try:
        sessions = {str(writer): int(session, 16) for writer, session in reply["sessions"].items()}
        # That one of our own has finished (it is not open any more), we know before the daemon does.
        ours = {writer for writer, session in sessions.items() if is_ours(session)}
        leaving = ours | set(reply["leaving"])
        refused = bool(reply.get("film_refused"))
        return Claim(bool(reply["known"]), str(reply["directory"]), tuple(sessions), tuple(leaving), refused)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Transient(f"the daemon's answer is not understood: {error}") from None


def _control(options: RunOptions) -> StatePaths | str:
    """Where the daemon is asked; in mode auto one is started for it."""
    if options.endpoint:
        return f"ipc://{socket_path(options.endpoint).with_name('control.sock')}"
    paths = StatePaths.find()
    return ensure_daemon(paths, CLAIM_TIMEOUT_S).control if options.mode == "auto" else paths


def _greeting(options: RunOptions) -> str:
    if options.mode == "disabled":
        return f"{options.project}/{options.name}: disabled, nothing is recorded"
    kept = " (kept on disk until a daemon takes it)" if options.mode == "offline" else ""
    return f"{options.project}/{options.name} → {options.directory}{kept}; `filmlab ls {options.run_id}` lists it"
