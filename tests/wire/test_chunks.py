"""Chunks of film: what is sealed decodes to the same, and no lie about lengths, shapes or parts gets past."""

import struct
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.chunks import (
    BLOBS_MAX,
    FRAMES_MAX,
    PARTS_MAX,
    SIDE_MAX_PX,
    Film,
    blobs,
    decode_film,
    room_bytes,
    seal_chunk,
)
from filmlab.wire.frame import PAYLOAD_MAX_BYTES, Envelope, Kind, open_parts, seal
from filmlab.wire.head import NUMBER_MAX
from wire.samples import BLOBS, FILM, SESSION, films_and_blobs

GOLDEN_META = (
    "8ea372756e00a466696c6d01a5666972737403a5636f756e7402a668656967687454a5776964746840a86368616e6e656c7303a76570697"
    "36f646507a477616c6ccb3ff8000000000000a46b696e6400a5647479706500a5636f64656301a47061727400a5706172747301"
)


def chunk(payload: bytes = b"", **changed: Any) -> Envelope:
    """A chunk as somebody else would seal it."""
    meta = {name: getattr(FILM, name) for name in FILM.__slots__} | changed
    return open_parts(seal(Kind.DATA_B, SESSION, 1, msgpack.packb(meta), payload).parts)


@given(films_and_blobs(), st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1))
def test_what_is_sealed_decodes_to_the_same(pair: tuple[Film, list[bytes]], session: int, seq: int) -> None:
    """Meta and blobs, session and number."""
    film, data = pair
    envelope = open_parts(seal_chunk(session, seq, film, data).parts)
    assert decode_film(envelope) == film
    assert list(map(bytes, blobs(film, envelope.payload))) == data
    assert (envelope.kind, envelope.session, envelope.seq) == (Kind.DATA_B, session, seq)


def test_the_layout_stays() -> None:
    """Film files outlive versions: a map of plain numbers, then little-endian lengths, then the blobs."""
    envelope = seal_chunk(SESSION, 1, FILM, BLOBS)
    assert bytes(envelope.meta).hex() == GOLDEN_META
    assert bytes(envelope.payload) == struct.pack("<II", 11, 6) + b"first framesecond"
    assert decode_film(seal(Kind.DATA_B, SESSION, 1, bytes.fromhex(GOLDEN_META))) == FILM


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("height", [1, SIDE_MAX_PX], [0, SIDE_MAX_PX + 1, 2**32, 2**63 - 1, -1, 2**64 - 1, 84.0, True, None]),
        ("width", [1, SIDE_MAX_PX], [0, SIDE_MAX_PX + 1, -1]),
        ("channels", [1, 3], [0, 2, 4, 2**40]),
        ("dtype", [0], [1, 255, "f8,V999999999"]),
        ("codec", [0, 1], [2, -1]),
        ("kind", [0], [1, 2, 3]),
        ("film", [1, NUMBER_MAX], [0, NUMBER_MAX + 1, -1]),
        ("run", [0, NUMBER_MAX], [-1, NUMBER_MAX + 1]),
        ("episode", [-1, 2**63 - 1], [-2, 2**63]),
        ("first", [0, FRAMES_MAX - 2], [-1, FRAMES_MAX - 1, FRAMES_MAX, 2**63 - 1]),
        ("count", [1, BLOBS_MAX], [0, BLOBS_MAX + 1, 2**63 - 1, -1]),
        ("part", [0], [1, -1]),
        ("parts", [1], [0, 2, PARTS_MAX + 1, 2**63 - 1]),
        ("wall", [0.0, -1.5], [float("nan"), float("inf"), "now"]),
    ],
)  # fmt: skip
def test_limits_hold_at_both_ends(field: str, good: list[Any], bad: list[Any]) -> None:
    """Of each field, before any of them is multiplied or allocated; the sender cannot seal what would be refused."""
    for value in good:
        film = replace(FILM, **{field: value})
        assert decode_film(chunk(**{field: value})) == film
        assert decode_film(seal_chunk(SESSION, 1, film, [b""] * film.count)) == film
    for value in bad:
        with pytest.raises(WireError):
            decode_film(chunk(**{field: value}))
        film = replace(FILM, **{field: value})
        count = film.count if field == "count" and 0 <= film.count <= BLOBS_MAX + 1 else 2
        with pytest.raises(WireError):
            seal_chunk(SESSION, 1, film, [b""] * count)


