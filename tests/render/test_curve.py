"""Covers filmlabd.render.curve, geometry and theme: what a panel shows, in every case that runs have come up with."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render import fonts
from filmlabd.render.curve import DARK, LIGHT, Panel, Resume, Series, attempts, draw, to_png, to_svg
from filmlabd.render.geometry import HEIGHT_PX, WIDTH_PX, Band, Drawing, Rect, Stroke, Text
from filmlabd.render.pyramid import Pyramid, Track

LONG_NAME = ("a_metric_whose_name_goes_on_" * 8)[:200]
M = TypeVar("M", Rect, Stroke, Band, Text)


def noisy(n: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = np.arange(n, dtype=np.float64)
    return x, scale * (200 * (1 - np.exp(-x / max(n / 4, 1))) + 30 * rng.normal(size=n))


def series(n: int, average_window: int | None = None, name: str = "reward", color: str | None = None) -> Series:
    return Series(name, *noisy(n), color, average_window)


def panel(*shown: Series, recorder_ticks: bool = False) -> Panel:
    return Panel("training reward over episodes", "Episode", "Reward", shown, recorder_ticks)


def holed(n: int = 300) -> Series:
    x, y = noisy(n)
    y[50:70] = np.nan
    y[100], y[140] = np.inf, -np.inf
    return Series("reward", x, y, average_window=10)


PANELS: dict[str, Panel] = {
    "no series": panel(),
    "no point": panel(series(0, 10)),
    "one point": panel(series(1, 10)),
    "three points": panel(series(3, 2)),
    "a hundred points": panel(series(100, 10)),
    "a thousand points": panel(series(1000)),
    "fifty thousand points": panel(series(50_000, 100)),
    "all NaN": panel(Series("reward", np.arange(9.0), np.full(9, np.nan), average_window=3)),
    "all infinite": panel(Series("reward", np.arange(9.0), np.full(9, -np.inf), average_window=3)),
    "some NaN and infinities": panel(holed()),
    "some NaN and infinities among many": panel(holed(5000)),
    "values of 1e-12": panel(Series("reward", *noisy(300, 1e-14), average_window=10)),
    "values of 1e12": panel(Series("reward", *noisy(300, 1e10), average_window=10)),
    "the largest floats": panel(Series("reward", np.arange(4.0), np.array([-1.79e308, 1.79e308, 0.0, 1.79e308]))),
    "the smallest floats": panel(Series("reward", np.arange(4.0), np.array([0.0, 5e-324, 0.0, 5e-324]))),
    "constant": panel(Series("reward", np.arange(50.0), np.full(50, 3.5), average_window=10)),
    "one x": panel(Series("reward", np.full(5000, 2.0), noisy(5000)[1])),
    "a huge x": panel(Series("reward", 1e15 + np.arange(50.0), noisy(50)[1])),
    "long names": Panel(LONG_NAME, LONG_NAME, LONG_NAME, (Series(LONG_NAME, *noisy(50), average_window=5),)),
    "long names, many points": Panel(LONG_NAME, LONG_NAME, LONG_NAME, (Series(LONG_NAME, *noisy(50_000)),)),
    "wide letters": Panel("W" * 200, "漢" * 200, "W" * 200, (Series("漢" * 200, *noisy(50), average_window=5),)),
    "forty series": panel(*(Series(f"head {k} " + LONG_NAME[:30], *noisy(20, k + 1.0)) for k in range(40))),
    "recorder": panel(series(500, 100), recorder_ticks=True),
    "recorder, all NaN": panel(Series("reward", np.arange(9.0), np.full(9, np.nan)), recorder_ticks=True),
    "recorder, one point": panel(series(1, 100), recorder_ticks=True),
    "recorder, 1e300": panel(Series("reward", *noisy(50, 1e300)), recorder_ticks=True),
}


@pytest.fixture(params=PANELS, name="drawing")
def _drawing(request: pytest.FixtureRequest) -> Drawing:
    return draw(PANELS[request.param])


def marks(drawing: Drawing, kind: type[M], where: Callable[[M], bool] = lambda mark: True) -> list[M]:
    return [mark for mark in drawing.marks if isinstance(mark, kind) and where(mark)]


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in marks(drawing, Text)]


def plot_box(drawing: Drawing) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the plot: the axis line, and below the lowest line of the head."""
    axis = marks(drawing, Rect, lambda r: r.ink == "axis" and r.height == 1)[-1]
    head = marks(drawing, Text, lambda t: t.baseline < axis.y - 150 and t.anchor == "start")
    return axis.x, max(t.baseline for t in head) + 10, axis.x + axis.width, axis.y


