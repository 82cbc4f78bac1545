"""How wide a text is, how it is cut to fit, and what it looks like in pixels: one shipped font, no system fonts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ImageFont

# What an SVG asks its viewer for; the PNG is drawn with the first of them.
FONT_STACK: Final = "Inter, 'DejaVu Sans', Verdana, sans-serif"
REGULAR: Final = 400
BOLD: Final = 600

ELLIPSIS: Final = "…"

# The wider fonts of the stack set running text by up to this much wider than Inter (DejaVu Sans: 1.08, its bold 1.18):
# a text that is said to fit must fit with any of them.
_STACK_FACTOR: Final = {REGULAR: 1.14, BOLD: 1.22}
_MEASURE_PX: Final = 1000
# FreeType rounds advances to whole pixels: text is set at four times its size and averaged down, so that letters
# stand where they belong.
_SUPERSAMPLE: Final = 4
# Averaging thins strokes out; this brings small text back to the weight that a browser gives it.
_MASK_GAMMA: Final = 0.82

# Controls, surrogates, non-characters: XML 1.0 forbids them. Bidirectional overrides would turn the text after them.
_FORBIDDEN: Final = frozenset({0x200E, 0x200F, 0xFFFE, 0xFFFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)})


# The same few texts are drawn and measured again at every redraw of a live curve.
@lru_cache(maxsize=1024)
def clean(text: str) -> str:
    """`text` on one line, without characters that XML forbids or that reorder their neighbours."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs") and ord(c) not in _FORBIDDEN)


@lru_cache(maxsize=4096)
def width_px(text: str, size_px: float, weight: int = REGULAR) -> float:
    """How wide running text is at most, in any font of `FONT_STACK`."""
    return sum(_advance_em(c, weight) for c in text) * size_px * _STACK_FACTOR[weight]


def cut(text: str, max_px: float, size_px: float, weight: int = REGULAR) -> str:
    """`text` if it fits in `max_px`, else its beginning and end around an ellipsis: long names differ at their ends.

    Returns:
        A string no wider than `max_px`; "" if not even the ellipsis fits.
    """
    if width_px(text, size_px, weight) <= max_px:
        return text
    room = max_px - width_px(ELLIPSIS, size_px, weight)
    if room < 0:
        return ""
    head = _prefix(text, room * 0.6, size_px, weight)
    tail = _prefix(text[::-1], room - width_px(head, size_px, weight), size_px, weight)[::-1]
    return head.rstrip() + ELLIPSIS + tail.lstrip()


def _prefix(text: str, room_px: float, size_px: float, weight: int) -> str:
    for end, character in enumerate(text):
        room_px -= _advance_em(character, weight) * size_px * _STACK_FACTOR[weight]
        if room_px < 0:
            return text[:end]
    return text


@lru_cache(maxsize=4096)
def _advance_em(character: str, weight: int) -> float:
    if unicodedata.combining(character):
        return 0.0
    # Not in the shipped font; a viewer's own font sets them one em wide.
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return float(_font(_MEASURE_PX, weight).getlength(character)) / _MEASURE_PX


def mask(text: str, size_px: int, weight: int = REGULAR) -> tuple[npt.NDArray[np.uint8], float, int]:
    """What `text` covers, drawn with the shipped font.

    Returns:
        Coverage 0…255 of shape (H, W), the width of the text in px, and how many rows of it are above the baseline.
    """
    k = _SUPERSAMPLE
    font = _font(size_px * k, weight)
    ascent, descent = (-(-v // k) for v in font.getmetrics())
    length = font.getlength(text)
    big = np.zeros(((ascent + descent) * k, (int(length) // k + 2) * k), np.uint8)
    image, (left, top) = font.getmask2(text, "L", anchor="ls")
    width, height = image.size
    if width and height:
        ink = np.array(image, dtype=np.uint8).reshape(height, width)
        _paste(big, ink, ascent * k + top, left)
    small = big.reshape(ascent + descent, k, -1, k).mean(axis=(1, 3))
    return (255 * (small / 255) ** _MASK_GAMMA + 0.5).astype(np.uint8), length / k, ascent


def _paste(target: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8], row: int, column: int) -> None:
    """Lays `ink` into `target`; what reaches over its edges (a stacked accent, an overhang) is cut."""
    ink = ink[max(-row, 0) :, max(-column, 0) :]
    row, column = max(row, 0), max(column, 0)
    ink = ink[: target.shape[0] - row, : target.shape[1] - column]
    target[row : row + ink.shape[0], column : column + ink.shape[1]] = ink


@lru_cache(maxsize=1)
def _font_bytes() -> bytes:
    return resources.files(__name__).joinpath("Inter-subset.ttf").read_bytes()


@lru_cache(maxsize=32)
def _font(size_px: int, weight: int) -> ImageFont.FreeTypeFont:
    # Basic layout everywhere: a machine with libraqm must draw what one without it draws.
    font = ImageFont.truetype(BytesIO(_font_bytes()), size_px, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font
