"""What does the daemon do when something happens? `handle(event, now)` decides everything; the shell carries it out.

A record goes: received -> appended -> synced (now it is acknowledged) -> indexed (now it has consequences, see `lab`).
Nothing overtakes: each sync takes a batch, and the next batch gathers meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from filmlab.errors import BadInput, WireError
from filmlab.wire import messages
from filmlab.wire.chunks import decode_film
from filmlab.wire.entries import Entry, EpisodeBegin, RunBegin, decode_entries
from filmlab.wire.frame import PROTOCOL, WAITING, Envelope, Kind
from filmlab.wire.messages import Stream
from filmlabd.core import events, requests
from filmlabd.core.batches import (
    BATCH_WEIGHT_MOST,
    FILM_ASIDE_BYTES,
    SYNC_BUSY_S,
    Batches,
    Staged,
    TakenChunk,
    TakenEntries,
    durable_of,
)
from filmlabd.core.departures import Departures
from filmlabd.core.desk import Desk
from filmlabd.core.events import Command, Event, Now
from filmlabd.core.gate import Gate
from filmlabd.core.idle import Idle
from filmlabd.core.keeper import Keeper
from filmlabd.core.lab import Lab
from filmlabd.core.retention import Quota
from filmlabd.core.session import Arrival, Life, Session, answer_version, count_garbage
from filmlabd.core.turns import Turns
from filmlabd.facts import RecordRefused, RunRefused, SessionEnded, SessionOpened


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that the core decides by."""

    sync_idle_s: float = 0.25
    idle_exit_s: float = 0.0
    """0: never."""
    pool_bytes: int = 256 * 1024 * 1024
    keep_free_bytes: int | None = None
    """Of the disk; None: as `gate.floor_bytes` has it."""
    film_bytes: int = 0
    """How much film is kept; 0: all."""
    film_files: int = 0
    film_aside_bytes: int = FILM_ASIDE_BYTES
    """Of a batch, see `batches`; no setting, but simulated films are small, and so are simulated batches."""
    batch_weight_most: int = BATCH_WEIGHT_MOST