def data_strokes(drawing: Drawing) -> list[Stroke]:
    """Lines and dots in the plot, not the legend's samples nor the arrows of infinities."""
    _, top, _, _ = plot_box(drawing)
    return marks(drawing, Stroke, lambda s: s.points[:, 1].max() > top and s.width_px != 1.6)


def test_every_panel_is_valid_xml_of_the_right_size(drawing: Drawing) -> None:
    """Whatever a run logs, its curve is well-formed SVG of 960×540 without a number that is none."""
    for theme in (LIGHT, DARK):
        svg = to_svg(drawing, theme)
        root = ET.fromstring(svg)
        assert (root.get("width"), root.get("height")) == ("960", "540")
        assert not re.search(r'="[^"]*(nan|inf)\b', svg)


def test_every_panel_is_a_palette_png_of_the_right_size(drawing: Drawing) -> None:
    """Whatever a run logs, its curve is a PNG of 960×540 with one palette, in both themes."""
    for theme in (LIGHT, DARK):
        with Image.open(BytesIO(to_png(drawing, theme))) as image:
            image.load()
            assert (image.size, image.mode, image.format) == ((960, 540), "P", "PNG")


def test_nothing_leaves_the_picture(drawing: Drawing) -> None:
    """No text, whatever its length or script, and no mark reaches over the picture's edges."""
    for text in marks(drawing, Text):
        width = fonts.width_px(text.text, text.size_px, text.weight)
        left = text.x - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
        assert left >= 0 and left + width <= WIDTH_PX, text
        assert text.size_px <= text.baseline <= HEIGHT_PX - 3
    for rect in marks(drawing, Rect):
        assert rect.x >= 0 and rect.x + rect.width <= WIDTH_PX and rect.y >= 0 and rect.y + rect.height <= HEIGHT_PX


def test_data_stays_in_the_plot_and_the_legend_out_of_it(drawing: Drawing) -> None:
    """A legend never covers data: lines and bands are inside the plot, every name is above it."""
    left, top, right, bottom = plot_box(drawing)
    slack = 3.0
    for stroke in data_strokes(drawing):
        (x_low, y_low), (x_high, y_high) = stroke.points.min(axis=0), stroke.points.max(axis=0)
        assert left - slack <= x_low and x_high <= right + slack
        assert top - slack <= y_low and y_high <= bottom + slack
    for band in marks(drawing, Band):
        assert left <= band.column.min() and band.column.max() < right
        assert top - slack <= band.top.min() and band.bottom.max() <= bottom + slack
        assert (band.top < band.bottom).all()


def test_neighbouring_texts_do_not_touch(drawing: Drawing) -> None:
    """Labels on one line have room beside each other."""
    rows: dict[int, list[tuple[float, float]]] = {}
    for text in marks(drawing, Text, lambda t: bool(t.text)):
        width = fonts.width_px(text.text, text.size_px, text.weight)
        left = text.x - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
        rows.setdefault(text.baseline, []).append((left, left + width))
    for spans in rows.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans)), spans


def test_an_empty_panel_says_so() -> None:
    """No data and no finite data are different things, and neither is a blank sheet."""
    assert "no data yet" in texts(draw(PANELS["no series"]))
    assert "no data yet" in texts(draw(PANELS["no point"]))
    assert "no finite value" in texts(draw(PANELS["all NaN"]))


