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
    texts: dict[str, list[Text]] = {}
    for mark in drawing.marks:
        match mark:
            case Rect():
                canvas.fill(mark)
            case Stroke():
                canvas.paint(stroke_coverage(mark, canvas.width, canvas.height), mark.ink, mark.opacity)
            case Band():
                solid, edge = band_coverage(mark, canvas.width, canvas.height)
                canvas.paint(solid, mark.ink, mark.opacity)
                canvas.paint(edge, mark.ink, mark.opacity)
            case Text():
                # Nothing is drawn over text: it may come last, all of one ink at once.
                texts.setdefault(mark.ink, []).append(mark)
    for ink, lines in texts.items():
        canvas.write(lines, ink)
    index, palettes = canvas.reduced(themes)
    body = _chunk(b"IDAT", _deflated(index))
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
        # The state that shows an ink alone.
        self._pure = {"background": 0}
        # Row s: the shares of the inks in state s; they add up to 1.
        self._shares: Floats = np.ones((1, 1))

    def fill(self, rect: Rect) -> None:
        """A rectangle of pure ink; what lies outside the picture is left out."""
        rows = slice(max(rect.y, 0), max(rect.y + rect.height, 0))
        columns = slice(max(rect.x, 0), max(rect.x + rect.width, 0))
        if rect.ink not in self._pure:
            self._pure[rect.ink] = int(self._add_states(self._only(self._ink(rect.ink)))[0])
        self._state.reshape(self.height, self.width)[rows, columns] = self._pure[rect.ink]

    def paint(self, coverage: Coverage, ink: str, opacity: float = 1.0) -> None:
        """Lays an ink over what is there: each pixel once, as much as it is covered."""
        where, level = coverage
        if not len(where):
            return
        number = self._ink(ink)
        key = self._state[where].astype(np.intp)
        key *= LEVELS + 1
        key += level
        used = np.flatnonzero(np.bincount(key))
        alpha = (used % (LEVELS + 1) * (opacity / LEVELS))[:, None]
        mixed = self._shares[used // (LEVELS + 1)] * (1 - alpha) + alpha * self._only(number)
        added = self._add_states(mixed)
        states = np.zeros(used[-1] + 1, self._state.dtype)
        states[used] = added
        self._state[where] = states[key]

    def write(self, lines: list[Text], ink: str) -> None:
        """Lines of text in one ink; what lies outside the picture is cut."""
        parts = [_letters(line.text, line.size_px, line.weight) for line in lines]
        counts = [len(rows) for rows, _, _, _ in parts]
        shares = {"start": 0.0, "middle": 0.5, "end": 1.0}
        left = [round(line.x - shares[line.anchor] * part[3]) for line, part in zip(lines, parts, strict=True)]
        rows = np.concatenate([part[0] for part in parts]) + np.repeat([line.baseline for line in lines], counts)
        columns = np.concatenate([part[1] for part in parts]) + np.repeat(left, counts)
        level = np.concatenate([part[2] for part in parts])
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        self.paint(((rows * self.width + columns)[inside], level[inside]), ink)

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

    def _only(self, ink: int) -> Floats:
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


def _deflated(index: npt.NDArray[np.uint8]) -> bytes:
    """The rows, as they are or as differences from the row above, whichever is calmer; run lengths suit both."""
    plain = np.pad(index, ((0, 0), (1, 0)))
    upward = plain.copy()
    upward[1:] -= plain[:-1]
    upward[:, 0] = _FILTER_UP
    calmer = min(plain, upward, key=lambda rows: np.count_nonzero(rows[:, 1:] != rows[:, :-1]))
    # Searching for more than runs takes two to four times as long for 5 % fewer bytes.
    packer = zlib.compressobj(6, zlib.DEFLATED, strategy=zlib.Z_RLE)
    return packer.compress(calmer.tobytes()) + packer.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
