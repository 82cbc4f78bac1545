"""How does a session end? Its process goes, what it spooled is taken in, and then its runs are closed. Pure."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from filmlab.wire.frame import Envelope, Kind
from filmlab.wire.messages import Stream
from filmlabd.core import events
from filmlabd.core.desk import Desk
from filmlabd.core.events import Command, Now
from filmlabd.core.leases import Leases
from filmlabd.core.session import Arrival, Life, Session
from filmlabd.facts import RecordRefused, SessionOpened

OVER_KEPT = 4096
LAST_WORDS_S = 0.25
"""What a killed process has sent may still be on its way through the socket when its death is noticed: its session goes
on until nothing has come for so long. A daemon that was stopped would lose seconds of it otherwise."""


class Departures:
    """The ends of all sessions: noticed by a watch on their process, or by a lease where it cannot be watched."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._leases = Leases()
        self._last_words = Leases(LAST_WORDS_S)
        self._over: dict[int, None] = {}
        """Sessions that have ended, the last ones to do so, in this order."""
        self._unread: dict[int, bool] = {}
        """Sessions whose film was left in their spools for want of room -> whether that reading has come to its end."""
        self._to_read: deque[int] = deque()
        """Sessions whose spools come next. One at a time, a piece at a time: what processes have left on disk may be
        gigabytes, and all of a piece has gone to the disk before there is another one in memory."""
        self._reading = False
        """A piece was asked for that has not come yet."""

    def due_at(self) -> float | None:
        """When a silence has lasted for too long, if nothing is heard till then."""
        instants = [self._leases.due_at(), self._last_words.due_at()]
        return min((instant for instant in instants if instant is not None), default=None)

    def heard(self, number: int, now: Now) -> None:
        """A record of a session has come."""
        self._leases.heard(number, now.at)
        self._last_words.heard(number, now.at)

    def watch(self, session: Session, now: Now, out: list[Command]) -> None:
        """See to it that the end of its process is noticed."""
        if session.pid:
            out.append(events.Watch(session.id, session.pid, session.started))
        else:
            self._leases.begin(session.id, now.at)

    def unwatched(self, number: int, now: Now, out: list[Command]) -> None:
        """Its process cannot be watched: from now on it has to be heard from."""
        session = self._desk.sessions.get(number)
        if session is not None and session.life is Life.ALIVE:
            session.pid = 0
            self.watch(session, now, out)
            self._desk.welcome(session, out)  # which tells that it has to be heard from

    def leave(self, number: int, how: str, now: Now, out: list[Command]) -> None:
        """Its process is gone, or has said BYE: what it left on disk is read next, after its last words."""
        session = self._desk.sessions.get(number)
        if session is None or session.life is not Life.ALIVE:
            return
        session.life, session.ended_how = Life.LEAVING, how
        self._leases.end(number)
        out.append(events.Unwatch(number))
        if how == "bye":
            self._to_read.append(number)  # which is the last word
        else:
            self._last_words.begin(number, now.at)

    def ended(self, number: int, out: list[Command]) -> None:
        """That it is over is durable: what it left on disk can go, and it is not begun again."""
        self._desk.sessions.pop(number, None)
        self.remember([number])
        out.append(events.DropSpool(number))

    def remember(self, numbers: Iterable[int]) -> None:
        """These sessions are over, the last one at last. Some thousands are kept: late records are minutes late."""
        self._over |= dict.fromkeys(numbers)
        while len(self._over) > OVER_KEPT:
            del self._over[next(iter(self._over))]

    def is_over(self, number: int) -> bool:
        """Whether this session has ended: a HELLO of it was held up on its way, or its process was taken for dead."""
        return number in self._over

    def silent(self, now: Now, out: list[Command]) -> None:
        """Let go of those that have not been heard from for too long."""
        for number in self._leases.take_over(now.at):
            self.leave(number, "died", now, out)
        self._to_read += self._last_words.take_over(now.at)

    def spool_found(self, found: events.SpoolFound, now: Now, out: list[Command]) -> None:
        """A spool lies there that nobody writes any more."""
        if found.session not in self._desk.sessions:
            self._desk.sessions[found.session] = Session(found.session)
            self._desk.keep(SessionOpened(found.session, 0, "", 0, 0, found.umask, now.wall), now, out)
        self.leave(found.session, "died", now, out)

    def new_records(self, event: events.SpoolRead, now: Now, out: list[Command]) -> Iterator[tuple[Session, Envelope]]:
        """What of a spool has not come before; what the spool has lost is passed over, and that is written down."""
        session = self._desk.sessions.get(event.session)
        if session is None:
            return
        for envelope in event.envelopes:
            stream = Stream.C if envelope.kind is Kind.DATA_C else Stream.B
            if stream is Stream.B and (self._desk.closed or session.id in self._unread):
                # Nothing behind what was left, also when there is room by now: it would pass over what was left.
                self._unread.setdefault(session.id, False)
                continue
            for seq in session.pass_over(stream, envelope.seq):
                self._desk.keep(RecordRefused(session.id, stream, seq, "its spool has lost it"), now, out)
            if session.streams[stream].arrive(envelope.seq) is Arrival.NEW:
                yield session, envelope

    def read_on(self, holds: Callable[[int], bool], out: list[Command]) -> None:
        """The next piece of a spool, unless records of the one before wait for their turn: whose `holds` tells."""
        if self._to_read and not self._reading and not holds(self._to_read[0]):
            self._reading = True
            out.append(events.ReadSpool(self._to_read[0]))

    def piece_read(self, event: events.SpoolRead, now: Now, out: list[Command]) -> None:
        """A piece of a spool has been taken in."""
        self._reading = False
        if event.done:
            self._to_read.popleft()
            self._spool_read(event.session, now, out)

    def _spool_read(self, number: int, now: Now, out: list[Command]) -> None:
        """All of a spool has been taken in, unless film of it was left."""
        if number in self._unread:
            self._unread[number] = True
            if not self._desk.closed:
                self.read_again()
            return
        session = self._desk.sessions.get(number)
        if session is not None:
            session.spool_read = True
            self.end_if_settled(session, now, out)

    def read_again(self) -> None:
        """Film is taken again: also what was left in spools."""
        for number in sorted(number for number, is_done in self._unread.items() if is_done):
            del self._unread[number]
            self._to_read.append(number)

    def end_if_settled(self, session: Session, now: Now, out: list[Command]) -> None:
        """The last word on a session: only when all that it left behind is durable and has had its consequences."""
        if session.has_left and not self._desk.batches.holds(session.id):
            session.spool_read = False
            session.life = Life.GONE
            self._desk.follow(self._desk.lab.end_session(session, now), now, out)
