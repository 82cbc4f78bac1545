"""How a drawing becomes a PNG of at most 256 colours: antialiased by numpy, text from the shipped font.

A pixel's state says which inks it shows in which shares. A state is a row of a small table, and painting a layer makes
new rows of old ones; colours come in only at the end. So a layer costs what it covers, however many there are, and
another theme is another palette for the same picture.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from filmlabd.render import fonts
from filmlabd.render.downsample import Floats, Ints
from filmlabd.render.geometry import Band, Drawing, Rect, Stroke, Text
from filmlabd.render.raster_coverage import LEVELS, Coverage, band_coverage, stroke_coverage
from filmlabd.render.theme import DARK, LIGHT, Theme, resolve

# Level 6 takes a third longer and saves 1 % (lines) to 2 % (bands).
_COMPRESS_LEVEL: Final = 5
_FILTER_UP: Final = 2
_MAX_COLOURS: Final = 256
# How far a channel may be moved to make two colours one, tried in turn until the palette holds all of them.
_MERGE_STEPS: Final = (1, 3, 5, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def to_png(drawing: Drawing, theme: Theme = LIGHT) -> bytes:
    """The drawing as a palette PNG of its own size."""
    return to_pngs(drawing, (theme,))[0]


def to_pngs(drawing: Drawing, themes: tuple[Theme, ...] = (LIGHT, DARK)) -> tuple[bytes, ...]:
    """One PNG for each theme; every further one costs next to nothing."""
    canvas = Canvas(drawing.width_px, drawing.height_px)
    for mark in drawing.marks:
        match mark:
            case Rect():
                canvas.fill(mark)
            case Stroke():
                canvas.paint(stroke_coverage(mark, canvas.width, canvas.height), mark.ink, mark.opacity)
            case Band():
                canvas.paint(band_coverage(mark, canvas.width, canvas.height), mark.ink, mark.opacity)
            case Text():
                canvas.write(mark)
    index, palettes = canvas.reduced(themes)
    # A band is made of upright bars, each of whose pixels is as the one above.
    upward = any(isinstance(mark, Band) for mark in drawing.marks)
    body = _chunk(b"IDAT", zlib.compress(_scanlines(index, upward), _COMPRESS_LEVEL))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", canvas.width, canvas.height, 8, 3, 0, 0, 0))
    return tuple(
        b"\x89PNG\r\n\x1a\n" + header + _chunk(b"PLTE", palette.tobytes()) + body + _chunk(b"IEND", b"")
        for palette in palettes
    )


class Canvas:
    """A picture in the making: (H, W) pixels, each one of a growing table of states."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._state: npt.NDArray[np.uint16 | np.uint32] = np.zeros(width * height, np.uint16)
        self._inks = ["background"]
        # Row s: the shares of the inks in state s; they add up to 1.
        self._shares: Floats = np.ones((1, 1))

    def fill(self, rect: Rect) -> None:
        """A rectangle of pure ink; what lies outside the picture is left out."""
        rows = slice(max(rect.y, 0), max(rect.y + rect.height, 0))
        columns = slice(max(rect.x, 0), max(rect.x + rect.width, 0))
        picture = self._state.reshape(self.height, self.width)
        picture[rows, columns] = self._add_states(self._pure(self._ink(rect.ink)))

    def paint(self, coverage: Coverage, ink: str, opacity: float = 1.0) -> None:
        """Lays an ink over what is there: each pixel at most once, as much as it is covered."""
        where, level = coverage
        if not len(where):
            return
        number = self._ink(ink)
        key = self._state[where].astype(np.intp) * (LEVELS + 1) + level
        used = np.flatnonzero(np.bincount(key))
        alpha = (used % (LEVELS + 1) * (opacity / LEVELS))[:, None]
        mixed = self._shares[used // (LEVELS + 1)] * (1 - alpha) + alpha * self._pure(number)
        states = np.zeros(used[-1] + 1, np.intp)
        states[used] = self._add_states(mixed)
        self._state[where] = states[key]

    def write(self, text: Text) -> None:
        """A line of text; what lies outside the picture is cut."""
        rows, columns, level, length = _letters(text.text, text.size_px, text.weight)
        shift = {"start": 0.0, "middle": length / 2, "end": length}[text.anchor]
        rows, columns = rows + text.baseline, columns + round(text.x - shift)
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        if not inside.all():
            rows, columns, level = rows[inside], columns[inside], level[inside]
        self.paint((rows * self.width + columns, level), text.ink)

    def reduced(self, themes: tuple[Theme, ...]) -> tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.uint8]]]:
        """Indices of shape (H, W) and for each theme its palette, (n, 3), n <= 256."""
        touched = np.flatnonzero(self._state != 0)
        states = self._state[touched]
        pixels = np.bincount(states, minlength=len(self._shares))
        pixels[0] = len(self._state) - len(touched)
        used = np.flatnonzero(pixels)
        inks = [np.array([resolve(ink, theme) for ink in self._inks], np.float64) for theme in themes]
        # All themes side by side: states may become one only if they look alike in each.
        colours = np.concatenate([self._shares[used] @ ink for ink in inks], axis=1)
        group = _merged(colours)
        weight = np.bincount(group, pixels[used])
        channels = [np.bincount(group, pixels[used] * channel) / weight for channel in colours.T]
        palette = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
        of_state = np.zeros(len(self._shares), np.uint8)
        of_state[used] = group
        index = np.full(len(self._state), of_state[0])
        index[touched] = of_state[states]
        return index.reshape(self.height, self.width), [palette[:, 3 * n : 3 * n + 3] for n in range(len(themes))]

    def _ink(self, ink: str) -> int:
        if ink not in self._inks:
            self._inks.append(ink)
            self._shares = np.pad(self._shares, ((0, 0), (0, 1)))
        return self._inks.index(ink)

    def _pure(self, ink: int) -> Floats:
        share = np.zeros((1, len(self._inks)))
        share[0, ink] = 1.0
        return share

    def _add_states(self, shares: Floats) -> Ints:
        first = len(self._shares)
        self._shares = np.concatenate([self._shares, shares])
        if len(self._shares) > np.iinfo(self._state.dtype).max:
            self._state = self._state.astype(np.uint32)
        return np.arange(first, first + len(shares))


def _merged(colours: Floats) -> Ints:
    """(n,) the group of each of (n, c) colours: at most 256 groups of colours that are nearly the same."""
    for step in _MERGE_STEPS:
        cells = np.floor(colours / step + 0.5).astype(np.int64)
        _, group = np.unique(cells, axis=0, return_inverse=True)
        if group.max() < _MAX_COLOURS:
            break
    return np.asarray(group, dtype=np.intp).reshape(-1)


@lru_cache(maxsize=512)
def _letters(text: str, size_px: int, weight: int) -> tuple[Ints, Ints, Ints, float]:
    """The pixels that a text covers: rows from the baseline, columns from its start, levels; and its width in px."""
    mask, length, ascent = fonts.mask(text, size_px, weight)
    levels = (mask.astype(np.intp) * LEVELS + 127) // 255
    rows, columns = np.nonzero(levels)
    return rows - ascent, columns, levels[rows, columns], length


def _scanlines(index: npt.NDArray[np.uint8], upward: bool) -> bytes:
    """Rows, each after its filter type: 2, differences from the row above, or 0, as it is."""
    if not upward:
        return np.pad(index, ((0, 0), (1, 0))).tobytes()
    lines = np.full((index.shape[0], index.shape[1] + 1), _FILTER_UP, np.uint8)
    lines[0, 1:] = index[0]
    np.subtract(index[1:], index[:-1], out=lines[1:, 1:])
    return lines.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
