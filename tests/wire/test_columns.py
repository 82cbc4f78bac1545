"""Columns of steps: what does not add up is refused, JSON columns read back."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.entries import (
    DTYPES,
    JSON_COLUMN,
    Column,
    EntryType,
    StepColumn,
    Steps,
    encode_entry,
    pack_json_column,
    read_json_column,
)
from filmlab.wire.jsonbody import to_json
from wire.samples import decode, with_body


def steps(*columns: StepColumn) -> Steps:
    """An entry of these."""
    return Steps(run=0, wall=1.0, film=1, step=0, columns=columns)


def column(dtype: int = 0, count: int = 1, shape: tuple[int, ...] = (), data: bytes = bytes(8)) -> StepColumn:
    """One float64 action, unless told otherwise."""
    return StepColumn(column=Column.ACTION, dtype=dtype, count=count, shape=shape, data=data)


@pytest.mark.parametrize(
    "bad",
    [
        column(dtype=len(DTYPES)),
        column(dtype=254),
        column(count=2),
        column(count=-1),
        column(data=bytes(9)),
        column(shape=(0,), count=2**32 - 1, data=b""),
        column(shape=(2**32 - 1, 2**32 - 1, 2**32 - 1), count=2**32 - 1),
        column(shape=(2**31, 2**31, 4), data=b""),
        column(shape=(1, 1, 1, 1)),
        column(shape=(-1, -1)),
        column(dtype=JSON_COLUMN, count=2**32 - 1, data=b"[]"),
        column(dtype=JSON_COLUMN, shape=(1,), data=b"[1]"),
    ],
)
def test_columns_that_do_not_add_up_are_refused(bad: StepColumn) -> None:
    """The product is Python's own, which no shape overflows; items of no bytes cannot be many."""
    with pytest.raises(WireError):
        steps(bad)


def test_each_column_comes_once() -> None:
    """Two of them would be joined one after the other."""
    with pytest.raises(WireError, match="twice"):
        steps(column(), column())


def test_a_table_that_lies_is_refused() -> None:
    """About the number of columns, their sizes, or what follows them."""
    body = steps(column()).body()
    for altered in (
        body[:4] + struct.pack("<I", 2**32 - 1) + body[8:],
        body[:4] + struct.pack("<I", 2) + body[8:],
        body[:8] + b"\x07" + body[9:],
        body[:10] + b"\x04" + body[11:],
        body + b"\0",
        body[:7],
    ):
        with pytest.raises(WireError):
            decode(with_body(EntryType.STEPS, altered, step=0))


@given(st.lists(st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])), max_size=6))
def test_a_json_column_reads_back(items: list[Any]) -> None:
    """Actions that are no numbers of one dtype."""
    packed = pack_json_column(Column.ACTION, items)
    (entry,) = decode(encode_entry(steps(packed)))
    assert isinstance(entry, Steps)
    assert read_json_column(entry.columns[0]) == items


@pytest.mark.parametrize("data", [b"[1,2,3]", b"{}   ", b"[1,1e999]", b"[[[[[[", b"[1,NaN]"])
def test_a_json_column_that_lies_is_refused_when_read(data: bytes) -> None:
    """It is looked at where it is used: two values were promised here."""
    with pytest.raises(WireError):
        read_json_column(column(dtype=JSON_COLUMN, count=2, data=data))


def test_json_columns_may_be_as_long_as_a_body() -> None:
    """Longer than other JSON, since it is a table of values and not a tree."""
    items = ["x" * 1000] * 2000
    assert read_json_column(pack_json_column(Column.ACTION, items)) == items
    assert len(to_json("x" * 10)) == 12
