"""How do a training's rewards become curves? Each episode is one small row; the daemon draws and writes."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from filmlab._process import Process
from filmlab._rows import Row
from filmlab.recorders.implicit import ImplicitRun
from filmlab.recorders.place import Place, directory_of, failed
from filmlab.recorders.stems import file_part
from filmlab.wire.entries import METRIC_NAME_MAX_BYTES, NO_EPISODE, EntryType, Recorder, Wish, encode_body
from filmlab.wire.names import clean_metric, clean_text, file_name

REWARD_COLOR, AVERAGE_COLOR, EPSILON_COLOR, OPTION_COLOR = "#264653", "#2a9d8f", "#e76f51", "#457b9d"
METRIC_COLORS = {
    "perception_encoder_loss": "#8a5cf6",
    "value_q_omega_loss": "#c0392b",
    "value_gvf_loss": "#d35400",
    "policy_q_loss": "#2980b9",
    "policy_termination_loss": "#16a085",
    "model_loss": "#7f8c8d",
    "model_done_loss": "#34495e",
}
OTHER_COLOR = "#6b7280"
_COMPONENTS = ("perception", "value_function", "reactive_policy", "transition_model")
_FIXED = ("reward", "average", "epsilon", "options")


class TrainingCurveRecorder:
    """Call `log_episode` after each episode, `save` at the end.

    The histories may be read at any time; rows that were logged may not be changed. `save` and `save_checkpoint` wait
    for their files, for `save_timeout_s` (an attribute) at most.

    Args:
        output_dir: where the files go; made with its parents.
        prefix: what their names, and the titles, begin with.
        average_window: of the moving average; below 1 it counts as 1.
        reward_color, average_color, epsilon_color, option_color: `#rrggbb` or a CSS colour.
        reward_history, average_history, epsilon_history, option_history, metric_histories: what there is already.
        checkpoint_every: after so many episodes the raw history is written; 0: never.
        metric_colors: by metric, over the defaults.
    """

    save_timeout_s: float = 60.0

    def __init__(
        self,
        output_dir: str | os.PathLike[str],
        prefix: str = "training",
        average_window: int = 100,
        reward_color: str = REWARD_COLOR,
        average_color: str = AVERAGE_COLOR,
        epsilon_color: str = EPSILON_COLOR,
        option_color: str = OPTION_COLOR,
        reward_history: list[float] | None = None,
        average_history: list[float] | None = None,
        epsilon_history: list[float] | None = None,
        option_history: list[int] | None = None,
        metric_histories: dict[str, list[float]] | None = None,
        checkpoint_every: int = 0,
        metric_colors: Mapping[str, str] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.prefix = prefix
        self.average_window = average_window
        self.reward_color, self.average_color = reward_color, average_color
        self.epsilon_color, self.option_color = epsilon_color, option_color
        self.reward_history: list[float] = reward_history if reward_history is not None else []
        self.average_history: list[float] = average_history if average_history is not None else []
        self.epsilon_history: list[float] = epsilon_history if epsilon_history is not None else []
        self.option_history: list[int] = option_history if option_history is not None else []
        self.metric_histories: dict[str, list[float]] = metric_histories if metric_histories is not None else {}
        self.checkpoint_every = checkpoint_every
        self.metric_colors = METRIC_COLORS | dict(metric_colors or {})
        self._columns = ""
        self._sent = 0
        self._sent_to: Process | None = None
        self._rows: dict[tuple[str, ...], tuple[Row, tuple[str, ...]]] = {}
        """The row of a set of columns, and those of them that it has: all, as long as there is room for names."""
        self._left: list[str] = []
        """Columns of the latest row that there was no room for."""
        self._place = Place(self._describe)

    def log_episode(self, episode: int, reward: float, avg_reward: float, agent: Any) -> None:
        """One more episode: its reward, the average, and what the agent says of itself."""
        began = perf_counter_ns()
        try:
            self._append(reward, avg_reward, agent)
            entered = self._place.enter("log_episode")
            if entered is not None:
                run, process = entered
                self._send(run, process)
                if self.checkpoint_every > 0 and (episode + 1) % self.checkpoint_every == 0:
                    run.ask(self._place.number(run, process), Wish.CHECKPOINT, self._sent)
                run.seat.tally.meter.add(perf_counter_ns() - began)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            failed("log_episode", error)

    def save(self) -> None:
        """Leave the curves and the history in `output_dir`. Nothing happens before the first episode."""
        self._wait("save", Wish.SAVE, self.save_timeout_s)

    def save_checkpoint(self) -> None:
        """Write the raw history now."""
        self._wait("save_checkpoint", Wish.CHECKPOINT, self.save_timeout_s)

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait for all files that were asked for; False where one is not there in time, or failed (warned of)."""
        return self._wait("flush", Wish.FLUSH, timeout_s)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _append(self, reward: Any, avg_reward: Any, agent: Any) -> None:
        rows = len(self.reward_history)
        policy = _part(agent, "reactive_policy", None)
        self.reward_history.append(_number(reward))
        self.average_history.append(_number(avg_reward))
        self.epsilon_history.append(_number(_part(policy, "epsilon", 0.0)))
        self.option_history.append(_count(_part(policy, "_options", ())))
        found = training_metrics(agent)
        for name in found:
            if name not in self.metric_histories:
                self.metric_histories[name] = [math.nan] * rows
        for name, history in self.metric_histories.items():
            history.append(found.get(name, math.nan))

    def _wait(self, what: str, wish: Wish, timeout_s: float) -> bool:
        if not self.reward_history:
            return True
        try:
            entered = self._place.enter(what)
            if entered is None:
                return True
            self._send(*entered)
            return self._place.wait(*entered, wish, self._sent, timeout_s)
        except Exception as error:  # noqa: BLE001  # as above
            failed(what, error)
            return False

    def _send(self, run: ImplicitRun, process: Process) -> None:
        """Hand over the rows that this session has not got yet: one, as a rule; all of them in another session."""
        if process is not self._sent_to or len(self.reward_history) < self._sent:
            if not self._columns or process is self._sent_to:
                self._columns = run.columns_for(self.prefix)
            self._sent, self._sent_to = 0, process
            self._rows.clear()
            # Before its rows: whatever happens after them, it is known where their curves go.
            self._place.number(run, process)
        while self._sent < len(self.reward_history):
            if not self._send_row(run, process, self._sent):
                run.seat.notices.warn("rows-late", "memory and spool are full: rows of a curve wait for the next call")
                break
            self._sent += 1
            if self._left:
                run.seat.leave_out(self._left)
        process.link.wake()

    def _send_row(self, run: ImplicitRun, process: Process, index: int) -> bool:
        named = dict(self._values(index))
        keys, wall, number = tuple(named), time.time(), run.seat.tally.number
        known = self._rows.get(keys)
        if known is None:
            known = self._row(run, process, keys, wall)
        row, columns = known
        if not columns:
            return True
        body = row.ids + row.pack(*(named[key] for key in columns))
        return process.intake.put_metrics(encode_body(EntryType.SNAPSHOT, body, number, index, NO_EPISODE, wall))

    def _row(
        self, run: ImplicitRun, process: Process, keys: tuple[str, ...], wall: float
    ) -> tuple[Row, tuple[str, ...]]:
        """What a new set of columns is packed by."""
        names = {key: metric_name(self._columns, key) for key in keys}
        admitted, self._left = process.names.admit(list(names.values()), run.seat.metrics)
        columns = tuple(key for key in keys if names[key] in run.seat.metrics)
        row = Row.of(process.metric_ids(admitted, run.seat.tally.number, wall))
        # Each column that comes later makes another set of them, and no former set comes again.
        self._rows = {keys: (row, columns)}
        return row, columns

    def _values(self, index: int) -> Iterator[tuple[str, float]]:
        fixed = (self.reward_history, self.average_history, self.epsilon_history, self.option_history)
        histories: Iterator[tuple[str, Sequence[float]]] = chain(
            zip(_FIXED, fixed, strict=True),
            ((f"metrics/{name}", history) for name, history in self.metric_histories.items()),
        )
        for name, history in histories:
            yield name, history[index] if index < len(history) else math.nan

    def _describe(self) -> Recorder:
        return Recorder(
            run=0, wall=0.0, number=1, kind="curves", directory=directory_of(self.output_dir),
            prefix=file_part(self.prefix), title=clean_text(self.prefix), average_window=int(self.average_window),
            columns=self._columns,
            colors={
                "reward": str(self.reward_color), "average": str(self.average_color),
                "epsilon": str(self.epsilon_color), "options": str(self.option_color), "others": OTHER_COLOR,
                "metrics": {str(name): str(color) for name, color in self.metric_colors.items()},
            },
        )  # fmt: skip


