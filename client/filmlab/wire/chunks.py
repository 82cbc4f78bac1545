"""What does stream B say? One chunk of one film to a record: a table of lengths and the compressed frames behind it."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from filmlab.errors import WireError
from filmlab.wire.frame import PAYLOAD_MAX_BYTES, Envelope, Kind, seal
from filmlab.wire.head import FRAMES_MAX, NUMBER_MAX, FilmKind
from filmlab.wire.meta import pack_fields, read_fields

SIDE_MAX_PX = 8192
BLOBS_MAX = 1024
PARTS_MAX = 64
_LENGTH = struct.Struct("<I")
CODEC_RAW, CODEC_ZSTD = 0, 1
DTYPE_U8 = 0


@dataclass(frozen=True, slots=True)
class Film:
    """The meta of a chunk: which frames of which film these are. All its frames have one shape.

    With `parts` > 1 the payload is part `part` (from 0) of one frame's blob that is too large for one record.
    """

    run: int
    film: int
    first: int
    """Index in the film of the first frame."""
    count: int
    height: int
    width: int
    channels: int
    """3 for RGB, 1 for grey."""
    episode: int = -1
    wall: float = 0.0
    kind: int = FilmKind.FRAMES
    dtype: int = DTYPE_U8
    codec: int = CODEC_ZSTD
    part: int = 0
    parts: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one frame as numpy says it: (H, W, 3) or (H, W)."""
        return (self.height, self.width, self.channels) if self.channels != 1 else (self.height, self.width)

    @property
    def frame_bytes(self) -> int:
        """Of one raw frame."""
        return self.height * self.width * self.channels


def seal_chunk(session: int, seq: int, film: Film, blobs: Sequence[bytes], flags: int = 0) -> Envelope:
    """One record of stream B: `film.count` blobs, or one part of one blob.

    Raises:
        WireError: `decode_film` or `blobs` would refuse it, or it is over the limits of a record.
    """
    meta = pack_fields(film)
    _check(film)
    if len(blobs) != film.count:
        raise WireError(f"{len(blobs)} blobs for {film.count} frames")
    lengths = b"".join(_LENGTH.pack(len(blob)) for blob in blobs)
    return seal(Kind.DATA_B, session, seq, meta, b"".join([lengths, *blobs]), flags)


def room_bytes(count: int) -> int:
    """How many bytes of blobs fit beside the table of `count` lengths."""
    return PAYLOAD_MAX_BYTES - count * _LENGTH.size


def decode_film(envelope: Envelope) -> Film:
    """The checked meta of a chunk, without a look at its blobs: all that the daemon needs.

    Raises:
        WireError: a field is missing, or outside its limits.
    """
    if envelope.kind is not Kind.DATA_B:
        raise WireError(f"{envelope.kind.name} is no chunk of film")
    film = read_fields(Film, envelope.meta)
    _check(film)
    return film


def blobs(film: Film, payload: bytes | memoryview) -> list[memoryview]:
    """The blobs of a chunk, without a copy.

    Raises:
        WireError: the table and the payload do not agree.
    """
    view = memoryview(payload)
    offset = film.count * _LENGTH.size
    if len(view) < offset:
        raise WireError("a chunk is shorter than its table")
    out = []
    for index in range(film.count):
        size = _LENGTH.unpack_from(view, index * _LENGTH.size)[0]
        out.append(view[offset : offset + size])
        offset += size
    if offset != len(view):
        raise WireError(f"a chunk of {len(view)} bytes, its table says {offset}")
    return out


def _check(film: Film) -> None:
    sides = 1 <= film.height <= SIDE_MAX_PX and 1 <= film.width <= SIDE_MAX_PX
    if not sides or film.channels not in (1, 3) or film.dtype != DTYPE_U8:
        raise WireError(f"a frame of {film.height}x{film.width}x{film.channels} is not uint8 RGB or grey up to 8192 px")
    if film.kind not in (FilmKind.FRAMES, FilmKind.PARCEL) or film.codec not in (CODEC_RAW, CODEC_ZSTD):
        raise WireError("not a chunk of frames or of a parcel, raw or zstd")
    if film.kind == FilmKind.PARCEL and (film.codec != CODEC_RAW or film.count != 1 or film.parts != 1):
        raise WireError("a chunk of a parcel is one raw blob")
    if not 1 <= film.film <= NUMBER_MAX or not 0 <= film.run <= NUMBER_MAX:
        raise WireError("a film is numbered from 1 and a run from 0, both to 2**32 - 1")
    # The limits are checked before any sum, so none of them can overflow a reader.
    if not (0 <= film.first < FRAMES_MAX and 1 <= film.count <= BLOBS_MAX and film.first + film.count <= FRAMES_MAX):
        raise WireError(f"frames {film.first} to {film.first + film.count - 1}; a film has at most {FRAMES_MAX}")
    if not 0 <= film.part < film.parts <= PARTS_MAX or (film.parts > 1 and film.count != 1):
        raise WireError(f"parts are of one frame, and at most {PARTS_MAX}")


__all__ = [
    "BLOBS_MAX", "CODEC_RAW", "CODEC_ZSTD", "DTYPE_U8", "FRAMES_MAX", "PARTS_MAX", "SIDE_MAX_PX", "Film", "blobs",
    "decode_film", "room_bytes", "seal_chunk",
]  # fmt: skip
