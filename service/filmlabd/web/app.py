"""Which address leads where? Handlers are plain functions, which Starlette runs in threads: the loop never waits."""

from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmlab.control import NoDaemon
from filmlab.errors import BadInput, Corrupt, Transient
from filmlabd.index.read import NoIndex
from filmlabd.web.answers import trouble
from filmlabd.web.data import Data
from filmlabd.web.guard import Access, Guard
from filmlabd.web.media import Media
from filmlabd.web.room import Room
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
            BadInput: _told(400), NoIndex: _told(404), NoDaemon: _told(503), Transient: _told(503),
            Corrupt: _told(503),
        },
    )  # fmt: skip
    return Guard(app, access, site.door)


def _told(status: int) -> Callable[[Request, Exception], Response]:
    """An error of ours, in its own words."""
    return lambda _request, error: trouble(status, str(error))
