"""How are a run's metrics taken away as CSV? In pieces, exact; as JSON they are what `develop.history` makes.

Floats are written as Python's `repr` does, so that reading them gives the same 64 bits; `nan`, `inf` and `-inf` are
written so, as pandas, numpy, R and DuckDB read them.
"""

import csv
import io
from collections.abc import Iterator

from filmlabd.index.read import Reader
from filmlabd.index.series import SeriesRow

COLUMNS = ("writer", "attempt", "metric", "step", "wall", "value")
"""`wall` is Unix time in seconds."""
_QUOTED_FIRST = "=+-@\t\r\n＝＋－＠'"
"""What begins with one of these a spreadsheet could run (OWASP, CSV Injection). `'` is among them so that different
names stay different."""


def metrics_csv(run_id: str, reader: Reader) -> Iterator[bytes]:
    """A line for each point, by metric, attempt and writer, each series in the order it came.

    Holds one chunk of one series (4096 points) at a time, however long the run is. The run may go on meanwhile: of each
    series there is what the index had of it when its turn came.
    """
    yield _line(COLUMNS).encode()
    for name in reader.metric_names(run_id):
        for row in reader.series(run_id, name):
            yield from _series(name, row, reader)


def safe_cell(text: str) -> str:
    """A name as a cell: with a `'` before it where a spreadsheet would take it for a formula. No two become one."""
    return f"'{text}" if text.startswith(tuple(_QUOTED_FIRST)) else text


def _series(name: str, row: SeriesRow, reader: Reader) -> Iterator[bytes]:
    # The same for each of its points, so quoted once.
    head = _line((safe_cell(row.writer), row.attempt, safe_cell(name))).rstrip("\n")
    for piece in reader.pieces(row.id):
        points = zip(piece.step.tolist(), piece.wall.tolist(), piece.value.tolist(), strict=True)
        yield "".join([f"{head},{step},{wall!r},{value!r}\n" for step, wall, value in points]).encode()


def _line(cells: tuple[str | int, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