def training_metrics(agent: Any) -> dict[str, float]:
    """The finite values of `training_metrics()` of those parts of an agent that have it."""
    found: dict[str, float] = {}
    for component in _COMPONENTS:
        ask = _part(_part(agent, component, None), "training_metrics", None)
        if not callable(ask):
            continue
        try:
            said = {str(name): value for name, value in dict(ask() or {}).items()}
        except Exception as error:  # noqa: BLE001  # the agent's own trouble must not cost its rewards
            failed(f"{component}.training_metrics", error)
            continue
        for name, value in said.items():
            number = _number(value)
            if math.isfinite(number):
                found[name] = number
    return found


def metric_name(columns: str, column: str) -> str:
    """What a column is called among the run's metrics. One that is too long ends in a hash."""
    name = f"{columns}/{column}"
    cleaned = clean_metric(name)
    if cleaned == name:
        return name
    digest = file_name(name * (1 + METRIC_NAME_MAX_BYTES // len(name)))[-9:]
    return cleaned.encode()[: METRIC_NAME_MAX_BYTES - 9].decode("utf-8", "ignore") + digest


def _part(whole: Any, name: str, default: Any) -> Any:
    """An attribute of an agent's; the default also where asking for it raises."""
    try:
        return getattr(whole, name, default)
    except Exception:  # noqa: BLE001  # an agent's property may raise anything, and its reward is worth more
        return default


def _number(value: Any) -> float:
    try:
        return float(value)
    except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
        return math.nan


def _count(options: Any) -> int:
    try:
        return len(options)
    except Exception:  # noqa: BLE001  # likewise
        return 0
