"""The ink for what a camera sees: so many colours everywhere that only a palette for the whole picture helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from filmlabd.render import palette
from filmlabd.render.frames import Frame
from filmlabd.render.gif_ink import Ink, bounds
from filmlabd.render.gif_source import Change, Colours, Source
from filmlabd.render.gif_tables import ROOM, Indices

# A frame is natural when so many of all pixels changed, to a colour unlike their left neighbour's.
_BUSY_SHARE: Final = 0.35
_PROOF_SAMPLES: Final = 4096
_PALETTE_SAMPLES: Final = 16_384
# Six bits per channel are enough to place 255 clusters, and make a fifth of the distinct colours.
_COARSE: Final = np.uint32(0xFCFCFC)
_COARSE_MIDDLE: Final = np.uint32(0x020202)
# A palette is kept while it shows a frame at most so much worse than the frame that it was made for.
_STALE: Final = 1.1
# Past this share of its rectangle, drawing the rest again costs less than leaving it out.
_FULL_SHARE: Final = 0.9


class NaturalInks:
    """One palette from a sample, mapped by Pillow's C code: it looks at six bits only, which flat art would show."""

    def __init__(self, source: Source, numbers: Iterator[int]) -> None:
        self._source = source
        self._numbers = numbers
        self._number = next(numbers)
        self._entries: Colours = np.zeros(1, np.uint32)
        self._error_when_made = 0.0

    def suits(self, change: Change) -> bool:
        """Whether a frame is busy all over; flat colours, however many, are better served otherwise."""
        pixels = self._source.height * self._source.width
        colours = change.colours
        if colours.size <= _BUSY_SHARE * pixels or colours.size <= ROOM + 1:
            return False
        if np.count_nonzero(colours[1:] != colours[:-1]) <= _BUSY_SHARE * pixels:
            return False
        # Colours are counted before anything is given up: what 256 of them can show must come out exactly.
        return len(palette.distinct(colours[:: _step(colours.size, _PROOF_SAMPLES)])) > ROOM + 1 or (
            len(palette.distinct(colours)) > ROOM + 1
        )

    def ink(self, change: Change) -> Ink:
        """The ink of a frame that suits; the few pixels of its rectangle that did not change may be drawn again."""
        width = self._source.width
        box = bounds(change.at, width)
        rgb = np.ascontiguousarray(self._source.rgb()[box.top : box.top + box.height, box.left : box.left + box.width])
        indices = self._mapped(rgb)
        at = box.positions(width)
        if opaque := change.at.size > _FULL_SHARE * box.pixels:
            return Ink(at, indices, self._entries, self._number, opaque=opaque, exact=False)
        changed = np.searchsorted(at, change.at)
        return Ink(change.at, indices[changed], self._entries, self._number, exact=False)

    def _mapped(self, rgb: Frame) -> Indices:
        """Indices for a picture, by the palette in use or, where that would look worse, by a new one."""
        sample = slice(None, None, _step(rgb.size // 3, _PALETTE_SAMPLES))
        colours = palette.pack(rgb.reshape(-1, 3)[sample])
        if self._entries.size > 1:
            indices = _nearly_nearest(rgb, self._entries)
            if _mean_error(colours, self._entries[indices[sample]]) <= _STALE * self._error_when_made:
                return indices
        made = palette.quantise(*palette.counted(colours & _COARSE | _COARSE_MIDDLE), ROOM)
        self._entries = np.append(np.uint32(0), made)
        self._number = next(self._numbers)
        indices = _nearly_nearest(rgb, self._entries)
        self._error_when_made = _mean_error(colours, self._entries[indices[sample]])
        return indices


def _nearly_nearest(rgb: Frame, entries: Colours) -> Indices:
    """For each pixel, row by row, an entry from 1 on: the closest, or one close to that."""
    height, width = rgb.shape[:2]
    picture = Image.frombuffer("RGB", (width, height), rgb, "raw", "RGB", 0, 1)
    offered = Image.new("P", (1, 1))
    offered.putpalette(palette.unpack(entries[1:]).tobytes())
    found = np.asarray(picture.quantize(palette=offered, dither=Image.Dither.NONE))
    return found.reshape(-1) + np.uint8(1)


def _mean_error(colours: Colours, shown: Colours) -> float:
    return float(palette.squared_error(colours, shown).mean())


def _step(items: int, samples: int) -> int:
    """A stride that takes about so many samples; odd, so that it does not follow the columns of the picture."""
    return max(1, items // samples) | 1
