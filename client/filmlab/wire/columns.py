"""How do actions and rewards travel? As packed columns behind a table of their dtypes, counts and shapes."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from filmlab.errors import WireError

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
    """The film and the columns of such a body. Raises WireError where they do not fit each other."""
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
        _check_column(column, dtype, ndim, items, dims, size, len(data))
        shape = tuple(dims[:ndim])
        columns.append(StepColumn(column=Column(column), dtype=dtype, count=items, shape=shape, data=bytes(data)))
    if data_at != len(body):
        raise WireError("Steps: bytes left over")
    return film, tuple(columns)


def _check_column(column: int, dtype: int, ndim: int, items: int, dims: list[int], size: int, got: int) -> None:
    if column not in set(Column) or ndim > 3 or size != got:
        raise WireError("Steps: a column that is cut or unknown")
    if dtype == JSON_COLUMN:
        return
    if dtype >= len(DTYPES):
        raise WireError(f"Steps: no dtype has number {dtype}")
    expected = items * int(DTYPES[dtype][2:])
    for dim in dims[:ndim]:
        expected *= dim
    if expected != size:
        raise WireError(f"Steps: a column of {size} bytes, its shape needs {expected}")
