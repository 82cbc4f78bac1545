"""Framing: what is sealed opens again, what is not whole or was altered raises WireError and nothing else."""

import zlib
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire import frame
from filmlab.wire.frame import (
    HEADER_BYTES,
    MAGIC,
    META_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    PROTOCOL,
    SEQ_MAX,
    WAITING,
    Envelope,
    Kind,
    VersionMismatch,
    find_record,
    open_parts,
    read_all,
    read_record,
    seal,
)

kinds = st.sampled_from(Kind)
u64 = st.integers(0, 2**64 - 1)
sealed = st.builds(
    seal, kinds, u64, st.integers(0, SEQ_MAX), st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 255)
)
RECORD = seal(Kind.DATA_C, 7, 3, b"\x80", b"payload", WAITING)
RAW = b"".join(RECORD.parts)


def header(
    *, magic: bytes = MAGIC, version: int = PROTOCOL, kind: int = Kind.DATA_C, seq: int = 1, meta_bytes: int = 1,
    payload_bytes: int = 0, crc: int | None = None, rest: bytes = b"\x80",
) -> bytes:  # fmt: skip
    """A header as somebody else would make it, with the right CRC unless told otherwise, and what follows it."""
    bare = frame._HEADER.pack(magic, version, kind, 0, 7, seq, meta_bytes, payload_bytes, 0)[:-4]
    return bare + (zlib.crc32(bare + rest) if crc is None else crc).to_bytes(4, "little") + rest


def same(a: Envelope, b: Envelope) -> bool:
    """Alike, whether bytes or views."""
    return list(map(bytes, a.parts)) == list(map(bytes, b.parts)) and (a.kind, a.flags, a.session, a.seq) == (
        b.kind, b.flags, b.session, b.seq,
    )  # fmt: skip


def flipped(data: bytes) -> Iterator[bytes]:
    """The same with each of its bits turned, one at a time."""
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        yield bytes(altered)


def test_the_layout_stays() -> None:
    """Journals and spools of older versions must be read: 36 bytes, little-endian, CRC-32 of all but the CRC."""
    assert RAW.hex(" ") == (
        "46 4c 4d 31 01 04 01 00 07 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 01 00 00 00 07 00 00 00 6e 76 62 9c "
        "80 70 61 79 6c 6f 61 64"
    )


@given(sealed)
def test_what_is_sealed_opens_as_parts(envelope: Envelope) -> None:
    """Two parts or three, with the same contents."""
    assert len(envelope.parts) == (3 if len(envelope.payload) else 2)
    assert same(open_parts(envelope.parts), envelope)


