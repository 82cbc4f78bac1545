"""Entries: what is encoded decodes to the same, every limit holds at both ends, and nothing but WireError comes out."""

import json
import math
import struct
from contextlib import suppress
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.entries import (
    BODY_MAX_BYTES,
    DTYPES,
    JSON_COLUMN,
    NO_EPISODE,
    NO_STEP,
    Blocked,
    ClipBegin,
    Column,
    Dropped,
    Entry,
    EntryType,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    MetricNames,
    RunBegin,
    RunFinish,
    Snapshot,
    Steps,
    decode_entries,
    encode_body,
    encode_entry,
    seal_entries,
)
from filmlab.wire.frame import SEQ_MAX, Kind, open_parts
from filmlab.wire.head import FRAMES_MAX, NUMBER_MAX
from filmlab.wire.jsonbody import EXACT_MAX, JSON_MAX_BYTES
from wire.samples import ENTRIES, ENTRY_TYPES, SESSION, decode, entry_of, strange, with_body

SAMPLE: dict[type[Any], Any] = {type(entry): entry for entry in ENTRIES}
GOLDEN = Path(__file__).with_name("golden_entries.txt")
HEAD_BYTES = 36


def document(cls: type[Any], **changed: Any) -> bytes:
    """The sample's JSON body with some fields changed, as an entry."""
    body = json.loads(SAMPLE[cls].body()) | changed
    return with_body(cls.TYPE, json.dumps(body).encode())


def test_there_is_a_sample_of_every_type() -> None:
    """So that the tests below leave none out."""
    assert {cls.TYPE for cls in ENTRY_TYPES} == set(EntryType)
    assert set(SAMPLE) == set(ENTRY_TYPES)


def test_the_layout_stays() -> None:
    """What an older version wrote is read as it was, and is written the same: journals and spools outlive versions."""
    golden = dict(line.split() for line in GOLDEN.read_text().splitlines())
    assert {entry.TYPE.name: encode_entry(entry).hex() for entry in ENTRIES} == golden
    assert [decode(bytes.fromhex(golden[entry.TYPE.name])) for entry in ENTRIES] == [[entry] for entry in ENTRIES]


def test_numbers_on_the_wire_stay() -> None:
    """Of entry types, columns and dtypes."""
    assert [(kind.name, kind.value) for kind in EntryType] == [
        ("RUN_BEGIN", 1), ("METRIC_NAMES", 2), ("SNAPSHOT", 3), ("EPISODE_BEGIN", 4), ("STEPS", 5), ("EPISODE_END", 6),
        ("MEDIA", 7), ("BLOCKED", 8), ("DROPPED", 9), ("RUN_UPDATE", 10), ("FLUSH", 11), ("RUN_FINISH", 12),
        ("RECORDER", 13), ("TRACE", 14), ("RECORDER_ASK", 15), ("CLIP_BEGIN", 16),
        ("AXIS_SNAPSHOT", 17),
        ("RESULTS", 64), ("RESULTS_END", 65), ("SURROUNDINGS", 66),
    ]  # fmt: skip
    assert (Column.ACTION, Column.REWARD, JSON_COLUMN) == (0, 1, 255)
    assert DTYPES == ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "|u1", "<u2", "<u4", "<u8", "|b1")


@settings(max_examples=40)
@pytest.mark.parametrize("cls", ENTRY_TYPES)
@given(data=st.data())
def test_what_is_encoded_decodes_to_the_same(cls: type[Any], data: st.DataObject) -> None:
    """For every entry."""
    entry = data.draw(entry_of(cls))
    assert decode(encode_entry(entry)) == [entry]


def test_a_run_from_before_there_were_formats_is_printed_as_gif() -> None:
    """What an older journal or spool says of a run is understood as it was meant."""
    older = json.loads(SAMPLE[RunBegin].body())
    del older["formats"], older["overlay"]
    (begin,) = decode(with_body(RunBegin.TYPE, json.dumps(older).encode()))
    assert isinstance(begin, RunBegin)
    assert (begin.formats, begin.overlay) == (("gif",), ())


