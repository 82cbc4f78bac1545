"""A core with a disk that always works: what the tests of the core and of the lab drive it with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from filmlab.wire import messages
from filmlab.wire.chunks import Film, seal_chunk
from filmlab.wire.entries import Entry, RunBegin, encode_entry, seal_entries
from filmlab.wire.frame import WAITING, Envelope, Kind
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.lab import Lab
from filmlabd.facts import Fact, read_fact
from filmlabd.model import Job, Outcome

SESSION = 0xABC
PEER = b"peer-1"


@dataclass
class Rig:
    """Feeds events, carries out what can be carried out without a disk, and remembers the rest."""

    core: Core = field(default_factory=lambda: Core(7, Limits(), Lab()))
    now: float = 100.0
    commands: list[events.Command] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    appended: list[Envelope] = field(default_factory=list)
    sent: list[tuple[bytes, messages.Message]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    disk_works: bool = True
    spools: dict[int, Iterable[tuple[Envelope, ...]]] = field(default_factory=dict)
    readings: dict[int, Iterator[tuple[Envelope, ...]]] = field(default_factory=dict)
    syncs: list[events.Sync] = field(default_factory=list)

    def feed(self, event: events.Event) -> list[events.Command]:
        """One event, and whatever follows from its commands; the commands that the event itself brought."""
        first = self.core.handle(event, events.Now(self.now, 1_000_000.0 + self.now))
        for command in first:
            self._carry_out(command)
        self.core.check()
        return first

    def settle(self, limit_s: float = 30.0) -> None:
        """Let time pass, as far as the core itself asks for it, up to `limit_s`."""
        end = self.now + limit_s
        while (at := self.core.next_at()) is not None and at <= end:
            self.now = max(self.now, at)
            self.feed(events.Woken())

    def _carry_out(self, command: events.Command) -> None:
        self.commands.append(command)
        match command:
            case events.Append():
                self.appended.append(command.envelope)
                if command.envelope.kind is Kind.FACT:
                    self.facts.append(read_fact(command.envelope))
            case events.Send():
                self.sent.append((command.peer, messages.decode(command.envelope)))
            case events.StartJob():
                self.jobs.append(command.job)
            case events.Sync():
                self.syncs.append(command)
                if self.disk_works:
                    self.land()
            case events.ReadSpool():
                if command.session not in self.readings:
                    self.readings[command.session] = iter(self.spools.pop(command.session, ()))
                records = next(self.readings[command.session], None)
                if records is None:
                    del self.readings[command.session]
                self.feed(events.SpoolRead(command.session, records or (), records is None))

    def land(self) -> None:
        """The disk has done the oldest sync."""
        sync = self.syncs.pop(0)
        self.feed(events.Synced(sync.batch))
        self.feed(events.Indexed(sync.batch))

    # --- a client's side --------------------------------------------------------------------------------------------

    def hello(self, session: int = SESSION, peer: bytes = PEER, pid: int = 4242, **more: Any) -> None:
        hello = messages.Hello(pid=4242, host="node", **more)
        self.feed(events.Received(peer, pid, messages.encode(hello, session)))

    def say(self, seq: int, *entries: Entry, session: int = SESSION, peer: bytes = PEER, waiting: bool = True) -> None:
        flags = WAITING if waiting else 0
        record = seal_entries(session, seq, [encode_entry(entry) for entry in entries], flags)
        self.feed(events.Received(peer, 4242, record))

    def shoot(self, seq: int, film: int, *, frames: int = 1, first: int = 0, session: int = SESSION) -> None:
        chunk = Film(run=0, film=film, first=first, count=frames, height=2, width=2, channels=1, codec=0)
        record = seal_chunk(session, seq, chunk, [b"abcd"] * frames, WAITING)
        self.feed(events.Received(PEER, 4242, record))

    def work(self, *, ok: bool = True, retry: bool = True) -> list[Job]:
        """The workers do everything that was started; what it was."""
        worked, self.jobs = self.jobs, []
        for job in worked:
            self.feed(events.JobFinished(Outcome(job.key, ok, 0.01, (f"{job.kind}/x",), (), "" if ok else "no", retry)))
            self.feed(events.WorkersFree(2))
        return worked

    def work_all(self, limit: int = 50) -> list[Job]:
        """Everything, until no job is left that could start."""
        self.feed(events.WorkersFree(2))
        worked: list[Job] = []
        for _ in range(limit):
            self.settle()
            if not self.jobs:
                break
            worked += self.work()
        return worked

    def told(self, kind: type[Any]) -> list[Any]:
        """What was sent of this type, in order."""
        return [message for _, message in self.sent if isinstance(message, kind)]

    def kept(self, kind: type[Any]) -> list[Any]:
        """The facts of this type, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def begin(run: int = 0, run_id: str = "r1", writer: str = "main", **more: Any) -> RunBegin:
    """A run's first entry."""
    return RunBegin(
        run=run, wall=1.0, run_id=run_id, writer=writer, project="p", name="n", directory="/tmp/x", **more
    )  # fmt: skip
