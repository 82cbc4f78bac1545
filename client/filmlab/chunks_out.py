"""How do raw frames become chunks of stream B? Compressed many at a time, gathered to about 1 MiB."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import zstandard

from filmlab.frames import Snapshot, in_c_order
from filmlab.reel import Reel
from filmlab.wire.chunks import BLOBS_MAX, Film, room_bytes

CHUNK_TARGET_BYTES = 1024 * 1024
CHUNK_MAX_AGE_S = 0.25
"""A chunk that is not full yet goes after this time, so that a trainer that dies has lost little."""
CHUNK_OVERHEAD_BYTES = 16 * 1024
"""What a record takes beside its blobs, at most."""
LEVEL = 1


def compress(frames: Sequence[Snapshot]) -> list[bytes]:
    """One zstd frame for each, with its content size.

    All in one call that releases the interpreter's lock: beside a trainer in pure Python each single call would wait
    some 5 ms to get it back.
    """
    if not frames:
        return []
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
    flat: Any = in_c_order(frames)
    if not hasattr(compressor, "multi_compress_to_buffer"):
        return [compressor.compress(frame) for frame in flat]
    found = compressor.multi_compress_to_buffer(flat)
    return [found[index].tobytes() for index in range(len(found))]


class ChunkBuilder:
    """Gathers the compressed frames of one film.

    Args:
        reel: whose counts it keeps up to date.
        push: gives a chunk to the outbox and returns its number in stream B.
    """

    def __init__(self, reel: Reel, push: Callable[[Film, Sequence[bytes]], int]) -> None:
        self.reel = reel
        self._push = push
        self._blobs: list[bytes] = []
        self.size_bytes = 0
        """Of what is gathered."""
        self.due_at: float | None = None
        """When what is gathered should go, whether or not it is full."""

    def add(self, blob: bytes, now: float) -> None:
        """One more frame. Raises what `push` raises."""
        if self._blobs and (self.size_bytes + len(blob) > CHUNK_TARGET_BYTES or len(self._blobs) >= BLOBS_MAX):
            self.flush()
        if len(blob) > room_bytes(1):
            self._push_parts(blob)
            return
        if not self._blobs:
            self.due_at = now + CHUNK_MAX_AGE_S
        self._blobs.append(blob)
        self.size_bytes += len(blob)

    def flush(self) -> None:
        """Push what is gathered. Raises what `push` raises."""
        blobs, self._blobs, self.size_bytes, self.due_at = self._blobs, [], 0, None
        if blobs:
            self.reel.last_seq = self._push(self._film(len(blobs)), blobs)
            self.reel.sealed_frames += len(blobs)

    def _push_parts(self, blob: bytes) -> None:
        """A blob that is too large for one record."""
        pieces = list(_pieces(blob, room_bytes(1)))
        for part, piece in enumerate(pieces):
            self.reel.last_seq = self._push(replace(self._film(1), part=part, parts=len(pieces)), [piece])
        self.reel.sealed_frames += 1

    def _film(self, count: int) -> Film:
        reel, shutter = self.reel, self.reel.shutter
        return Film(
            run=reel.run,
            film=reel.number,
            first=reel.sealed_frames,
            count=count,
            height=shutter.height,
            width=shutter.width,
            channels=shutter.channels,
            episode=reel.episode,
            wall=reel.wall,
        )


def _pieces(blob: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(blob), size):
        yield blob[begin : begin + size]