@given(st.lists(st.sampled_from(ENTRY_TYPES).flatmap(entry_of), max_size=5))
def test_a_record_keeps_their_order(entries: list[Entry]) -> None:
    """Sealed together, of any types, and read from a view."""
    envelope = open_parts(seal_entries(SESSION, 1, [encode_entry(entry) for entry in entries]).parts)
    assert envelope.kind is Kind.DATA_C
    assert list(decode_entries(memoryview(envelope.payload))) == entries


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_returns_and_metrics_need_not_be_finite(value: float) -> None:
    """A diverged run says so: NaN and infinities travel bit for bit."""
    end = replace(SAMPLE[EpisodeEnd], return_=value)
    (back,) = decode(encode_entry(end))
    assert isinstance(back, EpisodeEnd)
    assert struct.pack("<d", back.return_) == struct.pack("<d", value)
    packed = struct.pack("<2d", value, 1.0)
    (row,) = decode(encode_entry(Snapshot(run=0, wall=1.0, ids=bytes(8), values=packed)))
    assert isinstance(row, Snapshot)
    assert row.values == packed


def test_a_cut_record_raises_or_is_whole_up_to_the_cut() -> None:
    """At every byte: the borders between entries are the only places where a cut cannot be seen here."""
    encoded = [encode_entry(entry) for entry in ENTRIES]
    data = b"".join(encoded)
    borders = {sum(map(len, encoded[:count])): count for count in range(len(encoded) + 1)}
    for cut in range(len(data)):
        if cut in borders:
            assert decode(data[:cut]) == list(ENTRIES[: borders[cut]])
        else:
            with pytest.raises(WireError):
                decode(data[:cut])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.TYPE.name)
def test_a_cut_body_raises_only_wire_errors(entry: Entry) -> None:
    """With a length that fits the cut, as a sender with a bug would send it; bodies without an end may be shorter."""
    body = entry.body()
    for cut in range(len(body)):
        try:
            (other,) = decode(with_body(entry.TYPE, body[:cut], wall=entry.wall))
        except WireError:
            continue
        assert other.body() == body[:cut]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.TYPE.name)
def test_a_flipped_bit_raises_only_wire_errors(entry: Entry) -> None:
    """Or makes other valid entries, which encode again."""
    data = encode_entry(entry)
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            others = decode(bytes(altered))
        except WireError:
            continue
        again = b"".join(map(encode_entry, others))
        assert b"".join(map(encode_entry, decode(again))) == again


@given(st.binary(max_size=120))
def test_garbage_raises_only_wire_errors(data: bytes) -> None:
    """As a record, and as the body of each type."""
    for raw in (data, *(with_body(kind, data) for kind in EntryType)):
        with suppress(WireError):
            decode(raw)


@settings(max_examples=30)
@pytest.mark.parametrize("cls", ENTRY_TYPES)
@given(data=st.data())
def test_a_document_of_strange_values_raises_only_wire_errors(cls: type[Any], data: st.DataObject) -> None:
    """Each field of a JSON body in turn, with the wrong type, sign, size or characters."""
    body = SAMPLE[cls].body()
    if not body.startswith(b"{"):
        return
    field = data.draw(st.sampled_from(sorted(json.loads(body))))
    value = data.draw(strange.filter(lambda value: not isinstance(value, bytes)) | st.lists(strange, max_size=2))
    try:
        raw = document(cls, **{field: value})
    except (TypeError, ValueError):
        return
    try:
        others = decode(raw)
    except WireError as error:
        assert len(str(error)) < 300
        return
    assert decode(b"".join(map(encode_entry, others))) == others


