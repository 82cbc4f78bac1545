"""What changed from one frame to the next: positions and packed colours, at the cost of one comparison of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from filmlabd.render.frames import Frame

Colours = npt.NDArray[np.uint32]  # packed 24-bit colours, red in the lowest byte
Positions = npt.NDArray[np.intp]  # ascending pixel numbers, row by row

_RGB: Final = np.uint32(0xFFFFFF)
_GREY_TO_RGB: Final = np.uint32(0x010101)
_WORD_BYTES: Final = 8
# Past this share of changed words the whole rows are unpacked: gathering single pixels would cost more.
_DENSE_SHARE: Final = 0.03


@dataclass(frozen=True, slots=True)
class Change:
    """The pixels of a frame that differ from the frame before: where, and their new colours."""

    at: Positions
    colours: Colours


class Source:
    """The newest frame of a clip, as it came in: the only full copy that the encoder keeps.

    The copy is padded: a packed pixel is read as four bytes, one past the last pixel's three. The caller's array has no
    such byte, so it is compared and copied, but never read that way.
    """

    def __init__(self, first: Frame) -> None:
        self.height, self.width = first.shape[:2]
        self._channels = 1 if first.ndim == 2 else 3
        size_bytes = first.size
        self._whole_words = size_bytes // _WORD_BYTES
        self._padded: npt.NDArray[np.uint8] = np.zeros((self._whole_words + 2) * _WORD_BYTES, np.uint8)
        self._words = self._padded[: self._whole_words * _WORD_BYTES].view(np.uint64)
        self._bytes = self._padded[:size_bytes]
        self._bytes[:] = first.reshape(-1)
        self._pixels: Frame | Colours = (
            self._bytes if self._channels == 1 else np.ndarray((size_bytes // 3,), np.uint32, self._padded, 0, (3,))
        )
        self._mark = np.zeros(self.height * self.width, np.bool_)

    def advance(self, frame: Frame) -> Change | None:
        """Take the next frame (admitted, same shape); None when it equals the one before."""
        flat = frame.reshape(-1)
        whole_bytes = self._whole_words * _WORD_BYTES
        words = np.flatnonzero(flat[:whole_bytes].view(np.uint64) != self._words)
        if not np.array_equal(flat[whole_bytes:], self._bytes[whole_bytes:]):
            words = np.append(words, self._whole_words)
        if words.size == 0:
            return None
        if words.size <= _DENSE_SHARE * self._whole_words:
            return self._advance_at(words, flat)
        return self._advance_rows(words, flat)

    def colours_at(self, at: Positions) -> Colours:
        """The packed colours of some pixels of the newest frame."""
        return self._packed(self._pixels[at])

    def box(self, top: int, left: int, height: int, width: int) -> Colours:
        """The packed colours of a rectangle of the newest frame, (height, width)."""
        step = self._channels
        dtype = np.uint8 if step == 1 else np.uint32
        strides = (step * self.width, step)
        start = step * (top * self.width + left)
        window: Frame | Colours = np.ndarray((height, width), dtype, self._padded, start, strides)
        return self._packed(window)

    def all(self) -> Colours:
        """The packed colours of the whole newest frame, (H · W,)."""
        return self._packed(self._pixels)

    def rgb(self) -> Frame:
        """The newest frame as (H, W, 3) or (H, W): a view, valid until the next `advance`."""
        shape = (self.height, self.width) if self._channels == 1 else (self.height, self.width, 3)
        return self._bytes.reshape(shape)

    def _packed(self, raw: Frame | Colours) -> Colours:
        if self._channels == 1:
            return np.multiply(raw, _GREY_TO_RGB, dtype=np.uint32)
        packed: Colours = np.bitwise_and(raw, _RGB)
        return packed

    def _advance_at(self, words: Positions, flat: Frame) -> Change | None:
        """Few words changed: look only at the pixels that they touch."""
        at = self._pixels_in(words)
        before = self.colours_at(at)
        start, stop = int(words[0]) * _WORD_BYTES, (int(words[-1]) + 1) * _WORD_BYTES
        self._bytes[start:stop] = flat[start:stop]
        after = self.colours_at(at)
        differ = before != after
        return Change(at[differ], after[differ])

    def _advance_rows(self, words: Positions, flat: Frame) -> Change:
        """Much changed: compare all pixels of the rows between the first and the last change."""
        row_bytes = self.width * self._channels
        first_row = int(words[0]) * _WORD_BYTES // row_bytes
        last_row = min(self.height - 1, (int(words[-1]) * _WORD_BYTES + _WORD_BYTES - 1) // row_bytes)
        place = slice(first_row * self.width, (last_row + 1) * self.width)
        before = self._packed(self._pixels[place])
        span = slice(first_row * row_bytes, (last_row + 1) * row_bytes)
        self._bytes[span] = flat[span]
        after = self._packed(self._pixels[place])
        at = np.flatnonzero(before != after)
        return Change(at + place.start, after[at])

    def _pixels_in(self, words: Positions) -> Positions:
        """The pixels that overlap these 8-byte words, ascending and each once."""
        step = self._channels
        first_byte = words * _WORD_BYTES
        lowest = int(first_byte[0]) // step
        highest = min(self._mark.size - 1, (int(first_byte[-1]) + _WORD_BYTES - 1) // step)
        # A word touches at most 8 grey pixels, or 4 of RGB; the last of these may lie just past it, and compares equal.
        reach = _WORD_BYTES if step == 1 else 4
        touched = first_byte // step
        for offset in range(reach):
            self._mark[np.minimum(touched + offset, highest)] = True
        at = np.flatnonzero(self._mark[lowest : highest + 1]) + lowest
        self._mark[lowest : highest + 1] = False
        return at
