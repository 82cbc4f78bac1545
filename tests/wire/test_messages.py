"""Messages: what is encoded decodes to the same, and nothing else than WireError comes of the rest."""

from contextlib import suppress
from dataclasses import MISSING, fields
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire import messages
from filmlab.wire.frame import Envelope, Kind, open_parts, seal
from filmlab.wire.messages import Stream, decode, encode
from filmlab.wire.meta import RANGES, WHOLE_MAX
from wire.samples import MESSAGE_TYPES, MESSAGES, SESSION, message_of, strange

CASES = [(cls, item.name) for cls in MESSAGE_TYPES for item in fields(cls)]
SAMPLE = {type(message): message for message in MESSAGES}


def values(message: Any) -> dict[str, Any]:
    """Its fields as a map."""
    return {item.name: getattr(message, item.name) for item in fields(message)}


def with_meta(kind: Kind, meta: bytes) -> Envelope:
    """A valid record with a meta of the sender's choice."""
    return open_parts(seal(kind, SESSION, 0, meta).parts)


def test_every_kind_has_its_message() -> None:
    """But those that carry data or belong to the journal."""
    assert {cls.KIND for cls in MESSAGE_TYPES} == set(Kind) - {Kind.DATA_C, Kind.DATA_B, Kind.FACT}
    assert set(SAMPLE) == set(MESSAGE_TYPES)


def test_the_numbers_of_kinds_stay() -> None:
    """They lie in journals and travel between versions."""
    assert {kind.name: kind.value for kind in Kind} == {
        "HELLO": 1, "WELCOME": 2, "PLAN": 3, "DATA_C": 4, "DATA_B": 5, "ACK": 6, "PRINT": 7, "BUSY": 8, "RESYNC": 9,
        "PING": 10, "PONG": 11, "ERROR": 12, "BYE": 13, "DRAIN": 14, "FACT": 64,
    }  # fmt: skip
    assert (Stream.C, Stream.B) == (0, 1)


@settings(max_examples=25)
@pytest.mark.parametrize("cls", MESSAGE_TYPES)
@given(data=st.data(), session=st.integers(0, 2**64 - 1))
def test_what_is_encoded_decodes_to_the_same(cls: type[Any], data: st.DataObject, session: int) -> None:
    """For every message, and its session with it."""
    message = data.draw(message_of(cls))
    envelope = open_parts(encode(message, session).parts)
    assert (decode(envelope), envelope.session, envelope.kind) == (message, session, cls.KIND)


@pytest.mark.parametrize("message", MESSAGES)
def test_every_truncation_of_its_meta_is_seen(message: messages.Message) -> None:
    """With a CRC that fits, as a sender with a bug would send it."""
    meta = bytes(encode(message, SESSION).meta)
    for cut in range(len(meta)):
        with pytest.raises(WireError):
            decode(with_meta(message.KIND, meta[:cut]))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_flipped_bit_raises_only_wire_errors(message: messages.Message) -> None:
    """Or makes another valid message, which encodes again."""
    meta = bytes(encode(message, SESSION).meta)
    for bit in range(8 * len(meta)):
        altered = bytearray(meta)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            other = decode(with_meta(message.KIND, bytes(altered)))
        except WireError:
            continue
        assert decode(encode(other, SESSION)) == other


@pytest.mark.parametrize(("cls", "field"), CASES)
def test_both_ends_of_a_range_pass_and_no_more(cls: type[Any], field: str) -> None:
    """Of each whole number in each message."""
    message = SAMPLE[cls]
    if {item.name: item.type for item in fields(cls)}[field] is not int:
        return
    low, high = RANGES.get(field, (0, WHOLE_MAX))
    for value in (low, high):
        assert getattr(decode(encode(cls(**values(message) | {field: value}), SESSION)), field) == value
    for value in (low - 1, high + 1):
        with pytest.raises(WireError, match=f"{cls.__name__}.{field}"):
            encode(cls(**values(message) | {field: value}), SESSION)


@settings(max_examples=10)
@pytest.mark.parametrize(("cls", "field"), CASES)
@given(value=strange)
def test_a_strange_value_does_not_leave_or_arrives(cls: type[Any], field: str, value: Any) -> None:
    """Whatever a caller puts into a field, sender and receiver have the same opinion of it."""
    message = cls(**values(SAMPLE[cls]) | {field: value})
    try:
        envelope = encode(message, SESSION)
    except WireError:
        return
    # Not `== message`: a whole number where a float belongs arrives as a float.
    assert encode(decode(envelope), SESSION) == envelope


@pytest.mark.parametrize(("cls", "field"), CASES)
def test_a_field_without_a_default_is_needed(cls: type[Any], field: str) -> None:
    """And only such a one."""
    message = SAMPLE[cls]
    item = {item.name: item for item in fields(cls)}[field]
    meta = msgpack.packb({name: value for name, value in values(message).items() if name != field})
    if item.default is MISSING:
        with pytest.raises(WireError, match=f"{cls.__name__} lacks {field}"):
            decode(with_meta(cls.KIND, meta))
    else:
        assert getattr(decode(with_meta(cls.KIND, meta)), field) == item.default


def test_the_longest_texts_fit() -> None:
    """4096 characters of four bytes each, in every text at once."""
    long = "\U0001f3ac" * 4096
    plan = messages.Plan(0, 1, long, wanted=long, asked_by=long)
    assert decode(open_parts(encode(plan, SESSION).parts)) == plan


@pytest.mark.parametrize("kind", [Kind.DATA_C, Kind.DATA_B, Kind.FACT])
def test_data_is_no_message(kind: Kind) -> None:
    """It has modules of its own."""
    with pytest.raises(WireError, match="is not a message"):
        decode(with_meta(kind, b"\x80"))


@given(st.sampled_from([cls.KIND for cls in MESSAGE_TYPES]), st.binary(max_size=100))
def test_garbage_raises_only_wire_errors(kind: Kind, meta: bytes) -> None:
    """BYE and DRAIN need no field, so an empty map is one of them."""
    with suppress(WireError):
        decode(with_meta(kind, meta))
