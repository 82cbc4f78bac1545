"""When is which record sent, resent, spilled to disk or forgotten? The sender's decisions, pure: time is an argument.

The shell (`link`) does what is asked here: sends what `take` gives, writes what `spill` gives, reads back what
`need_from_spool` wants, makes a new socket when `wants_reconnect` says so, and looks again at `next_at`.
"""

from collections.abc import Sequence
from dataclasses import replace

from filmlab.errors import WireError
from filmlab.link.delivery import (
    MIB,
    Acked,
    Draining,
    Event,
    FilmHeld,
    Full,
    Limits,
    LostInSpool,
    Mode,
    NewBoot,
    PlanChanged,
    Printed,
    Refused,
    Safe,
    SessionLost,
    SpoolWant,
    State,
    StateChanged,
)
from filmlab.link.liveness import NEVER, Liveness
from filmlab.link.outgoing import Outgoing, chunk_cost_bytes
from filmlab.wire import messages
from filmlab.wire.chunks import Film, seal_chunk
from filmlab.wire.entries import seal_entries
from filmlab.wire.frame import WAITING, Envelope
from filmlab.wire.messages import Stream

BATCH_BYTES = 4 * MIB
"""How much goes to the spool or comes from it at a time."""


class Outbox:
    """All that one session has accepted and the daemon has not acknowledged. Used by one thread.

    `waiting`: while it is true, what is pushed carries the flag that somebody waits for it.
    `spill_all`: while it is true, `spill` gives everything that is in memory.
    `to_disk_b`: up to here stream B goes to the spool at once, whether or not it is sent: results leave memory.
    `results_bytes`: of results that are not durable yet; the spool takes so much beyond its bound.
    """

    def __init__(
        self, session: int, hello: messages.Hello, limits: Limits | None = None, mode: Mode = "auto", now: float = 0.0
    ) -> None:
        self.session = session
        self.limits = limits if limits is not None else Limits()
        self.waiting = False
        self.spill_all = False
        self.to_disk_b = 0
        self.results_bytes = 0
        self._hello = hello
        self._mode = mode
        self._c = Outgoing(session, Stream.C)
        self._b = Outgoing(session, Stream.B)
        self._live = Liveness(self.limits, now)
        self._awaited = False
        self._boot: int | None = None
        self._credit_bytes = 0
        self._spool_off_until = NEVER
        self._lost = ""
        self._said: State = self.state

    # --- what is handed over ----------------------------------------------------------------------------------------

    def push_c(self, encoded_entries: Sequence[bytes], *, waiting: bool = False) -> int:
        """Take one record of stream C and return its number.

        Raises:
            Full: there is no room for it; `control_room` tells before.
            WireError: it is over 8 MiB.
        """
        if not self.control_room(sum(map(len, encoded_entries))):
            raise Full("the sender's memory is full")
        flags = WAITING if waiting or self.waiting else 0
        self._c.push(seal_entries(self.session, self._c.last + 1, encoded_entries, flags))
        return self._c.last

    def push_b(self, film: Film, blobs: Sequence[bytes]) -> int:
        """Take one chunk of film and return its number in stream B. Raises as `push_c` does (see `film_room`)."""
        if not self.film_room(sum(map(len, blobs))):
            raise Full("the sender's memory is full")
        flags = WAITING if self.waiting else 0
        self._b.push(seal_chunk(self.session, self._b.last + 1, film, blobs, flags))
        return self._b.last

    def film_room(self, size_bytes: int) -> bool:
        """Is there room for so many bytes of compressed frames, as one chunk?"""
        # What stream C has in memory beyond its reserve, it has taken from film.
        lent = max(0, self._c.memory_bytes - self.limits.control_reserve_bytes)
        return self._b.memory_bytes + lent + chunk_cost_bytes(size_bytes) <= self.limits.memory_bytes

    def control_room(self, size_bytes: int) -> bool:
        """Is there room for so many bytes of entries, as one record? Film never takes the reserve."""
        limit = self.limits.memory_bytes + self.limits.control_reserve_bytes
        return self.memory_bytes + chunk_cost_bytes(size_bytes) <= limit

    # --- the connection ---------------------------------------------------------------------------------------------

    def connected(self, now: float) -> list[Event]:
        """The socket has a peer: HELLO is the next thing to be sent."""
        self._live.connected(now)
        return self._state_events()

    def disconnected(self, now: float) -> list[Event]:
        """The socket lost its peer, or is a new one that has none yet."""
        self._live.disconnected(now)
        return self._state_events()

    def await_answer(self, awaited: bool, now: float) -> None:
        """Whether somebody waits for a PRINT: while none comes HELLO is said now and then, which brings lost ones."""
        if awaited and not self._expecting:
            self._live.began(now)
        self._awaited = awaited

    def why_not(self, reason: str) -> None:
        """Why the shell could not reach a daemon, for people."""
        if not self._live.welcomed:
            self._live.why = reason

    @property
    def wants_reconnect(self) -> bool:
        """The shell should make a new socket, and then say `disconnected`."""
        return self._live.wants_reconnect

    def receive(self, envelope: Envelope, now: float) -> list[Event]:
        """A record from the daemon.

        Raises:
            WireError: it is none that a daemon sends.
        """
        if envelope.session not in (self.session, 0):
            raise WireError("a record for another session")
        if self._lost:
            return []
        message = messages.decode(envelope)
        match message:
            case messages.Welcome():
                events = self._welcome(message, now)
            case messages.Ack():
                self._grant(message.credit_bytes)
                events = self._ack(message.durable_c, message.durable_b, now)
            case messages.Resync():
                self._resync(message)
                events = []
            case messages.Busy():
                self._credit_bytes = 0
                self._live.busy(now, message.retry_after_s)
                events = [FilmHeld(message.reason)]
            case messages.Drain():
                self._live.away(now, f"the daemon is going down: {message.reason}")
                events = [Draining(message.reason)]
            case messages.Error():
                events = self._refused(message, now)
            case messages.Plan():
                events = [PlanChanged(message)]
            case messages.Print():
                events = [Printed(message)]
            case messages.Pong():
                events = []
            case _:
                raise WireError(f"{envelope.kind.name} is not for a client")
        return events + self._state_events()

    def take(self, now: float, max_bytes: int) -> list[Envelope]:
        """What to send now, in order: HELLO, then C, then B as far as the credit goes. Counted as sent from here on."""
        out: list[Envelope] = []
        if self._lost:
            return out
        was_expecting = self._expecting
        if self._live.hello_due(now, was_expecting, starved=self._starved):
            hello = replace(self._hello, acked_c=self._c.durable, acked_b=self._b.durable)
            out.append(messages.encode(hello, self.session))
        if not self._live.welcomed:
            return out
        max_bytes -= self._c.take(self.limits.control_window_bytes, max_bytes, out)
        if not self._c.unsent and self._credit_bytes:
            self._b.take(self._credit_bytes, max_bytes, out)
        if self._expecting and not was_expecting:
            self._live.began(now)
        if not out and self._live.ping_due(now):
            out.append(messages.encode(messages.Ping(int(now)), self.session))
        if out:
            self._live.spoke(now)
        return out

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Event]:
        """Whatever is due: the change to spooling, another HELLO, a new socket."""
        if now >= self._spool_off_until:
            self._spool_off_until = NEVER
        if not self._lost and self._mode != "offline":
            self._live.tick(now, self._expecting)
        return self._state_events()

    def next_at(self) -> float | None:
        """When `tick`, `take` or `spill` will have something to do, if nothing else happens before."""
        if self._lost:
            return None
        instants: list[float] = []
        if self._spool_off_until > NEVER and self._spills and self._excess():
            instants.append(self._spool_off_until)
        if self._mode != "offline":
            at = self._live.next_at(self._expecting, starved=self._starved)
            instants += [at] if at is not None else []
        return min(instants, default=None)

    # --- the spool --------------------------------------------------------------------------------------------------

    def spill(self, now: float) -> list[tuple[Stream, Envelope]]:
        """The oldest records in memory, where they must go to disk; to be written in order, then `spilled`."""
        if not self._spills or now < self._spool_off_until:
            return []
        for stream, excess in self._excess():
            return [(stream.stream, item) for item in stream.oldest(min(excess, BATCH_BYTES))]
        return []

    def spilled(self, stream: Stream, seq: int) -> list[Event]:
        """The spool holds everything of this stream up to `seq`."""
        self._of(stream).spilled(seq)
        return [Safe(self.safe_c, self.safe_b)]

    def spool_failed(self, now: float) -> None:
        """The spool is full or cannot be written: leave it alone for a while."""
        self._spool_off_until = now + self.limits.spool_retry_s

    def need_from_spool(self) -> SpoolWant | None:
        """What must be read back before sending can go on."""
        if not self._live.welcomed or self._lost:
            return None
        for stream in (self._c, self._b):
            seq = stream.wanted()
            if seq is not None:
                return SpoolWant(stream.stream, seq, BATCH_BYTES)
        return None

    def replayed(self, stream: Stream, envelopes: Sequence[Envelope]) -> list[Event]:
        """What the spool gave for `need_from_spool`."""
        lost = self._of(stream).replayed(envelopes)
        return [LostInSpool(stream, *lost)] if lost else []

    # --- how it stands ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self._lost:
            return "lost"
        if self._live.spooling or self._mode == "offline":
            return "spooling"
        return "online" if self._live.welcomed else "connecting"

    @property
    def why(self) -> str:
        """Why it is not online, for people; empty when it is."""
        if self._mode == "offline":
            return "spooling was asked for"
        return "" if self.state == "online" else self._lost or self._live.why

    @property
    def durable_c(self) -> int:
        return self._c.durable

    @property
    def durable_b(self) -> int:
        return self._b.durable

    @property
    def safe_c(self) -> int:
        """Durable or spooled, up to here."""
        return self._c.safe

    @property
    def safe_b(self) -> int:
        """Durable or spooled, up to here."""
        return self._b.safe

    @property
    def last_c(self) -> int:
        return self._c.last

    @property
    def last_b(self) -> int:
        return self._b.last

    @property
    def memory_bytes(self) -> int:
        """Of both streams, with what their objects take."""
        return self._c.memory_bytes + self._b.memory_bytes

    @property
    def all_durable(self) -> bool:
        return self.durable_c == self.last_c and self.durable_b == self.last_b

    @property
    def all_safe(self) -> bool:
        return self.safe_c == self.last_c and self.safe_b == self.last_b

    def check(self) -> None:
        """The invariants, for tests."""
        self._c.check()
        self._b.check()
        assert self._b.memory_bytes <= self.limits.memory_bytes
        assert self.memory_bytes <= self.limits.memory_bytes + self.limits.control_reserve_bytes

    # --- inside -----------------------------------------------------------------------------------------------------

    @property
    def _expecting(self) -> bool:
        """The daemon owes something: an acknowledgement, or an answer that somebody waits for."""
        return self._awaited or self._unanswered

    @property
    def _unanswered(self) -> bool:
        return self._c.unanswered or self._b.unanswered

    @property
    def _starved(self) -> bool:
        """There is film to send, and the daemon takes none."""
        return not self._credit_bytes and self._b.unsent

    def _grant(self, credit_bytes: int) -> None:
        self._credit_bytes = credit_bytes
        if credit_bytes:
            self._live.busy_no_more()

    @property
    def _spills(self) -> bool:
        return bool(self.limits.spool_bytes) and not self._lost

    def _excess(self) -> list[tuple[Outgoing, int]]:
        """Which streams have more in memory than they should: all of it when there is nobody to send to."""
        c, b = self._c.memory_bytes, self._b.memory_bytes
        if not self.spill_all and self.state != "spooling":
            c -= self.limits.control_reserve_bytes
            b -= self.limits.memory_bytes // 2 if self.safe_b >= self.to_disk_b else 0
        return [(stream, excess) for stream, excess in ((self._c, c), (self._b, b)) if excess > 0]

    def _of(self, stream: Stream) -> Outgoing:
        return self._c if stream is Stream.C else self._b

    def _welcome(self, welcome: messages.Welcome, now: float) -> list[Event]:
        events: list[Event] = []
        if welcome.boot != self._boot:
            reason = self._c.contradiction(welcome.next_c) or self._b.contradiction(welcome.next_b)
            if reason:
                self._lost = reason
                return [SessionLost(reason)]
            if self._boot is not None:
                events.append(NewBoot(welcome.boot))
            self._boot = welcome.boot
        self._live.welcome(now, welcome.lease_s)
        if not self._unanswered:
            self._live.progress(now)  # there is nothing to acknowledge: that it answers is all that can be wanted
        self._grant(welcome.credit_bytes)
        events += self._ack(welcome.durable_c, welcome.durable_b, now)
        self._c.go_to(welcome.next_c)
        self._b.go_to(welcome.next_b)
        return events

    def _ack(self, durable_c: int, durable_b: int, now: float) -> list[Event]:
        news_c, news_b = self._c.ack(durable_c), self._b.ack(durable_b)
        if not (news_c or news_b):
            return []
        self._live.progress(now)
        self._spool_off_until = NEVER
        return [Acked(self.durable_c, self.durable_b), Safe(self.safe_c, self.safe_b)]

    def _resync(self, resync: messages.Resync) -> None:
        if resync.stream not in (Stream.C, Stream.B):
            raise WireError(f"RESYNC of stream {resync.stream}")
        self._of(Stream(resync.stream)).go_back(resync.next_seq)

    def _refused(self, error: messages.Error, now: float) -> list[Event]:
        if error.code == "no-session":
            # It was restarted, or took this process for dead: introduce ourselves again.
            self._live.away(now, "the daemon does not know this session", hello_at=now)
            return []
        if error.code == "session-over":
            # It took this process for dead, and has closed its runs: they go on in another session.
            self._lost = error.message
            return [SessionLost(error.message)]
        if error.code == "version":
            self._live.give_up(now, error.message)
        return [Refused(error)]

    def _state_events(self) -> list[Event]:
        if self.state == self._said:
            return []
        self._said = self.state
        return [StateChanged(self.state, self.why)]
