"""How do actions and rewards travel? As packed columns behind a table of their dtypes, counts and shapes."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from filmlab.errors import WireError
from filmlab.wire.head import BODY_MAX_BYTES
from filmlab.wire.jsonbody import parse_json, to_json

_COUNT = struct.Struct("<I")
_COLUMN = struct.Struct("<BBBBIIIII")

DTYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "|u1", "<u2", "<u4", "<u8", "|b1")
"""Numbers for the dtypes that a column may have; a dtype never travels as text."""
JSON_COLUMN = 255
"""The dtype number of a column that is a JSON list, for actions that are no numbers."""


class Column(IntEnum):
    """The columns of a Steps entry."""

    ACTION = 0
    REWARD = 1


_COLUMNS = frozenset(Column)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepColumn:
    """One column of consecutive steps: `data` is `count` items of `shape` in the dtype, C order; or a JSON list."""

    column: Column
    dtype: int
    """A number of `DTYPES`, or JSON_COLUMN."""
    count: int
    shape: tuple[int, ...] = ()
    """Of one item, at most 3 dimensions; () for scalars."""
    data: bytes = b""


def pack_columns(film: int, columns: Sequence[StepColumn]) -> bytes:
    """The body of a Steps entry."""
    table, blobs = [_COUNT.pack(film), _COUNT.pack(len(columns))], []
    for item in columns:
        dims = (*item.shape, 0, 0, 0)[:3]
        table.append(_COLUMN.pack(item.column, item.dtype, len(item.shape), 0, item.count, *dims, len(item.data)))
        blobs.append(item.data)
    return b"".join(table + blobs)


def read_columns(body: memoryview) -> tuple[int, tuple[StepColumn, ...]]:
    """The film and the columns of such a body, cut out but not checked: `check_columns` does that.

    Raises:
        WireError: the table and the body do not fit each other.
    """
    if len(body) < 2 * _COUNT.size:
        raise WireError("Steps is cut")
    film, count = _COUNT.unpack_from(body)[0], _COUNT.unpack_from(body, _COUNT.size)[0]
    data_at = 2 * _COUNT.size + count * _COLUMN.size
    if count > len(Column) or data_at > len(body):
        raise WireError("Steps: more columns than there are")
    columns = []
    for index in range(count):
        row = _COLUMN.unpack_from(body, 2 * _COUNT.size + index * _COLUMN.size)
        column, dtype, ndim, _, items, *dims, size = row
        data = body[data_at : data_at + size]
        data_at += size
        if column not in _COLUMNS or ndim > 3 or len(data) != size:
            raise WireError("Steps: a column that is cut or unknown")
        shape = tuple(dims[:ndim])
        columns.append(StepColumn(column=Column(column), dtype=dtype, count=items, shape=shape, data=bytes(data)))
    if data_at != len(body):
        raise WireError("Steps: bytes left over")
    return film, tuple(columns)


def check_columns(columns: Sequence[StepColumn]) -> None:
    """Raises WireError unless each column is there once, and is as long as its count, shape and dtype say."""
    if len({item.column for item in columns}) != len(columns):
        raise WireError("Steps: the same column twice")
    for item in columns:
        if item.dtype == JSON_COLUMN:
            _check_json(item)
        else:
            _check_packed(item)


def pack_json_column(column: Column, items: Sequence[Any]) -> StepColumn:
    """A column of values that are no numbers of one dtype.

    Raises:
        WireError: they cannot travel as JSON.
    """
    data = to_json(list(items), BODY_MAX_BYTES)
    return StepColumn(column=column, dtype=JSON_COLUMN, count=len(items), data=data)


def read_json_column(item: StepColumn) -> list[Any]:
    """The values of such a column; this is where its JSON is looked at, so not in the daemon's loop.

    Raises:
        WireError: it is no JSON list of `count` values.
    """
    values = parse_json(item.data, "Steps", BODY_MAX_BYTES)
    if not isinstance(values, list) or len(values) != item.count:
        raise WireError(f"Steps: no list of {item.count} values")
    return values


def _check_packed(item: StepColumn) -> None:
    if not 0 <= item.dtype < len(DTYPES):
        raise WireError(f"Steps: no dtype has number {item.dtype}")
    # Without a limit below, items of no bytes could be 2**32 in number.
    if len(item.shape) > 3 or not all(0 < dim < 2**32 for dim in item.shape) or item.count < 0:
        raise WireError("Steps: an item has up to 3 dimensions of 1 or more")
    # In Python's whole numbers, which do not overflow.
    expected = item.count * math.prod(item.shape) * int(DTYPES[item.dtype][2:])
    if expected != len(item.data):
        raise WireError(f"Steps: a column of {len(item.data)} bytes, its shape needs {expected}")


def _check_json(item: StepColumn) -> None:
    # A list of n values takes 2 n + 1 bytes or more, so the count is no larger than what was sent.
    if item.shape or not 0 <= 2 * item.count <= len(item.data):
        raise WireError(f"Steps: {len(item.data)} bytes of JSON are no {item.count} values")
