"""How an MP4 comes to begin with its index, so that a browser can play it while it loads."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

# Boxes that hold boxes, on the way to the tables of chunk offsets.
_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int
    payload: int
    end: int


def index_first(data: bytes) -> bytes:
    """The same file with `moov` before `mdat`; its chunk offsets are moved by as much as the data is.

    Source: ISO/IEC 14496-12, sections 8.2 (moov) and 8.7.5 (chunk offsets).
    """
    boxes = list(_boxes(data, 0, len(data)))
    names = [box.name for box in boxes]
    index, media = names.index(b"moov"), names.index(b"mdat")
    if index < media:
        return data
    moov = boxes[index]
    shifted = bytearray(data[moov.start : moov.end])
    _shift(shifted, 0, len(shifted), moov.end - moov.start)
    parts = [data[box.start : box.end] for box in boxes if box is not moov]
    return b"".join([*parts[:media], shifted, *parts[media:]])


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[_Box]:
    while start < end:
        size, name = struct.unpack_from(">I4s", data, start)
        payload = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, payload)
            payload += 8
        yield _Box(name, start, payload, start + size if size else end)
        start += size or end - start


def _shift(moov: bytearray, start: int, end: int, by: int) -> None:
    """Add `by` to every chunk offset between two places of the index."""
    for box in _boxes(moov, start, end):
        if box.name in _PATH:
            _shift(moov, box.payload, box.end, by)
        elif box.name in (b"stco", b"co64"):
            form = ">I" if box.name == b"stco" else ">Q"
            # Version and flags, then the number of entries.
            (count,) = struct.unpack_from(">I", moov, box.payload + 4)
            for place in range(box.payload + 8, box.payload + 8 + count * struct.calcsize(form), struct.calcsize(form)):
                (offset,) = struct.unpack_from(form, moov, place)
                struct.pack_into(form, moov, place, offset + by)
