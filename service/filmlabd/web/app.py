"""Which address leads where? Handlers are plain functions, which Starlette runs in threads: the loop never waits."""

from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmlab.control import NoDaemon
from filmlab.errors import BadInput, Corrupt, Transient
from filmlabd.index.read import NoIndex
from filmlabd.web.answers import trouble
from filmlabd.web.data import Data
from filmlabd.web.guard import NOWHERE, Access, Guard, is_page
from filmlabd.web.media import Media
from filmlabd.web.room import NoSuchRun, Room
from filmlabd.web.site import Site


def make_app(room: Room, access: Access) -> Guard:
    """The page of one state directory, behind its guard."""
    site, data, media = Site(room, access), Data(room), Media(room)
    film = "/prints/{run}/{session}/{film:int}"
    app = Starlette(
        routes=[
            Route("/", partial(site.page, name="runs")),
            Route("/compare", partial(site.page, name="compare")),
            Route("/lab", partial(site.page, name="lab")),
            Route("/runs/{run}", site.run_page),
            Route("/enter", site.enter, methods=["POST"]),
            Route("/static/{stamp}/{name:path}", site.static),
            Route("/api/runs", data.runs),
            Route("/api/runs/{run}", data.run),
            Route("/api/runs/{run}/curves", data.curves),
            Route("/api/runs/{run}/episodes", data.episodes),
            Route("/api/runs/{run}/steps/{session}/{film:int}", data.steps),
            Route("/api/runs/{run}/plan", data.plan),
            Route("/api/runs/{run}/record", data.record, methods=["POST"]),
            Route("/api/lab", data.lab),
            Route("/api/retry", data.retry, methods=["POST"]),
            Route("/api/events", data.events),
            Route("/prints/{run}/curve.{form}", media.curve),
            Route("/prints/{run}/export.html", media.export),
            Route("/prints/{run}/metrics.{form}", media.metrics),
            Route(film + "/frame/{number:int}", media.frame),
            Route(film + "/{what}", media.clip),
        ],
        exception_handlers={
            BadInput: _told(400, site), NoSuchRun: _told(404, site), NoIndex: _told(404, site),
            NoDaemon: _told(503, site), Transient: _told(503, site), Corrupt: _told(503, site),
            HTTPException: _unknown(site),
        },
    )  # fmt: skip
    return Guard(app, access, site.door, site.nowhere)


def _told(status: int, site: Site) -> Callable[[Request, Exception], Response]:
    """An error of ours, in its own words: on a page for people, as JSON for scripts."""

    def answer(request: Request, error: Exception) -> Response:
        if is_page(request.url.path):
            return site.lost(request, status, str(error))
        return trouble(status, str(error))

    return answer


def _unknown(site: Site) -> Callable[[Request, Exception], Response]:
    """An address that leads nowhere."""

    def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return _told(status, site)(request, BadInput(NOWHERE))

    return answer
