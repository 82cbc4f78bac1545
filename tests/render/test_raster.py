"""Covers filmlabd.render.raster and raster_coverage: pixels are covered as geometry says, in a valid palette PNG."""

from __future__ import annotations

import itertools
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from filmlabd.render.curve import DARK, LIGHT, Panel, Series, draw, to_png, to_pngs
from filmlabd.render.geometry import Band, Drawing, Mark, Rect, Stroke, Text
from filmlabd.render.theme import resolve

WHITE, INK = np.array(resolve("background", LIGHT)), np.array(resolve("ink", LIGHT))


def pixels(*marks: Mark, width: int = 40, height: int = 30) -> np.ndarray:
    """(H, W, 3) of what marks become."""
    with Image.open(BytesIO(to_png(Drawing("t", marks, width, height)))) as image:
        return np.array(image.convert("RGB"), dtype=np.float64)


def covered(*marks: Mark, width: int = 40, height: int = 30) -> np.ndarray:
    """(H, W) how much of each pixel is ink, 0…1, of marks in "ink"."""
    return ((WHITE - pixels(*marks, width=width, height=height)) / (WHITE - INK)).mean(axis=2)


def stroke(
    *points: tuple[float, float], width: float = 2.0, starts: tuple[int, ...] = (0,), opacity: float = 1.0
) -> Stroke:
    return Stroke(np.array(points, dtype=float), np.array(starts), width, "ink", opacity)


def supersampled(points: list[tuple[float, float]], width: float, size: tuple[int, int], k: int = 16) -> np.ndarray:
    """(H, W) the true share of each pixel that lies within half a width of the polyline, by brute force."""
    y, x = (np.mgrid[0 : size[1] * k, 0 : size[0] * k] + 0.5) / k
    nearest = np.full(x.shape, np.inf)
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        dx, dy = bx - ax, by - ay
        share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - share * dx, y - ay - share * dy))
    return (nearest < width / 2).reshape(size[1], k, size[0], k).mean(axis=(1, 3))


@pytest.mark.parametrize("width", [1.5, 2.75, 9.0])
@pytest.mark.parametrize(
    "points",
    [
        [(5, 5), (35, 5)],
        [(5.3, 4.0), (5.3, 26.0)],
        [(4, 4), (30, 26)],
        [(3, 15.2), (37, 12.9)],
        [(10, 3), (12, 27)],
        [(36, 8), (6, 20)],
        [(4, 20), (12, 9), (22, 14), (36, 6)],
    ],
)
def test_lines_cover_what_geometry_says(points: list[tuple[float, float]], width: float) -> None:
    """Antialiasing is right at every slope: no pixel is off by more than sight notices, and nothing is too dark."""
    found, right = covered(stroke(*points, width=width)), supersampled(points, width, (40, 30))
    assert np.abs(found - right).max() < 0.2
    assert found.sum() == pytest.approx(right.sum(), rel=0.06)


def test_sharp_turns_keep_their_weight() -> None:
    """Where two legs of a spike share pixels these are light rather than dark; the line weighs what it should."""
    points = [(4.0, 25.0), (9.0, 5.0), (11.0, 24.0), (20.0, 6.0), (36.0, 20.0)]
    found, right = covered(stroke(*points, width=1.5)), supersampled(points, 1.5, (40, 30))
    assert (found - right).max() < 0.2
    assert found.sum() == pytest.approx(right.sum(), rel=0.06)


def test_a_line_over_itself_is_no_darker() -> None:
    """A translucent line that crosses itself has no dark spots."""
    once = covered(stroke((5, 15), (35, 15), opacity=0.3))
    twice = covered(stroke((5, 15), (35, 15), (5, 15), (20, 15), opacity=0.3))
    np.testing.assert_allclose(once, twice, atol=0.01)
    assert once.max() == pytest.approx(0.3, abs=0.01)


def test_broken_lines_stay_broken() -> None:
    """Nothing is drawn between two runs."""
    found = covered(stroke((3, 10), (10, 10), (25, 10), (35, 10), starts=(0, 2)))
    assert found[:, 14:22].max() == 0
    assert found[:, 5:8].max() > 0.9 and found[:, 28:32].max() > 0.9


def test_one_point_is_a_disc() -> None:
    """A sample without neighbours can be seen."""
    found = covered(stroke((20, 15), width=6.0))
    assert found.sum() == pytest.approx(np.pi * 9, rel=0.05)
    assert found[15, 20] == found[14, 19] == pytest.approx(1.0)