class Core:
    """The daemon's decisions. Touches no socket, file, clock or log."""

    def __init__(self, boot: int, limits: Limits, lab: Lab, about: dict[str, Any] | None = None) -> None:
        self.boot = boot
        self.limits = limits
        self.lab = lab
        self.about = about or {}
        self.garbage: dict[str, int] = {}
        self.refused = 0
        self.ingested_bytes = 0
        self.stopping = ""
        self._batches = Batches(limits.sync_idle_s, limits.film_aside_bytes, limits.batch_weight_most)
        self._turns = Turns()
        self._desk = Desk(boot, lab, self._batches, limits.pool_bytes, str(self.about.get("version", "")))
        self._departures = Departures(self._desk)
        self.keeper = Keeper(self._desk, Quota(limits.film_bytes, limits.film_files))
        self.gate = Gate(self._desk, self.keeper, limits.keep_free_bytes)
        self._free = 0
        self._jobs_at: float | None = None
        self._idle = Idle(limits.idle_exit_s)
        self.sessions = self._desk.sessions

    # --- the two calls of the shell ---------------------------------------------------------------------------------

    def handle(self, event: Event, now: Now) -> list[Command]:
        """What to do about an event."""
        out: list[Command] = []
        match event:
            case events.Received():
                self._receive(event, now, out)
            case events.Garbage():
                self._garbage(event, out)
            case events.Synced():
                self._synced(event, now, out)
            case events.Indexed():
                self._indexed(event.batch, now, out)
            case events.TrainerDied():
                self._departures.leave(event.session, "died", now, out)
            case events.Unwatched():
                self._departures.unwatched(event.session, now, out)
            case events.SpoolFound():
                self._departures.spool_found(event, now, out)
            case events.SpoolRead():
                for session, envelope in self._departures.new_records(event, now, out):
                    self._admit(session, envelope, now, out)
                self._departures.piece_read(event, now, out)
            case events.JobFinished():
                self._desk.follow(self.lab.job_finished(event.outcome, now), now, out)
                self._jobs_at = now.at
            case events.WorkersFree():
                self._free = event.count
                self._jobs_at = now.at
            case events.Measured():
                if self.gate.measured(event, now, out):
                    self._departures.read_again()
            case events.Surveyed():
                self.keeper.surveyed(event, now, out)
            case events.Asked():
                self._asked(event, now, out)
            case events.StopAsked():
                self._stop(event.reason, now, out)
            case events.Woken():
                self._departures.silent(now, out)
        batch = self._batches.take_due(now.at)
        if batch is not None:
            out.append(events.Sync(batch.number, batch.films, batch.control_only))
            self._refill(now, out)
        self._departures.read_on(self._turns.holds, out)
        self._start_jobs(now, out)
        self._exit_if_idle(now, out)
        return out

    def next_at(self) -> float | None:
        """When to send events.Woken, if nothing else happens before."""
        instants = [self._batches.due_at(), self._departures.due_at()]
        if not self.stopping:
            instants += [self._idle.due_at(), self._jobs_at if self._free else None]
        return min((instant for instant in instants if instant is not None), default=None)

    def restore(self, sessions: list[Session], now: Now, over: Iterable[int] = ()) -> list[Command]:
        """Take up what the index knew of a former life: sessions that have not ended, their processes to be watched.

        Args:
            over: sessions that have, the last one at last.
        """
        out: list[Command] = []
        self._departures.remember(over)
        for session in sessions:
            self.sessions[session.id] = session
            self._departures.watch(session, now, out)
        self._desk.follow(self.lab.take_up(sessions, now), now, out)
        self._jobs_at = now.at
        return out

    def check(self) -> None:
        """The invariants, for tests."""
        self.lab.jobs.check(self.lab.runs)
        for session in self.sessions.values():
            session.check()

    # --- receiving --------------------------------------------------------------------------------------------------

    def _receive(self, event: events.Received, now: Now, out: list[Command]) -> None:
        envelope = event.envelope
        self._departures.heard(envelope.session, now)
        try:
            match envelope.kind:
                case Kind.HELLO:
                    self._hello(event, now, out)
                case Kind.DATA_C | Kind.DATA_B:
                    self._data(event, now, out)
                case Kind.PING:
                    self._ping(event, now)
                case Kind.BYE:
                    self._departures.leave(envelope.session, "bye", now, out)
                    out.append(events.Send(event.peer, messages.encode(messages.Bye(), envelope.session)))
                case _:
                    raise WireError(f"{envelope.kind.name} is not for a daemon")
        except WireError as error:
            count_garbage(self.garbage, str(error))
            refusal = messages.Error("bad-input", str(error)[:1000])
            out.append(events.Send(event.peer, messages.encode(refusal, envelope.session)))

    def _hello(self, event: events.Received, now: Now, out: list[Command]) -> None:
        hello = messages.decode(event.envelope)
        assert isinstance(hello, messages.Hello)
        unlike = answer_version(hello)
        if unlike is not None:
            out.append(events.Send(event.peer, messages.encode(unlike, event.envelope.session)))
            if isinstance(unlike, messages.Drain):
                self._stop(unlike.reason, now, out)
            return
        number = event.envelope.session
        session = self.sessions.get(number)
        if session is None and self._departures.is_over(number):
            over = messages.Error("session-over", "this session has ended: its process begins another")
            out.append(events.Send(event.peer, messages.encode(over, number)))
            return
        if session is None:
            # Not the pid of HELLO: it may be that of another pid namespace, and then somebody else's here.
            host, parent = hello.host[:200], hello.parent_session
            session = self.sessions[number] = Session(number, event.pid, hello.started, host, parent=parent)
            opened = SessionOpened(number, event.pid, host, hello.started, parent, hello.umask, now.wall)
            self._desk.keep(opened, now, out)
            self._departures.watch(session, now, out)
        session.peer = event.peer
        self._desk.welcome(session, out)
        for run in session.runs:
            self._desk.send_plan(session, run, out)
        for answer in session.answers:
            self._desk.tell(session, answer, out)

    def _data(self, event: events.Received, now: Now, out: list[Command]) -> None:
        session = self.sessions.get(event.envelope.session)
        if session is None:
            unknown = messages.Error("no-session", "say HELLO first")
            out.append(events.Send(event.peer, messages.encode(unknown, event.envelope.session)))
            return
        if session.life is Life.GONE:
            return
        session.peer = event.peer
        if self._turns.is_crowded(session.id):
            return
        stream = Stream.C if event.envelope.kind is Kind.DATA_C else Stream.B
        if stream is Stream.B and self.gate.turns_away(session, event.envelope.seq, now, out):
            return
        arrival = session.streams[stream].arrive(event.envelope.seq)
        if arrival is Arrival.NEW:
            self._admit(session, event.envelope, now, out)
        elif arrival is Arrival.SEEN:
            self._desk.acknowledge(session, out)
        elif session.streams[stream].may_resync(now.at):
            self._desk.tell(session, messages.Resync(stream, session.streams[stream].next_seq), out)

    def _admit(self, session: Session, envelope: Envelope, now: Now, out: list[Command]) -> None:
        """A record whose turn in its stream it is: into the batch that gathers or, if that is full, a later one."""
        if self._batches.full or self._turns.holds(session.id):
            self._turns.put(session.id, envelope)
        else:
            self._take(session, envelope, now, out)

    def _refill(self, now: Now, out: list[Command]) -> None:
        """Another batch gathers: whoever had to wait comes into it, as far as it goes."""
        while not self._batches.full and (turn := self._turns.take()) is not None:
            self._take(self.sessions[turn[0]], turn[1], now, out)

    def _take(self, session: Session, envelope: Envelope, now: Now, out: list[Command]) -> None:
        """A record whose turn it is: to the disk, or refused for good, which counts as well."""
        self.ingested_bytes += envelope.size_bytes
        try:
            if envelope.kind is Kind.DATA_C:
                entries = tuple(decode_entries(envelope.payload))
                self._look_ahead(session, entries, now, out)
                out.append(events.Append(envelope))
                self._batches.stage(TakenEntries(session.id, envelope.seq, entries), envelope.size_bytes, now.at)
            else:
                film = decode_film(envelope)
                out.append(events.AppendFilm(session.id, film.film, envelope))
                self._batches.stage(TakenChunk(session.id, envelope.seq, film), envelope.size_bytes, now.at)
        except WireError as error:
            self.refused += 1
            stream = Stream.C if envelope.kind is Kind.DATA_C else Stream.B
            self._desk.keep(RecordRefused(session.id, stream, envelope.seq, str(error)[:1000]), now, out)
            self._desk.tell(session, messages.Error("bad-input", str(error)[:1000], stream, envelope.seq), out)
        if envelope.flags & WAITING and envelope.kind is Kind.DATA_C:
            self._batches.press(now.at)
        elif envelope.flags & WAITING:
            self._batches.hurry(now.at)
        elif envelope.kind is Kind.DATA_B and self._batches.open.size_bytes >= self._desk.credit_bytes // 2:
            self._batches.hurry(now.at + SYNC_BUSY_S)

    def _look_ahead(self, session: Session, entries: tuple[Entry, ...], now: Now, out: list[Command]) -> None:
        """What cannot wait until it is durable: who writes to which run, which requests are used up."""
        for entry in entries:
            if isinstance(entry, EpisodeBegin):
                self.lab.episode_received(session, entry)
            if not isinstance(entry, RunBegin):
                continue
            try:
                opened = self.lab.open_run(session, entry, now)
            except BadInput as error:
                reason = str(error)[:1000]
                self._desk.keep(
                    RunRefused(session.id, entry.run, entry.run_id, entry.writer, reason, now.wall), now, out
                )
                self._desk.tell(session, messages.Error("run-taken", reason, run=entry.run), out)
                continue
            if opened is not None:
                self._desk.keep(opened, now, out)
            self._desk.send_plan(session, entry.run, out)

    def _ping(self, event: events.Received, now: Now) -> None:
        ping = messages.decode(event.envelope)
        assert isinstance(ping, messages.Ping)
        self._batches.ping(event.peer, event.envelope.session, ping.nonce, now.at)

    def _garbage(self, event: events.Garbage, out: list[Command]) -> None:
        count_garbage(self.garbage, event.reason)
        if event.version:
            text = f"this daemon speaks protocol {PROTOCOL}, got a record of version {event.version}"
            out.append(events.Send(event.peer, messages.encode(messages.Error("version", text), 0)))

    # --- batches ----------------------------------------------------------------------------------------------------

    def _synced(self, event: events.Synced, now: Now, out: list[Command]) -> None:
        """On disk: this, and nothing else, is what an acknowledgement says."""
        batch = self._batches.in_flight
        assert batch is not None and batch.number == event.batch, (event, batch)
        if event.waiting:
            self._batches.put_off(dict(event.waiting), now.at)
        moved: dict[int, Session] = {}
        for item in batch.staged:
            durable = durable_of(item)
            session = self.sessions.get(durable[0]) if durable is not None else None
            if durable is not None and session is not None and session.advance(durable[1], durable[2]):
                moved[session.id] = session
        for session in moved.values():
            self._desk.acknowledge(session, out)
        for peer, owner, nonce in batch.pings:
            out.append(events.Send(peer, messages.encode(messages.Pong(nonce), owner)))

    def _indexed(self, number: int, now: Now, out: list[Command]) -> None:
        """Readable: now it may have consequences."""
        touched: dict[int, Session] = {}
        for item in self._batches.land(number).staged:
            session = self.sessions.get(getattr(item, "session", 0))
            if session is not None:
                touched[session.id] = session
            self._consequences(item, session, now, out)
        for session in touched.values():
            if session.id in self.sessions:
                self._desk.follow(self.lab.develop_whole(session, now), now, out)
                self._departures.end_if_settled(session, now, out)
        self._jobs_at = now.at

    def _consequences(self, item: Staged, session: Session | None, now: Now, out: list[Command]) -> None:
        match item:
            case TakenEntries():
                if session is not None:
                    self._desk.follow(self.lab.apply_entries(session, item.entries, now), now, out)
            case TakenChunk():
                if session is not None and item.film.part == item.film.parts - 1:
                    self.lab.film_arrived(session, item.film.film, item.film.run, item.film.count)
            case SessionEnded():
                self._departures.ended(item.session, out)
            case _:
                self._desk.follow(self.lab.apply_fact(item, session, now), now, out)
                self.keeper.indexed(item, out)

    def _start_jobs(self, now: Now, out: list[Command]) -> None:
        if not self._free or self._jobs_at is None or self._jobs_at > now.at or self.stopping:
            return
        started = self.lab.start_jobs(self._free, now)
        self._free -= len(started)
        out += started
        self._jobs_at = self.lab.jobs.next_at(now.at)

    # --- requests and the end ---------------------------------------------------------------------------------------

    def _asked(self, event: events.Asked, now: Now, out: list[Command]) -> None:
        self._desk.follow(requests.answer(self, event, now), now, out)
        self._jobs_at = now.at
        if event.verb == "shutdown":
            self._stop("asked to", now, out)

    def _stop(self, reason: str, now: Now, out: list[Command]) -> None:
        if self.stopping:
            return
        self.stopping = reason
        for session in self.sessions.values():
            self._desk.tell(session, messages.Drain(reason), out)
        out.append(events.Exit(0, reason))

    def _exit_if_idle(self, now: Now, out: list[Command]) -> None:
        lab_busy = not (self.lab.jobs.idle and self.lab.waiters.idle)
        if self._idle.is_over(now.at, busy=bool(self.sessions) or not self._batches.empty or lab_busy):
            self._stop(f"idle for {self._idle.exit_s:.0f} s", now, out)
