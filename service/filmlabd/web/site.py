"""What are the pages themselves? Frames made of templates, with what they show first; scripts and styles; the door."""

import json

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from filmlabd.json_text import dump
from filmlabd.web.answers import packed, takes_gzip, trouble
from filmlabd.web.assets import Pages, load_assets, stamp
from filmlabd.web.documents import run_head
from filmlabd.web.guard import NOWHERE, Access
from filmlabd.web.room import NoSuchRun, Room

_HTML = "text/html; charset=utf-8"
_NOT_KEPT = {"cache-control": "no-store"}
_TITLES = {"runs": "Runs", "compare": "Compare", "lab": "Lab"}


class Site:
    """Handlers of what is no data."""

    def __init__(self, room: Room, access: Access) -> None:
        self._room = room
        self._access = access
        self._assets = load_assets()
        self._pages = Pages(stamp(self._assets))
        self.door = self._pages.render("door.html")
        """For whoever comes without the token."""
        self.nowhere = self._lost("Not here", NOWHERE)
        """For an address that cannot be."""

    def page(self, request: Request, name: str) -> Response:
        """A page by its name. The table of runs comes with its rows: there is nothing to wait for."""
        rows = b"[" + b",".join(self._room.run_lines()) + b"]" if name == "runs" else b"null"
        body = self._pages.render(f"{name}.html", here=name, title=_TITLES[name], first=inline_json(rows))
        return packed(request, body, _HTML)

    def run_page(self, request: Request) -> Response:
        """The page of one run, by its id. A name leads to the run that has it, or to the table of those that do."""
        wanted = request.path_params["run"]
        try:
            run = self._room.run(wanted)
        except NoSuchRun:
            # People type what a run is called. What an address may hold needs no escaping in another one.
            found = self._room.called(wanted)
            if not found:
                raise
            return RedirectResponse(f"/runs/{found[0]}" if len(found) == 1 else f"/?q={wanted}", 303, _NOT_KEPT)
        first = inline_json(dump(run_head(run)).encode())
        body = self._pages.render("run.html", here="run", title=run.name or run.run_id, first=first)
        return packed(request, body, _HTML)

    def lost(self, request: Request, status: int, reason: str) -> Response:
        """What could not be shown, in words, and the way back to the runs."""
        return packed(request, self._lost("Not here" if status == 404 else "Not now", reason), _HTML, status)

    def _lost(self, title: str, reason: str) -> bytes:
        return self._pages.render("lost.html", title=title, reason=f"{reason[:1].upper()}{reason[1:]}.")

    def static(self, request: Request) -> Response:
        """One of our files. Its address changes with it."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return trouble(404, "no such file")
        headers = {"cache-control": "private, max-age=31536000, immutable", "vary": "accept-encoding"}
        if takes_gzip(request):
            headers["content-encoding"] = "gzip"
            return Response(asset.packed, 200, headers, asset.kind)
        return Response(asset.data, 200, headers, asset.kind)

    async def enter(self, request: Request) -> Response:
        """The token of the link becomes a cookie, which scripts cannot read and other sites do not get sent."""
        try:
            token = json.loads(await request.body())["token"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return trouble(400, "a token is expected")
        if not isinstance(token, str) or not self._access.allows(token):
            return trouble(403, "this is not the token of this page")
        answer = Response(status_code=204)
        answer.set_cookie(self._access.cookie, token, httponly=True, samesite="strict", path="/")
        return answer


def inline_json(data: bytes) -> Markup:
    """JSON as the content of a script element that is data: nothing in it can end the element."""
    text = data.decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)
