"""How is a run taken away? Its metrics as CSV, piece by piece; its JSON is what `history.json` has."""

import csv
import io
from collections.abc import Iterator

from filmlabd.index_read import Reader

COLUMNS = ("metric", "writer", "attempt", "step", "wall", "value")


def metrics_csv(reader: Reader, run_id: str) -> Iterator[bytes]:
    """A line for each point, by metric, attempt and writer. `nan`, `inf` and `-inf` are written so."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for series in reader.named_series(run_id):
        head = (series.name, series.writer, series.attempt)
        for number in reader.heads(series.id).id.tolist():
            arrays = reader.chunk(number)
            if arrays is None:
                continue
            _, step, wall, value = (column.tolist() for column in arrays)
            lines.writerows((*head, *point) for point in zip(step, wall, map(repr, value), strict=True))
            if out.tell() > 64 * 1024:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
    yield out.getvalue().encode()
