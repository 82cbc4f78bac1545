"""The ink for what a camera sees: so many colours everywhere that only a palette for the whole picture helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from filmlabd.render import palette
from filmlabd.render.gif_ink import Ink, bounds
from filmlabd.render.gif_source import Change, Colours, Source
from filmlabd.render.gif_tables import ROOM, ColourTable, Indices

# A frame is natural when so many of all pixels changed, to a colour unlike their left neighbour's.
_BUSY_SHARE: Final = 0.35
# A smaller picture is soon done exactly, or nearly so.
_LEAST_PIXELS: Final = 16_384
_SAMPLES: Final = 16_384
_PROOF_SAMPLES: Final = 4096
# Colours are told apart by six bits per channel, and stand for the middle of what that leaves open: a tenth of the
# colours to find entries for, at 0.1 dB. Flat art would show it.
_COARSE: Final = np.uint32(0xFCFCFC)
_MIDDLE: Final = np.uint32(0x020202)
# A palette is kept while it shows a frame at most so much worse than the frame that it was made for.
_STALE: Final = 1.05
# Past this share of its rectangle, drawing the rest again costs less than leaving it out.
_FULL_SHARE: Final = 0.9


class NaturalInks:
    """One palette, made from a sample of the picture, for as many frames as it suits."""

    def __init__(self, source: Source, numbers: Iterator[int]) -> None:
        self._source = source
        self._numbers = numbers
        self._table = ColourTable(next(numbers))
        self._error_when_made = 0.0

    def suits(self, change: Change) -> bool:
        """Whether this ink serves a frame better than the others would."""
        return is_natural(change.colours, self._source.height * self._source.width)

    def ink(self, change: Change) -> Ink:
        """The ink of a frame that suits; the few pixels of its rectangle that did not change may be drawn again."""
        width = self._source.width
        box = bounds(change.at, width)
        if opaque := change.at.size > _FULL_SHARE * box.pixels:
            at = box.positions(width)
            colours = self._source.box(box.top, box.left, box.height, box.width).reshape(-1)
        else:
            at, colours = change.at, change.colours
        self._prepare(_sampled(colours, _SAMPLES))
        indices = self._indices(colours)
        return Ink(at, indices, self._table.colours, self._table.number, opaque=opaque, exact=False)

    def _prepare(self, sample: Colours) -> None:
        """Keep the palette if it suits this sample; else make another of it."""
        if self._table.colours.size > 1 and self._error(sample) <= _STALE * self._error_when_made:
            return
        colours, counts = palette.counted(sample & _COARSE | _MIDDLE)
        entries = palette.refined(palette.quantise(colours, counts, ROOM), colours, counts)
        self._table.restart(next(self._numbers))
        self._table.append(entries)
        self._error_when_made = self._error(sample)

    def _error(self, sample: Colours) -> float:
        return float(palette.squared_error(sample, self._table.colours.take(self._indices(sample))).mean())

    def _indices(self, colours: Colours) -> Indices:
        """The closest entry's index, nearly; colours met for the first time are learnt."""
        coarse = colours & _COARSE | _MIDDLE
        found = self._table.lookup(coarse)
        if not found.all():
            self._table.learn(palette.distinct(coarse[found == 0]))
            found = self._table.lookup(coarse)
        return found


def is_natural(colours: Colours, pixels: int) -> bool:
    """Whether a frame of so many pixels, of which some took these colours, is busy all over like a photograph.

    Flat colours, however many, are better served otherwise, and so is a small picture.
    """
    if colours.size <= max(_BUSY_SHARE * pixels, _LEAST_PIXELS):
        return False
    if np.count_nonzero(colours[1:] != colours[:-1]) <= _BUSY_SHARE * pixels:
        return False
    # Colours are counted before anything is given up: what 256 of them can show must come out exactly.
    sample = _sampled(colours, _PROOF_SAMPLES)
    return palette.distinct(sample).size > ROOM + 1 or palette.distinct(colours).size > ROOM + 1


def _sampled(colours: Colours, samples: int) -> Colours:
    """About so many of the pixels; the stride is odd, so that it does not follow the columns of the picture."""
    return colours[:: max(1, colours.size // samples) | 1]