def test_missing_values_break_the_line_are_marked_and_counted() -> None:
    """NaN and infinities are never bridged: the line breaks, marks outside the plot say where, the legend how many."""
    drawing = draw(panel(holed()))
    assert "20 NaN, 1 +∞, 1 −∞" in texts(drawing)
    raw = data_strokes(drawing)[0]
    assert len(raw.points) == 278
    assert len(raw.starts) == 4
    left, _, right, bottom = plot_box(drawing)
    (bar,) = marks(drawing, Rect, lambda r: r.ink == "cycle:0")
    step = (right - left) / 299
    assert bar.y > bottom
    assert bar.x == pytest.approx(left + 50 * step, abs=2) and bar.width == pytest.approx(19 * step, abs=4)
    above, below = marks(drawing, Stroke, lambda s: s.width_px == 1.6)
    assert above.points[:, 1].max() < marks(drawing, Rect, lambda r: r.ink == "grid")[-1].y
    assert below.points[:, 1].min() > bottom
    assert above.points[1, 0] == pytest.approx(left + 100 * step, abs=1.5)


def test_a_band_breaks_where_everything_is_missing() -> None:
    """A dense series with a hole has a hole; single missing samples are marked but do not tear it."""
    x, y = noisy(20_000)
    y[5_000:7_000] = np.nan
    y[9_001] = np.nan
    y[12_000:12_060] = np.nan
    drawing = draw(panel(Series("reward", x, y)))
    (band,) = marks(drawing, Band)
    gaps = np.diff(band.column)
    assert (gaps > 1).sum() == 2
    assert all(len(s.starts) == 3 for s in data_strokes(drawing))
    assert gaps.max() == pytest.approx(2000 / 20_000 * len(range(*plot_box(drawing)[0::2])), abs=3)
    assert len(marks(drawing, Rect, lambda r: r.ink == "cycle:0")) == 3


def test_every_spike_of_a_long_series_is_seen() -> None:
    """The range per column keeps every extreme, however many samples stand for a column."""
    x, y = np.arange(200_000.0), np.zeros(200_000)
    y[123_456] = 50.0
    drawing = draw(panel(Series("reward", x, y)))
    (band,) = marks(drawing, Band)
    left, top, right, bottom = plot_box(drawing)
    highest = int(np.argmin(band.top))
    assert band.column[highest] == left + int(123_456 / 199_999 * (right - left))
    assert band.top[highest] < top + 0.1 * (bottom - top)
    assert "200\u2009000 points: range and mean per pixel column" in texts(drawing)


def test_columns_of_a_band_touch() -> None:
    """A dense line is one shape: the range of a column reaches that of the next."""
    (band,) = marks(draw(panel(series(2000))), Band)
    assert (np.minimum(band.bottom[1:], band.bottom[:-1]) >= np.maximum(band.top[1:], band.top[:-1])).all()


def test_a_column_left_out_by_chance_does_not_tear_a_band() -> None:
    """Samples two pixels apart are neighbours: their band goes on."""
    x = np.repeat(np.arange(0.0, 400.0), 4)
    drawing = draw(panel(Series("reward", x, np.random.default_rng(2).normal(size=len(x)))))
    (band,) = marks(drawing, Band)
    assert (np.diff(band.column) == 1).all() and len(band.column) > 800
    assert band.opacity == 0.26


def test_samples_far_apart_are_joined_by_lines_not_by_a_band() -> None:
    """Between two samples there is a line; a band over a gap would claim values that nobody saw."""
    x = np.concatenate([np.linspace(0, 100, 5000), [5000.0, 10_000.0]])
    drawing = draw(panel(Series("reward", x, noisy(5002)[1])))
    (band,) = marks(drawing, Band)
    assert np.diff(band.column).max() > 100
    bridges = [s for s in data_strokes(drawing) if len(s.starts) == 2 and len(s.points) == 4]
    assert len(bridges) == 1


def test_few_samples_are_dots_on_a_line() -> None:
    """Three samples can be told from a thousand: each is a dot; one sample alone is one too."""
    for n, dots in ((1, 1), (3, 3)):
        (mark,) = [s for s in data_strokes(draw(panel(series(n)))) if s.width_px > 5]
        assert len(mark.points) == dots


