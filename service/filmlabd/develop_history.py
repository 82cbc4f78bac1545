"""How does a run's whole history become one JSON file? In pieces: memory holds one metric at a time."""

import itertools
import json
from collections.abc import Iterator

from filmlabd.index import Reader
from filmlabd.json_text import dump_column
from filmlabd.model import Points

_PIECE_POINTS = 16_384


def history(run_id: str, reader: Reader) -> Iterator[bytes]:
    """`{"metrics": {name: [{"writer", "attempt", "step": […], "wall": […], "value": […]}]}}`, piece by piece.

    A value that JSON has no word for is null, and named under `nonfinite` of its series: `{"12": "nan"}`.
    """
    yield b'{\n  "run": ' + json.dumps(run_id).encode() + b',\n  "metrics": {'
    names = (name for name, _ in itertools.groupby(reader.metrics(run_id), key=lambda row: row.name))
    for number, name in enumerate(names):
        yield f"{',' if number else ''}\n    {json.dumps(name)}: [".encode()
        for index, points in enumerate(reader.points(run_id, name)):
            yield b"," if index else b""
            yield from _series(points)
        yield b"]"
    yield b"\n  }\n}\n"


def _series(points: Points) -> Iterator[bytes]:
    yield f'{{"writer": {json.dumps(points.writer)}, "attempt": {points.attempt}'.encode()
    for key, column in (("step", points.step), ("wall", points.wall), ("value", points.value)):
        yield f', "{key}": ['.encode()
        marks: dict[str, str] = {}
        for start in range(0, len(column), _PIECE_POINTS):
            text, found = dump_column(column[start : start + _PIECE_POINTS])
            marks |= {str(int(index) + start): word for index, word in found.items()}
            yield (("," if start else "") + text[1:-1]).encode()
        yield b"]"
    if marks:
        yield b', "nonfinite": ' + json.dumps(marks).encode()
    yield b"}"