@pytest.mark.parametrize(
    ("cls", "field", "good", "bad"),
    [
        (Flush, "run", [0, NUMBER_MAX], [-1, NUMBER_MAX + 1]),
        (Flush, "wall", [0.0, -1.0, 1e300], [math.nan, math.inf]),
        (Flush, "episode", [NO_EPISODE, 2**63 - 1], [-2, 2**63]),
        (Flush, "step", [NO_STEP, -1, 2**63 - 1], [NO_STEP - 1, 2**63]),
        (Flush, "token", [0, 2**64 - 1], [-1, 2**64]),
        (RunBegin, "run_id", ["a", "A-1_b.c", "a" * 80], ["", ".", "..", "a/b", "a b", "a\n", "é", "a" * 81]),
        (RunBegin, "writer", ["main", "a" * 80], ["", "a/b", "a" * 81]),
        (RunBegin, "project", ["", "ü" * 200], ["a" * 201, "a\0", "\x1b[31m", "\u202eevil", "\ud800", "\uffff"]),
        (RunBegin, "name", ["name with spaces / and slashes"], ["a\nb"]),
        (RunBegin, "group", ["", "a"], ["\x7f"]),
        (RunBegin, "tags", [(), ("a",) * 100], [("a",) * 101, ("a" * 201,), ("\t",)]),
        (RunBegin, "directory", ["/", "/a/..b", "/" + "a" * 3999], [
            "", "a", "/a/../b", "/..", "/\0", "/" + "a" * 4000, "/\udcff",
        ]),
        (RunBegin, "schedule", ["cubic", "x" * 4096], ["x" * 4097, "a\0"]),
        (RunBegin, "total_episodes", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (RunBegin, "fps", [0.1, 1000.0], [0.0, -1.0, 1000.5, math.inf, math.nan]),
        (RunBegin, "formats", [("gif",), ("webp", "mp4", "gif")], [(), ("gif", "gif"), ("avi",), ("GIF",)]),
        (RunBegin, "overlay", [(), ("action", "step", "return", "episode")], [("step", "step"), ("reward",), ("",)]),
        (MetricNames, "names", [(), ((NUMBER_MAX, "a"),), ((0, "ä" * 100),)], [
            ((-1, "a"),), ((NUMBER_MAX + 1, "a"),), ((0, ""),), ((0, "ä" * 101),), ((0, "\ud800"),), ((0, "a\0"),),
        ]),
        (Snapshot, "ids", [bytes(8)], [b"", bytes(4), bytes(7), bytes(12)]),
        (Snapshot, "values", [bytes(16)], [b"", bytes(8), bytes(15)]),
        (EpisodeBegin, "film", [1, NUMBER_MAX], [0, -1, NUMBER_MAX + 1]),
        (EpisodeBegin, "plan_version", [0], [-1, EXACT_MAX + 1]),
        (EpisodeBegin, "reason", ["every 100"], ["a\nb", "a" * 201]),
        (EpisodeBegin, "fps", [0.0, 1000.0], [-1.0, math.nan, 1001.0]),
        (ClipBegin, "film", [1, NUMBER_MAX], [0, NUMBER_MAX + 1]),
        (ClipBegin, "name", ["a/b"], ["a" * 201, "\x1b"]),
        (ClipBegin, "reason", [""], ["a\nb"]),
        (ClipBegin, "fps", [1000.0], [0.0, math.nan, 1001.0]),
        (ClipBegin, "tiles", [1, 1024], [0, 1025]),
        (ClipBegin, "aspect", [0.01, 100.0], [0.0, math.nan, 101.0]),
        (Steps, "film", [1], [0, NUMBER_MAX + 1]),
        (Steps, "step", [NO_STEP, 0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (EpisodeEnd, "length", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (EpisodeEnd, "film", [0, NUMBER_MAX], [-1, NUMBER_MAX + 1]),
        (EpisodeEnd, "frames", [0, FRAMES_MAX], [-1, FRAMES_MAX + 1]),
        (EpisodeEnd, "last_seq", [0, SEQ_MAX], [-1, SEQ_MAX + 1]),
        (EpisodeEnd, "reason", ["", "a" * 200], ["a" * 201, "\0"]),
        (EpisodeEnd, "note", ["", "a" * 1000], ["a" * 1001, "\ud800"]),
        (Media, "name", ["a/b"], ["a" * 201, "\x1b"]),
        (Media, "mime", ["image/frames"], ["a\nb"]),
        (Media, "caption", [""], ["a" * 201]),
        (Media, "film", [0, NUMBER_MAX], [-1, NUMBER_MAX + 1]),
        (Media, "frames", [0, FRAMES_MAX], [-1, FRAMES_MAX + 1]),
        (Media, "last_seq", [0, SEQ_MAX], [-1, SEQ_MAX + 1]),
        (Media, "fps", [1000.0], [0.0, math.nan, 1001.0]),
        (Blocked, "counts", [(), ((1023, NUMBER_MAX),) * 1024], [
            ((1024, 1),), ((-1, 1),), ((0, 2**32),), ((0, 1),) * 1025,
        ]),
        (Blocked, "total_ns", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (Blocked, "max_ns", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (Dropped, "what", ["film"], ["a" * 201]),
        (Dropped, "count", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (Dropped, "size_bytes", [0, EXACT_MAX], [-1, EXACT_MAX + 1]),
        (Dropped, "reason", [""], ["\0"]),
        (RunFinish, "status", ["finished", "crashed"], ["", "done"]),
    ],
)  # fmt: skip
def test_limits_hold_at_both_ends(cls: type[Any], field: str, good: list[Any], bad: list[Any]) -> None:
    """An entry within its limits travels; one outside cannot be made, so not be sent, nor come out of a decoder."""
    for value in good:
        entry = replace(SAMPLE[cls], **{field: value})
        assert decode(encode_entry(entry)) == [entry]
    for value in bad:
        with pytest.raises(WireError):
            replace(SAMPLE[cls], **{field: value})


@pytest.mark.parametrize("wall", [math.nan, math.inf])
def test_a_hostile_head_is_refused(wall: float) -> None:
    """A wall time that no database takes, an episode before the first."""
    with pytest.raises(WireError):
        decode(with_body(EntryType.FLUSH, bytes(8), wall=wall))
    with pytest.raises(WireError):
        decode(with_body(EntryType.FLUSH, bytes(8), episode=-2))


@pytest.mark.parametrize(
    "raw",
    [
        with_body(0, b""),
        with_body(63, b""),
        with_body(255, b"{}"),
        with_body(EntryType.SNAPSHOT, b""),
        with_body(EntryType.SNAPSHOT, bytes(13)),
        with_body(EntryType.FLUSH, bytes(9)),
        with_body(EntryType.BLOCKED, bytes(19)),
        with_body(EntryType.BLOCKED, struct.pack("<QQI", 2**64 - 1, 0, 0)),
        with_body(EntryType.MEDIA, struct.pack("<I", 2**32 - 1) + b"{}"),
        with_body(EntryType.EPISODE_END, struct.pack("<dqIIQB", 0.0, 1, 0, 0, 0, 3) + b"{}"),
        with_body(EntryType.EPISODE_END, struct.pack("<dqIIQB", 0.0, -1, 0, 0, 0, 2) + b"{}"),
        with_body(EntryType.EPISODE_END, struct.pack("<dqIIQB", 0.0, 1, 0, 0, 2**64 - 1, 2) + b"{}"),
        with_body(EntryType.METRIC_NAMES, b'{"names":[[true,"a"]]}'),
        with_body(EntryType.METRIC_NAMES, b'{"names":[[0,"\\ud800"]]}'),
        with_body(EntryType.METRIC_NAMES, b'{"names":[[0]]}'),
        with_body(EntryType.METRIC_NAMES, b'{"names":[{"0":"a"}]}'),
        document(RunBegin, fps=10**400),
        document(RunBegin, config=[]),
        document(RunBegin, tags=[1]),
        document(RunBegin, id=None),
    ],
)
def test_hostile_bodies_are_refused(raw: bytes) -> None:
    """Each of these got further, or would have, without a check of its own."""
    with pytest.raises(WireError):
        decode(raw)


def test_a_histogram_is_refused_by_its_count() -> None:
    """Before its pairs are read: a body could hold half a million of them."""
    with pytest.raises(WireError, match="not 4294967295"):
        decode(with_body(EntryType.BLOCKED, struct.pack("<QQI", 0, 0, 2**32 - 1)))


def test_a_body_has_at_most_4_mib() -> None:
    """At the sender, and from a sender who does not care."""
    assert len(encode_body(EntryType.MEDIA, bytes(BODY_MAX_BYTES), 0, 0, 0, 0.0)) == HEAD_BYTES + BODY_MAX_BYTES
    with pytest.raises(WireError, match="at most"):
        encode_body(EntryType.MEDIA, bytes(BODY_MAX_BYTES + 1), 0, 0, 0, 0.0)
    with pytest.raises(WireError, match="too large"):
        decode(with_body(EntryType.SNAPSHOT, bytes(12 * (BODY_MAX_BYTES // 12 + 1))))


def test_a_map_that_cannot_travel_is_refused_by_the_sender() -> None:
    """Too long, not finite, no JSON: as a WireError like all the rest."""
    for config in ({"a": "x" * JSON_MAX_BYTES}, {"a": math.nan}, {"a": {1, 2}}, {"a": "\ud800"}):
        with pytest.raises(WireError):
            encode_entry(replace(SAMPLE[RunBegin], config=config))


def test_a_sender_packs_bodies_itself() -> None:
    """The path of snapshots, without an object for each, makes the same bytes."""
    entry = SAMPLE[Snapshot]
    packed = encode_body(EntryType.SNAPSHOT, entry.ids + entry.values, entry.run, entry.step, entry.episode, entry.wall)
    assert packed == encode_entry(entry)


def test_every_optional_field_has_a_default() -> None:
    """An entry with only its needed fields can be sent."""
    for cls in ENTRY_TYPES:
        optional = {
            item.name for item in fields(cls) if item.default is not MISSING or item.default_factory is not MISSING
        }
        values = {item.name: getattr(SAMPLE[cls], item.name) for item in fields(cls) if item.name not in optional}
        assert decode(encode_entry(cls(**values))) == [cls(**values)]


# --- columns --------------------------------------------------------------------------------------------------------
