"""What do the scripts of the page ask for, and send? JSON, and columns of curves as numbers."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filmlab.errors import BadInput
from filmlabd.json_text import dump
from filmlabd.web.answers import json_answer, packed, trouble
from filmlabd.web.curves import Look, answer
from filmlabd.web.documents import episode_documents, run_document, run_head
from filmlabd.web.events import Difference, Table, stream
from filmlabd.web.grains import Granary
from filmlabd.web.plans import parse_changes, plan_document
from filmlabd.web.room import Room
from filmlabd.web.workshop import Workshop

COLUMNS_KIND = "application/octet-stream"


class Data:
    """Handlers of data."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._workshop = Workshop(room)
        self._granary = Granary()

    def runs(self, request: Request) -> Response:
        """All runs."""
        return json_answer(request, b"[" + b",".join(self._room.run_lines()) + b"]")

    def run(self, request: Request) -> Response:
        """What stands around a run's curves and clips."""
        run_id = request.path_params["run"]
        return json_answer(request, self._kept(("run", run_id), lambda: self._run(run_id)))

    def curves(self, request: Request) -> Response:
        """Columns of some metrics: see `curves.answer`."""
        run_id, look = request.path_params["run"], _look(request)

        def make() -> bytes:
            with self._room.opened(run_id) as (reader, _):
                reader.hold()
                return answer(reader, self._granary, run_id, look)

        return packed(request, self._kept(("curves", run_id, look), make), COLUMNS_KIND)

    def episodes(self, request: Request) -> Response:
        """Everything of a run that is, was or will be developed."""
        run_id = request.path_params["run"]
        return json_answer(request, self._kept(("episodes", run_id), lambda: self._episodes(run_id)))

    def steps(self, request: Request) -> Response:
        """Actions and rewards of an episode."""
        session, film = film_of(request)
        with self._room.reader() as reader:
            row = reader.steps(session, film)
        rewards = row.rewards.tolist()
        return json_answer(request, {"first": row.first, "actions": row.actions, "rewards": rewards})

    def plan(self, request: Request) -> Response:
        """What the run captures, and what comes of that."""
        return json_answer(request, plan_document(self._room, request.path_params["run"]))

    async def record(self, request: Request) -> Response:
        """Change what the run captures."""
        changes = parse_changes(await _body(request))
        room, run_id = self._room, request.path_params["run"]
        document = await run_in_threadpool(plan_document, room, run_id, changes)
        return json_answer(request, document)

    def lab(self, request: Request) -> Response:
        """How the lab is doing."""
        return json_answer(request, self._workshop.look())

    async def retry(self, request: Request) -> Response:
        """Try a print again that was given up."""
        key = (await _body(request)).get("key")
        if not isinstance(key, str) or not 0 < len(key) <= 1000:
            raise BadInput("a print is named by its key")
        return json_answer(request, await run_in_threadpool(self._retry, key))

    async def events(self, request: Request) -> Response:
        """What is new, as it comes."""
        topic, run_id = request.query_params.get("topic", ""), request.query_params.get("run", "")
        news = self._news(topic, run_id)
        if not self._room.pulse.enter():
            return trouble(503, "too many pages are open")
        body: AsyncIterator[bytes] = stream(self._room.pulse, news, steady=topic == "lab")
        return StreamingResponse(body, 200, {"cache-control": "no-store"}, "text/event-stream")

    def _retry(self, key: str) -> dict[str, Any]:
        with self._room.reader() as reader:
            row = next((row for row in reader.failures() if row.key == key), None)
            if row is None:
                raise BadInput("no such print has failed")
            trace = reader.trace(row.session, row.film) if row.film else None
        recorder = trace.recorder if trace is not None else 0
        session = f"{row.session:016x}"
        return self._room.ask("retry", run_id=row.run_id, key=key, recorder=recorder, session=session, film=row.film)

    def _news(self, topic: str, run_id: str) -> Callable[[], bytes | None]:
        match topic:
            case "runs":
                return Table(self._room).news
            case "run":
                return Difference(lambda: self._kept(("stand", run_id), lambda: self._stand(run_id))).news
            case "lab":
                return Difference(lambda: dump(self._workshop.look()).encode()).news
            case _:
                raise BadInput("topics are runs, run and lab")

    def _kept(self, key: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        return self._room.shelf.get(key, self._room.pulse.version(), make)

    def _run(self, run_id: str) -> bytes:
        with self._room.opened(run_id) as (reader, run):
            return dump(run_document(reader, run)).encode()

    def _episodes(self, run_id: str) -> bytes:
        with self._room.opened(run_id) as (reader, _):
            rows = episode_documents(reader.episodes(run_id, filmed=True), reader.prints(run_id))
        return dump(rows).encode()

    def _stand(self, run_id: str) -> bytes:
        """As little as tells an open page which of its parts are out of date."""
        with self._room.opened(run_id) as (reader, run):
            stand = {
                "points": reader.point_count(run_id), "films": reader.film_states(run_id),
                "plan": run.plan_version, "told": reader.told(run_id),
            }  # fmt: skip
        return dump(run_head(run) | stand).encode()


def film_of(request: Request) -> tuple[int, int]:
    """(session, film) of the address.

    Raises:
        BadInput: it names none.
    """
    session = request.path_params["session"]
    if len(session) != 16 or not all(char in "0123456789abcdef" for char in session):
        raise BadInput("no such film")
    film = request.path_params["film"]
    if not 0 < film < 2**63:
        raise BadInput("no such film")
    return int(session, 16), film


def _look(request: Request) -> Look:
    query = request.query_params
    try:
        start, stop = (float(query[name]) if name in query else None for name in ("from", "to"))
        width_px = int(query.get("w", "800"))
    except ValueError:
        raise BadInput("w, from and to are numbers") from None
    axis = query.get("x", "step")
    return Look(tuple(query.getlist("m")), axis, width_px, start, stop)  # type: ignore[arg-type]  # checked in there


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BadInput("JSON is expected") from None
    if not isinstance(body, dict):
        raise BadInput("an object is expected")
    return body
