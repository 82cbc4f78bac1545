"""JSON within limits: the same for the writer and the reader, and nothing that would surprise whoever gets it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.jsonbody import EXACT_MAX, JSON_MAX_BYTES, JSON_MAX_DEPTH, Doc, parse_json, to_json
from wire.samples import json_maps, strange

HOSTILE = {
    "nothing": b"",
    "half": b'{"a":',
    "two": b"{}{}",
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a float beyond float64": b'{"a":1e999}',
    "an int of 5000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "a lone surrogate, escaped": b'{"a":"\\ud800"}',
    "a lone surrogate, as a key": b'{"\\udfff":1}',
    "a lone surrogate, in upper case": b'{"a":["\\uDBFF"]}',
    "a lone surrogate, as three bytes": b'{"a":"\xed\xa0\x80"}',
    "no UTF-8": b'{"a":"\xff"}',
    "an overlong NUL": b'{"a":"\xc0\x80"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a control character": b'{"a":"\x01"}',
    "100 000 levels": b'{"a":' + b"[" * 100_000,
    "100 000 closed levels": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 levels of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "800 levels": b'{"a":' + b"[" * 800 + b"]" * 800 + b"}",
    "over 1 MiB": b'{"a":"' + b"x" * JSON_MAX_BYTES + b'"}',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused(data: bytes) -> None:
    """Short of memory, stack and time, and before anybody else sees them; the error does not repeat them."""
    with pytest.raises(WireError) as caught:
        Doc(memoryview(data), "RunUpdate")
    assert len(str(caught.value)) < 200


@given(json_maps)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    """Whatever JSON can say."""
    assert parse_json(to_json(value), "X") == value


@given(st.recursive(strange, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strange.filter(
    lambda key: not isinstance(key, dict)), inner, max_size=3), max_leaves=6))  # fmt: skip
def test_what_is_written_is_what_is_read(value: Any) -> None:
    """What the reader would refuse, the writer refuses; what arrives can be written again."""
    try:
        data = to_json(value)
    except WireError:
        return
    read = parse_json(data, "X")
    assert parse_json(to_json(read), "X") == read


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:0123456789.eE+-\\uadftrnlsu ', max_size=60).map(str.encode))
def test_what_is_read_can_be_written(data: bytes) -> None:
    """Garbage raises only WireError; the rest is a document that anybody can store again."""
    try:
        value = parse_json(data, "X")
    except WireError:
        return
    assert parse_json(to_json(value), "X") == value


def test_pairs_of_surrogates_are_one_character() -> None:
    """An emoji may come escaped, as many writers of JSON do."""
    assert parse_json(b'{"a":"\\ud83c\\udfac"}', "X") == {"a": "\U0001f3ac"}


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_nesting_is_counted_in_levels(opened: str) -> None:
    """64 levels pass on both sides, 65 on none, however many brackets lie side by side."""
    closed = "]" if opened == "[" else "}"

    def levels(count: int) -> str:
        return opened * count + "1" + closed * count

    wide = f"[{','.join(['[[]]'] * 200)}]"
    assert parse_json(wide.encode(), "X") == json.loads(wide)
    assert to_json(parse_json(levels(JSON_MAX_DEPTH).encode(), "X")) == levels(JSON_MAX_DEPTH).encode()
    with pytest.raises(WireError, match="deeper"):
        parse_json(levels(JSON_MAX_DEPTH + 1).encode(), "X")
    with pytest.raises(WireError, match="deeper"):
        to_json(json.loads(levels(JSON_MAX_DEPTH + 1)))


def test_sizes_up_to_the_limit_pass_and_no_more() -> None:
    """1 MiB, on both sides, unless the caller allows another."""
    assert len(parse_json(to_json("x" * (JSON_MAX_BYTES - 2)), "X")) == JSON_MAX_BYTES - 2
    with pytest.raises(WireError, match="at most"):
        to_json("x" * (JSON_MAX_BYTES - 1))
    with pytest.raises(WireError, match="at most"):
        parse_json(b"[1,2,3]", "X", max_bytes=6)


def test_a_circle_is_refused() -> None:
    """A configuration may refer to itself."""
    circle: dict[str, Any] = {}
    circle["me"] = circle
    with pytest.raises(WireError):
        to_json(circle)


def test_fields_are_asked_for_by_type() -> None:
    """A field that is not there has the default of its type."""
    doc = Doc(memoryview(b'{"text":"a","flag":true,"map":{},"items":[1],"texts":["a"],"whole":3,"number":2}'), "Owner")
    assert (doc.text("text"), doc.flag("flag"), doc.map("map"), doc.items("items")) == ("a", True, {}, [1])
    assert (doc.texts("texts"), doc.whole("whole"), doc.number("number")) == (["a"], 3, 2.0)
    assert (doc.text("x"), doc.flag("x"), doc.map("x"), doc.items("x"), doc.whole("x")) == ("", False, {}, [], 0)


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 1), ("text", None), ("flag", 1), ("flag", "yes"), ("map", []), ("items", {}), ("texts", ["a", 1]),
        ("whole", True), ("whole", 1.0), ("whole", "1"), ("number", True), ("number", "1"), ("number", EXACT_MAX + 1),
        ("number", -(10**400)), ("number", None),
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_refused(method: str, value: Any) -> None:
    """And named, with its owner."""
    doc = Doc(memoryview(json.dumps({"field": value}).encode()), "Owner")
    with pytest.raises(WireError, match=r"Owner\.field"):
        getattr(doc, method)("field")


@pytest.mark.parametrize("data", [b"[]", b"1", b'"a"', b"null"])
def test_a_body_is_an_object(data: bytes) -> None:
    """And nothing else that JSON knows."""
    with pytest.raises(WireError, match="no JSON object"):
        Doc(memoryview(data), "Owner")
