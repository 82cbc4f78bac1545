"""How a drawing becomes SVG: small, valid XML 1.0, the same bytes for the same drawing."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from filmlabd.render.downsample import Floats, Ints
from filmlabd.render.fonts import BOLD, FONT_STACK
from filmlabd.render.geometry import Band, Drawing, Mark, Rect, Stroke, Text
from filmlabd.render.theme import LIGHT, Theme, resolve, to_hex

# Paths are written in tenths of a pixel, as whole numbers: shorter, and formatted in one call.
_SCALE: Final = 10


def to_svg(drawing: Drawing, theme: Theme = LIGHT) -> str:
    """The drawing as one `<svg>` element with an XML declaration left out; encode it as UTF-8."""
    width, height = drawing.width_px, drawing.height_px
    background = to_hex(resolve("background", theme))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family="{FONT_STACK}" style="font-variant-numeric:tabular-nums">\n'
        f"<title>{escape(drawing.title)}</title>\n"
        f'<rect width="{width}" height="{height}" fill="{background}"/>\n'
    ]
    parts += [_element(mark, theme) for mark in drawing.marks]
    parts.append("</svg>\n")
    return "".join(parts)


def _element(mark: Mark, theme: Theme) -> str:
    colour = to_hex(resolve(mark.ink, theme))
    match mark:
        case Rect(x, y, width, height):
            return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}"/>\n'
        case Stroke():
            return _stroke(mark, colour)
        case Band():
            return _band(mark, colour)
        case Text():
            return _text(mark, colour)


def _text(mark: Text, colour: str) -> str:
    if not mark.text:
        return ""
    anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
    weight = f' font-weight="{mark.weight}"' if mark.weight == BOLD else ""
    # The whole text as a tooltip, before the text itself: readers look for it as the first child.
    tip = f"<title>{escape(mark.whole)}</title>" if mark.whole else ""
    return (
        f'<text x="{mark.x:g}" y="{mark.baseline}" font-size="{mark.size_px}"{anchor}{weight} fill="{colour}">'
        f"{tip}{escape(mark.text)}</text>\n"
    )


def _stroke(mark: Stroke, colour: str) -> str:
    stops = np.append(mark.starts[1:], len(mark.points))
    points = _tenths(mark.points)
    path = "".join(_polyline(points[a:b]) for a, b in zip(mark.starts.tolist(), stops.tolist(), strict=True))
    opacity = f' stroke-opacity="{mark.opacity:g}"' if mark.opacity < 1 else ""
    width = f"{mark.width_px * _SCALE:g}"
    return (
        f'<path d="{path}" transform="scale(.1)" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linejoin="round" stroke-linecap="round"{opacity}/>\n'
    )


def _band(mark: Band, colour: str) -> str:
    breaks = np.flatnonzero(np.diff(mark.column) != 1) + 1
    starts, stops = np.concatenate(([0], breaks)), np.append(breaks, len(mark.column))
    path = "".join(_outline(mark, a, b) for a, b in zip(starts.tolist(), stops.tolist(), strict=True))
    return f'<path d="{path}" transform="scale(.1)" fill="{colour}" fill-opacity="{mark.opacity:g}"/>\n'


def _outline(mark: Band, start: int, stop: int) -> str:
    """Column by column in steps, there along the tops and back along the bottoms: a spike keeps its full width."""
    top, bottom = _tenths(mark.top[start:stop]), _tenths(mark.bottom[start:stop])
    there, back = np.diff(top, append=bottom[-1]), np.diff(bottom[::-1])
    path = (
        f"M{int(mark.column[start]) * _SCALE} {int(top[0])}"
        + f"h{_SCALE}v%d" * len(there)
        + f"h-{_SCALE}v%d" * len(back)
    )
    return path % (*there.tolist(), *back.tolist()) + f"h-{_SCALE}z"


def _tenths(points: Floats) -> Ints:
    return np.rint(points * _SCALE).astype(np.intp)


def _polyline(points: Ints) -> str:
    """Absolute start, then steps: these have half the digits. One point becomes a line of no length: a dot."""
    if len(points) == 1:
        x, y = points[0].tolist()
        return f"M{x} {y}h0"
    steps = points.copy()
    steps[1:] = np.diff(points, axis=0)
    return ("M%d %dl" + "%d %d " * (len(points) - 2) + "%d %d") % tuple(steps.reshape(-1).tolist())
