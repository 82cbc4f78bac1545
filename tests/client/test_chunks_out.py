"""From frames to blobs: which are compressed, and that they are the frames again."""

from collections.abc import Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

from filmlab.link.chunks_out import Blob, ChunkBuilder, pack
from filmlab.reel import Reel
from filmlab.wire.chunks import CODEC_RAW, CODEC_ZSTD, Film

SIDE_PX = 64
Pixels = NDArray[np.uint8]


def noise(count: int) -> list[Pixels]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8) for _ in range(count)]


def flat(count: int) -> list[Pixels]:
    return [np.full((SIDE_PX, SIDE_PX, 3), shade, np.uint8) for shade in range(count)]


def packed(reel: Reel, frames: Sequence[Pixels]) -> list[Blob]:
    return pack([(reel, reel.shutter.take(frame)) for frame in frames])


def pixels(blob: Blob) -> Pixels:
    data = blob.data if blob.codec == CODEC_RAW else zstandard.ZstdDecompressor().decompress(blob.data)
    return np.frombuffer(data, np.uint8).reshape(SIDE_PX, SIDE_PX, 3)


def test_frames_that_do_not_shrink_go_as_they_are_until_they_shrink_again() -> None:
    """One frame of each batch is compressed to see; what arrives is the same whichever way it came."""
    reel, batches = Reel(1, 0, 0, 0.0), [noise(3), noise(4), flat(4), flat(3)]
    blobs = [packed(reel, batch) for batch in batches]
    assert [{blob.codec for blob in batch} for batch in blobs] == [{CODEC_ZSTD}, {CODEC_RAW}, {CODEC_RAW}, {CODEC_ZSTD}]
    for batch, frames in zip(blobs, batches, strict=True):
        assert [pixels(blob).tobytes() for blob in batch] == [frame.tobytes() for frame in frames]


def test_a_noisy_film_changes_nothing_for_another() -> None:
    """Two films in one batch are judged apart."""
    loud, calm = Reel(1, 0, 0, 0.0), Reel(2, 0, 1, 0.0)
    packed(loud, noise(1))
    shots = [(reel, reel.shutter.take(frame)) for reel, frame in zip((loud, calm), noise(1) + flat(1), strict=True)]
    assert [blob.codec for blob in pack(shots)] == [CODEC_RAW, CODEC_ZSTD]


def test_frames_of_another_memory_order_go_raw_in_c_order() -> None:
    """A transposed frame that does not shrink arrives as it was seen, not as it lay."""
    reel = Reel(1, 0, 0, 0.0)
    frames = [frame.transpose(1, 0, 2) for frame in noise(4)]
    packed(reel, frames[:1])
    for blob, frame in zip(packed(reel, frames[1:]), frames[1:], strict=True):
        assert blob.codec == CODEC_RAW
        assert np.array_equal(pixels(blob), frame)


def test_a_chunk_has_one_codec() -> None:
    """Where the codec changes a chunk ends, and says which it has."""
    reel, pushed = Reel(1, 0, 0, 0.0), list[tuple[Film, int]]()
    reel.shutter.take(flat(1)[0])

    def push(film: Film, blobs: Sequence[bytes]) -> int:
        pushed.append((film, len(blobs)))
        return len(pushed)

    builder = ChunkBuilder(reel, push)
    for codec in (CODEC_ZSTD, CODEC_ZSTD, CODEC_RAW, CODEC_ZSTD):
        builder.add(Blob(codec, b"x"), 0.0)
    builder.flush()
    assert [(film.codec, film.first, count) for film, count in pushed] == [
        (CODEC_ZSTD, 0, 2), (CODEC_RAW, 2, 1), (CODEC_ZSTD, 3, 1),
    ]  # fmt: skip
