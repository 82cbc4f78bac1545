"""How do the frames of a film come back out? One by one, each checked against its chunk before any allocation."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from filmlab.errors import BadInput, Corrupt, WireError
from filmlab.wire.chunks import CODEC_RAW, Film, blobs, decode_film
from filmlab.wire.frame import Envelope
from filmlabd.journal.records import read_slot, slots

WINDOW_MAX_BYTES = 8 * 1024 * 1024
_SLACK_BYTES = 64 * 1024
"""A blob of frames that do not compress is a little larger than they are."""


@dataclass(slots=True)
class _Blob:
    """One frame, still compressed."""

    film: Film
    index: int
    data: bytes


def read_frames(path: Path, notes: list[str] | None = None) -> Iterator[NDArray[np.uint8]]:
    """The frames of one film file in order: uint8, (H, W, 3) or (H, W), read-only, at most two in memory.

    A frame equal to the one before is the same object. Stops at the first frame that is missing, damaged or of
    another shape, and appends one sentence on that to `notes`.

    Raises:
        BadInput: there is no such film.
    """
    fd = open_film(path)
    try:
        yield from _frames(fd)
    except Corrupt as error:
        if notes is not None:
            notes.append(str(error))
    finally:
        os.close(fd)


def open_film(path: Path) -> int:
    """A descriptor, for reading. Raises BadInput where there is no such film."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadInput(f"the film {path.name} of session {path.parent.name} is gone") from None


def in_order(fd: int) -> Iterator[Envelope]:
    """The whole records of an open film by number, each number once."""
    done = 0
    for slot in sorted(slots(fd, os.fstat(fd).st_size)):
        if slot.seq <= done:
            continue
        envelope = read_slot(fd, slot)
        if envelope is not None:
            done = slot.seq
            yield envelope


def _frames(fd: int) -> Iterator[NDArray[np.uint8]]:
    last_data, last_frame = b"", None
    shape: tuple[int, ...] = ()
    for blob in _blobs(fd):
        shape = shape or blob.film.shape
        if blob.film.shape != shape:
            raise Corrupt(f"film ends at frame {blob.index}: shape {blob.film.shape}, began with {shape}")
        if last_frame is None or blob.data != last_data:
            last_data, last_frame = blob.data, _decompress(blob)
        yield last_frame


def _blobs(fd: int) -> Iterator[_Blob]:
    """The compressed frames in order, parts joined, each once."""
    expected = 0
    parts: list[bytes] = []
    for envelope in in_order(fd):
        film, pieces = _read_chunk(envelope, expected)
        if parts and (film.first > expected or film.parts == 1 or film.part > len(parts)):
            raise Corrupt(f"film ends at frame {expected}: a part of it is missing")
        if film.first > expected:
            raise Corrupt(f"film ends at frame {expected}: frames {expected} to {film.first - 1} are missing")
        if film.parts > 1:
            if film.first < expected or film.part < len(parts):
                continue
            if film.part > 0 and not parts:
                raise Corrupt(f"film ends at frame {expected}: a part of it is missing")
            parts.append(bytes(pieces[0]))
            _check_size(film, sum(map(len, parts)), expected)
            if len(parts) < film.parts:
                continue
            yield _Blob(film, expected, b"".join(parts))
            expected, parts = expected + 1, []
            continue
        for piece in pieces[expected - film.first :]:
            _check_size(film, len(piece), expected)
            yield _Blob(film, expected, bytes(piece))
            expected += 1
    if parts:
        raise Corrupt(f"film ends at frame {expected}: a part of it is missing")


def _read_chunk(envelope: Envelope, expected: int) -> tuple[Film, list[memoryview]]:
    try:
        film = decode_film(envelope)
        return film, blobs(film, envelope.payload)
    except WireError as error:
        raise Corrupt(f"film ends at frame {expected}: {error}") from None


def _check_size(film: Film, size: int, index: int) -> None:
    if size > film.frame_bytes + film.frame_bytes // 128 + _SLACK_BYTES:
        raise Corrupt(f"film ends at frame {index}: {size} bytes for a frame of {film.frame_bytes}")


def _decompress(blob: _Blob) -> NDArray[np.uint8]:
    size = blob.film.frame_bytes
    data = blob.data
    if blob.film.codec != CODEC_RAW:
        data = _unzstd(blob.data, size, blob.index)
    if len(data) != size:
        raise Corrupt(f"film ends at frame {blob.index}: it has {len(data)} bytes, its shape needs {size}")
    return np.frombuffer(data, np.uint8).reshape(blob.film.shape)


def _unzstd(data: bytes, size: int, index: int) -> bytes:
    """Decompress one blob that should give `size` bytes; never allocates more than that and one."""
    try:
        # `decompress(max_output_size=)` ignores its limit when the blob states a size, so that is checked first.
        stated = zstandard.frame_content_size(data)
        if stated != size:
            raise Corrupt(f"film ends at frame {index}: its blob states {stated} bytes, its shape needs {size}")
        reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX_BYTES).stream_reader(data)
        return bytes(reader.read(size + 1))
    except zstandard.ZstdError as error:
        raise Corrupt(f"film ends at frame {index}: {error}") from None
