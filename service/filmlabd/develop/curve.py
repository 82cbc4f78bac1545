"""What does the curve of one metric show? Every writer of the run, every attempt, raw values under their average."""

import itertools
from collections.abc import Sequence

from filmlab.definitions import axis_of, read_definitions
from filmlab.errors import BadInput
from filmlabd.artifact_names import curve_stem
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop.svg_scheme import adaptive_svg
from filmlabd.develop.tracks import WINDOW, Tracks, in_order
from filmlabd.index.read import Reader
from filmlabd.index.series import SeriesAnswers, SeriesRow
from filmlabd.model import Job, RunRow
from filmlabd.render.curve import Drawing, Panel, Resume, Series, attempts, draw
from filmlabd.render.raster import to_png
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import DARK, LIGHT

_POINTS_PER_WINDOW = 5
"""An average over more than this part of a series says little about it."""
_EPISODE = "episode/"


def make_curve(job: Job, reader: Reader, directory: RunDirectory, tracks: Tracks) -> Made:
    """`curves/<metric>.svg`, which suits light and dark pages, and `.png`.

    Raises:
        BadInput: the run has no such metric.
    """
    drawing = picture(reader.run(job.run_id), job.metric, reader, tracks)
    stem = curve_stem(job.metric)
    # The page shows the SVG and links the PNG: that is there first.
    paths = (
        directory.publish(f"{stem}.png", to_png(drawing, LIGHT), final=job.final),
        directory.publish(f"{stem}.svg", adaptive(drawing).encode(), final=job.final),
    )
    return paths, ()


def picture(run: RunRow, metric: str, reader: SeriesAnswers, tracks: Tracks) -> Drawing:
    """One metric of a run, drawn.

    Raises:
        BadInput: the run has no such metric.
    """
    found = reader.series(run.run_id, metric)
    if not found:
        raise BadInput(f"run {run.run_id} has no metric {metric!r}")
    return draw(panel(metric, found, reader, tracks, axis_of(read_definitions(run.metrics), metric)))


def adaptive(drawing: Drawing) -> str:
    """A picture as SVG that suits light and dark pages."""
    return adaptive_svg(to_svg(drawing, LIGHT), to_svg(drawing, DARK))


def panel(metric: str, found: Sequence[SeriesRow], reader: SeriesAnswers, tracks: Tracks, axis: str = "") -> Panel:
    """The picture of one metric: a line for each writer, parts that a later attempt has replaced drawn apart.

    Args:
        axis: what its steps are, where the program said so.
    """
    by_writer = sorted(found, key=lambda row: (row.writer, row.attempt))
    writers = [(name, list(rows)) for name, rows in itertools.groupby(by_writer, key=lambda row: row.writer)]
    series: list[Series] = []
    resumes: list[Resume] = []
    for writer, rows in writers:
        name = metric if len(writers) == 1 else writer
        window = min(WINDOW, sum(row.count for row in rows) // _POINTS_PER_WINDOW)
        parts = [_series(name, row, window, reader, tracks) for row in rows]
        drawn, begins = attempts(name, parts, [row.attempt for row in rows])
        series += drawn
        resumes += begins
    x_label = axis or ("episode" if metric.startswith(_EPISODE) else "step")
    return Panel(metric, x_label, metric.removeprefix(_EPISODE), tuple(series), resumes=tuple(resumes))


def _series(name: str, row: SeriesRow, window: int, reader: SeriesAnswers, tracks: Tracks) -> Series:
    """One attempt of one writer. While the window still grows, there is so little that it is read whole each time."""
    if window == WINDOW and (track := tracks.track(row, reader)) is not None:
        return Series.from_track(name, track)
    return Series(name, *in_order(reader.pieces(row.id)), average_window=window if window > 1 else None)