def test_a_long_history_draws_the_same_from_a_pyramid_as_from_arrays() -> None:
    """What the daemon keeps shows what all samples would: the same range and, to a fraction of a column, mean."""
    x, y = noisy(100_000)
    track = Track(100)
    track.append(x, y)
    live, whole = draw(panel(Series.from_track("reward", track))), draw(panel(Series("reward", x, y, None, 100)))
    assert texts(live) == texts(whole)
    (kept,), (right,) = marks(live, Band), marks(whole, Band)
    assert kept.column.tolist() == right.column.tolist()
    assert kept.top.min() == right.top.min() and kept.bottom.max() == right.bottom.max()
    averages = [data_strokes(d)[-1].points for d in (live, whole)]
    off = np.abs(averages[0] - averages[1])
    assert off.mean() < 0.5 and off.max() < 6


def test_a_pyramid_without_average_is_a_series() -> None:
    """A short history kept as a pyramid is the very picture of its samples."""
    x, y = noisy(500)
    pyramid = Pyramid()
    pyramid.append(x, y)
    assert to_svg(draw(panel(Series.from_pyramid("reward", pyramid)))) == to_svg(draw(panel(Series("reward", x, y))))


def test_recorder_look() -> None:
    """The drop-in recorder's curve: raw at opacity 0.25 and width 1.5, average at 2.75, its ticks, its legend."""
    drawing = draw(panel(Series("reward", np.arange(5.0), np.arange(5.0), "#264653", 100), recorder_ticks=True))
    raw, _, average = data_strokes(drawing)
    assert (raw.width_px, raw.opacity, average.width_px, average.opacity) == (1.5, 0.25, 2.75, 1.0)
    svg = to_svg(drawing)
    for text in (*"01234", "reward", "avg100", "Episode", "Reward", "0.00", "0.80", "1.60", "2.40", "3.20", "4.00"):
        assert f">{text}</text>" in svg
    assert "#264653" in svg
    left, _, right, bottom = plot_box(drawing)
    assert (raw.points[0, 0], raw.points[-1, 0], raw.points[0, 1]) == (left, right, bottom)


def test_recorder_legend_texts() -> None:
    """A metric of the recorder is named raw and average, as its caller says."""
    x, y = noisy(5)
    named = Series("loss", x, y, average_window=7, raw_name="loss raw", average_name="loss avg7")
    assert {"loss raw", "loss avg7"} <= set(texts(draw(panel(named, recorder_ticks=True))))


def test_several_series_have_an_entry_each() -> None:
    """Series of a panel are told apart by hue; each name is said once, with its window."""
    drawing = draw(panel(series(50, 5, "a"), series(50, 5, "b"), series(50, None, "c")))
    assert [t for t in texts(drawing) if t in ("a", "b", "c", "avg5")] == ["a", "avg5", "b", "avg5", "c"]
    assert {s.ink for s in data_strokes(drawing)} == {"cycle:0", "cycle:1", "cycle:2"}


def test_averages_are_never_hidden_under_raw_values() -> None:
    """All raw values are painted before the first average."""
    strokes = data_strokes(draw(panel(series(50, 5, "a"), series(50, 5, "b"))))
    assert [s.opacity < 1 for s in strokes if s.width_px < 5] == [True, True, False, False]


def test_too_many_names_are_counted_not_stacked() -> None:
    """Forty series leave the plot its room: three rows of names, and how many more there are."""
    drawing = draw(PANELS["forty series"])
    assert any(re.fullmatch(r"and \d+ more", text) for text in texts(drawing))
    _, top, _, bottom = plot_box(drawing)
    assert bottom - top > 350


def test_cut_names_are_told_in_full_by_the_svg() -> None:
    """A name of 200 characters is cut with an ellipsis; hovering tells all of it."""
    drawing = draw(PANELS["long names"])
    assert any("…" in text for text in texts(drawing))
    assert to_svg(drawing).count(f"<title>{LONG_NAME}</title>") >= 4


