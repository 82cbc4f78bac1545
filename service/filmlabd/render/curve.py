"""What a curve panel shows, and how it becomes a picture: `draw` once, then `to_svg`, `to_png`, in any theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from filmlab.errors import BadInput
from filmlabd.render import downsample, fonts, geometry_frame, geometry_trace, ticks
from filmlabd.render.downsample import Columns, Floats
from filmlabd.render.geometry import Drawing, Mark, Plot, Text
from filmlabd.render.geometry_frame import Resume
from filmlabd.render.geometry_legend import Entry, count_text, missing_text
from filmlabd.render.pyramid import CELLS, Pyramid, Track
from filmlabd.render.raster import to_png, to_pngs
from filmlabd.render.smoothing import moving_average
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import DARK, LIGHT, Theme, is_hex

__all__ = [
    "DARK",
    "LIGHT",
    "Drawing",
    "Panel",
    "Resume",
    "Series",
    "Theme",
    "attempts",
    "draw",
    "to_png",
    "to_pngs",
    "to_svg",
]

_AVERAGE_PX: Final = 2.75
_RAW_PX: Final = 1.5
_PLAIN_PX: Final = 2.0
# What the drop-in recorder has always used; free-standing raw lines are a little stronger, to be seen on dark as well.
_RECORDER_RAW_OPACITY: Final = 0.25
_RAW_OPACITY: Final = 0.34
_BAND_OPACITY: Final = 0.26
_SUPERSEDED_OPACITY: Final = 0.4
_PAD: Final = 0.05
_NONE: Final[Floats] = np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line of a panel. Series of one name (the attempts of a resumed run) share a colour and a legend entry.

    Attributes:
        name: free text.
        x: (n,) ascending, finite.
        y: (n,) anything; what is not finite breaks the line and is marked.
        color: "#rrggbb", made legible on the theme's background; None: the theme's next hue.
        average_window: draw the moving average of that many values, the raw ones faintly under it; None: only these.
        raw_name, average_name: legend texts; by default the name, and "avg<window>".
        superseded: drawn faintly: a later attempt has replaced this part.
        average_color: of the moving average, "#rrggbb"; None: that of the values.
        groups, average_groups: the history in place of x and y, which are then empty; see `from_pyramid`.
    """

    name: str
    x: Floats
    y: Floats
    color: str | None = None
    average_window: int | None = None
    raw_name: str = ""
    average_name: str = ""
    superseded: bool = False
    groups: Columns | None = None
    average_groups: Columns | None = None
    average_color: str | None = None

    def __post_init__(self) -> None:
        who = f"series {self.name[:80]!r}"
        if self.x.ndim != 1 or self.x.shape != self.y.shape:
            raise BadInput(f"{who}: x has shape {self.x.shape} and y {self.y.shape}; expected (n,) and (n,)")
        if not np.isfinite(self.x).all() or (np.diff(self.x) < 0).any():
            raise BadInput(f"{who}: x must be finite and ascending")
        for color in (self.color, self.average_color):
            if color is not None and not is_hex(color):
                raise BadInput(f"{who}: color is {color[:20]!r}; expected '#rrggbb'")

    @classmethod
    def from_groups(
        cls,
        name: str,
        groups: Columns,
        average_groups: Columns | None = None,
        *,
        color: str | None = None,
        average_window: int | None = None,
    ) -> Series:
        """A series of condensed samples: what a worker makes of the two tables that a pyramid's owner sent it."""
        return cls(name, _NONE, _NONE, color, average_window, groups=groups, average_groups=average_groups)

    @classmethod
    def from_pyramid(cls, name: str, pyramid: Pyramid, *, color: str | None = None) -> Series:
        """A series without an average, of any length; costs the same at a thousand and at a million samples."""
        return cls.from_groups(name, pyramid.groups(), color=color)

    @classmethod
    def from_track(cls, name: str, track: Track, *, color: str | None = None) -> Series:
        """A series under its moving average, of any length."""
        groups, average = track.raw.groups(), track.average.groups()
        return cls.from_groups(name, groups, average, color=color, average_window=track.window)

    def condensed(self) -> tuple[Columns, Columns | None]:
        """The raw values and their moving average (None without a window), each in a few thousand groups at most."""
        if self.groups is not None:
            return self.groups, self.average_groups
        raw = downsample.condense(self.x, self.y, CELLS)
        if self.average_window is None:
            return raw, None
        return raw, downsample.condense(self.x, moving_average(self.y, self.average_window), CELLS)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture.

    Attributes:
        title, x_label, y_label: free text, cut where it has no room.
        series: painted in this order.
        recorder_ticks: axes exactly as the drop-in recorder's (x from 0, two decimals); False: round numbers.
        resumes: where the second, third, … attempt of the run began.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...] = ()
    recorder_ticks: bool = False
    resumes: tuple[Resume, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trace:
    """A series made ready: what to draw, in which ink."""

    series: Series
    raw: Columns
    average: Columns | None
    ink: str
    raw_opacity: float

    @property
    def average_ink(self) -> str:
        return self.series.average_color or self.ink

    @property
    def fade(self) -> float:
        return _SUPERSEDED_OPACITY if self.series.superseded else 1.0


def attempts(
    name: str, parts: Sequence[Series], numbers: Sequence[int] = ()
) -> tuple[tuple[Series, ...], tuple[Resume, ...]]:
    """The attempts of a resumed run, in order, as series of one name; and where each but the first began.

    What lies at or past the start of a later attempt is marked as superseded.

    Args:
        name: of the series.
        parts: one for each attempt.
        numbers: which attempts they are; without it 1, 2, ….
    """
    made = [part.condensed() for part in parts]
    begins = [float(raw.x_first[0]) if len(raw) else np.inf for raw, _ in made]
    series: list[Series] = []
    for number, (part, (raw, average)) in enumerate(zip(parts, made, strict=True)):
        end = min(begins[number + 1 :], default=np.inf)
        for start, stop in ((end, np.inf), (-np.inf, end)):
            groups = raw.between(start, stop)
            if len(groups):
                series.append(
                    replace(
                        part,
                        name=name,
                        x=_NONE,
                        y=_NONE,
                        superseded=start == end,
                        groups=groups,
                        average_groups=average.between(start, stop) if average is not None else None,
                    )
                )
    later = zip(begins[1:], (numbers or range(1, len(parts) + 1))[1:], strict=True)
    return tuple(series), tuple(Resume(x, number, name) for x, number in later if np.isfinite(x))


def draw(panel: Panel) -> Drawing:
    """The geometry of a panel, 960×540, for any emitter and theme."""
    traces = _traces(panel)
    x_axis, y_axis = _axes(panel, traces)
    entries = _entries(traces)
    title = fonts.clean(panel.title)
    y_label = geometry_frame.with_factor(fonts.clean(panel.y_label), y_axis)
    x_label = geometry_frame.with_factor(fonts.clean(panel.x_label), x_axis)
    head, rows = geometry_frame.head(title, y_label, entries)
    plot = geometry_frame.plot_area(x_axis, y_axis, rows)
    marks = [*head, *geometry_frame.grid(plot), *geometry_frame.resumed(plot, panel.resumes, _inks(traces))]
    data, condensed = _data(traces, plot)
    note = _note(traces) if condensed else ""
    marks += [*data, *geometry_frame.axis_texts(plot, x_label, note)]
    if not any((trace.raw.count > 0).any() for trace in traces):
        text = "no finite value" if any(len(trace.raw) for trace in traces) else "no data yet"
        marks.append(Text(plot.left + plot.width / 2, plot.top + plot.height // 2, text, 14, "muted", "middle"))
    return Drawing(title, tuple(marks))


def _traces(panel: Panel) -> list[_Trace]:
    names = list(dict.fromkeys(series.name for series in panel.series))
    raw_opacity = _RECORDER_RAW_OPACITY if panel.recorder_ticks else _RAW_OPACITY
    return [
        _Trace(series, *series.condensed(), series.color or f"cycle:{names.index(series.name)}", raw_opacity)
        for series in panel.series
    ]


def _inks(traces: list[_Trace]) -> dict[str, str]:
    """By the names of the series; empty when there is one name only, and nothing to be told apart."""
    inks = {trace.series.name: trace.ink for trace in traces}
    return inks if len(inks) > 1 else {}


def _axes(panel: Panel, traces: list[_Trace]) -> tuple[ticks.Axis, ticks.Axis]:
    filled = [trace.raw for trace in traces if len(trace.raw)]
    if not filled:
        return ticks.Axis(0.0, 1.0, (), ()), ticks.Axis(0.0, 1.0, (), ())
    first, last = (float(f) for f in (min(r.x_first[0] for r in filled), max(r.x_last[-1] for r in filled)))
    low = min((float(np.nanmin(r.low)) for r in filled if (r.count > 0).any()), default=np.nan)
    high = max((float(np.nanmax(r.high)) for r in filled if (r.count > 0).any()), default=np.nan)
    empty = ticks.Axis(0.0, 1.0, (), ())
    if panel.recorder_ticks:
        return ticks.recorder_x_axis(last), empty if np.isnan(low) else ticks.recorder_y_axis(low, high)
    whole = all((r.x_first % 1 == 0).all() for r in filled)
    x_low, x_high = (first, last) if first < last else (first - 0.5, last + 0.5)
    x = geometry_frame.round_x_axis(*ticks.widened(x_low, x_high), whole=whole)
    return x, empty if np.isnan(low) else ticks.round_axis(*ticks.padded(*ticks.widened(low, high), _PAD), most=7)


def _entries(traces: list[_Trace]) -> list[Entry]:
    """One entry for each name; two, raw and average, when it is the only one or its names were given."""
    by_name: dict[str, list[_Trace]] = {}
    for trace in traces:
        by_name.setdefault(trace.series.name, []).append(trace)
    entries: list[Entry] = []
    for name, group in by_name.items():
        trace = group[-1]
        live = [t.raw for t in group if not t.series.superseded]
        missing = missing_text(*(int(sum(getattr(r, kind).sum() for r in live)) for kind in ("nan", "above", "below")))
        raw_name = fonts.clean(trace.series.raw_name or name)
        if trace.average is None:
            entries.append(Entry(raw_name, missing, trace.ink, _PLAIN_PX))
            continue
        average_name = f"avg{trace.series.average_window}"
        if len(by_name) == 1 or trace.series.average_name:
            average_name = fonts.clean(trace.series.average_name or average_name)
            entries.append(Entry(raw_name, missing, trace.ink, 4.0, trace.raw_opacity))
            entries.append(Entry(average_name, "", trace.average_ink, _AVERAGE_PX))
        else:
            suffix = f"{average_name}, {missing}" if missing else average_name
            entries.append(Entry(raw_name, suffix, trace.ink, _AVERAGE_PX, shaded=True))
    return entries


def _data(traces: list[_Trace], plot: Plot) -> tuple[list[Mark], bool]:
    """All raw values, then all averages, so that no average is hidden; and whether anything was condensed."""
    below: list[Mark] = []
    above: list[Mark] = []
    condensed = False
    for trace in traces:
        dense = geometry_trace.is_dense(trace.raw, plot)
        condensed |= dense
        raw = geometry_trace.thin(trace.raw, plot) if dense else trace.raw
        width_px = _PLAIN_PX if trace.average is None else _RAW_PX
        if dense:
            below += geometry_trace.band(raw, plot, width_px, trace.ink, trace.fade * _BAND_OPACITY)
        else:
            below += _thin_line(raw, plot, trace, width_px)
        if trace.average is not None:
            above += _thick_line(trace.average, plot, trace, _AVERAGE_PX, trace.average_ink)
        elif dense:
            above += _thick_line(raw, plot, trace, width_px, trace.ink)
        above += geometry_trace.missing(raw, plot, trace.ink)
    return below + above, condensed


def _thin_line(raw: Columns, plot: Plot, trace: _Trace, width_px: float) -> list[Mark]:
    """Every sample; faintly if an average goes above them."""
    opacity = trace.fade * (1.0 if trace.average is None else trace.raw_opacity)
    stroke = geometry_trace.line(raw, plot, width_px, trace.ink, opacity)
    return ([stroke] if stroke else []) + geometry_trace.dots(raw, plot, trace.ink, min(2 * opacity, 1.0))


def _thick_line(average: Columns, plot: Plot, trace: _Trace, width_px: float, ink: str) -> list[Mark]:
    if len(average) > plot.width:
        average = geometry_trace.thin(average, plot)
    stroke = geometry_trace.line(average, plot, width_px, ink, trace.fade)
    dots = geometry_trace.dots(average, plot, ink, trace.fade, lone_only=True)
    return ([stroke] if stroke else []) + dots


def _note(traces: list[_Trace]) -> str:
    """What a picture says when it cannot show every sample."""
    samples = sum(trace.raw.samples for trace in traces)
    shown = "range" if all(trace.average for trace in traces) else "range and mean"
    return f"{count_text(samples)} points: {shown} per pixel column"
