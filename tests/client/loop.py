"""A training loop for the tests of the link: what it hands over, what it hears, and its link."""

import threading
from collections.abc import Callable
from pathlib import Path

from client.lab import ModelDaemon, ipc, paths_below
from filmlab.link.delivery import Event, Limits, LinkOptions, StateChanged
from filmlab.link.link import Link
from filmlab.link.outbox import Outbox
from filmlab.spool import read_session
from filmlab.wire.chunks import Film
from filmlab.wire.messages import Stream
from patience import PATIENCE_S

FILM = Film(run=0, film=1, first=0, count=1, height=2, width=2, channels=3)


class Loop:
    """A training loop: what it hands over becomes one record each; what happened is kept to be waited for."""

    def __init__(self) -> None:
        self.items: list[bytes] = []
        self.films: list[bytes] = []
        self.events: list[Event] = []
        self.changed = threading.Condition()

    def drain(self, outbox: Outbox, now: float) -> bool:
        moved = bool(self.items or self.films)
        while self.items and outbox.control_room(len(self.items[0])):
            outbox.push_c([self.items.pop(0)])
        while self.films and outbox.film_room(len(self.films[0])):
            outbox.push_b(FILM, [self.films.pop(0)])
        return moved

    def handle(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def next_at(self) -> float | None:
        return None

    def wait_for(self, predicate: Callable[[list[Event]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: predicate(self.events), PATIENCE_S), self.events

    def wait_state(self, state: str) -> None:
        self.wait_for(lambda events: any(isinstance(item, StateChanged) and item.state == state for item in events))


class Rig:
    """A loop and its link, to an endpoint of the test."""

    def __init__(self, directory: Path, mode: str = "online", limits: Limits | None = None, endpoint: str = "") -> None:
        self.loop = Loop()
        self.warned: list[str] = []
        self.paths = paths_below(directory)
        self.options = LinkOptions(
            self.paths,
            mode,  # type: ignore[arg-type]  # one of Mode, as text
            endpoint or ipc(directory),
            limits if limits is not None else Limits(offline_after_s=0.1, hello_after_s=0.2, reconnect_after_s=0.6),
            warn=self.warn,
        )
        self.link = Link(self.loop, self.options)

    def warn(self, kind: str, message: str) -> None:
        with self.loop.changed:
            self.warned.append(f"{kind}: {message}")
            self.loop.changed.notify_all()

    def log(self, *items: bytes) -> None:
        self.loop.items += items
        self.link.wake()

    def spooled(self) -> list[bytes]:
        return [bytes(item.payload) for item in read_session(self.paths.spool, self.link.session)]


def stored(link: Link, count: int, stream: Stream = Stream.C) -> Callable[[ModelDaemon], bool]:
    return lambda model: len(model.durable[link.session, stream]) >= count
