"""What does the sender's thread do, in which order? Drain, connect, converse, spool, answer; then sleep.

It decides nothing about records: that is `outbox`.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from os import eventfd_read
from time import monotonic

import zmq

from filmlab.endpoint import Endpoint
from filmlab.errors import BadInput, Transient, WireError
from filmlab.launch import Launcher, find_daemon
from filmlab.link.dealer import Dealer
from filmlab.link.delivery import Acked, Event, LinkOptions, SessionLost, Source
from filmlab.link.farewell import Farewell
from filmlab.link.outbox import BATCH_BYTES, Outbox
from filmlab.link.waiting import SPILL_GRACE_S, Ask
from filmlab.spool import Spool
from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Stream

log = logging.getLogger(__name__)

ACTIVE_S = 1.0
"""For so long after the last thing that happened the thread looks by itself and need not be woken."""
ACTIVE_POLL_S = 0.02
SLEEP_LEAST_S = 0.001
RECONNECT_FIRST_S, RECONNECT_MOST_S = 0.02, 2.0
LOOK_AGAIN_S = 0.2
"""While a connection is being made: is there still somebody to connect to?"""


class Sender:
    """The shell around an outbox. `run` is the thread; the attributes without underscore may be touched from others."""

    def __init__(
        self, outbox: Outbox, source: Source, options: LinkOptions, spool: Spool, wake_fd: int,
        tell: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self.asks: deque[Ask] = deque()
        self.hurry = False
        self.sleeping = False
        self.spill_now = False
        self.close_at: float | None = None
        """When the thread must have come to its end; None while it goes on."""
        self.lost = ""
        self.spool_trouble = ""
        """Why the spool did not take what it was given last, or empty."""
        self.spool = spool
        self.launcher = Launcher(options.paths)
        self.dealer: Dealer | None = None
        self._outbox = outbox
        self._source = source
        self._options = options
        self._wake_fd = wake_fd
        self._tell = tell
        self._try_at = float("-inf")
        self._pause_s = RECONNECT_FIRST_S
        self._die = random.Random()
        """Its own: what the training draws from `random` must not depend on us."""
        self._called: Endpoint | None = None
        self._look_at: float | None = None

    def run(self) -> None:
        """Until it is closed, or its session is lost."""
        self.dealer = Dealer()
        active_at = monotonic()
        while not self.lost:
            now = monotonic()
            # Read before the source is drained: what was handed over before `close` must not be left behind.
            close_at = self.close_at
            moved, more = self._round(now)
            if close_at is not None and self._may_end(now, moved, close_at):
                return
            if moved or more:
                active_at = now
            if more:
                continue
            self.sleeping = now - active_at > ACTIVE_S
            # Whoever hands something over looks at `sleeping` afterwards: so this looks once more after setting it.
            if self.sleeping and self._drain(now):
                active_at = now
                continue
            self.dealer.wait(self._wake_fd, self._pause(now))
            self.sleeping = False
            self._wake_seen()

    def end(self) -> None:
        """Say goodbye where there is somebody, and let go of everything. In the sender's thread, at its end."""
        if self.dealer is not None:
            # Only now, when the spool is complete: the daemon reads it when it hears this.
            if self._outbox.state in ("online", "connecting"):
                self._part(self.dealer)
            self.dealer.end()
        self.launcher.close()
        self.spool.close()

    def _part(self, dealer: Dealer) -> None:
        """Say BYE until it is heard, for a moment, also where the connection breaks meanwhile."""
        farewell = Farewell(self._outbox.session, monotonic(), linked=dealer.is_open)
        try:
            while not farewell.is_over(monotonic()):
                if not dealer.is_open:
                    dealer.open(self._options.endpoint or self._endpoint())
                dealer.send(farewell.take())
                dealer.wait(self._wake_fd, farewell.until_at - monotonic())
                self._wake_seen()
                for envelope in dealer.receive():
                    farewell.receive(envelope)
                for up in dealer.changes():
                    if up:
                        farewell.connected()
                    else:
                        dealer.close()
        except (Transient, BadInput, zmq.ZMQError) as error:
            log.debug("not said farewell: %s", error)

    def _endpoint(self) -> str:
        """Of the daemon that serves now. Raises Transient where there is none."""
        found = find_daemon(self._options.paths)
        if found is None:
            raise Transient("no daemon is there")
        return found.ingest

    # --- one round --------------------------------------------------------------------------------------------------

    def _round(self, now: float) -> tuple[bool, bool]:
        """(something happened, there is more to do at once)"""
        # Likewise: whoever begins to wait during this round has handed over what the next one drains.
        asking = [ask for ask in self.asks if ask.target is None]
        moved = self._drain(now)
        if not moved:
            for ask in asking:
                ask.target = (self._outbox.last_c, self._outbox.last_b)
        self._handle(self._outbox.tick(now))
        self._connect(now)
        spoke = self._converse(now)
        more = self._move_spool(now)
        self._answer()
        return moved or spoke, more or any(ask.target is None for ask in list(self.asks))

    def _drain(self, now: float) -> bool:
        self._outbox.waiting, self.hurry = self.hurry or bool(self.asks), False
        moved = self._source.drain(self._outbox, now)
        self._outbox.waiting = False
        return moved

    def _handle(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Acked):
                self.spool.drop(event.durable_c, event.durable_b)
            elif isinstance(event, SessionLost):
                self.lost = event.reason
            self._source.handle(event)

    def _answer(self) -> None:
        """Tell those whose records are safe by now."""
        box = self._outbox
        for ask in list(self.asks):
            if ask.target is not None and box.safe_c >= ask.target[0] and box.safe_b >= ask.target[1]:
                self.asks.remove(ask)
                ask.safe = True
                ask.done.set()
        if not self.asks:
            self.spill_now = False
        box.spill_all = self.spill_now or (self.close_at is not None and monotonic() >= self.close_at)

    # --- the connection ---------------------------------------------------------------------------------------------

    def _connect(self, now: float) -> None:
        assert self.dealer is not None
        if self._outbox.wants_reconnect or self._called_nobody(now):
            self._hang_up(now)
        if self._options.mode == "offline" or self.dealer.is_open or now < self._try_at:
            return
        endpoint = self._options.endpoint
        if not endpoint:
            found = find_daemon(self._options.paths)
            if found is None:
                self._without_daemon(now)
                return
            endpoint, self._called = found.ingest, found
        try:
            self.dealer.open(endpoint)
            self.launcher.found()
            self._look_at = now + LOOK_AGAIN_S
        except Transient as error:
            self._try_later(now, str(error))
        except BadInput as error:
            self._tell("endpoint", f"the daemon's socket is not used: {error}")
            self._try_later(now, str(error))
        except zmq.ZMQError as error:
            self._tell("socket", f"no connection can be made: {error}")
            self._try_later(now, str(error))

    def _called_nobody(self, now: float) -> bool:
        """The daemon died before it opened the door: no connection broke, and libzmq tries for ever without a word."""
        if self._look_at is None or now < self._look_at or self._options.endpoint:
            return False
        self._look_at = now + LOOK_AGAIN_S
        return find_daemon(self._options.paths) != self._called

    def _without_daemon(self, now: float) -> None:
        if self._options.mode != "auto":
            self._try_later(now, "no daemon is there, and mode online starts none")
            return
        self._try_at = self.launcher.step(now)
        self._outbox.why_not(self.launcher.why or "no daemon is there")

    def _try_later(self, now: float, why: str) -> None:
        self._outbox.why_not(why)
        self._try_at = now + self._pause_s * self._die.uniform(0.5, 1.0)
        self._pause_s = min(2 * self._pause_s, RECONNECT_MOST_S)

    def _hang_up(self, now: float) -> None:
        assert self.dealer is not None
        self.dealer.close()
        self._look_at = None
        self._handle(self._outbox.disconnected(now))
        # Not all clients of a daemon that has died at the same moment.
        self._try_at = now + self._die.uniform(0.0, 2 * RECONNECT_FIRST_S)

    def _converse(self, now: float) -> bool:
        """Receive what has come and send what may be sent; True if something was."""
        assert self.dealer is not None
        try:
            received = self.dealer.receive()
        except BadInput as error:
            self._tell("endpoint", str(error))
            self._hang_up(now)
            self._try_later(now, str(error))
            return False
        for envelope in received:
            try:
                self._handle(self._outbox.receive(envelope, now))
            except WireError as error:
                self._tell("wire", f"the daemon sent something that is not understood: {error}")
        for up in self.dealer.changes():
            if not up:
                self._hang_up(now)
                return True
            self._pause_s, self._look_at = RECONNECT_FIRST_S, None
            self._handle(self._outbox.connected(now))
        # Nothing more while some wait, but a HELLO that is due.
        taken = self._outbox.take(now, 0 if self.dealer.backlog or not self.dealer.is_open else BATCH_BYTES)
        self.dealer.send(taken)
        return bool(received or taken)

    # --- the spool --------------------------------------------------------------------------------------------------

    def _move_spool(self, now: float) -> bool:
        """Write to the spool and read from it, a batch at a time; True if there may be more."""
        want = self._outbox.need_from_spool()
        if want is not None:
            found = self.spool.read(want.stream, want.from_seq, want.max_bytes)
            self._handle(self._outbox.replayed(want.stream, found))
        self.spool.lent_bytes = self._outbox.results_bytes
        batch = self._outbox.spill(now)
        for stream, envelope in batch:
            try:
                self._append(stream, envelope)
            except Transient as error:
                self._outbox.spool_failed(now)
                self.spool_trouble = str(error)
                self._tell("spool", f"{error}; records stay in memory")
                return False
            self.spool_trouble = ""
            self._handle(self._outbox.spilled(stream, envelope.seq))
        return want is not None or bool(batch)

    def _append(self, stream: Stream, envelope: Envelope) -> None:
        """Raises Transient."""
        try:
            self.spool.append(stream, envelope)
        except Transient:
            if self._options.paths.spool.exists():
                raise
            # Somebody has removed the state directory under us.
            try:
                self._options.paths.make()
            except BadInput as error:
                raise Transient(str(error)) from None
            self.spool.append(stream, envelope)

    # --- sleeping and ending ----------------------------------------------------------------------------------------

    def _pause(self, now: float) -> float | None:
        """How long to sleep at most."""
        assert self.dealer is not None
        instants = [self._outbox.next_at(), self._source.next_at()]
        if self._options.mode != "offline":
            instants.append(self._look_at if self.dealer.is_open else self._try_at)
        if not self.sleeping or self.close_at is not None:
            instants.append(now + ACTIVE_POLL_S)
        until = min((instant for instant in instants if instant is not None), default=None)
        return None if until is None else max(SLEEP_LEAST_S, until - now)

    def _wake_seen(self) -> None:
        try:
            eventfd_read(self._wake_fd)
        except BlockingIOError:
            return

    def _may_end(self, now: float, moved: bool, close_at: float) -> bool:
        box = self._outbox
        if moved:
            return now >= close_at + SPILL_GRACE_S
        if box.all_durable or (box.all_safe and (box.state == "spooling" or now >= close_at)):
            return True
        nowhere = not self._options.limits.spool_bytes and now >= close_at
        return nowhere or now >= close_at + SPILL_GRACE_S
