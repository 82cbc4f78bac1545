"""What the handlers share: what it remembers of runs goes with them, and an answer opens the index once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from starlette.requests import Request
from starlette.responses import Response

from e2e.house import House
from filmlab.paths import StatePaths
from filmlabd.index.read import Reader
from filmlabd.web.data import Data
from filmlabd.web.media import Media
from filmlabd.web.room import NoSuchRun, Room
from service.glances import glance
from web.site import write_runs

Ask: TypeAlias = Callable[[Room, Request], Response]


class Counted(Room):
    """Counts how often the index is opened."""

    opened_count = 0

    def reader(self) -> Reader:
        self.opened_count += 1
        return super().reader()


def asked(query: bytes = b"", **path: Any) -> Request:
    """A request as it reaches a handler."""
    scope = {"type": "http", "method": "GET", "headers": [], "query_string": query, "path_params": path}
    return Request(scope)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StatePaths]:
    """A state directory with two finished runs."""
    house = House(tmp_path_factory.mktemp("room"))
    write_runs(house, 2)
    yield house.paths
    house.close()


def test_of_a_run_that_is_gone_no_size_is_kept(tmp_path: Path) -> None:
    """Runs come and go below one server: what is remembered is what the table shows."""
    room = Room(StatePaths.at(tmp_path))
    room._weigh([glance("a"), glance("b")])
    assert room._disk.keys() == {"a", "b"}
    room._weigh([glance("b"), glance("c")])
    assert room._disk.keys() == {"b", "c"}


@pytest.mark.parametrize(
    ("ask", "query", "path"),
    [
        (lambda room, request: Data(room).run(request), b"", {}),
        (lambda room, request: Data(room).curves(request), b"m=episode/return", {}),
        (lambda room, request: Data(room).episodes(request), b"", {}),
        (lambda room, request: Data(room).plan(request), b"", {}),
        (lambda room, request: Media(room).clip(request), b"",
         {"session": f"{1001:016x}", "film": 1, "what": "poster"}),
        (lambda room, request: Media(room).metrics(request), b"", {"form": "csv"}),
        (lambda room, request: Media(room).export(request), b"", {}),
    ],
    ids=["run", "curves", "episodes", "plan", "poster", "metrics", "export"],
)  # fmt: skip
def test_an_answer_opens_the_index_once(paths: StatePaths, ask: Ask, query: bytes, path: dict[str, Any]) -> None:
    """Whatever is asked of a run; and a run that is not there is told from one that is in the same look."""
    room = Counted(paths)
    assert ask(room, asked(query, run="run00001", **path)).status_code == 200
    assert room.opened_count == 1
    with pytest.raises(NoSuchRun, match="nobody"):
        ask(room, asked(query, run="nobody", **path))
    assert room.opened_count == 2


def test_how_a_run_stands_is_one_look(paths: StatePaths) -> None:
    """What an open page is told several times a second."""
    room = Counted(paths)
    assert b'"told"' in Data(room)._stand("run00001")
    assert room.opened_count == 1
