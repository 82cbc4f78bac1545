"""How does the page live? On a loopback port with a token of its own, until it is ended."""

import contextlib
import os
import secrets
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from filmlab.errors import BadInput, FilmlabError
from filmlab.paths import StatePaths
from filmlabd.web.app import make_app
from filmlabd.web.guard import Access
from filmlabd.web.room import Room

HOST = "127.0.0.1"
FIRST_PORT = 8760
PORT_MAX = 65535
NICE = 5
_PORTS = 20
CONNECTIONS_MAX = 256
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is. Whoever has the token may look, so it goes into nothing but the link and its file."""

    port: int
    token: str

    def url(self, path: str = "/") -> str:
        """The link that lets a browser in. What stands behind the # is sent to nobody."""
        return f"http://{HOST}:{self.port}{path}#{self.token}"


def serve(paths: StatePaths, port: int, told: Callable[[Address], None]) -> None:
    """Serve until a signal ends it.

    Args:
        port: 0 for the first that is free.
        told: called once it listens.

    Raises:
        BadInput: the port is taken, or is none.
    """
    listening = _listen(port)
    # Whoever looks must not slow down what is looked at.
    os.nice(NICE)
    address = Address(listening.getsockname()[1], secrets.token_urlsafe(32))
    room = Room(paths)
    app = make_app(room, Access(address.token, f"filmlab_{address.port}"))
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", lifespan="off", interface="asgi3", log_level="warning",
        access_log=False, server_header=False, date_header=False, proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX, timeout_keep_alive=30, timeout_graceful_shutdown=1,
    )  # fmt: skip
    with listening, _link_file(paths, address):
        # The first look at many runs takes longest: nobody waits for it once the link is there.
        _look_once(room)
        told(address)
        uvicorn.Server(config).run(sockets=[listening])


def _look_once(room: Room) -> None:
    # What is wrong is told to whoever opens the page.
    with contextlib.suppress(FilmlabError, sqlite3.Error):
        room.run_lines()


def link_file(paths: StatePaths, port: int) -> Path:
    """Where the link of a page that runs lies, for this user's other programs."""
    return paths.runtime / f"page-{port}"


@contextmanager
def _link_file(paths: StatePaths, address: Address) -> Iterator[None]:
    paths.make_runtime()
    path = link_file(paths, address.port)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{address.url()}\n".encode())
        os.close(descriptor)
        yield
    finally:
        path.unlink(missing_ok=True)


def _listen(port: int) -> socket.socket:
    """A socket on this machine's own side alone."""
    if not 0 <= port <= PORT_MAX:
        raise BadInput(f"a port is a number from 1 to {PORT_MAX}, got {port}")
    for candidate in (port,) if port else (*range(FIRST_PORT, FIRST_PORT + _PORTS), 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen(_BACKLOG)
            return listening
        except OSError as error:
            listening.close()
            reason = error.strerror or str(error)
    raise BadInput(f"port {port or FIRST_PORT} of {HOST}: {reason}")
