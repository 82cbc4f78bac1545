"""What does a training say to filmlab? A `Run`: its numbers, its episodes, and when it is over."""

import os
import random
import sys
import time
import weakref
from collections.abc import Mapping
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

from filmlab import _process
from filmlab._episode import Episode, check_index
from filmlab._rows import ROWS_MAX, Row, Sorted, sort_out
from filmlab._stats import Stats, farewell, stats_of
from filmlab.errors import BadInput
from filmlab.intake import FilmEnd, Shot
from filmlab.jsonable import document
from filmlab.media import Image, Video
from filmlab.notices import Notices, say
from filmlab.options import RunOptions
from filmlab.reel import Reel
from filmlab.schedule import Decider, Decision
from filmlab.tally import FlushWait, Tally
from filmlab.wire.entries import (
    NO_EPISODE,
    NO_STEP,
    EntryType,
    Flush,
    Media,
    RunBegin,
    RunFinish,
    RunUpdate,
    encode_body,
    encode_entry,
)
from filmlab.wire.jsonbody import Json

_NEVER = Decision(False, False, "nothing is recorded")
_STEP_MAX = 2**63 - 1


class Run:
    """One run, made by `filmlab.init`. Any thread may use it; nothing raises into the training (see `init(strict=)`).

    Attributes:
        id, name, project, writer: as `init` has them.
        dir: the absolute directory where the prints go.
    """

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self.id, self.name, self.project = options.run_id, options.name, options.project
        self.writer = options.writer
        self.dir = options.directory
        self._notices = Notices(strict=options.strict)
        self._tally = Tally(0, self._notices)
        self._meter = self._tally.meter
        self._decider = Decider(options.schedule, options.total_episodes)
        self._next_episode = 0
        self._episodes: weakref.WeakSet[Episode] = weakref.WeakSet()
        self._rows: dict[tuple[str, ...], Row] = {}
        """Empty whenever a call must look closer: at first, after `finish`, in a forked child."""
        self._process: _process.Process | None = None
        self._former_session = 0
        self._away = ""
        """Why the session is not this process's own any more: `forked` or `lost`."""
        self._finished = False
        if options.mode != "disabled":
            self._join(0)

    # --- what is recorded -------------------------------------------------------------------------------------------

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Numbers, images and clips of one moment.

        Args:
            values: by name: anything that `float()` takes (numpy and torch scalars too; one on a GPU is waited for),
                `filmlab.Image` or `filmlab.Video`. NaN and infinities are kept. What is none of these is left out.
            step: where on the x axis; None: one more than this writer's last.
        """
        began = perf_counter_ns()
        try:
            row = self._rows[tuple(values)]
            body = row.ids + row.pack(*values.values())
            at = NO_STEP if step is None else step
            entry = encode_body(EntryType.SNAPSHOT, body, self._tally.number, at, NO_EPISODE, time.time())
            process = self._process
            if process is None or not process.intake.put_metrics(entry):
                self._drop_metrics()
            else:
                process.link.wake()
        except Exception:  # noqa: BLE001  # new keys, media, no number, bad step, not open: all are sorted out there
            self._log_closely(values, step)
        finally:
            self._meter.add(perf_counter_ns() - began)

    def episode(self, index: int | None = None, *, capture: bool | None = None, reason: str = "") -> Episode:
        """Begin an episode.

        Args:
            index: its number, from 0; None: one more than the last.
            capture: None: the run's schedule decides; else whether its frames are recorded, for the `reason` given.
        """
        began = perf_counter_ns()
        try:
            episode = self._begin_episode(index, capture, reason)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `_failed`
            self._failed("episode", error)
            episode = Episode(self, self._next_episode, _NEVER)
        finally:
            self._meter.add(perf_counter_ns() - began)
        return episode

    def log_episode(
        self,
        return_: float,
        length: int,
        *,
        index: int | None = None,
        solved: bool | None = None,
        metadata: Any = None,
    ) -> None:
        """An episode of which only the totals are known. It has no film."""
        began = perf_counter_ns()
        try:
            if self._ready("log_episode"):
                episode = Episode(self, self._number(index), Decision(False, False, "only its totals were logged"))
                self._episodes.add(episode)
                episode._return, episode._length = float(return_), check_index(length)
                episode.end(solved, metadata)
        except Exception as error:  # noqa: BLE001  # as above
            self._failed("log_episode", error)
        finally:
            self._meter.add(perf_counter_ns() - began)

    def update(self, *, config: Any = None, summary: Any = None) -> None:
        """Set keys of the run's configuration or summary."""
        try:
            if self._ready("update"):
                documents = [_document(config, "config", self), _document(summary, "summary", self)]
                entry = RunUpdate(run=self._tally.number, wall=time.time(), config=documents[0], summary=documents[1])
                self._put(encode_entry(entry))
        except Exception as error:  # noqa: BLE001  # as above
            self._failed("update", error)

    # --- waiting and ending -----------------------------------------------------------------------------------------

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait until everything so far is durable and its prints are there.

        Returns False when that did not come to be within `timeout_s`, when a print failed (the reason is warned
        of), and at once where no daemon is meant to answer (`offline`).
        """
        try:
            return self._flush(timeout_s) if self._ready("flush") else self._options.mode == "disabled"
        except Exception as error:  # noqa: BLE001  # as above
            self._failed("flush", error)
            return False

    def finish(self, status: str = "finished") -> None:
        """The run is over: returns once everything is safe, at the latest after `close_timeout_s`. Idempotent.

        Episodes that are still open end as not complete. `status` is `finished` or `crashed`.
        """
        if self._finished:
            return
        try:
            self._finish("crashed" if status == "crashed" else "finished")
        except Exception as error:  # noqa: BLE001  # as above
            self._failed("finish", error)

    @property
    def stats(self) -> Stats:
        """What was handed over, dropped and printed so far, and what it cost the training."""
        return stats_of(self._tally)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fine = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        self.finish("finished" if fine else "crashed")

    def __repr__(self) -> str:
        return f"<filmlab.Run {self.id} {self.project}/{self.name} in {self.dir}>"

    # --- log, slowly ------------------------------------------------------------------------------------------------

    def _log_closely(self, values: Any, step: Any) -> None:
        """What the quick path of `log` could not do: pair by pair, and every complaint said."""
        try:
            if not self._ready("log"):
                return
            if not isinstance(values, Mapping):
                raise BadInput(f"log: a mapping of names to numbers, got {type(values).__name__}")
            found = sort_out(values)
            at = self._step(step, found)
            self._log_numbers(found, at, tuple(values))
            for name, medium in found.media:
                self._log_medium(name, medium, at)
            for kind, message in found.complaints:
                self._notices.warn(kind, f"run {self.id}: {message}")
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `_failed`
            self._failed("log", error)

    def _log_numbers(self, found: Sorted, step: int, keys: tuple[str, ...]) -> None:
        process, names = self._process, tuple(found.names)
        if not names or process is None:
            return
        wall, number = time.time(), self._tally.number
        row = Row.of(process.metric_ids(names, number, wall))
        if names == keys:
            if len(self._rows) >= ROWS_MAX:
                self._rows.clear()
            self._rows[keys] = row
        body = row.ids + row.pack(*found.values)
        self._put_metrics(encode_body(EntryType.SNAPSHOT, body, number, step, NO_EPISODE, wall))

    def _log_medium(self, name: str, medium: Image | Video, step: int) -> None:
        process, wall = self._process, time.time()
        if process is None:
            return
        size_bytes = sum(frame.nbytes for frame in medium.frames)
        if not process.intake.film_room(size_bytes):
            self._tally.count_drop("media over memory_bytes")
            self._notices.warn("media-dropped", f"run {self.id}: {name!r} is dropped: over memory_bytes")
            return
        reel = Reel(next(process.film_numbers), self._tally.number, NO_EPISODE, wall)
        reel.shutter.adopt(medium.frames[0])
        for frame in medium.frames:
            process.intake.put_shot(Shot(reel, frame, None, 0.0, is_step=False, frame_bytes=frame.nbytes))
        reel.frames, reel.handed_bytes = len(medium.frames), size_bytes
        entry = Media(
            run=reel.run, wall=wall, step=step, name=name, mime=medium.MIME, film=reel.number, fps=medium.fps,
            caption=medium.caption,
        )  # fmt: skip
        self._tally.films_begun += 1
        process.intake.put_end(FilmEnd(reel, entry))
        process.link.wake()

    def _step(self, step: Any, found: Sorted) -> int:
        if step is None:
            return NO_STEP
        try:
            value = int(step) if isinstance(step, float) and step.is_integer() else step.__index__()
        except AttributeError:
            found.complaints.append(("step", f"step is a whole number, got {type(step).__name__}; it is left out"))
            return NO_STEP
        if not -_STEP_MAX <= value <= _STEP_MAX:
            found.complaints.append(("step", f"step {value} does not fit 64 bits; it is left out"))
            return NO_STEP
        return int(value)

    # --- episodes ---------------------------------------------------------------------------------------------------

    def _begin_episode(self, index: Any, capture: bool | None, reason: str) -> Episode:
        number = self._number(index)
        if not self._ready("episode") or self._tally.refused:
            return Episode(self, number, _NEVER)
        self._take_plan()
        if capture is None:
            decision = self._decider.decide(number, time.monotonic())
        else:
            decision = Decision(bool(capture), False, reason or ("asked for" if capture else "not asked for"))
        episode = Episode(self, number, decision)
        self._episodes.add(episode)
        return episode

    def _number(self, index: Any) -> int:
        number = self._next_episode
        if index is not None:
            try:
                number = check_index(index)
            except BadInput as error:
                self._notices.warn("index", f"run {self.id}: {error}; counted as {number}")
        self._next_episode = max(self._next_episode, number + 1)
        return number

    def _take_plan(self) -> None:
        plan, self._tally.plan = self._tally.plan, None
        if plan is None:
            return
        try:
            self._decider = self._decider.with_plan(plan)
        except BadInput as error:
            self._notices.tell("plan", f"run {self.id}: a plan of the daemon is not understood: {error}")

    def _episode_ended(self, episode: Episode) -> None:
        self._tally.episodes += 1
        self._episodes.discard(episode)

    # --- handing over -----------------------------------------------------------------------------------------------

    def _put(self, entry: bytes) -> None:
        """Hand over an entry that must not be dropped."""
        process = self._process
        if process is not None:
            process.intake.put_entry(entry)
            process.link.wake()

    def _put_metrics(self, entry: bytes) -> None:
        process = self._process
        if process is None:
            return
        if process.intake.put_metrics(entry):
            process.link.wake()
        else:
            self._drop_metrics()

    def _drop_metrics(self) -> None:
        """The reserve for numbers is full, and the spool too: the last resort."""
        self._tally.dropped_metrics += 1
        self._tally.count_drop("memory and spool are full")
        self._notices.warn("metrics-dropped", f"run {self.id}: metrics are dropped: memory and spool are full")

    def _failed(self, what: str, error: Exception) -> None:
        """Say once that a call failed; with strict, raise what it failed with."""
        if self._notices.strict:
            raise error
        self._notices.warn(f"{what} {type(error).__name__}", f"run {self.id}: {what} failed: {error}")

    # --- the session ------------------------------------------------------------------------------------------------

    def _join(self, parent_session: int) -> None:
        options = self._options
        self._process = _process.join(options, self, self._tally, parent_session)
        begin = RunBegin(
            run=self._tally.number,
            wall=time.time(),
            run_id=self.id,
            writer=self.writer,
            project=self.project,
            name=self.name,
            directory=os.fspath(self.dir),
            group=options.group,
            tags=options.tags,
            config=options.config,
            resume=options.resume,
            schedule=str(options.schedule),
            total_episodes=options.total_episodes,
            fps=options.fps,
        )
        self._put(encode_entry(begin))

    def _ready(self, what: str) -> bool:
        """Whether the run can record; begins a new session where the former was lost or is a parent's."""
        if self._finished:
            self._notices.warn("late", f"run {self.id}: {what} after finish; ignored")
            return False
        if self._away:
            self._rejoin()
        return self._process is not None

    def _detach(self, why: str) -> None:
        """The session is gone, or another process's. Called between two instructions of the training: does little."""
        self._away = why
        self._rows = {}
        self._former_session = self._process.link.session if self._process is not None else 0
        if why == "forked":
            # Another thread of the parent may hold a lock in there at this moment.
            self._tally = Tally(0, self._notices)
            self._meter = self._tally.meter
        self._process = None
        for episode in list(self._episodes):
            episode._detach()

    def _rejoin(self) -> None:
        """In a forked child the run goes on under a writer of its own."""
        why, self._away = self._away, ""
        if why == "forked":
            self.writer = f"{self._options.writer[:60]}-{os.getpid()}"
        self._join(self._former_session)

    # --- flush and finish, inside -----------------------------------------------------------------------------------

    def _flush(self, timeout_s: float) -> bool:
        process, tally = self._process, self._tally
        assert process is not None
        if self._options.mode == "offline":
            process.link.wait_safe(timeout_s)
            return False
        deadline = time.monotonic() + timeout_s
        wait = FlushWait(random.getrandbits(63) or 1)
        tally.flushes[wait.token] = wait
        try:
            self._put(encode_entry(Flush(run=tally.number, wall=time.time(), token=wait.token)))
            process.link.hurry()
            while not wait.answered.wait(max(0.0, min(0.25, deadline - time.monotonic()))):
                if process.link.dead or time.monotonic() >= deadline:
                    return False
        finally:
            tally.flushes.pop(wait.token, None)
        if not wait.ok and wait.reason:
            self._notices.warn("print-failed", f"run {self.id}: {wait.reason}")
        return wait.ok

    def _finish(self, status: str) -> None:
        if self._away == "lost":
            self._rejoin()
        if self._away:
            # Nothing was recorded here since the fork: the run is the parent's to finish.
            self._finished = True
            return
        for episode in list(self._episodes):
            episode._leave(complete=False)
        self._finished = True
        self._rows = {}
        process, self._process = self._process, None
        if process is None:
            return
        blocked = self._meter.take()
        if blocked.counts:
            process.intake.put_entry(encode_entry(blocked.entry(self._tally.number, time.time())))
        process.intake.put_entry(encode_entry(RunFinish(run=self._tally.number, wall=time.time(), status=status)))
        departure = process.leave(self, self._tally, self._options.close_timeout_s)
        label = f"{self.project}/{self.name} ({self.id}) {status}"
        say(farewell(label, self._tally, self.dir, departure.closing, safe=departure.safe))

    def _finish_at_exit(self) -> None:
        """The interpreter ends without `finish`: by its end, or by an exception that nobody caught."""
        crashed = getattr(sys, "last_type", None) is not None and not hasattr(sys, "ps1")
        self.finish("crashed" if crashed else "finished")


def _document(value: Any, what: str, run: Run) -> Json:
    found, complaint = document(value, what)
    if complaint:
        run._notices.warn(what, f"run {run.id}: {complaint}")
    return found
