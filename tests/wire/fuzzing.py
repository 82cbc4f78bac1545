"""Valid records, bent, and a reader of anything: what the fuzzers feed to the decoders. Deterministic for a seed."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgpack

from filmlab.errors import WireError
from filmlab.wire import messages
from filmlab.wire.chunks import Film, blobs, decode_film, seal_chunk
from filmlab.wire.entries import (
    JSON_COLUMN,
    Entry,
    Steps,
    decode_entries,
    encode_entry,
    read_json_column,
    seal_entries,
)
from filmlab.wire.frame import HEADER_BYTES, Envelope, Kind, open_parts, seal
from wire.samples import records

Parts = list[bytes]
Contents: TypeAlias = messages.Message | list[Entry] | tuple[Film, list[memoryview]]

_INTERESTING = [
    0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 10_000, 10_001,
    2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 0x7FF0000000000000, 0x7FF8000000000001, 0xFFF0000000000000,
]  # fmt: skip
_TOKENS = [
    b"\x80", b"\x90", b"\x91" * 600, b"\xc0", b"\xc1", b"\xc3", b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xc4\x01a",
    b"\xd6\xff\0\0\0\0", b"\xc7\x0c\xff" + b"\xff" * 12, b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"9" * 5000,
    b'"\\ud800"', b"\\ud800", b"\\u0000", b"\xed\xa0\x80", b"\xff\xfe", b"[" * 2000, b"[" * 65 + b"]" * 65,
    b'{"a":' * 70, b"[[],[]]", b"{}", b"null", b"true", b"-1", b"0.5", b'"fps":0', b'"fps":1e308', b'"film":0',
    b'"id":".."', b"../", b"\x1b[2J", b"FLM1",
]  # fmt: skip
_JSON_TOKENS = [
    b"0", b"-1", b"1", b"0.5", b"1e308", b"1e999", b"-1e999", b"NaN", b"Infinity", b"9" * 309, b"9" * 400, b"9" * 5000,
    b"9007199254740991", b"9007199254740992", b"9223372036854775808", b"18446744073709551616", b"true", b"null", b'""',
    b'".."', b'"/../"', b'"/"', b'"a/b"', b'"\\ud800"', b'"\\ud83c\\udfac"', b'"\xed\xa0\x80"', b'"\xff"', b'"\\u0000"',
    b'"\\u202e"', b'"' + b"x" * 201 + b'"', b'"' + b"x" * 5000 + b'"', b"[]", b"[1]", b'["\\udfff"]', b"{}",
    b'{"a":NaN}', b'{"\\ud800":1}', b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 63 + b"]" * 63, b"[" * 800 + b"]" * 800,
    b'{"a":1e999}', b"[" * 3000, b"[" * 3000 + b"]" * 3000, b'[[true,"a"]]', b'[[0,"a"]]',
    b'[[4294967296,"a"]]', b'[[0,"\\u001b"]]',
    b'[[0,"\\ud800"]]',
]  # fmt: skip
_VALUES: list[Any] = [
    *_INTERESTING, -1, -(2**31), -(2**63), True, None, 0.5, -0.0, float("nan"), float("inf"), 1e308, "", "x",
    "x" * 4096, "x" * 4097, "\U0001f3ac" * 4096, "a\0b", "\u202e", "\ud800", b"bytes", [], [[]], {}, {"a": 1},
]  # fmt: skip


def bent(seed: int, count: int) -> Iterator[Parts]:
    """So many messages as parts, most of them with a CRC that fits, since only those get past it."""
    rng = random.Random(seed)
    valid = [[bytes(part) for part in (record.header, record.meta, record.payload)] for record in records()]
    for _ in range(count):
        parts = list(rng.choice(valid))
        if rng.random() < 0.1:
            yield _damaged(rng, parts)
            continue
        header, meta, payload = parts
        kind = Kind(header[5])
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            if not payload or rng.random() < 0.2:
                meta = _change_map(rng, meta, valid)
            elif kind is Kind.DATA_C and rng.random() < 0.8:
                payload = _change_entry(rng, payload, valid)
            else:
                payload = _change(rng, payload, valid)
        if rng.random() < 0.05:
            kind = rng.choice(list(Kind))
        yield _parts(seal(kind, rng.getrandbits(64), rng.getrandbits(63), meta[:65536], payload))


def _change_map(rng: random.Random, meta: bytes, others: list[Parts]) -> bytes:
    """One value of a msgpack map, or any of its bytes."""
    if rng.random() < 0.3:
        return _change(rng, meta, others)
    try:
        fields = msgpack.unpackb(meta)
        fields[rng.choice(list(fields))] = rng.choice(_VALUES)
        return bytes(msgpack.packb(fields, unicode_errors="surrogatepass"))
    except (ValueError, TypeError, IndexError, OverflowError, msgpack.UnpackException):
        return _change(rng, meta, others)  # it is bent too far by now, or has no field


def _change_entry(rng: random.Random, payload: bytes, others: list[Parts]) -> bytes:
    """The body of the first entry, with a length that fits, so that its reader sees all of it."""
    body_bytes = int.from_bytes(payload[32:36], "little")
    head, body, rest = payload[:32], payload[36 : 36 + body_bytes], payload[36 + body_bytes :]
    at = body.find(b"{")
    if rng.random() < 0.6 and at >= 0:
        body = body[:at] + _change_document(rng, body[at:], others)
    else:
        body = _change(rng, body, others)
    return head + len(body).to_bytes(4, "little") + body + rest


def _change_document(rng: random.Random, text: bytes, others: list[Parts]) -> bytes:
    """One value of a JSON object, by name."""
    try:
        fields = json.loads(text)
        name = rng.choice(sorted(fields))
    except (ValueError, IndexError, TypeError, RecursionError):
        return _change(rng, text, others)
    fields[name] = "?"
    token = rng.choice(_JSON_TOKENS)
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass").replace(b'"?"', token, 1)


def _parts(envelope: Envelope) -> Parts:
    return [bytes(part) for part in envelope.parts]


def _damaged(rng: random.Random, parts: Parts) -> Parts:
    """Altered on the way, or by somebody who knows how to sum: header, number of parts, anything."""
    parts = parts[: rng.choice((2, 3, 3, 3))] + [b""] * rng.choice((0, 0, 0, 1))
    index = rng.randrange(len(parts))
    parts[index] = _change(rng, parts[index], [parts])
    if rng.random() < 0.5 and len(parts[0]) == HEADER_BYTES:
        bare = parts[0][:-4]
        parts[0] = bare + zlib.crc32(b"".join([bare, *parts[1:]])).to_bytes(4, "little")
    return parts


def _change(rng: random.Random, data: bytes, others: list[Parts]) -> bytes:
    """One mutation of some bytes."""
    at = rng.randrange(len(data) + 1)
    return rng.choice(_CHANGES)(rng, data, at, others)


def _flip(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :] if at < len(data) else data


def _overwrite(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(_INTERESTING) & (1 << 8 * size) - 1
    return data[:at] + value.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def _token(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    return data[:at] + rng.choice(_TOKENS) + data[at + rng.choice((0, 0, 1, 4)) :]


def _cut(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    return data[:at]


def _remove(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    return data[:at] + data[at + rng.choice((1, 1, 2, 4, 8, 36)) :]


def _repeat(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    return data[:at] + data[max(0, at - rng.randrange(1, 80)) : at] * rng.choice((1, 2, 30)) + data[at:]


def _splice(rng: random.Random, data: bytes, at: int, others: list[Parts]) -> bytes:
    other = rng.choice(rng.choice(others))
    return data[:at] + other[rng.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[random.Random, bytes, int, list[Parts]], bytes], ...] = (
    _flip, _flip, _overwrite, _overwrite, _token, _cut, _remove, _repeat, _splice,
)  # fmt: skip


def contents(envelope: Envelope) -> Contents:
    """What client, daemon and worker would read in a record. Raises WireError as the decoders do."""
    match envelope.kind:
        case Kind.DATA_C:
            entries = list(decode_entries(envelope.payload))
            for column in (column for entry in entries if isinstance(entry, Steps) for column in entry.columns):
                if column.dtype == JSON_COLUMN:
                    read_json_column(column)
            return entries
        case Kind.DATA_B:
            film = decode_film(envelope)
            return film, blobs(film, envelope.payload)
        case _:
            return messages.decode(envelope)


def again(envelope: Envelope, found: Contents) -> Envelope:
    """The same, sealed anew."""
    if isinstance(found, list):
        return seal_entries(envelope.session, envelope.seq, [encode_entry(entry) for entry in found])
    if isinstance(found, tuple):
        return seal_chunk(envelope.session, envelope.seq, found[0], list(map(bytes, found[1])))
    return messages.encode(found, envelope.session, envelope.seq)


def consume(parts: Parts) -> str:
    """`refused`, or the kind of what was valid. Only reading may raise WireError: what is valid can be said again."""
    try:
        envelope = open_parts(parts)
        found = contents(envelope)
    except WireError as error:
        assert len(str(error)) < 600
        return "refused"
    once = again(envelope, found)
    twice = again(once, contents(open_parts(once.parts)))
    assert list(map(bytes, twice.parts)) == list(map(bytes, once.parts))
    return envelope.kind.name
