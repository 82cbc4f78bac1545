"""How does a run's whole history become one JSON document? In pieces: memory holds one chunk of one series."""

import json
from collections.abc import Iterator
from dataclasses import replace

from filmlabd.index.read import Reader
from filmlabd.index.series import Piece, SeriesRow
from filmlabd.json_text import dump_column


def history(run_id: str, reader: Reader) -> Iterator[bytes]:
    """`{"metrics": {name: [{"writer", "attempt", "step": […], "wall": […], "value": […]}]}}`, piece by piece.

    A value that JSON has no word for is null, and named under `nonfinite` of its series: `{"12": "nan"}`. A series has
    the points that it had when its turn came, whatever is logged meanwhile.
    """
    yield b'{\n  "run": ' + json.dumps(run_id).encode() + b',\n  "metrics": {'
    for number, name in enumerate(reader.metric_names(run_id)):
        yield f"{',' if number else ''}\n    {json.dumps(name)}: [".encode()
        for index, row in enumerate(reader.series(run_id, name)):
            yield b"," if index else b""
            yield from _series(row, reader)
        yield b"]"
    yield b"\n  }\n}\n"


def _series(row: SeriesRow, reader: Reader) -> Iterator[bytes]:
    """One series, read once for each of its columns: no column of a long one is held."""
    yield f'{{"writer": {json.dumps(row.writer)}, "attempt": {row.attempt}, "step": ['.encode()
    yield from _column(dump_column(piece.step)[0] for piece in _first(row, reader))
    yield b'], "wall": ['
    yield from _column(dump_column(piece.wall)[0] for piece in _first(row, reader))
    yield b'], "value": ['
    yield from _column(dump_column(piece.value)[0] for piece in _first(row, reader))
    yield b"]"
    marks = _marks(row, reader)
    first = next(marks, None)
    if first is not None:
        yield b', "nonfinite": {' + first.encode()
        yield from (f", {mark}".encode() for mark in marks)
        yield b"}"
    yield b"}"


def _column(lists: Iterator[str]) -> Iterator[bytes]:
    """JSON lists as one list, without its brackets."""
    for number, text in enumerate(lists):
        yield (("," if number else "") + text[1:-1]).encode()


def _marks(row: SeriesRow, reader: Reader) -> Iterator[str]:
    """`"12": "nan"` for each value that is null."""
    start = 0
    for piece in _first(row, reader):
        for index, word in dump_column(piece.value)[1].items():
            yield f'"{int(index) + start}": "{word}"'
        start += len(piece.value)


def _first(row: SeriesRow, reader: Reader) -> Iterator[Piece]:
    """The points that were counted, and none that came since."""
    left = row.count
    for piece in reader.pieces(row.id):
        if left <= 0:
            return
        if len(piece.step) > left:
            piece = replace(piece, step=piece.step[:left], wall=piece.wall[:left], value=piece.value[:left])
        left -= len(piece.step)
        yield piece