def test_a_band_covers_its_columns_exactly() -> None:
    """A band's edges are exact in y, and it covers whole columns."""
    found = covered(Band(np.array([4, 5, 9]), np.array([10.0, 10.5, 3.2]), np.array([12.0, 11.0, 3.6]), "ink", 1.0))
    np.testing.assert_allclose(found[9:13, 4], [0, 1, 1, 0], atol=0.04)
    np.testing.assert_allclose(found[9:13, 5], [0, 0.5, 0, 0], atol=0.04)
    np.testing.assert_allclose(found[2:5, 9], [0, 0.4, 0], atol=0.04)
    assert found[:, 6:9].max() == 0


def test_what_lies_outside_is_cut() -> None:
    """Marks that reach over the picture's edges end there, and do not come in on the other side."""
    found = covered(
        stroke((-20, 15), (60, 15)),
        stroke((20, -1e4), (20, 1e4)),
        stroke((200, 200), (300, 250)),
        Rect(-5, 25, 8, 50, "ink"),
        Rect(50, 0, 5, 5, "ink"),
        Band(np.array([-3, 39, 77]), np.array([-50.0] * 3), np.array([5.0] * 3), "ink", 1.0),
        Text(36, 29, "text", 12, "ink"),
    )
    assert found[15, 0] == found[15, 39] == pytest.approx(1.0)
    assert found[0, 20] == pytest.approx(1.0)
    assert found[:5, 39].min() == pytest.approx(1.0)
    assert found[26:, :3].min() == pytest.approx(1.0)
    assert found[1:13, 2:18].max() == 0


def test_text_stands_where_it_is_anchored() -> None:
    """Start, middle and end of a text are where the drawing says, above its baseline."""
    for anchor, low, high in (("start", 60, 100), ("middle", 40, 80), ("end", 20, 60)):
        found = covered(Text(60, 20, "HHHH", 12, "ink", anchor), width=120)
        rows, columns = np.nonzero(found > 0.3)
        assert low <= columns.min() and columns.max() <= high
        assert (rows.min(), rows.max()) == (11, 19)


def test_layers_mix_as_paint_does() -> None:
    """A translucent ink over another shows both, in shares."""
    found = pixels(Rect(0, 0, 40, 30, "#ff0000"), Band(np.arange(40), np.zeros(40), np.full(40, 30.0), "#0000ff", 0.25))
    np.testing.assert_allclose(found[15, 20], [191, 0, 64], atol=3)


def test_a_second_theme_is_another_palette_only() -> None:
    """Both themes are one picture: all but the palette is the same, byte for byte."""
    light, dark = to_pngs(draw(Panel("t", "x", "y", (Series("r", np.arange(50.0), np.arange(50.0) ** 2),))))
    chunks = [data[: data.index(b"PLTE")] + data[data.index(b"IDAT") :] for data in (light, dark)]
    assert len(light) == len(dark)
    assert chunks[0][:33] == chunks[1][:33] and chunks[0][41:] == chunks[1][41:]
    for data, theme in ((light, LIGHT), (dark, DARK)):
        with Image.open(BytesIO(data)) as image:
            assert image.convert("RGB").getpixel((0, 0)) == resolve("background", theme)


def test_the_file_is_sound() -> None:
    """Every chunk's checksum is right, and decoders other than Pillow's lenient path would agree on the size."""
    data = to_png(draw(Panel("t", "x", "y")))
    at, kinds = 8, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + size : at + 12 + size], "big")
        kinds.append(kind)
        if kind == b"IDAT":
            assert len(zlib.decompress(body)) == 540 * 961
        at += 12 + size
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]


def test_any_number_of_series_stays_near_its_true_colours() -> None:
    """Many crossing hues still make one palette of 256, and no colour moves further than a look notices."""
    rng = np.random.default_rng(5)
    x = np.arange(60.0)
    shown = tuple(Series(f"s{k}", x, np.cumsum(rng.normal(size=60)), average_window=5) for k in range(12))
    drawing = draw(Panel("t", "x", "y", shown))
    with Image.open(BytesIO(to_png(drawing))) as image:
        assert len(image.getcolors() or []) <= 256
        seen = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or []}
    for number in range(8):
        hue = np.array(resolve(f"cycle:{number}", LIGHT))
        assert min(np.abs(hue - np.array(colour)).max() for colour in seen) <= 12


def test_the_same_drawing_is_the_same_bytes() -> None:
    """Prints are compared by their bytes: nothing in them depends on when they were made."""
    drawing = draw(Panel("t", "x", "y", (Series("r", np.arange(50.0), np.arange(50.0)),)))
    assert to_png(drawing) == to_png(drawing)
