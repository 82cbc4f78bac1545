"""What does the curve of one metric show? Every writer of the run, every attempt, raw values under their average."""

from collections.abc import Sequence

import numpy as np

from filmlab.errors import BadInput
from filmlabd.artifact_names import curve_stem
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.index import Reader
from filmlabd.model import Job, Points
from filmlabd.render.curve import Panel, Series, attempts, draw
from filmlabd.render.raster import to_png
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import DARK, LIGHT
from filmlabd.svg_scheme import adaptive_svg

WINDOW = 100
_EPISODE = "episode/"


def make_curve(job: Job, reader: Reader, directory: RunDirectory) -> Made:
    """`curves/<metric>.svg`, which suits light and dark pages, and `.png`.

    Raises:
        BadInput: the run has no such metric.
    """
    points = reader.points(job.run_id, job.metric)
    if not points:
        raise BadInput(f"run {job.run_id} has no metric {job.metric!r}")
    drawing = draw(panel(job.metric, points))
    svg = adaptive_svg(to_svg(drawing, LIGHT), to_svg(drawing, DARK))
    stem = curve_stem(job.metric)
    # The page shows the SVG and links the PNG: that is there first.
    paths = (
        directory.publish(f"{stem}.png", to_png(drawing, LIGHT), final=job.final),
        directory.publish(f"{stem}.svg", svg.encode(), final=job.final),
    )
    return paths, ()


def panel(metric: str, points: Sequence[Points]) -> Panel:
    """The picture of one metric: a series for each writer, parts that a later attempt has replaced drawn apart."""
    writers = sorted({item.writer for item in points})
    series: list[Series] = []
    resumes: tuple[float, ...] = ()
    for writer in writers:
        own = sorted((item for item in points if item.writer == writer), key=lambda item: item.attempt)
        window = min(WINDOW, sum(len(item.value) for item in own) // 5)
        parts = [_series(item, window if window > 1 else None) for item in own]
        drawn, begins = attempts(metric if len(writers) == 1 else writer, parts)
        series += drawn
        resumes += begins
    x_label = "episode" if metric.startswith(_EPISODE) else "step"
    return Panel(metric, x_label, metric.removeprefix(_EPISODE), tuple(series), resumes=tuple(sorted(set(resumes))))


def _series(points: Points, window: int | None) -> Series:
    x, y = points.step.astype(np.float64), points.value
    if (np.diff(x) < 0).any():
        # Logged out of order; of one step, the order they came in stays.
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return Series(points.name, x, y, average_window=window)
