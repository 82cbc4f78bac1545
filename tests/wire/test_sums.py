"""CRCs of stretches, told from sums kept on the way."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from filmlab.wire.sums import Sums

LONG = bytes(range(256)) * 200


@given(st.integers(0, 9000), st.lists(st.tuples(st.integers(0, len(LONG)), st.integers(0, len(LONG))), max_size=8))
def test_a_stretch_sums_to_what_zlib_says(start: int, pairs: list[tuple[int, int]]) -> None:
    """Whatever the order in which they are asked for, and wherever they begin and end."""
    sums = Sums(memoryview(LONG), start)
    for pair in pairs:
        begin, end = sorted(max(start, at) for at in pair)
        assert sums.between(begin, end) == zlib.crc32(LONG[begin:end])


@given(st.binary(max_size=40), st.integers(0, 300))
def test_what_went_before_counts(before: bytes, length: int) -> None:
    """A header need not lie beside the stretch that its CRC covers too."""
    assert Sums(memoryview(LONG), 0).between(7, 7 + length, zlib.crc32(before)) == zlib.crc32(
        before + LONG[7 : 7 + length]
    )


def test_lengths_up_to_a_whole_record_are_told() -> None:
    """8 MiB of payload and 64 KiB of meta are within the tables."""
    data = bytes(8 * 1024 * 1024 + 64 * 1024 + 36)
    assert Sums(memoryview(data), 0).between(36, len(data)) == zlib.crc32(data[36:])
