"""How do raw frames become chunks of stream B? Compressed many at a time, gathered to about 1 MiB."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import zstandard

from filmlab.frames import Snapshot, in_c_order
from filmlab.reel import Reel
from filmlab.wire.chunks import BLOBS_MAX, CODEC_RAW, CODEC_ZSTD, Film, room_bytes

CHUNK_TARGET_BYTES = 1024 * 1024
CHUNK_MAX_AGE_S = 0.25
"""A chunk that is not full yet goes after this time, so that a trainer that dies has lost little."""
CHUNK_OVERHEAD_BYTES = 16 * 1024
"""What a record takes beside its blobs, at most."""
LEVEL = 1
NOISY_SHARE = 0.9
"""What compresses to more than this is sent as it is: the daemon would wait for the compressor, for nothing."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One frame as it travels."""

    codec: int
    data: bytes


def pack(frames: Sequence[tuple[Reel, Snapshot]]) -> list[Blob]:
    """Each frame as one blob: a zstd frame with its content size, or as it is, in films whose frames do not shrink.

    The first frame of such a film is compressed all the same, to see whether the next batch is worth it.
    """
    flat = in_c_order([frame for _, frame in frames])
    raw = [reel.is_noisy for reel, _ in frames]
    probed: set[int] = set()
    tried = []
    for index, (reel, _) in enumerate(frames):
        if not raw[index] or reel.number not in probed:
            tried.append(index)
            probed.add(reel.number)
    found = dict(zip(tried, _compress([flat[index] for index in tried]), strict=True))
    for index in tried:
        # The last one of the batch decides.
        frames[index][0].is_noisy = len(found[index]) > NOISY_SHARE * frames[index][1].nbytes
    return [
        Blob(CODEC_RAW, bytes(flat[index])) if raw[index] else Blob(CODEC_ZSTD, found[index])
        for index in range(len(frames))
    ]


def _compress(flat: Any) -> list[bytes]:
    """All in one call that releases the interpreter's lock: beside a trainer in pure Python each single call would wait
    some 5 ms to get it back."""
    if not flat:
        return []
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
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
        self._codec = CODEC_ZSTD
        self.size_bytes = 0
        """Of what is gathered."""
        self.due_at: float | None = None
        """When what is gathered should go, whether or not it is full."""

    def add(self, blob: Blob, now: float) -> None:
        """One more frame. Raises what `push` raises."""
        size_bytes = len(blob.data)
        is_full = self.size_bytes + size_bytes > CHUNK_TARGET_BYTES or len(self._blobs) >= BLOBS_MAX
        if self._blobs and (is_full or blob.codec != self._codec):
            self.flush()
        self._codec = blob.codec
        if size_bytes > room_bytes(1):
            self._push_parts(blob.data)
            return
        if not self._blobs:
            self.due_at = now + CHUNK_MAX_AGE_S
        self._blobs.append(blob.data)
        self.size_bytes += size_bytes

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
            codec=self._codec,
            episode=reel.episode,
            wall=reel.wall,
        )


def _pieces(blob: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(blob), size):
        yield blob[begin : begin + size]
