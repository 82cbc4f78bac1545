"""A trainer in the test's own process: a real link that hands over records it can check one by one afterwards."""

import random
import struct
import threading
from collections import Counter
from pathlib import Path

from e2e.house import House, until
from filmlab.link.delivery import Event, Limits, LinkOptions, LostInSpool, SessionLost
from filmlab.link.link import Link
from filmlab.link.outbox import Outbox
from filmlab.wire.chunks import Film
from filmlab.wire.entries import (
    EpisodeBegin,
    EpisodeEnd,
    MetricNames,
    RunBegin,
    RunFinish,
    Snapshot,
    encode_entry,
)
from filmlab.wire.frame import Envelope, Kind, read_all
from filmlab.wire.messages import Stream
from filmlabd.journal.records import Found, read_records

SIDE_PX = 32
PAUSE_S = 0.005
"""Between two bundles of records, unless the test says otherwise."""
LOSS = struct.pack("<I", 0)
IMPATIENT = Limits(hello_after_s=0.3, reconnect_after_s=1.5, offline_after_s=0.5)
"""Timers of a client whose faults come every few milliseconds, so that a test need not wait for 15 s."""


class Pusher:
    """The source of a link, and the link: `records` records of stream C and a film of a few chunks now and then."""

    def __init__(
        self,
        house: House,
        run_id: str,
        rng: random.Random,
        *,
        endpoint: str = "",
        records: int = 200,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.run_id = run_id
        self.sent: dict[Stream, list[bytes]] = {Stream.C: [], Stream.B: []}
        self.trouble: list[Event] = []
        self.done = threading.Event()
        self._films_dir = house.root / "films"
        self._rng = rng
        self._pause_s = pause_s
        self._left = records
        self._next_at = 0.0
        self._film = self._step = 0
        self._plan: list[str] = ["begin"]
        # Offline of its own accord it never is: mode online starts no daemon, the test does.
        self.link = Link(self, LinkOptions(house.paths, "online", endpoint, IMPATIENT, warn=lambda kind, text: None))
        self.link.start()

    # --- the three calls of the sender's thread ---------------------------------------------------------------------

    def drain(self, outbox: Outbox, now: float) -> bool:
        if now < self._next_at:
            return False
        self._next_at = now + self._pause_s
        for _ in range(4):
            if not self._plan:
                self._next_acts()
            if not self._plan or not outbox.control_room(4096) or not outbox.film_room(16 * 1024):
                break
            self._do(self._plan.pop(0), outbox)
        return False

    def handle(self, event: Event) -> None:
        if isinstance(event, SessionLost | LostInSpool):
            self.trouble.append(event)

    def next_at(self) -> float | None:
        return self._next_at if not self.done.is_set() else None

    # --- what it hands over -----------------------------------------------------------------------------------------

    def _next_acts(self) -> None:
        if self.done.is_set():
            return
        if self._left <= 0:
            self._plan = ["finish"]
            return
        self._left -= 40
        self._plan = ["log"] * 30 + ["film"] + ["chunk", "log"] * self._rng.randint(1, 8) + ["end"]

    def _do(self, act: str, outbox: Outbox) -> None:
        match act:
            case "begin":
                begin = RunBegin(
                    run=0, wall=1.0, run_id=self.run_id, writer="main", project="p", name="n",
                    directory=str(self._films_dir), schedule="always",
                )  # fmt: skip
                self._push(outbox, begin, MetricNames(run=0, wall=1.0, names=((0, "loss"),)))
            case "log":
                values = struct.pack("<d", self._step)
                self._push(outbox, Snapshot(run=0, wall=2.0, step=self._step, ids=LOSS, values=values))
                self._step += 1
            case "film":
                self._film += 1
                self._frames = 0
                self._push(outbox, EpisodeBegin(run=0, wall=2.0, episode=self._film, film=self._film, reason="always"))
            case "chunk":
                film = Film(
                    run=0, film=self._film, first=self._frames, count=2, height=SIDE_PX, width=SIDE_PX, channels=1,
                    codec=0,
                )  # fmt: skip
                blobs = [self._rng.randbytes(SIDE_PX * SIDE_PX) for _ in range(2)]
                outbox.push_b(film, blobs)
                self._frames += 2
                self.sent[Stream.B].append(b"".join([struct.pack("<II", *map(len, blobs)), *blobs]))
            case "end":
                end = EpisodeEnd(
                    run=0, wall=3.0, episode=self._film, film=self._film, return_=1.0, length=3, frames=self._frames,
                    last_seq=outbox.last_b,
                )  # fmt: skip
                self._push(outbox, end)
            case "finish":
                self._push(outbox, RunFinish(run=0, wall=4.0))
                self.done.set()

    def _push(self, outbox: Outbox, *entries: object) -> None:
        encoded = [encode_entry(entry) for entry in entries]  # type: ignore[arg-type]  # entries, all of them
        outbox.push_c(encoded, waiting=self._rng.random() < 0.3)
        self.sent[Stream.C].append(b"".join(encoded))

    def stop(self) -> None:
        """Hand over what was begun, and end."""
        self._left = 0

    # --- afterwards -------------------------------------------------------------------------------------------------

    def wait_durable(self) -> None:
        """Until everything has been handed over and acknowledged."""

        def durable() -> bool:
            status = self.link.status()
            over = self.done.is_set() and (status.durable_c, status.durable_b) == (status.last_c, status.last_b)
            return over or self.link.dead

        until(durable, f"everything of {self.run_id} to be durable ({self.link.status()})")
        assert not self.trouble and not self.link.dead, (self.trouble, self.link.why_ended)

    def check_kept(self, house: House) -> tuple[int, int]:
        """Every record lies in journal and films exactly once and as it was sent; how many of each stream."""
        journal = [item for item in journal_records(house.paths.journal) if item.session == self.link.session]
        sent_c = dict(enumerate(self.sent[Stream.C], 1))
        assert [item.seq for item in journal] == list(sent_c)
        assert all(bytes(item.payload) == sent_c[item.seq] for item in journal)
        sent_b = dict(enumerate(self.sent[Stream.B], 1))
        held: dict[int, bytes] = {}
        for item in film_records(house.paths.film, self.link.session):
            assert held.setdefault(item.seq, bytes(item.payload)) == bytes(item.payload)
        assert held == sent_b, f"film records {sorted(sent_b.keys() ^ held.keys())}"
        with house.read() as index:
            (points,) = index.points(self.run_id, "loss")
        assert points.step.tolist() == list(range(self._step))
        assert points.value.tolist() == [float(step) for step in range(self._step)]
        return len(sent_c), len(sent_b)


def journal_records(directory: Path) -> list[Envelope]:
    """The records of stream C in a journal, in order."""
    out: list[Envelope] = []
    for path in sorted(directory.glob("*.seg")):
        with path.open("rb") as file:
            size = path.stat().st_size
            found = [item.envelope for item in read_records(file.fileno(), 0, size) if isinstance(item, Found)]
        out += [item for item in found if item.kind is Kind.DATA_C]
    return out


def film_records(directory: Path, session: int) -> list[Envelope]:
    """The records in all film files of a session."""
    out: list[Envelope] = []
    for path in sorted((directory / f"{session:016x}").glob("*.film")):
        out += read_all(path.read_bytes())
    return out


def counted(reasons: list[str]) -> dict[str, int]:
    """How often each came, for the line that a test prints."""
    return dict(sorted(Counter(reasons).items()))