@given(sealed, st.binary(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_is_read_in_place(envelope: Envelope, before: bytes, after: bytes) -> None:
    """At any offset, with anything behind it; the end is where the next would begin."""
    data = before + b"".join(map(bytes, envelope.parts)) + after
    found, end = read_record(data, len(before))
    assert same(found, envelope)
    assert end == len(before) + envelope.size_bytes


def test_every_truncation_is_seen() -> None:
    """Of a record on disk, and of each part on the wire."""
    for cut in range(len(RAW)):
        with pytest.raises(WireError):
            read_record(RAW[:cut], 0)
    for index, part in enumerate(RECORD.parts):
        for cut in range(len(part)):
            with pytest.raises(WireError):
                open_parts([*RECORD.parts[:index], part[:cut], *RECORD.parts[index + 1 :]])


def test_every_flipped_bit_is_seen() -> None:
    """In header, meta and payload alike, on disk and on the wire."""
    for altered in flipped(RAW):
        with pytest.raises(WireError):
            read_record(altered, 0)
        with pytest.raises(WireError):
            open_parts([altered[:HEADER_BYTES], altered[HEADER_BYTES : HEADER_BYTES + 1], altered[HEADER_BYTES + 1 :]])


@given(st.lists(st.binary(max_size=60), max_size=5))
@example([b""])
@example([RAW[:HEADER_BYTES]])
def test_garbage_raises_only_wire_errors(parts: list[bytes]) -> None:
    """Any number of parts of anything."""
    with pytest.raises(WireError):
        open_parts(parts)
    for part in parts:
        with pytest.raises(WireError):
            read_record(part, 0)


def test_sizes_up_to_the_limits_pass_and_no_more() -> None:
    """64 KiB of meta, 8 MiB of payload; a header that claims more is refused before anything is summed."""
    largest = seal(Kind.DATA_B, 1, 1, bytes(META_MAX_BYTES), bytes(PAYLOAD_MAX_BYTES))
    assert same(open_parts(largest.parts), largest)
    for meta, payload in ((META_MAX_BYTES + 1, 0), (0, PAYLOAD_MAX_BYTES + 1)):
        with pytest.raises(WireError, match="at most"):
            seal(Kind.DATA_B, 1, 1, bytes(meta), bytes(payload))
        with pytest.raises(WireError, match="at most"):
            read_record(header(meta_bytes=meta, payload_bytes=payload), 0)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (header(magic=b"FLM2"), "does not begin"),
        (header(kind=0), "unknown kind"),
        (header(kind=200), "unknown kind"),
        (header(seq=SEQ_MAX + 1), "2\\*\\*63"),
        (header(crc=0), "CRC"),
        (header(payload_bytes=30), "cut at"),  # its CRC is that of what is there
    ],
)
def test_headers_that_lie_are_refused(raw: bytes, said: str) -> None:
    """Each with its own reason."""
    with pytest.raises(WireError, match=said):
        read_record(raw, 0)


def test_another_version_is_told_apart() -> None:
    """So that it can be answered; HELLO, ERROR and DRAIN are read in every version."""
    with pytest.raises(VersionMismatch) as caught:
        read_record(header(version=9), 0)
    assert caught.value.got == 9
    for kind in (Kind.HELLO, Kind.ERROR, Kind.DRAIN):
        assert read_record(header(version=9, kind=kind), 0)[0].kind is kind


@given(st.lists(sealed, max_size=4), st.binary(max_size=50).filter(lambda data: not data.startswith(b"F")))
def test_all_whole_records_come_in_order(envelopes: list[Envelope], tail: bytes) -> None:
    """Up to what is no record."""
    data = b"".join(bytes(part) for envelope in envelopes for part in envelope.parts) + tail
    assert [envelope.header for envelope in read_all(data)] == [envelope.header for envelope in envelopes]


pieces = st.one_of(
    st.binary(max_size=50),
    sealed.map(lambda envelope: b"".join(map(bytes, envelope.parts))),
    sealed.map(lambda envelope: b"".join(map(bytes, envelope.parts))[:-1]),
    st.sampled_from([MAGIC, RAW[:20], RAW[:HEADER_BYTES], header(payload_bytes=30), header(version=9), MAGIC * 9]),
)


@given(st.lists(pieces, max_size=8).map(b"".join), st.integers(0, 40))
def test_the_first_whole_record_is_found(data: bytes, offset: int) -> None:
    """Exactly where trying every place would find it."""
    expected = None
    for at in range(offset, len(data)):
        try:
            _, end = read_record(data, at)
        except WireError:
            continue
        expected = (at, end)
        break
    found = find_record(memoryview(data), offset)
    assert (found and found[1:]) == expected


def test_a_search_through_hostile_headers_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers that each claim all the rest cost a bounded number of summed bytes each, not the rest each."""
    count = 4000
    rest = [HEADER_BYTES * (count - index - 1) for index in range(count)]
    data = b"".join(header(meta_bytes=0, payload_bytes=size, crc=1, rest=b"") for size in rest)
    summed = 0

    def crc32(data: bytes, value: int = 0, plain=zlib.crc32) -> int:  # type: ignore[no-untyped-def]  # zlib has no type
        nonlocal summed
        summed += len(data)
        return plain(data, value)

    monkeypatch.setattr(zlib, "crc32", crc32)
    assert find_record(data + RAW, 0) is not None
    assert summed < 10_000 * count < sum(rest) // 2
