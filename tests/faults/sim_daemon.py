"""One life of a simulated daemon: the real core, lab, jobs, index and `restore`; a disk thread and workers in steps."""

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from filmlab.wire import messages
from filmlab.wire.frame import Envelope, Kind
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.departures import OVER_KEPT
from filmlabd.core.jobs import Jobs
from filmlabd.core.lab import Lab
from filmlabd.facts import FilmDeleted, read_fact
from filmlabd.model import Job, JobKind, Outcome
from filmlabd.restore import restore

if TYPE_CHECKING:
    from faults.simulation import World

WORKERS = 2
CREDIT_POOL_BYTES = 1
FILM_ASIDE_BYTES = 500
"""Of a film's chunks, which are as small."""
BATCH_WEIGHT_MOST = 40
"""A few records: what comes while one batch is on its way does not fit into the next."""
LOOK_EVERY_S = 2.0


class DaemonLife:
    """From its start to whatever ends it. Everything that it does later goes through `World.daemon_later`."""

    def __init__(self, world: "World", rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        limits = Limits(
            pool_bytes=CREDIT_POOL_BYTES, film_aside_bytes=FILM_ASIDE_BYTES, batch_weight_most=BATCH_WEIGHT_MOST
        )
        self.core = Core(rng.getrandbits(62), limits, Lab(Jobs()))
        self.watched: dict[int, int] = {}
        self.running: dict[str, Job] = {}
        self.exiting = False
        self._todo: deque[events.Event] = deque()
        self._handling = False
        self._timer = 0
        self._queue: deque[Callable[[], None]] = deque()
        """What the disk's thread will do, step by step."""
        self._readings: dict[int, Iterator[Envelope]] = {}
        self._disk_busy = False
        self._unwritten: list[Envelope] = []
        self._unindexed: list[tuple[int, Envelope]] = []
        self._posted_at = 0.0
        self.taken_in: set[int] = set()
        self.deletable: set[tuple[int, int]] = set()
        self.index = world.disk.open_index()
        self.index.catch_up(world.disk.journal)
        for session in sorted(world.disk.spools):
            row = self.index.read.session(session)
            if row is not None and row.ended and not world.disk.spools[session].owner_alive:
                world.disk.drop_spool(session)
        sessions = restore(self.index.read, world.disk.films, self.core.lab, world.now)
        self._carry_out(self.core.restore(sessions, self._now(), self.index.read.ended_sessions(OVER_KEPT)))
        self.core.check()
        self.happen(events.WorkersFree(WORKERS))
        self._look_after()

    @property
    def busy(self) -> bool:
        """The disk's thread has something to do."""
        return bool(self._queue)

    # --- the loop ---------------------------------------------------------------------------------------------------

    def happen(self, event: events.Event) -> None:
        """As the daemon's shell does it: further events that this one brings wait their turn."""
        self._todo.append(event)
        if self._handling:
            return
        self._handling = True
        while self._todo:
            event = self._todo.popleft()
            if isinstance(event, events.WorkersFree):
                event = events.WorkersFree(WORKERS - len(self.running))
            self._carry_out(self.core.handle(event, self._now()))
        self._handling = False
        self.core.check()
        self._arm()

    def _arm(self) -> None:
        self._timer += 1
        number, at = self._timer, self.core.next_at()
        if at is not None:
            self._later(max(0.0, at - self.world.now), lambda: self._woken(number))

    def _woken(self, number: int) -> None:
        if number == self._timer:
            self.happen(events.Woken())

    def _now(self) -> events.Now:
        return events.Now(self.world.now, self.world.wall)

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self.world.daemon_later(self, delay_s, action)

    def _carry_out(self, commands: list[events.Command]) -> None:
        for command in commands:
            match command:
                case events.Send():
                    self._check_promise(command.envelope)
                    self.world.send_down(command.peer, command.envelope)
                case events.StartJob():
                    self._start(command.job)
                case events.Watch():
                    self._watch(command.session, command.pid)
                case events.Unwatch():
                    self.watched.pop(command.session, None)
                case events.Warn():
                    self.world.tell(self, command.text)
                case events.Reply():
                    pass
                case events.Exit():
                    self._exit()
                case _:
                    self._submit(command)

    def _check_promise(self, envelope: Envelope) -> None:
        """An acknowledgement must hold if the power went this instant."""
        if envelope.kind not in (Kind.ACK, Kind.WELCOME):
            return
        said = messages.decode(envelope)
        assert isinstance(said, messages.Ack | messages.Welcome)
        disk, session = self.world.disk, envelope.session
        assert said.durable_c <= disk.journal.synced_c[session], f"acknowledged too early: {said}"
        held = disk.films.ever_synced[session] | disk.journal.refused[session]
        assert all(seq in held for seq in range(1, said.durable_b + 1)), f"acknowledged too early: {said}"

    def _watch(self, session: int, pid: int) -> None:
        self.watched[session] = pid
        if not self.world.pid_alive(pid):
            self._later(0.0, lambda: self.trainer_died(session))

    def trainer_died(self, session: int) -> None:
        if self.watched.pop(session, None) is not None:
            self.happen(events.TrainerDied(session))

    def _look_after(self) -> None:
        # As `daemon` does: what was taken in, and is about to be removed, is not taken in again.
        self.taken_in &= set(self.world.disk.spools)
        for session, spool in sorted(self.world.disk.spools.items()):
            if session not in {*self.core.sessions, *self.taken_in} and not spool.owner_alive:
                self.happen(events.SpoolFound(session, 0o077))
        self._later(LOOK_EVERY_S, self._look_after)

    def _exit(self) -> None:
        """A stop in order: the disk's thread does what is queued, and the rest goes unheard."""
        if self.exiting:
            return
        self.exiting = True
        self.running.clear()
        self._queue += [*self._write_steps(), self._catch_up, lambda: self.world.daemon_gone("stop")]
        self._next_step()

    # --- the disk's thread ------------------------------------------------------------------------------------------

    def _submit(self, command: events.Command) -> None:
        disk = self.world.disk
        match command:
            case events.Append():
                self._queue.append(lambda: self._unwritten.append(command.envelope))
            case events.AppendFilm():
                self._queue.append(lambda: disk.films.append(command.session, command.film, command.envelope))
            case events.Sync():
                self._queue += [
                    *self._write_steps(films=not command.control_only),
                    lambda: self._from_disk(events.Synced(command.batch)),
                    lambda: self._index_films(command.films),
                    self._catch_up,
                    lambda: self._from_disk(events.Indexed(command.batch)),
                ]
            case events.DeleteFilm():
                self._queue.append(lambda: self._delete(command.session, command.film))
            case events.ReadSpool():
                self._queue.append(lambda: self._read_spool(command.session))
            case events.DropSpool():
                self.taken_in.add(command.session)
                self._queue.append(lambda: disk.drop_spool(command.session))
            case _:
                raise AssertionError(command)
        self._next_step()

    def _next_step(self) -> None:
        if self._disk_busy or not self._queue:
            return
        self._disk_busy = True
        full_s = max(0.0, self.world.disk_full_until - self.world.now)
        self._later(full_s + self.rng.expovariate(1.0 / self.world.disk_s), self._step)

    def _step(self) -> None:
        if self.world.disk_full_until > self.world.now:
            self._disk_busy = False
            self._next_step()
            return
        # Appends are memory and page cache: nothing can happen between them that could not happen before or after.
        for _ in range(self.rng.randint(1, 4)):
            if self._queue:
                self._queue.popleft()()
        self._disk_busy = False
        self._next_step()

    def _write_steps(self, *, films: bool = True) -> list[Callable[[], None]]:
        return [self._write, *([self.world.disk.films.sync] if films else []), self._sync_journal]

    def _write(self) -> None:
        envelopes, self._unwritten = self._unwritten, []
        self._unindexed += zip(self.world.disk.journal.append(envelopes), envelopes, strict=True)

    def _sync_journal(self) -> None:
        journal = self.world.disk.journal
        for _, envelope in journal.records[journal.synced :]:
            if envelope.kind is Kind.FACT and b"FilmDeleted" in envelope.payload:
                fact = read_fact(envelope)
                assert isinstance(fact, FilmDeleted)
                self.deletable.add((fact.session, fact.film))
        journal.sync()

    def _index_films(self, marks: tuple[tuple[int, int], ...]) -> None:
        for session, seq in marks:
            self.index.film_durable(session, seq)

    def _catch_up(self) -> None:
        unindexed, self._unindexed = self._unindexed, []
        for position, envelope in unindexed:
            self.index.apply(position, envelope)
        self.index.commit()
        if self.rng.random() < 0.05:
            self.world.disk.remember_index()

    def _delete(self, session: int, film: int) -> None:
        assert (session, film) in self.deletable, f"film {film} of {session:x} deleted before the journal says so"
        self.world.disk.films.delete(session, film)

    def _read_spool(self, session: int) -> None:
        spool = self.world.disk.spools.get(session)
        assert spool is None or not spool.owner_alive or not self.world.trainer_alive(session), "read under its owner"
        left = self._readings.pop(session, None) or iter(spool.all() if spool is not None else [])
        records = tuple(itertools.islice(left, 5))
        if records:
            self._readings[session] = left
        self._from_disk(events.SpoolRead(session, records, not records))

    def _from_disk(self, event: events.Event) -> None:
        # As call_soon_threadsafe: in order.
        self._posted_at = max(self._posted_at, self.world.now + self.rng.uniform(0.0, 0.0005))
        self._later(self._posted_at - self.world.now, lambda: self.happen(event))

    # --- workers ----------------------------------------------------------------------------------------------------

    def _start(self, job: Job) -> None:
        assert len(self.running) < WORKERS, "more jobs than workers"
        assert job.key not in self.running, f"two workers for {job.key}"
        self._check_readable(job)
        self.running[job.key] = job
        self.world.tell(self, f"starts {job.key}")
        self._later(self.rng.expovariate(1 / 0.05), lambda: self._finish(job))

    def _check_readable(self, job: Job) -> None:
        """A job is never asked for before its worker could read what it needs."""
        self.index.read.run(job.run_id)
        if job.kind is JobKind.EPISODE:
            row = self.index.read.episode(job.session, job.film)
            assert row is not None and row.ended, (job, row)
            # `pending`: one of the last N, whose verdict is on its way to the index.
            assert row.job_state in ("ready", "pending"), f"{job.key} is developed though it is {row.job_state}"
            self.world.check_film(job.session, job.film, row.frames if row.complete else None)

    def _finish(self, job: Job) -> None:
        if self.exiting:
            return
        del self.running[job.key]
        outcome = self.world.work(job)
        self.world.tell(self, f"{job.key}: {outcome.error or 'done'}")
        self.happen(events.JobFinished(outcome))
        self.happen(events.WorkersFree(WORKERS))


def outcome_of(job: Job, luck: float, *, poison: bool) -> Outcome:
    """What becomes of one attempt at a job."""
    if poison:
        return Outcome(job.key, False, 0.01, error="poison", retry=luck < 0.5)
    if luck < 0.1:
        return Outcome(job.key, False, 0.0, error="worker killed by signal 9", died=True)
    return Outcome(job.key, True, 0.01, (f"{job.kind}/{job.film}",))
