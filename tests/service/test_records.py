"""Records written to a file, and read back from one that is torn or damaged."""

import errno
import os
import resource
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.wire.frame import HEADER_BYTES, PAYLOAD_MAX_BYTES
from filmlabd.journal.records import Damage, Found, read_records, read_slot, slots, write_all
from service.keeping import raw, record, records, same


def read(path: Path, data: bytes, start: int = 0) -> list[Found | Damage]:
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        return list(read_records(fd, start, len(data)))
    finally:
        os.close(fd)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records") / "file"


def test_records_come_back_as_they_were_written(scratch: Path) -> None:
    """What was written is read, in order, also when records are larger than the piece that is read at once."""
    told = [record(1, os.urandom(3_000_000)), record(2, b""), record(3, os.urandom(5_000_000)), record(4, b"x")]
    items = read(scratch, b"".join(map(raw, told)))
    assert [same(item.envelope, one) for item, one in zip(items, told, strict=True) if isinstance(item, Found)] == [
        True
    ] * 4


@settings(max_examples=60)
@given(st.integers(0, 5), st.integers(0, 400), st.integers(0, 7))
def test_a_flipped_bit_costs_one_record(scratch: Path, victim: int, at: int, bit: int) -> None:
    """Whatever bit of whatever record is turned over: that record is found damaged, all others come back."""
    told = records(6, 90)
    parts = [bytearray(raw(one)) for one in told]
    parts[victim][at % len(parts[victim])] ^= 1 << bit
    items = read(scratch, b"".join(parts))
    found = [item.envelope.seq for item in items if isinstance(item, Found)]
    damage = [item for item in items if isinstance(item, Damage)]
    start = sum(map(len, parts[:victim]))
    assert found == [seq for seq in range(1, 7) if seq != victim + 1]
    assert [(item.at, item.end, item.tail) for item in damage] == [(start, start + len(parts[victim]), victim == 5)]


def test_a_record_inside_a_damaged_payload_is_not_believed(scratch: Path) -> None:
    """Somebody's payload that holds a whole record does not become ours when the one around it is damaged."""
    parts = [bytearray(raw(record(1, raw(record(77, b"inner"))))), raw(record(2, b"after"))]
    parts[0][-1] ^= 1
    items = read(scratch, b"".join(parts))
    assert [item.envelope.seq for item in items if isinstance(item, Found)] == [2]
    assert read(scratch, bytes(parts[0])) == [Damage(0, len(parts[0]), True)]


def test_zeros_behind_the_last_record_are_a_tail(scratch: Path) -> None:
    """What is preallocated and not written yet is no record, and ends the reading."""
    items = read(scratch, raw(record(1, b"a")) + bytes(3_000_000))
    assert [type(item) for item in items] == [Found, Damage]
    assert isinstance(items[1], Damage) and items[1].tail


def test_zeros_between_records_are_passed_over(scratch: Path) -> None:
    """A hole that a power cut left does not hide what is behind it, however far."""
    data = raw(record(1, b"a")) + bytes(2_500_000) + raw(record(2, b"b"))
    items = read(scratch, data)
    assert [item.envelope.seq for item in items if isinstance(item, Found)] == [1, 2]


def test_slots_hop_and_get_past_damage(scratch: Path) -> None:
    """A file's slots are where its records lie; one whose header is gone is skipped, one whose payload is, is seen."""
    told = [raw(one) for one in records(5, 200)]
    torn = bytearray(b"".join(told) + told[0][:40])
    torn[len(told[0])] = 0
    torn[len(b"".join(told[:3])) + 60] ^= 1
    scratch.write_bytes(torn)
    fd = os.open(scratch, os.O_RDONLY)
    try:
        table = slots(fd, len(torn))
        assert [slot.seq for slot in table] == [1, 3, 4, 5]
        assert [read_slot(fd, slot) is not None for slot in table] == [True, True, False, True]
    finally:
        os.close(fd)


@pytest.mark.parametrize("bit", range(2, 8))
def test_a_header_that_lies_about_its_length_hides_no_record(scratch: Path, bit: int) -> None:
    """A bit of a length turned over: whatever whole records the longer one would cover are found all the same."""
    told = [raw(one) for one in records(8, 100)]
    torn = bytearray(b"".join(told))
    length_at = len(told[0]) + 28
    torn[length_at] ^= 1 << bit
    scratch.write_bytes(torn)
    fd = os.open(scratch, os.O_RDONLY)
    try:
        found = [slot.seq for slot in slots(fd, len(torn)) if read_slot(fd, slot) is not None]
    finally:
        os.close(fd)
    assert found == [1, 3, 4, 5, 6, 7, 8]


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_garbage_is_damage_and_nothing_else(scratch: Path, garbage: bytes) -> None:
    """Any bytes at all are read to their end without an exception."""
    ends = [item.end for item in read(scratch, garbage)]
    assert ends == ([len(garbage)] if garbage else [])


def test_many_small_parts_are_all_written(scratch: Path) -> None:
    """More parts than one call takes arrive in order."""
    scratch.write_bytes(b"")
    parts = [bytes([number % 251]) * (number % 3) for number in range(5000)]
    fd = os.open(scratch, os.O_RDWR)
    try:
        assert write_all(fd, parts, 0) == len(b"".join(parts))
    finally:
        os.close(fd)
    assert scratch.read_bytes() == b"".join(parts)


def test_a_short_write_ends_in_the_disks_own_error(scratch: Path) -> None:
    """When only a part fits, the next write's error is raised, so that the caller can cut back."""
    scratch.write_bytes(b"")
    fd = os.open(scratch, os.O_RDWR)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as caught:
            write_all(fd, [bytes(600), bytes(600), bytes(600)], 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(fd)
    assert caught.value.errno == errno.EFBIG
    assert scratch.stat().st_size == 1000


def test_a_search_through_hostile_headers_is_linear(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers in the damage that each claim 8 MiB do not have it summed again for each; the record behind is found."""
    head = bytearray(raw(record(1, b""))[:HEADER_BYTES])
    head[28:32] = PAYLOAD_MAX_BYTES.to_bytes(4, "little")
    damage = b"FLM1" + (b"." * 4000 + bytes(head)) * 4000
    after = raw(record(2, b"after"))
    summed = 0

    def crc32(data: bytes, value: int = 0, plain=zlib.crc32) -> int:  # type: ignore[no-untyped-def]  # zlib has no type
        nonlocal summed
        summed += len(data)
        return plain(data, value)

    monkeypatch.setattr(zlib, "crc32", crc32)
    items = read(scratch, damage + after)
    assert [type(item) for item in items] == [Damage, Found]
    assert summed < 6 * len(damage)
