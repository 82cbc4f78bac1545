"""Covers filmlabd.render.svg: small, valid, harmless XML that shows the marks it was given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlabd.render.curve import DARK, LIGHT, Panel, Series, Track, draw, to_svg
from filmlabd.render.geometry import Band, Drawing, Rect, Stroke, Text
from filmlabd.render.theme import resolve, to_hex

SVG = "{http://www.w3.org/2000/svg}"


def elements(*marks: Rect | Stroke | Band | Text) -> list[ET.Element]:
    """What marks become, after the title and the background."""
    return list(ET.fromstring(to_svg(Drawing("title", marks))))[2:]


def stroke(*points: tuple[float, float], starts: tuple[int, ...] = (0,), opacity: float = 1.0) -> Stroke:
    return Stroke(np.array(points, dtype=float), np.array(starts), 2.0, "ink", opacity)


def test_lines_are_steps_in_tenths_of_a_pixel() -> None:
    """A path begins where its first point is and goes on by differences; a break begins another."""
    (path,) = elements(stroke((1, 2), (3.14, 4), (10, 20), (11, 21), starts=(0, 2)))
    assert path.get("d") == "M10 20l21 20M100 200l10 10"
    assert path.get("transform") == "scale(.1)"
    assert path.get("stroke-width") == "20"


def test_steps_do_not_add_up_their_rounding() -> None:
    """The last of a thousand steps ends where its point is."""
    points = [(k / 3, k / 7) for k in range(1000)]
    (path,) = elements(stroke(*points))
    numbers = [int(n) for n in re.findall(r"-?\d+", path.get("d", ""))]
    assert sum(numbers[0::2]) == round(10 * points[-1][0])
    assert sum(numbers[1::2]) == round(10 * points[-1][1])


def test_one_point_is_a_dot() -> None:
    """A line of no length with round ends shows a point that no line reaches."""
    (path,) = elements(stroke((5, 6)))
    assert (path.get("d"), path.get("stroke-linecap")) == ("M50 60h0", "round")


def test_a_band_goes_round_each_of_its_parts() -> None:
    """A band is a closed outline in whole columns, broken where a column is left out."""
    band = Band(np.array([4, 5, 9]), np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]), "ink", 0.25)
    (path,) = elements(band)
    assert path.get("d") == "M40 10h10v10h10v60h-10v-10h-10zM90 30h10v60h-10z"
    assert path.get("fill-opacity") == "0.25"


def test_text_is_anchored_and_cut_text_has_a_tooltip() -> None:
    """What was cut is told in full on hovering."""
    (whole, cut) = elements(
        Text(1, 2, "a<b>&c", 12, "muted", "end"), Text(1, 2, "lo…g", 16, "ink", weight=600, whole="long")
    )
    assert (whole.text, whole.get("text-anchor"), whole.get("font-weight")) == ("a<b>&c", "end", None)
    assert cut.find(f"{SVG}title").text == "long"  # type: ignore[union-attr]
    assert cut.get("font-weight") == "600"


def test_the_reader_is_asked_for_a_stack_of_fonts() -> None:
    """An SVG depends on no font: it names several."""
    assert ET.fromstring(to_svg(Drawing("t", ()))).get("font-family") == "Inter, 'DejaVu Sans', Verdana, sans-serif"


def test_themes_differ_in_colours_only() -> None:
    """Light and dark are one geometry."""
    drawing = draw(Panel("t", "x", "y", (Series("loss", np.arange(9.0), np.arange(9.0), "#264653"),)))
    light, dark = to_svg(drawing, LIGHT), to_svg(drawing, DARK)
    assert light != dark
    assert re.sub("#[0-9a-f]{6}", "#", light) == re.sub("#[0-9a-f]{6}", "#", dark)
    assert f'height="540" fill="{to_hex(resolve("background", DARK))}"' in dark


HOSTILE = st.one_of(
    st.text(max_size=30), st.sampled_from(["]]><script>", "\x00\ud800", "&amp;", "$x^2$", "\u202ea", '"'])
)


@given(HOSTILE, HOSTILE, HOSTILE)
@settings(max_examples=60)
def test_no_name_breaks_out_of_its_text(title: str, label: str, name: str) -> None:
    """Names come from anywhere: whatever they hold, the SVG is valid UTF-8 XML with the same elements."""
    panel = Panel(title, label, label, (Series(name, np.arange(3.0), np.arange(3.0), average_window=2),))
    root = ET.fromstring(to_svg(draw(panel)).encode("utf-8"))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "rect", "path", "text"}
    assert not any(attribute.startswith("on") for element in root.iter() for attribute in element.attrib)


def test_dollars_are_no_mathematics() -> None:
    """A name with dollar signs is shown as it is."""
    assert ">cost in $ per $<" in to_svg(draw(Panel("cost in $ per $", "x", "y")))


def test_size_does_not_grow_with_the_history() -> None:
    """A curve of a hundred thousand points is a file of some 20 kB."""
    track = Track(100)
    track.append(np.arange(100_000.0), np.random.default_rng(1).normal(size=100_000))
    svg = to_svg(draw(Panel("t", "x", "y", (Series.from_track("reward", track),))))
    assert len(svg) < 30_000
