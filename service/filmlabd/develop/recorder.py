"""What is made of a recorder? The files that its program is used to, in the program's own directory, and no others."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from filmlab.errors import BadInput
from filmlab.wire.names import file_name
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop.svg_scheme import adaptive_svg
from filmlabd.index.read import Reader
from filmlabd.json_text import dump_column
from filmlabd.model import EpisodeRow, Job, RecorderRow, TraceRow
from filmlabd.render.curve import Panel, Series, draw
from filmlabd.render.raster import to_png
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import DARK, LIGHT

NO_FRAMES = "no frames were captured: render_mode='rgb_array' is needed for an animation"
FIXED = ("reward", "average", "epsilon", "options")
_STATE = ("epsilon", "options")
_METRICS = "metrics/"
# A caller's colours are drawn as they are.
_LIGHT = replace(LIGHT, min_contrast=1.0)

Histories = dict[str, NDArray[np.float64]]


def make_recorder(job: Job, reader: Reader, umask: int) -> Made:
    """The curves and the history of one recorder, or its raw history alone, as `job.metric` says.

    Raises:
        BadInput: there is no such recorder, or its directory cannot be written by us.
        Transient: the disk is full, or away.
    """
    recorder = find(reader, job.session, job.recorder)
    asked = recorder.save_rows if job.metric == "save" else recorder.checkpoint_rows
    histories = rows_of(recorder, reader, asked)
    count = len(histories["reward"])
    if not count:
        return (), ("no episode was logged",)
    with RunDirectory(Path(recorder.directory), umask) as directory:
        if job.metric != "save":
            name = f"{recorder.prefix}_reward_history_checkpoint.json"
            made = [directory.publish(name, history(recorder, histories, checkpoint=True), final=job.final)]
        else:
            made = []
            for stem, panel in panels(recorder, histories):
                drawing = draw(panel)
                svg = adaptive_svg(to_svg(drawing, _LIGHT), to_svg(drawing, DARK))
                made.append(directory.publish(f"{stem}.png", to_png(drawing, _LIGHT), final=job.final))
                made.append(directory.publish(f"{stem}.svg", svg.encode(), final=job.final))
            name = f"{recorder.prefix}_reward_history.json"
            made.append(directory.publish(name, history(recorder, histories), final=job.final))
    return tuple(f"{recorder.directory}/{name}" for name in made), ()


def find(reader: Reader, session: int, number: int) -> RecorderRow:
    """A recorder. Raises BadInput where the index knows none."""
    recorder = reader.recorder(session, number)
    if recorder is None:
        raise BadInput(f"the index knows no recorder {number} of session {session:016x}")
    return recorder


def episode_json(trace: TraceRow, warning: str) -> bytes:
    """What stands beside a GIF, as the program said it, and why there is no whole GIF."""
    try:
        document = json.loads(trace.data)
    except ValueError:
        raise BadInput(f"what was said of {trace.stem} is not whole") from None
    if warning:
        document["warning"] = warning
    return (json.dumps(document, indent=2) + "\n").encode()


def warning_of(row: EpisodeRow, made_frames: int, notes: list[str]) -> str:
    """Empty when the film is there as it was given."""
    if made_frames and row.complete:
        return ""
    return "; ".join(filter(None, notes)) or NO_FRAMES


def rows_of(recorder: RecorderRow, reader: Reader, rows: int | None) -> Histories:
    """A recorder's columns, each of one length: NaN where there is nothing. `rows`: only the first so many; -1: all."""
    found = reader.histories(recorder)
    count = max((int(points.step.max()) + 1 for points in found.values() if len(points.step)), default=0)
    if rows is not None and rows >= 0:
        count = min(count, rows)
    out: Histories = {name: np.full(count, math.nan) for name in FIXED}
    for name, points in found.items():
        column = out.setdefault(name, np.full(count, math.nan))
        inside = (points.step >= 0) & (points.step < count)
        column[points.step[inside]] = points.value[inside]
    return out


