"""What does a training say to filmlab? A `Run`: its numbers, its episodes, and when it is over."""

import contextlib
import operator
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

from filmlab._episode import Episode
from filmlab._folder import AS_ITS_RUN, Printing
from filmlab._foreign import DroppedCalls
from filmlab._log import Logbook
from filmlab._named import Named
from filmlab._process import Departure, Process
from filmlab._refused import RefusedCalls
from filmlab._seat import Seat
from filmlab._stats import Stats, farewell, stage_of, stats_of
from filmlab._values import values_of
from filmlab.definitions import Metric, define
from filmlab.errors import BadInput
from filmlab.jsonable import as_text
from filmlab.link.waiting import LOOK_EVERY_S
from filmlab.notices import say
from filmlab.options import RunOptions
from filmlab.progress import Display
from filmlab.schedule import Decider, Decision
from filmlab.wholes import whole
from filmlab.wire.entries import (
    NO_EPISODE,
    NO_STEP,
    EntryType,
    Flush,
    RunFinish,
    encode_body,
    encode_entry,
)

_NEVER = Decision(False, False, "nothing is recorded")


class Run(Named, DroppedCalls, RefusedCalls):
    """One run, made by `filmlab.init`. Any thread may use it; nothing raises into the training (see `init(strict=)`).

    Attributes:
        id, name, project, group, tags: as `init` has them; they do not change.
        config, summary: mappings, by items or by attributes; what is set in them is recorded.
    """

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._seat = Seat(options, self._finish_at_exit)
        self.config, self.summary = values_of(self._seat)
        self._book = Logbook(self._seat)
        self._decider = Decider(options.schedule, options.total_episodes)
        self._next_episode = 0
        self._joins = 0
        if options.mode != "disabled":
            self._seat.join()

    @property
    def dir(self) -> Path:
        """The absolute directory where the prints go. Made here, for programs that save beside them."""
        if self._options.mode != "disabled":
            with contextlib.suppress(OSError):
                self._options.directory.mkdir(parents=True, exist_ok=True)
        return self._options.directory

    @property
    def writer(self) -> str:
        """Who this is among the run's processes. In a forked child another one than in its parent."""
        return self._seat.writer

    # --- what is recorded -------------------------------------------------------------------------------------------

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        *,
        wall: float | None = None,
    ) -> None:
        """Numbers, media and clips of one moment.

        Args:
            data: by name: anything that `float()` takes (numpy and torch scalars too; one on a GPU is waited for),
                `filmlab.Image`, `Video`, `Text` or `Histogram`, or lists of these. A mapping's values are called
                `name.key`. NaN and infinities are kept. What is none of these is left out.
            step: where on the x axis; None: one more than this writer's last.
            commit: False, without a step: goes with the next row.
            wall: Unix time of the moment; None: now.
        """
        began = perf_counter_ns()
        try:
            if commit is not None or wall is not None or self._book.held or not self._log_quickly(data, step):
                self._book.log(data, step, commit, wall)
        finally:
            self._seat.tally.meter.add(perf_counter_ns() - began)

    def define_metric(
        self, name: str, step_metric: Any = None, *_: Any, summary: Any = None, goal: str | None = None, **__: Any
    ) -> Metric:
        """Say of a metric, before it is logged, what its x axis is and what is summed up of it.

        Args:
            name: of the metric; with `*` at its end, of all whose names begin so.
            step_metric: the metric whose value is the step of this one. Steps are whole numbers: a fraction is said
                once, and what is logged there stands at the last whole one.
            summary: one or more of `min`, `max`, `mean`, `last`, `best` and `none`, separated by commas: what the
                run's summary says of it, as `name.min`.
            goal: `minimize` or `maximize`: what `best` is.
        """
        metric = Metric(as_text(name))
        try:
            if self._seat.ready("define_metric"):
                self._book.define(metric.name, define(step_metric, summary, goal))
        except Exception as error:  # noqa: BLE001  # as in `episode`
            self._seat.failed("define_metric", error)
        return metric

    def episode(
        self,
        index: int | None = None,
        *,
        capture: bool | Decision | None = None,
        reason: str = "",
        printing: Printing = AS_ITS_RUN,
    ) -> Episode:
        """Begin an episode.

        Args:
            index: its number, from 0; None: one more than the last.
            capture: None: the run's schedule decides; else whether its frames are recorded, for the `reason` given.
                What somebody asked for with `filmlab record` is recorded in any case. For integrations: what
                `decide` said.
            printing: for integrations: how its film is printed, where that differs from the run's.
        """
        began = perf_counter_ns()
        try:
            episode = self._begin_episode(index, capture, reason, printing)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self._seat.failed("episode", error)
            episode = Episode(self._seat, self._next_episode, _NEVER)
        finally:
            self._seat.tally.meter.add(perf_counter_ns() - began)
        return episode

    def asks_for(self, index: int) -> str:
        """Why episode `index` is to be captured when somebody asked for it (`filmlab record`); empty when nobody did.

        For loops that decide by themselves what they film. Beginning the episode is what uses the request up.
        """
        try:
            if self._seat.ready("asks_for"):
                self._take_plan()
                return self._decider.asks_for(whole("episode", index))
        except Exception as error:  # noqa: BLE001  # as in `episode`
            self._seat.failed("asks_for", error)
        return ""

    def decide(self, index: int, capture: bool | None = None, reason: str = "") -> Decision:
        """What `episode` decides with these arguments, for integrations; uses up what was asked for."""
        try:
            if self._seat.ready("decide") and not self._seat.tally.refused:
                return self._decide(whole("episode", index), capture, reason)
        except Exception as error:  # noqa: BLE001  # as in `episode`
            self._seat.failed("decide", error)
        return _NEVER

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
            if self._seat.ready("log_episode"):
                decision = Decision(False, False, "only its totals were logged")
                episode = Episode(self._seat, self._number(index), decision)
                episode.totals(return_, length)
                episode.end(solved, metadata)
        except Exception as error:  # noqa: BLE001  # as above
            self._seat.failed("log_episode", error)
        finally:
            self._seat.tally.meter.add(perf_counter_ns() - began)

    def log_results(
        self, results: Any, save_checkpoint: bool = False, *, metadata: Any = None, episodes: Any = None
    ) -> None:
        """Have the lab write the run's directory, for `filmlab.results.load_run(run.dir)`. Copies the results once.

        Args:
            results: `TrainingResults` or `EvaluationResults`. The latest of a kind stay; see docs/results.md.
            save_checkpoint: the agent's state too, unless it is over `results_bytes`.
            metadata: a `RunMetadata`; None: as it is found here.
            episodes: `EpisodeFiles`, when the episodes in the results are to be files, and videos.
        """
        # Here, so that programs without results do not load what copies them.
        from filmlab._results import log_results

        log_results(self._seat, results, save_checkpoint, metadata, episodes)

    def update(self, *, config: Any = None, summary: Any = None) -> None:
        """Set keys of the run's configuration or summary."""
        self.config.update(config)
        self.summary.update(summary)

    def _log_quickly(self, values: Mapping[str, Any], step: Any) -> bool:
        """A row of keys that are known; False where anything has to be looked at more closely."""
        try:
            row = self._seat.rows[tuple(values)]
            body = row.ids + row.pack(*values.values())
            at = NO_STEP if step is None else step
            entry = encode_body(EntryType.SNAPSHOT, body, self._seat.tally.number, at, NO_EPISODE, time.time())
        except Exception:  # noqa: BLE001  # new keys, media, no number, bad step, not open: all are sorted out elsewhere
            return False
        self._seat.put_metrics(entry, len(values))
        return True

    # --- waiting and ending -----------------------------------------------------------------------------------------

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait until everything so far is durable and its prints are there.

        Returns False when that did not come to be within `timeout_s`, when a print failed (the reason is warned
        of), and at once where no daemon is meant to answer (`offline`).
        """
        try:
            return self._flush(timeout_s) if self._seat.ready("flush") else self._options.mode == "disabled"
        except Exception as error:  # noqa: BLE001  # as above
            self._seat.failed("flush", error)
            return False

    def finish(self, status: str | int | None = None, *, exit_code: int | None = None, quiet: Any = None) -> None:
        """The run is over: returns once everything is safe, at the latest after `close_timeout_s`. Idempotent.

        Episodes that are still open end as not complete.

        Args:
            status: `finished` or `crashed`; a number is an exit code.
            exit_code: not 0: it has crashed.
            quiet: taken for wandb's sake.
        """
        if self._seat.finished:
            return
        self._book.release()
        try:
            self._finish("crashed" if _is_failure(status) or _is_failure(exit_code) else "finished")
        except Exception as error:  # noqa: BLE001  # as above
            self._seat.failed("finish", error)

    @property
    def url(self) -> str:
        """Of the run's page, which opens from disk."""
        return (self._options.directory / "index.html").as_uri()

    @property
    def stats(self) -> Stats:
        """What was handed over, dropped and printed so far, and what it cost the training."""
        return stats_of(self._seat.tally)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fine = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        self.finish("finished" if fine else "crashed")

    def __repr__(self) -> str:
        return f"<filmlab.Run {self.id} {self.project}/{self.name} in {self._options.directory}>"

    # --- episodes ---------------------------------------------------------------------------------------------------

    def _begin_episode(self, index: Any, capture: bool | Decision | None, reason: str, printing: Printing) -> Episode:
        number = self._number(index)
        if not self._seat.ready("episode") or self._seat.tally.refused:
            return Episode(self._seat, number, _NEVER)
        decision = capture if isinstance(capture, Decision) else self._decide(number, capture, reason)
        return Episode(self._seat, number, decision, printing)

    def _decide(self, number: int, capture: bool | None, reason: str) -> Decision:
        self._take_plan()
        if capture is None:
            return self._decider.decide(number, time.monotonic())
        asked = self._decider.take_asked(number)
        given = reason or ("asked for" if capture else "not asked for")
        return Decision(bool(asked or capture), False, asked or given)

    def _number(self, index: Any) -> int:
        number = self._next_episode
        if index is not None:
            try:
                number = whole("episode", index)
            except BadInput as error:
                self._seat.notices.warn("index", f"run {self.id}: {error}; counted as {number}")
        self._next_episode = max(self._next_episode, number + 1)
        return number

    def _take_plan(self) -> None:
        if self._joins != self._seat.joins:
            self._joins = self._seat.joins
            self._decider.begin_session()
            self._seat.plan_version = 0
        plan, self._seat.tally.plan = self._seat.tally.plan, None
        if plan is None:
            return
        try:
            self._decider = self._decider.with_plan(plan)
            self._seat.plan_version = self._decider.version
        except BadInput as error:
            self._seat.notices.tell("plan", f"run {self.id}: a plan of the daemon is not understood: {error}")

    # --- flush and finish, inside -----------------------------------------------------------------------------------

    def _flush(self, timeout_s: float) -> bool:
        process, tally = self._seat.process, self._seat.tally
        assert process is not None
        if self._options.mode == "offline":
            process.link.wait_safe(timeout_s)
            return False
        deadline = time.monotonic() + timeout_s
        with tally.flush() as wait, contextlib.closing(Display()) as display:
            self._seat.put(encode_entry(Flush(run=tally.number, wall=time.time(), token=wait.token)))
            process.link.hurry()
            while not wait.answered.wait(max(0.0, min(LOOK_EVERY_S, deadline - time.monotonic()))):
                if process.link.dead or time.monotonic() >= deadline:
                    return False
                display.show(stage_of(tally, process.link.status(), prints=True))
        if not wait.ok and wait.reason:
            self._seat.notices.warn("print-failed", f"run {self.id}: {wait.reason}")
        return wait.ok

    def _finish(self, status: str) -> None:
        seat = self._seat
        if seat.away == "lost":
            seat.rejoin()
        if seat.away:
            # Nothing was recorded here since the fork: the run is the parent's to finish.
            seat.finished = True
            return
        for episode in list(seat.episodes):
            episode.leave()
        tally, process = seat.tally, seat.rise()
        if process is None:
            return
        for entry in tally.news(time.time()):
            process.intake.put_entry(encode_entry(entry))
        process.intake.put_entry(encode_entry(RunFinish(run=tally.number, wall=time.time(), status=status)))
        departure = self._leave(process)
        label = f"{self.project}/{self.name} ({self.id}) {status}"
        say(farewell(self.id, label, tally, self._options.directory, departure.closing, safe=departure.safe))

    def _leave(self, process: Process) -> Departure:
        """Wait until all is safe; on a terminal that is seen."""
        tally, display = self._seat.tally, Display()
        look = (lambda: display.show(stage_of(tally, process.link.status(), prints=False))) if display.active else None
        try:
            return process.leave(tally.number, self._options.close_timeout_s, look)
        finally:
            display.close()

    def _finish_at_exit(self) -> None:
        """The interpreter ends without `finish`: by its end, or by an exception that nobody caught."""
        crashed = getattr(sys, "last_type", None) is not None and not hasattr(sys, "ps1")
        self.finish("crashed" if crashed else "finished")


def _is_failure(status: Any) -> bool:
    """Whether this says `crashed`, or is an exit code other than 0."""
    if isinstance(status, str):
        return status == "crashed"
    try:
        return operator.index(status) != 0
    except Exception:  # noqa: BLE001  # a stranger's __index__ may raise anything: then it is no code
        return False
