"""What of a run is a file? Clips, posters, single frames, curves as pictures, and all of its metrics to be saved."""

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from filmlab.errors import BadInput
from filmlabd.artifact_names import curve_stem
from filmlabd.artifacts import Printed
from filmlabd.develop.history import history
from filmlabd.export import make_export
from filmlabd.model import EpisodeRow, RunRow
from filmlabd.takeaway import metrics_csv
from filmlabd.web.answers import file_answer, trouble
from filmlabd.web.data import film_of
from filmlabd.web.posters import film_frame, first_frame
from filmlabd.web.prints import Found, open_print, path_of
from filmlabd.web.room import Room

FRAME_MAX = 10_000
CLIP_MAX_BYTES = 128 * 2**20
"""Of a clip that is opened here for its first frame."""
EXPORT_CLIPS, EXPORT_MAX_BYTES = 13, 16 * 2**20
_FOR_A_WHILE = "private, max-age=86400"


class Media:
    """Handlers of files."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def clip(self, request: Request) -> Response:
        """A print of an episode or a medium: `clip`, `poster` or a format; `?save` to be saved under its own name."""
        run, row = self._film(request)
        what = request.path_params["what"]
        path = path_of(row, what)
        found = open_print(run.directory, path) if path else None
        if found is not None:
            return file_answer(request, found, _file_name(found.name) if "save" in request.query_params else "")
        if what == "poster":
            return self._poster(run, row)
        return trouble(404, "this print is not there")

    def frame(self, request: Request) -> Response:
        """A single frame of a film, for browsers that cannot take clips apart."""
        _, row = self._film(request)
        number = request.path_params["number"]
        data = film_frame(self._room.paths.film, row, number) if number < FRAME_MAX else None
        return _picture(data, "the film is not there any more, or shorter")

    def curve(self, request: Request) -> Response:
        """The drawing of a metric, as it lies on the disk."""
        run = self._room.run(request.path_params["run"])
        form, metric = request.path_params["form"], request.query_params.get("m", "")
        if form not in ("svg", "png") or not metric:
            raise BadInput("a curve is an SVG or a PNG of a metric")
        found = open_print(run.directory, f"{curve_stem(metric)}.{form}")
        if found is None:
            return trouble(404, "this curve has not been drawn yet")
        return file_answer(request, found, _file_name(found.name) if "save" in request.query_params else "")

    def metrics(self, request: Request) -> Response:
        """All points of all metrics, as CSV or JSON, to be saved."""
        form = request.path_params["form"]
        if form not in ("csv", "json"):
            raise BadInput("metrics are CSV or JSON")
        with self._room.opened(request.path_params["run"]) as (reader, run):
            pieces = metrics_csv(run.run_id, reader) if form == "csv" else history(run.run_id, reader)
            found = _collected(pieces, "text/csv; charset=utf-8" if form == "csv" else "application/json")
        return file_answer(request, found, _file_name(f"{run.name or run.run_id}.metrics.{form}"))

    def export(self, request: Request) -> Response:
        """The run as one file that opens from disk, to be saved: as `filmlab export` writes it."""
        opened = self._room.opened(request.path_params["run"])
        with opened as (reader, run), Printed(Path(run.directory)) as directory:
            made = make_export(run, reader, directory, EXPORT_CLIPS, EXPORT_MAX_BYTES)
            found = _collected(made.pieces(directory), "text/html; charset=utf-8")
        return file_answer(request, found, _file_name(f"{run.name or run.run_id}.html"))

    def _film(self, request: Request) -> tuple[RunRow, EpisodeRow]:
        """The run and the episode of the address.

        Raises:
            BadInput: there is no such film in this run.
        """
        with self._room.opened(request.path_params["run"]) as (reader, run):
            row = reader.episode(*film_of(request))
        if row is None or row.run_id != run.run_id:
            raise BadInput("no such film")
        return run, row

    def _poster(self, run: RunRow, row: EpisodeRow) -> Response:
        """Of a clip without one: its first frame."""
        key = ("poster", row.session, row.film)

        def make() -> bytes:
            found = open_print(run.directory, path_of(row, "clip"))
            if found is None:
                return b""
            try:
                data = os.pread(found.descriptor, min(found.size_bytes, CLIP_MAX_BYTES), 0)
            finally:
                os.close(found.descriptor)
            return first_frame(data) or film_frame(self._room.paths.film, row, 0) or b""

        version = row.paths if row.ended else self._room.pulse.version()
        return _picture(self._room.shelf.get(key, version, make), "there is no picture of it")


def _collected(pieces: Iterable[bytes], kind: str) -> Found:
    """All of it in a nameless file: what reads the index has a thread of its own, and the browser is in no hurry."""
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        return Found(os.dup(file.fileno()), file.tell(), '"once"', kind, "")


def _picture(data: bytes | None, otherwise: str) -> Response:
    if not data:
        return trouble(404, otherwise)
    return Response(data, 200, {"cache-control": _FOR_A_WHILE}, "image/webp")


def _file_name(name: str) -> str:
    """A name that a header can say and any disk can have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:120] or "filmlab"
