"""How an array of palette indices becomes the LZW image data of a GIF: Pillow's C coder behind one function."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image

Indices = npt.NDArray[np.uint8]

# Private: Pillow promises nothing about it, hence the fallback below.
_core: Any = getattr(Image, "core", None)

MIN_CODE_BITS: Final = 2


def code_bits(highest_index: int) -> int:
    """The LZW minimum code size for indices 0..highest_index: small tables make small files (-9 % on Atari)."""
    return max(MIN_CODE_BITS, highest_index.bit_length())


def compress(indices: Indices, bits: int) -> bytes:
    """One image's data field: the minimum code size, the sub-blocks, the terminator.

    Args:
        indices: uint8 (H, W), C-contiguous, every value < 2 ** bits.
        bits: 2..8, see `code_bits`.

    Source: GIF89a specification, section 22 (table based image data) and appendix F.
    """
    if _HAS_CODER:
        return bytes((bits,)) + _by_coder(indices, bits) + b"\0"
    return by_public_api(indices)


def _image(indices: Indices) -> Image.Image:
    height, width = indices.shape
    # frombuffer shares the memory: fromarray would inspect the array and copy it.
    return Image.frombuffer("L", (width, height), indices, "raw", "L", 0, 1)


def _by_coder(indices: Indices, bits: int) -> bytes:
    """The sub-blocks, by Pillow's private coder: it alone takes a code size below 8, and skips the file layer."""
    image = _image(indices)
    coder = _core.gif_encoder("L", "L", bits, 0)
    coder.setimage(image.im, (0, 0, *image.size))
    parts: list[bytes] = []
    # An upper bound for most images, so that one call does; the loop serves the rest.
    chunk_bytes = indices.size + (indices.size >> 1) + 1024
    status = 0
    while status == 0:
        _, status, part = coder.encode(chunk_bytes)
        parts.append(part)
    if status < 0:
        raise RuntimeError(f"Pillow's GIF coder failed with status {status} on an image of {image.size}")
    return b"".join(parts)


def by_public_api(indices: Indices) -> bytes:
    """The same image data by `GifImagePlugin.getdata`: slower, and always with a code size of 8."""
    record = b"".join(GifImagePlugin.getdata(_image(indices)))
    # The record is an image descriptor (10 bytes, the last its flags), perhaps a local table, then the data field.
    start = record.index(b",")
    flags = record[start + 9]
    table_bytes = 3 << ((flags & 7) + 1) if flags & 0x80 else 0
    return record[start + 10 + table_bytes :]


def _coder_works() -> bool:
    """Whether this Pillow still has the private coder in the form we call; a wrong guess costs speed, not bytes."""
    try:
        return _by_coder(np.zeros((1, 1), np.uint8), MIN_CODE_BITS) != b""
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return False


_HAS_CODER: Final = _coder_works()
