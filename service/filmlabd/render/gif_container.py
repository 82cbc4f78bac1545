"""How the records of a GIF89a file are laid out: values in, bytes out, nothing decided."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from filmlabd.render import lzw
from filmlabd.render.palette import Colours

Rgb = npt.NDArray[np.uint8]  # (n, 3), 1 <= n <= 256

MAX_DELAY_CS: Final = 65_535
TRAILER: Final = b";"

_LOOP_FOREVER: Final = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
# Disposal 1: the canvas stays, so that an image need only carry what changed.
_KEEP_CANVAS: Final = 1 << 2
_HAS_TABLE: Final = 0x80
_EIGHT_BITS_PER_CHANNEL: Final = 7 << 4


@dataclass(frozen=True, slots=True)
class Image:
    """A rectangle (px) to be drawn over the canvas.

    Attributes:
        data: the LZW data field, see `lzw.compress`.
        table: the number of the table that it is drawn with.
        colours: that table as it was then, packed; a table only ever grows at its end.
        transparent: whether index 0 leaves the canvas as it is.
    """

    left: int
    top: int
    width: int
    height: int
    data: bytes
    table: int
    colours: Colours
    transparent: bool


def header(width_px: int, height_px: int, colours: Rgb) -> bytes:
    """Signature, logical screen, global table and the endless loop."""
    flags = _HAS_TABLE | _EIGHT_BITS_PER_CHANNEL | _size_code(colours)
    screen = struct.pack("<HHBBB", width_px, height_px, flags, 0, 0)
    return b"GIF89a" + screen + _table(colours) + _LOOP_FOREVER


def shown(image: Image, local: Rgb | None, delay_cs: int) -> list[bytes]:
    """An image with its table, if it has one of its own; and others that change nothing, for a delay past the field."""
    first_cs, *more_cs = _delay_fields(delay_cs)
    flags = 0 if local is None else _HAS_TABLE | _size_code(local)
    place = struct.pack("<BHHHHB", 0x2C, image.left, image.top, image.width, image.height, flags)
    parts = [
        _control(first_cs, transparent=image.transparent),
        place,
        b"" if local is None else _table(local),
        image.data,
    ]
    for next_cs in more_cs:
        parts += [_control(next_cs, transparent=True), _NOTHING]
    return parts


def _delay_fields(delay_cs: int) -> list[int]:
    """A delay cut in equal pieces that fit the field; none is so short that a browser would stretch it."""
    pieces = -(-delay_cs // MAX_DELAY_CS)
    return [delay_cs * (piece + 1) // pieces - delay_cs * piece // pieces for piece in range(pieces)]


def _control(delay_cs: int, *, transparent: bool) -> bytes:
    """The graphic control extension: how long the next image stays, and whether index 0 is transparent."""
    return struct.pack("<BBBBHBB", 0x21, 0xF9, 4, _KEEP_CANVAS | transparent, delay_cs, 0, 0)


def _size_code(colours: Rgb) -> int:
    """The size field of a table: it has 2 ** (code + 1) entries."""
    return max(1, (len(colours) - 1).bit_length()) - 1


def _table(colours: Rgb) -> bytes:
    return colours.tobytes().ljust(3 * (2 << _size_code(colours)), b"\0")


# One transparent pixel.
_NOTHING: Final = struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + lzw.compress(np.zeros((1, 1), np.uint8), 2)
