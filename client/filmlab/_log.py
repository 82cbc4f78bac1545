"""What does `Run.log` do where its quick way does not fit? Pair by pair: new keys, media, other axes, complaints."""

import itertools
import math
import operator
import time
from collections.abc import Mapping
from typing import Any

from filmlab._rows import METRICS_MAX, ROWS_MAX, Row, Sorted, sort_out
from filmlab._seat import Seat
from filmlab.definitions import DEFINITIONS_MAX, Definition, axes, axis_of
from filmlab.errors import BadInput
from filmlab.frames import Snapshot
from filmlab.intake import FilmEnd, Shot
from filmlab.jsonable import as_text
from filmlab.media import Medium
from filmlab.reel import Reel
from filmlab.steps import plain_number
from filmlab.wire.entries import NO_EPISODE, NO_STEP, EntryType, Media, RunUpdate, encode_body, encode_entry

_STEP_MAX = 2**63 - 1


class Logbook:
    """What one run remembers of its logging. Any thread may use it."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self.held: dict[Any, Any] = {}
        """What was logged with `commit=False`, and goes with the next row."""
        self._definitions: dict[str, Definition] = {}
        self._axes: frozenset[str] = frozenset()
        self._reached: dict[str, int] = {}
        """The last value of each metric that is an x axis."""

    def log(self, values: Any, step: Any, commit: bool | None, wall: Any) -> None:
        """One call of `log`; every complaint is said, none ends the training."""
        try:
            if not self._seat.ready("log"):
                return
            if not isinstance(values, Mapping):
                raise BadInput(f"log: a mapping of names to numbers, got {type(values).__name__}")
            if commit is False and step is None:
                self._hold(values)
                return
            held, self.held = self.held, {}
            self._log({**held, **values} if held else values, step, wall)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self._seat.failed("log", error)

    def release(self) -> None:
        """What is still held is logged now: nothing more comes."""
        if self.held:
            self.log({}, None, None, None)

    def define(self, name: str, definition: Definition) -> None:
        """From here on this holds for a metric.

        Raises:
            BadInput: there are too many.
        """
        if len(self._definitions) >= DEFINITIONS_MAX and name not in self._definitions:
            raise BadInput(f"define_metric: at most {DEFINITIONS_MAX} in one run")
        self._definitions[name] = definition
        self._axes = axes(self._definitions)
        # Rows that were quick may have to be looked at from here on.
        self._seat.rows = {}
        entry = RunUpdate(run=self._seat.tally.number, wall=time.time(), metrics={name: definition.to_json()})
        self._seat.put(encode_entry(entry))

    def _hold(self, values: Mapping[Any, Any]) -> None:
        """Keep what is not to be a row yet: of one row, not of thousands of names."""
        held = {**self.held, **values}
        if len(held) > METRICS_MAX:
            held = dict(itertools.islice(held.items(), METRICS_MAX))
            self._seat.notices.warn(
                "held", f"run {self._seat.id}: over {METRICS_MAX} metrics wait for a row; the rest is left out"
            )
        self.held = held

    # --- inside -----------------------------------------------------------------------------------------------------

    def _log(self, values: Mapping[Any, Any], step: Any, moment: Any) -> None:
        found = sort_out(values)
        at, wall = _step(step, found), _wall(moment, found)
        if self._axes:
            self._log_on_axes(found, at, wall)
        else:
            is_plain = tuple(found.numbers) == tuple(values) and not found.gradients
            self._log_numbers(found.numbers, at, wall, keep=is_plain)
        for name, medium in found.media:
            self._log_medium(name, medium, at, wall)
        for kind, message in found.complaints:
            self._seat.notices.warn(kind, f"run {self._seat.id}: {message}")

    def _log_on_axes(self, found: Sorted, at: int, wall: float) -> None:
        """Each metric at the step that its own axis has reached; those on one axis in one row."""
        for name, value in found.numbers.items():
            if name not in self._axes:
                continue
            if value.is_integer() and abs(value) < _STEP_MAX:
                self._reached[name] = int(value)
            else:
                found.complaints.append((f"axis {name}", f"{name!r} is an x axis, and {value} is no whole number"))
        by_axis: dict[str, dict[str, float]] = {}
        for name, value in found.numbers.items():
            by_axis.setdefault(axis_of(self._definitions, name), {})[name] = value
        for axis, numbers in sorted(by_axis.items()):
            if axis in self._reached:
                self._log_numbers(numbers, self._reached[axis], wall, kind=EntryType.AXIS_SNAPSHOT)
            else:
                self._log_numbers(numbers, at, wall)

    def _log_numbers(
        self,
        numbers: Mapping[str, float],
        step: int,
        wall: float,
        *,
        keep: bool = False,
        kind: EntryType = EntryType.SNAPSHOT,
    ) -> None:
        """One row. `keep`: the next one of these keys takes the quick way."""
        process = self._seat.process
        if not numbers or process is None:
            return
        number = self._seat.tally.number
        names, left = process.names.admit(tuple(numbers), self._seat.metrics)
        if names:
            row = Row.of(process.metric_ids(names, number, wall))
            if keep and not left:
                if len(self._seat.rows) >= ROWS_MAX:
                    self._seat.rows.clear()
                self._seat.rows[tuple(names)] = row
            body = row.ids + row.pack(*(numbers[name] for name in names))
            self._seat.put_metrics(encode_body(kind, body, number, step, NO_EPISODE, wall), len(names))
        if left:
            self._seat.leave_out(left)

    def _log_medium(self, name: str, medium: Medium, step: int, wall: float) -> None:
        process, tally = self._seat.process, self._seat.tally
        if process is None:
            return
        if not process.intake.film_room(medium.nbytes):
            tally.count_drop("media over memory_bytes")
            self._seat.notices.warn("media-dropped", f"run {self._seat.id}: {name!r} is dropped: over memory_bytes")
            return
        reel = Reel(next(process.film_numbers), tally.number, NO_EPISODE, wall)
        entry = Media(
            run=reel.run, wall=wall, step=step, name=name, mime=medium.mime, film=reel.number, fps=medium.fps,
            caption=medium.caption, data=medium.data,
        )  # fmt: skip
        if not medium.frames:
            # What needs no pixels is in the entry itself.
            self._seat.put(encode_entry(entry))
            tally.films_begun += 1
            return
        reel.shutter.adopt(medium.frames[0])
        for frame in medium.frames:
            shot = Shot(reel, Snapshot(frame, frame.shape), None, 0.0, is_step=False, frame_bytes=frame.nbytes)
            process.intake.put_shot(shot)
        reel.frames, reel.handed_bytes = len(medium.frames), medium.nbytes
        tally.films_begun += 1
        process.intake.put_end(FilmEnd(reel, entry))
        process.link.wake()


def _step(step: Any, found: Sorted) -> int:
    if step is None:
        return NO_STEP
    try:
        value = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except Exception:  # noqa: BLE001  # a stranger's __index__ may raise anything: then it is no number
        found.complaints.append(("step", f"step is a whole number, got {type(step).__name__}; it is left out"))
        return NO_STEP
    if not -_STEP_MAX <= value <= _STEP_MAX:
        found.complaints.append(("step", f"step {as_text(value)} does not fit 64 bits; it is left out"))
        return NO_STEP
    return value


def _wall(moment: Any, found: Sorted) -> float:
    """Unix time. What is none must not get to the sender, which takes it for a float."""
    if moment is None:
        return time.time()
    try:
        wall = plain_number(moment)
    except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
        wall = math.nan
    if math.isfinite(wall):
        return wall
    found.complaints.append(("wall", f"a wall time is seconds since 1970, got {as_text(moment)[:60]}; it is now"))
    return time.time()
