"""One SVG for light and dark pages."""

import xml.etree.ElementTree as ET

import numpy as np

from filmlabd.develop.svg_scheme import adaptive_svg
from filmlabd.render.curve import Panel, Series, draw
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import DARK, LIGHT

HEAD = '<svg xmlns="http://www.w3.org/2000/svg">\n'


def test_both_colours() -> None:
    """Every colour that differs gets a class with the dark one; readers without style sheets see the light one."""
    light = HEAD + '<rect fill="#ffffff"/>\n<path fill="none" stroke="#111111"/>\n<rect fill="#777777"/>\n</svg>\n'
    dark = HEAD + '<rect fill="#000000"/>\n<path fill="none" stroke="#eeeeee"/>\n<rect fill="#777777"/>\n</svg>\n'
    assert adaptive_svg(light, dark) == (
        HEAD
        + "<style>@media (prefers-color-scheme:dark){.d0{fill:#000000}.d1{stroke:#eeeeee}}</style>\n"
        + '<rect fill="#ffffff" class="d0"/>\n<path fill="none" stroke="#111111" class="d1"/>\n'
        + '<rect fill="#777777"/>\n</svg>\n'
    )


def test_text_that_looks_like_a_colour() -> None:
    """A title with a colour in it is left alone."""
    title = '<title>fill="#123456"</title>'
    light, dark = (HEAD + f'<rect fill="{colour}"/>{title}</svg>\n' for colour in ("#ffffff", "#000000"))
    assert title in adaptive_svg(light, dark)


def test_different_drawings() -> None:
    """Two pictures that differ in more than colours are not mixed: the light one stays as it is."""
    light = HEAD + '<rect fill="#ffffff"/></svg>\n'
    assert adaptive_svg(light, light.replace("rect", "path")) == light


def test_real_curve() -> None:
    """Of a real curve only colours differ between the themes, and both together are valid XML of little more size."""
    x = np.arange(500.0)
    drawing = draw(Panel('loss fill="#123456" <&', "step", "loss", (Series("a", x, np.sin(x), average_window=50),)))
    light, dark = to_svg(drawing, LIGHT), to_svg(drawing, DARK)
    both = adaptive_svg(light, dark)
    assert "prefers-color-scheme" in both
    ET.fromstring(both)
    assert len(both) < len(light) + 2500