def panels(recorder: RecorderRow, histories: Histories) -> Iterator[tuple[str, Panel]]:
    """(stem, picture) of every curve."""
    prefix, title = recorder.prefix, recorder.title
    reward, average = _color(recorder, "reward"), _color(recorder, "average")
    yield f"{prefix}_reward_curve", Panel(
        f"{title} reward over episodes", "Episode", "Reward",
        (_averaged(recorder, "reward", "", histories["reward"], reward, average),), recorder_ticks=True,
    )  # fmt: skip
    yield f"{prefix}_training_state", Panel(
        f"{title} exploration and option count", "Episode", "Value",
        tuple(Series(name, _x(y), y, _color(recorder, name)) for name, y in histories.items() if name in _STATE),
        recorder_ticks=True,
    )  # fmt: skip
    for name, values in histories.items():
        if not name.startswith(_METRICS):
            continue
        metric = name.removeprefix(_METRICS)
        label, color = metric.replace("_", " "), _metric_color(recorder, metric)
        yield f"{prefix}_{file_name(metric)}", Panel(
            f"{title} {label} over episodes", "Episode", label,
            (_averaged(recorder, f"{label} raw", f"{label} ", values, color, color),), recorder_ticks=True,
        )  # fmt: skip


def history(recorder: RecorderRow, histories: Histories, *, checkpoint: bool = False) -> Iterator[bytes]:
    """The JSON of the raw history, piece by piece."""
    reward, average = histories["reward"], histories["average"]
    finite = reward[np.isfinite(reward)]
    yield f'{{\n  "average_window": {recorder.average_window},\n  "episodes": {len(reward)}'.encode()
    for name in FIXED:
        key = f"{name.removesuffix('s')}_history"
        yield f',\n  "{key}": {_column(histories[name], whole=name == "options")}'.encode()
    yield b',\n  "metric_histories": {'
    metrics = [name for name in histories if name.startswith(_METRICS)]
    for number, name in enumerate(metrics):
        key = json.dumps(name.removeprefix(_METRICS))
        yield f"{',' if number else ''}\n    {key}: {_column(histories[name])}".encode()
    yield b"\n  }" if metrics else b"}"
    last = {
        "best_reward": float(finite.max()) if len(finite) else None,
        "final_reward": float(reward[-1]) if math.isfinite(reward[-1]) else None,
        "final_average": float(average[-1]) if math.isfinite(average[-1]) else None,
    }
    for key, value in {**last, **({"checkpoint": True} if checkpoint else {})}.items():
        yield f',\n  "{key}": {json.dumps(value)}'.encode()
    yield b"\n}\n"


def _averaged(
    recorder: RecorderRow, name: str, before: str, values: NDArray[np.float64], color: str | None, average: str | None
) -> Series:
    """Raw values under their moving average."""
    return Series(
        name, _x(values), values, color, average_window=max(1, recorder.average_window),
        average_name=f"{before}avg{recorder.average_window}", average_color=average,
    )  # fmt: skip


def _x(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(len(values), dtype=np.float64)


def _column(values: NDArray[np.float64], *, whole: bool = False) -> str:
    if whole and np.isfinite(values).all():
        return dump_column(values.astype(np.int64))[0]
    return dump_column(values)[0]


def _metric_color(recorder: RecorderRow, metric: str) -> str | None:
    colors = recorder.colors.get("metrics")
    given = colors.get(metric) if isinstance(colors, Mapping) else None
    return _hex(given) or _color(recorder, "others")


def _color(recorder: RecorderRow, name: str) -> str | None:
    return _hex(recorder.colors.get(name))


def _hex(color: Any) -> str | None:
    """Any CSS colour as "#rrggbb"; None, which is the theme's own, for what is none."""
    try:
        red, green, blue = ImageColor.getrgb(str(color))[:3]
    except ValueError:
        return None
    return f"#{red:02x}{green:02x}{blue:02x}"