def test_attempts_of_a_resumed_run_are_drawn_apart() -> None:
    """A later attempt supersedes what lies at or past its start: that part stays, faint; one hue, one legend entry."""
    first = Series("a", np.arange(0.0, 100.0), np.arange(100.0), average_window=5)
    second = Series("b", np.arange(60.0, 150.0), np.arange(90.0), average_window=5)
    shown, resumes = attempts("return", (first, second))
    assert resumes == (Resume(60.0, 2, "return"),)
    assert [(s.superseded, s.condensed()[0].samples) for s in shown] == [(True, 40), (False, 60), (False, 90)]
    drawing = draw(Panel("t", "Step", "Return", shown, resumes=resumes))
    assert {s.ink for s in data_strokes(drawing)} == {"cycle:0"}
    assert [t for t in texts(drawing) if t in ("return", "avg5", "attempt 2")] == ["return", "avg5", "attempt 2"]
    averages = [s for s in data_strokes(drawing) if s.width_px == 2.75]
    assert [s.opacity for s in averages] == [0.4, 1.0, 1.0]
    left, _, right, bottom = plot_box(drawing)
    (mark,) = marks(drawing, Rect, lambda r: r.ink == "axis" and r.height > 100)
    assert mark.x == int(left + 60 / 149 * (right - left)) and mark.y + mark.height == bottom


def test_a_third_attempt_may_go_back_further_than_the_second() -> None:
    """An attempt that resumes before the one before it supersedes that one wholly."""
    parts = [Series("a", np.arange(s, 100.0), np.arange(s, 100.0)) for s in (0.0, 50.0, 30.0)]
    shown, resumes = attempts("a", parts)
    assert [(resume.x, resume.attempt) for resume in resumes] == [(50.0, 2), (30.0, 3)]
    spans = [(s.superseded, float(s.condensed()[0].x_first[0]), float(s.condensed()[0].x_last[-1])) for s in shown]
    assert spans == [(True, 30, 99), (False, 0, 29), (True, 50, 99), (False, 30, 99)]


def test_resumes_of_several_series_are_told_apart() -> None:
    """What one series alone was resumed at is in its hue, under its name; what all were is theirs in common."""
    x = np.arange(100.0)
    series = (Series("a", x, x), Series("b", x, -x))
    resumes = (Resume(80.0, 3, "a"), Resume(30.0, 2, "b"), Resume(60.0, 2, "a"), Resume(80.0, 3, "b"))
    drawing = draw(Panel("t", "Step", "Return", series, resumes=resumes))
    lines = marks(drawing, Rect, lambda r: r.width == 1 and r.height > 100)
    assert [line.ink for line in lines] == ["cycle:1", "cycle:0", "axis"]
    assert [line.x for line in lines] == sorted(line.x for line in lines)
    assert [text for text in texts(drawing) if "attempt" in text] == ["b: attempt 2", "a: attempt 2", "attempt 3"]


@pytest.mark.parametrize(
    ("x", "y", "color", "message"),
    [
        ([0.0, 1.0], [0.0], None, "shape"),
        ([[0.0]], [[0.0]], None, "shape"),
        ([1.0, 0.0], [0.0, 0.0], None, "ascending"),
        ([np.nan], [0.0], None, "finite"),
        ([0.0], [0.0], "red", "#rrggbb"),
        ([0.0], [0.0], '#12345"', "#rrggbb"),
    ],
)
def test_misuse_is_told(x: list[float], y: list[float], color: str | None, message: str) -> None:
    """What cannot be drawn is refused by name, with what was expected."""
    with pytest.raises(BadInput, match=message):
        Series("loss", np.array(x), np.array(y), color)


@given(
    st.lists(st.lists(st.floats(), max_size=30), max_size=4),
    st.integers(0, 9) | st.none(),
    st.booleans(),
)
@settings(max_examples=60)
def test_any_floats_make_a_picture(values: list[list[float]], window: int | None, recorder: bool) -> None:
    """No value, however odd, stops a curve: both emitters take whatever floats there are."""
    shown = (Series(f"s{k}", np.arange(float(len(y))), np.array(y), None, window) for k, y in enumerate(values))
    drawing = draw(panel(*shown, recorder_ticks=recorder))
    ET.fromstring(to_svg(drawing))
    assert to_png(drawing)[:4] == b"\x89PNG"
    for stroke in marks(drawing, Stroke):
        assert np.isfinite(stroke.points).all()
