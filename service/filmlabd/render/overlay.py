"""What is written under a picture: episode, step, return, action, in four shades, so that palettes stay small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from filmlab.errors import BadInput
from filmlabd.render import fonts
from filmlabd.render.frames import Frame

Field = Literal["episode", "step", "return", "action"]
FIELDS: Final[tuple[str, ...]] = get_args(Field)

_LEAST_TEXT_PX: Final = 10
_MOST_TEXT_PX: Final = 20
# Text grows with the picture: its height is this part of the picture's.
_PICTURE_PER_TEXT: Final = 24
# A column holds "return −1234.5" at this many text heights; narrower pictures get more rows of fewer columns.
_COLUMN_PER_TEXT: Final = 7
_LINE_PER_TEXT: Final = 1.5
# Black, white and two greys: what most clips have already.
_SHADES: Final = np.array([0, 85, 170, 255], np.uint8)
_DIGITS: Final = "0123456789"


class Overlay:
    """A strip under each picture, with one column per field; nothing of the picture is covered.

    Columns stand still while their numbers change, so that of the strip, too, only what changes is drawn again.
    """

    def __init__(self, fields: tuple[str, ...], texts: Callable[[int], Mapping[str, str]]) -> None:
        """
        Args:
            fields: what to show, of `FIELDS`, in this order.
            texts: for a frame's number the text of each field, as "17"; the field's name is put before it. A field that
                is missing there is left blank.

        Raises:
            BadInput: no field, or one that does not exist.
        """
        unknown = [field for field in fields if field not in FIELDS]
        if unknown or not fields:
            raise BadInput(f"expected overlay fields of {', '.join(FIELDS)}, got {', '.join(unknown) or 'none'}")
        self._fields = fields
        self._texts = texts
        self._drawn: dict[str, tuple[str, npt.NDArray[np.uint8]]] = {}

    def under(self, picture: Frame, number: int) -> Frame:
        """A new frame: the picture, (H, W) or (H, W, 3), above the strip of frame `number`; all are equally high."""
        height, width = picture.shape[:2]
        text_px = min(_MOST_TEXT_PX, max(_LEAST_TEXT_PX, height // _PICTURE_PER_TEXT))
        columns = min(len(self._fields), max(1, width // (_COLUMN_PER_TEXT * text_px)))
        line_px = int(_LINE_PER_TEXT * text_px)
        rows = -(-len(self._fields) // columns)
        strip = np.zeros((rows * line_px, width), np.uint8)
        texts = self._texts(number)
        for place, field in enumerate(self._fields):
            row, column = divmod(place, columns)
            left, right = column * width // columns, (column + 1) * width // columns
            if field in texts:
                cell = self._cell(field, f"{field} {texts[field]}", text_px, (line_px, right - left))
                strip[row * line_px : (row + 1) * line_px, left:right] = cell
        wide = strip if picture.ndim == 2 else np.repeat(strip[:, :, None], 3, axis=2)
        return np.concatenate((picture, wide))

    def _cell(self, field: str, text: str, text_px: int, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """A column's text, drawn anew only when it is another than in the frame before."""
        if field not in self._drawn or self._drawn[field][0] != text:
            self._drawn[field] = text, _drawn(text, text_px, shape)
        return self._drawn[field][1]


def _drawn(text: str, text_px: int, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    height, width = shape
    margin_px = text_px // 3
    cell = np.zeros(shape, np.uint8)
    left = margin_px
    for character in fonts.cut(fonts.clean(text), width - margin_px, text_px):
        shades, advance_px = _glyph(character, text_px)
        place = cell[max(0, (height - shades.shape[0]) // 2) :, left : left + shades.shape[1]]
        visible = shades[: place.shape[0], : place.shape[1]]
        np.maximum(place[: visible.shape[0]], visible, out=place[: visible.shape[0]])
        left += advance_px
    return cell


# A handful of characters makes all numbers: setting a text anew for each frame would cost more than the clip.
@lru_cache(maxsize=1024)
def _glyph(character: str, text_px: int) -> tuple[npt.NDArray[np.uint8], int]:
    """A character in the four shades, and how far behind it the next one stands; all digits are equally wide."""
    coverage, advance_px, _ = fonts.mask(character, text_px)
    if character in _DIGITS:
        advance_px = max(fonts.mask(digit, text_px)[1] for digit in _DIGITS)
    return _SHADES[coverage >> 6], max(1, round(advance_px))
