"""What can every decision of the core do? Keep a fact, tell a session something, see to what follows. Pure."""

from collections.abc import Iterable

from filmlab.wire import messages
from filmlabd.core import events
from filmlabd.core.batches import Batches
from filmlabd.core.events import Command, Effect, Now, Tell
from filmlabd.core.lab import Lab
from filmlabd.core.session import Life, Session, credit_bytes
from filmlabd.facts import Fact, seal_fact

BUSY_RETRY_S = 5.0
"""When a client asks again, should the message that there is room be lost."""


class Desk:
    """The sessions, the batch that gathers, and the commands that both bring about: `out` takes these, in order."""

    def __init__(self, boot: int, lab: Lab, batches: Batches, pool_bytes: int, version: str) -> None:
        self.boot = boot
        self.lab = lab
        self.batches = batches
        self.sessions: dict[int, Session] = {}
        self.closed = ""
        """Why no film is taken at the moment, or empty."""
        self._pool_bytes = pool_bytes
        self._version = version
        self._fact_seq = 0

    @property
    def credit_bytes(self) -> int:
        """How much film each session may have on its way."""
        if self.closed:
            return 0
        return credit_bytes(self._pool_bytes, len(self.sessions))

    def keep(self, fact: Fact, now: Now, out: list[Command]) -> None:
        """Write a fact down; it has its consequences once it is durable and indexed."""
        self._fact_seq += 1
        envelope = seal_fact(fact, self.boot, self._fact_seq)
        out.append(events.Append(envelope))
        self.batches.stage(fact, envelope.size_bytes, now.at)

    def follow(self, effects: Iterable[Effect], now: Now, out: list[Command]) -> None:
        """See to what the lab wants done: messages to sessions, commands to the shell, facts to keep."""
        for effect in effects:
            if isinstance(effect, Tell):
                session = self.sessions.get(effect.session)
                if session is not None:
                    session.remember(effect.message)
                    self.tell(session, effect.message, out)
            elif isinstance(effect, Command):
                out.append(effect)
            else:
                self.keep(effect, now, out)
                # Whoever waits for a print, or for a change of a plan, waits for this fact.
                if not self.lab.waiters.idle or self.lab.asking:
                    self.batches.press(now.at)

    def tell(self, session: Session, message: messages.Message, out: list[Command]) -> None:
        """A message to a session's process, if it is there to hear it."""
        if session.peer is not None and session.life is Life.ALIVE:
            out.append(events.Send(session.peer, messages.encode(message, session.id)))

    def acknowledge(self, session: Session, out: list[Command]) -> None:
        """Say how far a session is durable, and what it may send."""
        self.tell(session, messages.Ack(session.durable_c, session.durable_b, self.credit_bytes), out)

    def welcome(self, session: Session, out: list[Command]) -> None:
        """Answer a HELLO, whatever has become of the session since."""
        if session.peer is not None:
            welcome = session.welcome(self.boot, self.credit_bytes, self._version)
            out.append(events.Send(session.peer, messages.encode(welcome, session.id)))
            if self.closed:
                self.say_busy(session, out)

    def say_busy(self, session: Session, out: list[Command]) -> None:
        """No film for now, and why; what is sent all the same is not taken."""
        self.tell(session, messages.Busy(self.closed, BUSY_RETRY_S), out)

    def send_plan(self, session: Session, run: int, out: list[Command]) -> None:
        """The capture plan of one of a session's runs."""
        plan = self.lab.plan_of(session, run)
        if plan is not None:
            self.tell(session, plan, out)
