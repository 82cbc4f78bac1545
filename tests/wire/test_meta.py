"""Plain dataclasses in a record's meta: what is packed reads back, and what is hostile raises WireError and no more."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.meta import RANGES, TEXT_MAX_CHARS, WHOLE_MAX, pack_fields, read_fields, unpack_map
from wire.samples import strange


@dataclass(frozen=True, slots=True)
class Note:
    """One field of each type."""

    pid: int
    text: str
    number: int = 0
    real: float = 0.0
    flag: bool = False


def nested(depth: int) -> bytes:
    """{"pid": [[[…]]]}."""
    return b"\x81\xa3pid" + b"\x91" * depth + b"\xc0"


HOSTILE = {
    "nothing": b"",
    "no map": b"\x90",
    "a number": b"\x01",
    "two maps": b"\x80\x80",
    "the code that is never used": b"\xc1",
    "keys that are bytes": b"\x81\xc4\x01a\x01",
    "a key that is no bytes long": b"\x81\xc4\x00\x01",
    "keys that are numbers": b"\x81\x01\x01",
    "keys that are lists": b"\x81\x90\x01",
    "keys that are no UTF-8": b"\x81\xa1\xff\x01",
    "text that is no UTF-8": b"\x81\xa1a\xa1\xff",
    "bytes": b"\x81\xa1a\xc4\x01a",
    "an extension": b"\x81\xa1a\xc7\x01\x05a",
    "a time": b"\x81\xa1a\xc7\x0c\xff" + b"\xff" * 12,
    "a map that claims 4 G items": b"\xdf\xff\xff\xff\xff",
    "a list that claims 4 G items": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "a text that claims 4 GiB": b"\x81\xa1a\xdb\xff\xff\xff\xff",
    "60 000 levels": nested(60_000),
}


@pytest.mark.parametrize("meta", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_maps_are_refused(meta: bytes) -> None:
    """Whatever the unpacker itself would make of them."""
    with pytest.raises(WireError):
        unpack_map(meta)


def test_nesting_that_unpacks_is_refused_unseen() -> None:
    """1000 levels unpack, but their repr would raise RecursionError: the error names the type alone."""
    with pytest.raises(WireError, match=r"^Note.pid should be int, got tuple$"):
        read_fields(Note, nested(1000))


@given(st.binary(max_size=80))
def test_garbage_raises_only_wire_errors(meta: bytes) -> None:
    """Or is a map with text keys by chance."""
    with suppress(WireError):
        assert all(isinstance(key, str) for key in unpack_map(meta))


@pytest.mark.parametrize("keys", [b"\x81\xc4\x01a\x01", b"\x81\x01\x01"])
def test_what_lies_in_an_unknown_field_is_as_safe(keys: bytes) -> None:
    """Unknown fields are passed over only where they are plain: a later version must still be a map of texts."""
    with pytest.raises(WireError):
        unpack_map(b"\x81\xa1a" + keys[:1] + b"\x90" + keys[-1:])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pid", -1), ("pid", 2**31), ("pid", True), ("pid", 1.0), ("pid", "1"), ("pid", None), ("number", -1),
        ("number", 2**63), ("number", 2**64 - 1), ("text", 1), ("text", None), ("text", "x" * (TEXT_MAX_CHARS + 1)),
        ("real", float("nan")), ("real", float("inf")), ("real", True), ("real", "1"), ("flag", 1), ("flag", None),
    ],
)  # fmt: skip
def test_a_field_is_of_its_type_and_in_its_range(field: str, value: Any) -> None:
    """Else WireError, at the sender as at the receiver, and the message names the field."""
    values = {"pid": 1, "text": "a"} | {field: value}
    with pytest.raises(WireError, match=f"Note.{field}"):
        read_fields(Note, msgpack.packb(values))
    with pytest.raises(WireError, match=f"Note.{field}"):
        pack_fields(Note(**values))


@pytest.mark.parametrize("value", [2**64, -(2**70), 10**400])
def test_numbers_that_msgpack_does_not_know_are_refused_by_the_sender(value: int) -> None:
    """As a whole number, and as one where a float belongs."""
    with pytest.raises(WireError):
        pack_fields(Note(1, "a", number=value))
    if abs(value) > 2**1024:
        with pytest.raises(WireError):
            pack_fields(Note(1, "a", real=value))


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_lone_surrogates_are_refused_by_the_sender(text: str) -> None:
    """They are no UTF-8."""
    with pytest.raises(WireError):
        pack_fields(Note(1, text))


@given(st.dictionaries(st.sampled_from(["pid", "text", "number", "real", "flag", "other"]), strange))
def test_what_a_sender_may_say_is_what_a_receiver_takes(values: dict[str, Any]) -> None:
    """Whatever a field holds: it either does not leave, or arrives and could be sent on."""
    note = Note(**({"pid": 1, "text": "a"} | {name: value for name, value in values.items() if name != "other"}))
    try:
        meta = pack_fields(note)
    except WireError as error:
        assert len(str(error)) < 200
        return
    # Not `== note`: a whole number where a float belongs arrives as a float.
    assert pack_fields(read_fields(Note, meta)) == meta


def test_a_missing_field_is_named() -> None:
    """Where it has no default; one that has may be missing."""
    with pytest.raises(WireError, match="Note lacks text"):
        read_fields(Note, msgpack.packb({"pid": 1}))
    assert read_fields(Note, msgpack.packb({"pid": 1, "text": "a"})) == Note(1, "a")


def test_fields_of_a_later_version_are_passed_over() -> None:
    """So that versions can live side by side."""
    assert read_fields(Note, msgpack.packb({"pid": 1, "text": "a", "colour": [1, {"b": None}]})) == Note(1, "a")


def test_views_are_read_as_bytes_are() -> None:
    """A record read from disk has views."""
    assert read_fields(Note, memoryview(pack_fields(Note(1, "ä")))) == Note(1, "ä")


def test_every_range_is_one_of_msgpack() -> None:
    """What is within a range can be packed."""
    for low, high in [*RANGES.values(), (0, WHOLE_MAX)]:
        assert msgpack.unpackb(msgpack.packb([low, high])) == [low, high]