def test_a_part_is_of_one_frame() -> None:
    """Up to 64 parts; the last one is numbered one less."""
    assert decode_film(chunk(count=1, part=63, parts=64)).part == 63
    for changed in ({"count": 2, "parts": 2}, {"count": 1, "part": 64, "parts": 64}, {"count": 1, "parts": 65}):
        with pytest.raises(WireError):
            decode_film(chunk(**changed))


def test_only_data_b_is_film() -> None:
    """A record of another kind may have the same meta."""
    with pytest.raises(WireError, match="DATA_C is no chunk"):
        decode_film(seal(Kind.DATA_C, SESSION, 1, bytes.fromhex(GOLDEN_META)))


def test_every_truncation_of_meta_is_seen() -> None:
    """With a CRC that fits."""
    meta = bytes.fromhex(GOLDEN_META)
    for cut in range(len(meta)):
        with pytest.raises(WireError):
            decode_film(seal(Kind.DATA_B, SESSION, 1, meta[:cut]))


def test_a_flipped_bit_in_meta_raises_only_wire_errors() -> None:
    """Or makes another chunk within the limits."""
    meta = bytes.fromhex(GOLDEN_META)
    for bit in range(8 * len(meta)):
        altered = bytearray(meta)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            film = decode_film(seal(Kind.DATA_B, SESSION, 1, bytes(altered)))
        except WireError:
            continue
        assert decode_film(seal_chunk(SESSION, 1, film, [b""] * film.count)) == film


@given(st.integers(1, BLOBS_MAX), st.binary(max_size=60))
def test_blobs_are_within_their_payload(count: int, payload: bytes) -> None:
    """Whatever the table says: garbage raises WireError, or the blobs fill the payload exactly."""
    try:
        found = blobs(replace(FILM, count=count), payload)
    except WireError:
        return
    assert len(found) == count
    assert b"".join(found) == payload[4 * count :]


def test_every_truncation_of_blobs_is_seen() -> None:
    """The table and the payload agree to the byte."""
    payload = bytes(seal_chunk(SESSION, 1, FILM, BLOBS).payload)
    for altered in (*(payload[:cut] for cut in range(len(payload))), payload + b"\0", struct.pack("<II", 2**32 - 1, 0)):
        with pytest.raises(WireError):
            blobs(FILM, altered)


def test_blobs_are_views() -> None:
    """A megabyte is not copied to be looked at."""
    payload = bytes(seal_chunk(SESSION, 1, FILM, BLOBS).payload)
    assert all(view.obj is payload for view in blobs(FILM, payload))


@pytest.mark.parametrize("count", [1, 2, BLOBS_MAX])
def test_the_room_beside_the_table_is_exact(count: int) -> None:
    """As many bytes as that fit into a record, and not one more."""
    film = replace(FILM, first=0, count=count)
    data = [b""] * (count - 1) + [bytes(room_bytes(count))]
    assert len(seal_chunk(SESSION, 1, film, data).payload) == PAYLOAD_MAX_BYTES
    with pytest.raises(WireError, match="at most"):
        seal_chunk(SESSION, 1, film, [*data[:-1], data[-1] + b"\0"])


def test_blobs_are_as_many_as_frames() -> None:
    """A slip of the sender's is seen at the sender."""
    with pytest.raises(WireError, match="3 blobs for 2 frames"):
        seal_chunk(SESSION, 1, FILM, [b"", b"", b""])


def test_shapes_are_numpys() -> None:
    """Grey frames have no axis of channels."""
    assert (FILM.shape, FILM.frame_bytes) == ((84, 64, 3), 84 * 64 * 3)
    assert replace(FILM, channels=1).shape == (84, 64)
