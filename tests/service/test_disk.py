"""The disk's thread: what waits for room, and what does not wait with it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from e2e.house import until
from filmlab.errors import Transient
from filmlab.wire.frame import Envelope
from filmlabd.core import events
from filmlabd.disk import Disk
from filmlabd.index.writer import Index
from filmlabd.journal.ballast import Ballast
from filmlabd.journal.films import FilmStore
from filmlabd.journal.journal import Journal, Position
from service.keeping import SESSION, chunk, frames, no_descriptors, record


class FullFilms(FilmStore):
    """Takes no film while `is_full`. Unrealistic: a real disk is full for the journal too."""

    is_full = True

    def append(self, session: int, film: int, envelopes: Sequence[Envelope]) -> None:
        if self.is_full:
            raise Transient("no room for film")
        super().append(session, film, envelopes)


class CountedFilms(FilmStore):
    """Knows how often it was synced."""

    syncs = 0

    def sync(self) -> None:
        self.syncs += 1
        super().sync()


class FullJournal(Journal):
    """Takes nothing until somebody gives up the ballast."""

    is_full: Callable[[], bool]

    def append(self, envelopes: Sequence[Envelope]) -> list[Position]:
        if self.is_full():
            raise Transient("no room for records")
        return super().append(envelopes)


class Told:
    """What the thread says, in order."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def wait(self, kind: type[events.Synced] | type[events.Measured], count: int = 1) -> list[events.Event]:
        def found() -> list[events.Event]:
            return [event for event in self.events if isinstance(event, kind)]

        until(lambda: len(found()) >= count, f"{count} of {kind.__name__}")
        return found()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., tuple[Disk, Told]]]:
    made: list[Disk] = []

    def start(films: FilmStore | None = None, journal: Journal | None = None) -> tuple[Disk, Told]:
        told = Told()
        disk = Disk(
            journal or Journal(tmp_path / "journal"), films or FilmStore(tmp_path / "film"),
            Index(tmp_path / "index.sqlite"), tmp_path / "spool", Ballast(tmp_path / "ballast", 2**20),
            told.events.append,
        )  # fmt: skip
        made.append(disk)
        return disk, told

    yield start
    for disk in made:
        disk.close(10.0)
    assert not [thread for thread in threading.enumerate() if thread.name == "filmlab-disk"]


def test_the_disk_is_measured_before_anything_is_taken(make: Callable[..., tuple[Disk, Told]], tmp_path: Path) -> None:
    """The first thing that the core hears is how much room there is; the ballast lies there by then."""
    _, told = make()
    (first, *_) = told.wait(events.Measured)
    assert first is told.events[0] and 0 < first.free_bytes < first.all_bytes and first.free_files > 0
    assert (tmp_path / "ballast").exists()


def test_film_without_room_holds_up_no_number(make: Callable[..., tuple[Disk, Told]], tmp_path: Path) -> None:
    """A record of stream C is durable beside film that waits; the film follows once there is room, in order."""
    films = FullFilms(tmp_path / "film")
    disk, told = make(films)
    shots = frames(2)
    disk.submit(events.AppendFilm(SESSION, 1, chunk(1, shots[:1], 0)))
    disk.submit(events.Append(record(1)))
    disk.submit(events.Sync(1, ((SESSION, 1),)))
    disk.submit(events.AppendFilm(SESSION, 1, chunk(2, shots[1:], 1)))
    disk.submit(events.Sync(2, ((SESSION, 2),)))
    synced = told.wait(events.Synced, 2)
    assert synced == [events.Synced(1, ((SESSION, 1),)), events.Synced(2, ((SESSION, 1),))]
    assert told.wait(events.Measured)[-1].stuck == "no room for film"
    films.is_full = False
    disk.submit(events.Sync(3, ((SESSION, 2),)))
    assert told.wait(events.Synced, 3)[-1] == events.Synced(3)
    assert [item.seq for item in films.scan(SESSION, 1)] == [1, 2]
    until(lambda: told.wait(events.Measured)[-1].stuck == "", "a disk that is not full any more")


def test_a_sync_of_the_journal_alone_leaves_film_for_the_next_one(
    make: Callable[..., tuple[Disk, Told]], tmp_path: Path
) -> None:
    """Whoever waits for a record does not wait for film that came before it."""
    films = CountedFilms(tmp_path / "film")
    disk, told = make(films)
    disk.submit(events.AppendFilm(SESSION, 1, chunk(1, frames(1), 0)))
    disk.submit(events.Append(record(1)))
    disk.submit(events.Sync(1, control_only=True))
    told.wait(events.Synced)
    assert films.syncs == 0
    disk.submit(events.Sync(2, ((SESSION, 1),)))
    told.wait(events.Synced, 2)
    assert films.syncs == 1


def test_the_journal_gets_the_ballast(make: Callable[..., tuple[Disk, Told]], tmp_path: Path) -> None:
    """On a full disk records become durable at the price of the reserve, which is made again with room."""
    journal = FullJournal(tmp_path / "journal")
    ballast = tmp_path / "ballast"
    journal.is_full = ballast.exists
    disk, told = make(journal=journal)
    told.wait(events.Measured)
    disk.submit(events.Append(record(1)))
    disk.submit(events.Sync(1))
    assert told.wait(events.Synced) == [events.Synced(1)]
    assert any(isinstance(event, events.Measured) and event.stuck for event in told.events)
    until(ballast.exists, "the ballast to be made again")


def test_without_descriptors_nothing_is_acknowledged_and_nothing_ends(
    make: Callable[..., tuple[Disk, Told]], tmp_path: Path
) -> None:
    """The thread waits, keeps its ballast, and goes on with the same records when there are some."""
    disk, told = make()
    told.wait(events.Measured)
    with no_descriptors():
        disk.submit(events.AppendFilm(SESSION, 1, chunk(1, frames(1), 0)))
        disk.submit(events.Append(record(1)))
        disk.submit(events.Sync(1, ((SESSION, 1),)))
        until(lambda: "Too many open files" in disk.full, "the thread to wait")
        assert not [event for event in told.events if isinstance(event, events.Synced)]
    disk.submit(events.Sync(2, ((SESSION, 1),)))
    assert told.wait(events.Synced, 2)[-1] == events.Synced(2)
    assert (tmp_path / "ballast").exists() and disk.full == ""
