"""How is one record framed? The same bytes travel on the wire and lie in the journal, the film files and the spool.

A record is `header (36 bytes) | meta (msgpack map) | payload`. On the wire these are two or three ZeroMQ parts, on disk
they follow each other. The header tells both lengths, so a reader needs no other separator, and its CRC-32 covers
header, meta and payload, so that a torn or altered record is seen wherever it lies.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from filmlab.errors import WireError
from filmlab.wire.sums import Sums

MAGIC = b"FLM1"
PROTOCOL = 1
"""The version that this code speaks. A daemon speaks this one and the one before."""

META_MAX_BYTES = 64 * 1024
PAYLOAD_MAX_BYTES = 8 * 1024 * 1024
SEQ_MAX = 2**63 - 1

# magic, version, kind, flags, session, seq, meta length, payload length, CRC-32
_HEADER = struct.Struct("<4sBBHQQIII")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size
_CRC_AT = HEADER_BYTES - _CRC.size
_MAGIC_ANYWHERE = re.compile(re.escape(MAGIC))


class Kind(IntEnum):
    """What a record is. HELLO, ERROR and DRAIN keep their form in every version of the protocol."""

    HELLO = 1
    WELCOME = 2
    PLAN = 3
    DATA_C = 4
    DATA_B = 5
    ACK = 6
    PRINT = 7
    BUSY = 8
    RESYNC = 9
    PING = 10
    PONG = 11
    ERROR = 12
    BYE = 13
    DRAIN = 14
    FACT = 64
    """Born in the daemon, found in its journal only; refused from a peer."""


_KINDS = frozenset(Kind)
_EVERY_VERSION = frozenset({Kind.HELLO, Kind.ERROR, Kind.DRAIN})

WAITING = 1
"""Flag: somebody waits for this record to be durable (flush, finish), so it is synced soon."""


class VersionMismatch(WireError):
    """The record is of another version of the protocol."""

    def __init__(self, got: int) -> None:
        super().__init__(f"protocol version {got}; this side speaks {PROTOCOL}")
        self.got = got


@dataclass(frozen=True, slots=True)
class Envelope:
    """A framed record whose header, lengths and CRC have been checked, and whose contents have not been looked at.

    `meta` and `payload` are bytes, or memoryviews where the record was read without a copy.
    """

    kind: Kind
    flags: int
    session: int
    seq: int
    header: bytes
    meta: bytes | memoryview
    payload: bytes | memoryview

    @property
    def parts(self) -> list[bytes | memoryview]:
        """As it is sent: two parts, or three where there is a payload."""
        return [self.header, self.meta, self.payload] if len(self.payload) else [self.header, self.meta]

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return HEADER_BYTES + len(self.meta) + len(self.payload)


def seal(
    kind: Kind, session: int, seq: int, meta: bytes, payload: bytes | memoryview = b"", flags: int = 0
) -> Envelope:
    """Frame one record.

    Raises:
        WireError: meta is over 64 KiB or payload over 8 MiB.
    """
    _check_lengths(len(meta), len(payload))
    bare = _HEADER.pack(MAGIC, PROTOCOL, kind, flags, session, seq, len(meta), len(payload), 0)
    header = bare[:_CRC_AT] + _CRC.pack(_checksum(bare, meta, payload))
    return Envelope(kind, flags, session, seq, header, meta, payload)


def open_parts(parts: Sequence[bytes | memoryview]) -> Envelope:
    """Check one message as ZeroMQ delivered it (without the routing id).

    Raises:
        WireError: it is no record of ours: wrong number of parts, magic, kind, lengths or CRC.
        VersionMismatch: it is one of another version.
    """
    if len(parts) not in (2, 3):
        raise WireError(f"a message has 2 or 3 parts, this one {len(parts)}")
    if len(parts[0]) != HEADER_BYTES:
        raise WireError(f"a header has {HEADER_BYTES} bytes, this one {len(parts[0])}")
    head = _parse(bytes(parts[0]))
    meta, payload = parts[1], parts[2] if len(parts) == 3 else b""
    if (len(meta), len(payload)) != (head.meta_bytes, head.payload_bytes):
        raise WireError(
            f"lengths {len(meta)} and {len(payload)}; the header says {head.meta_bytes} and {head.payload_bytes}"
        )
    return _open(head, meta, payload)


def read_record(data: bytes | memoryview, offset: int) -> tuple[Envelope, int]:
    """The record that begins at `offset`, and where the next one begins. Meta and payload are views into `data`.

    Raises:
        WireError: no whole, unaltered record begins there.
    """
    view = memoryview(data)
    head = _parse(bytes(view[offset : offset + HEADER_BYTES]))
    meta_at = offset + HEADER_BYTES
    payload_at = meta_at + head.meta_bytes
    end = payload_at + head.payload_bytes
    if end > len(view):
        raise WireError(f"a record of {end - offset} bytes is cut at {len(view) - offset}")
    return _open(head, view[meta_at:payload_at], view[payload_at:end]), end


def record_end(data: bytes | memoryview, offset: int) -> int:
    """Where the record at `offset` ends by its header alone, whether or not it is whole. Raises WireError for none."""
    head = _parse(bytes(memoryview(data)[offset : offset + HEADER_BYTES]))
    return offset + HEADER_BYTES + head.meta_bytes + head.payload_bytes


def find_record(data: bytes | memoryview, offset: int) -> tuple[Envelope, int, int] | None:
    """The first whole record at or after `offset`: (record, where it begins, where the next begins), or None.

    This is how a reader gets past damage: it looks for the magic and believes only a CRC. The time it takes grows with
    the length of the data and no faster, whatever the data are: headers one after the other that each claim 8 MiB
    would otherwise have it sum the same bytes again for each of them.
    """
    view = memoryview(data)
    for at, end in _places(view, offset):
        if end <= len(view):
            return read_record(view, at)[0], at, end
    return None


def find_place(data: bytes | memoryview, offset: int) -> tuple[int, int] | None:
    """Where the first record at or after `offset` lies, [begin, end), or None; for data that are a piece of a file.

    One whose end is behind the end of the data is not checked yet: the caller reads on from its beginning.
    """
    return next(_places(memoryview(data), offset), None)


def read_all(data: bytes | memoryview) -> Iterator[Envelope]:
    """Every whole record from the start, up to the first that is not whole."""
    offset = 0
    while offset < len(data):
        try:
            record, offset = read_record(data, offset)
        except WireError:
            return
        yield record


def _places(view: memoryview, offset: int) -> Iterator[tuple[int, int]]:
    """Where records lie that are whole, or that may be but for the end of the data."""
    sums = Sums(view, offset)
    for match in _MAGIC_ANYWHERE.finditer(view, offset):
        body_at = match.start() + HEADER_BYTES
        try:
            head = _parse(bytes(view[match.start() : body_at]))
        except WireError:
            continue
        end = body_at + head.meta_bytes + head.payload_bytes
        if end > len(view) or sums.between(body_at, end, zlib.crc32(head.raw[:_CRC_AT])) == head.crc:
            yield match.start(), end


@dataclass(frozen=True, slots=True)
class _Header:
    raw: bytes
    kind: int
    flags: int
    session: int
    seq: int
    meta_bytes: int
    payload_bytes: int
    crc: int


def _parse(raw: bytes) -> _Header:
    """Everything that the header alone tells, checked as far as it goes."""
    if len(raw) != HEADER_BYTES:
        raise WireError(f"{len(raw)} bytes left, a header has {HEADER_BYTES}")
    magic, version, kind, flags, session, seq, meta_bytes, payload_bytes, crc = _HEADER.unpack(raw)
    if magic != MAGIC:
        raise WireError("no filmlab record: it does not begin with FLM1")
    if kind not in _KINDS:
        raise WireError(f"unknown kind {kind}")
    if version != PROTOCOL and kind not in _EVERY_VERSION:
        raise VersionMismatch(version)
    if seq > SEQ_MAX:
        raise WireError("a sequence number above 2**63 - 1")
    _check_lengths(meta_bytes, payload_bytes)
    return _Header(raw, kind, flags, session, seq, meta_bytes, payload_bytes, crc)


def _open(head: _Header, meta: bytes | memoryview, payload: bytes | memoryview) -> Envelope:
    if _checksum(head.raw, meta, payload) != head.crc:
        raise WireError("the CRC does not match: the record was altered")
    return Envelope(Kind(head.kind), head.flags, head.session, head.seq, head.raw, meta, payload)


def _checksum(header: bytes, meta: bytes | memoryview, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(meta, zlib.crc32(header[:_CRC_AT])))


def _check_lengths(meta_bytes: int, payload_bytes: int) -> None:
    if meta_bytes > META_MAX_BYTES:
        raise WireError(f"meta of {meta_bytes} bytes; at most {META_MAX_BYTES}")
    if payload_bytes > PAYLOAD_MAX_BYTES:
        raise WireError(f"payload of {payload_bytes} bytes; at most {PAYLOAD_MAX_BYTES}")
