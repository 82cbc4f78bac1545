"""Does the daemon answer? When to say HELLO again, when to spool, when to want a new socket. Pure.

What counts is progress of acknowledgements, not traffic: a daemon whose disk hangs still answers on its socket.
"""

import math

from filmlab.link.delivery import Limits

BUSY_LEAST_S, BUSY_MOST_S = 0.1, 60.0
NEVER = float("-inf")
"""Of an instant that is past and done with."""


class Liveness:
    """The timers of one sender. `unanswered`, where it is an argument: something was sent and is not durable yet."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.linked = False
        self.welcomed = False
        self.wants_reconnect = False
        self.why = "no daemon has answered yet"
        self.busy_until = NEVER
        self._limits = limits
        self._hello_at = now
        self._away_since = now
        self._attempt_since = now
        self._progress_at = now
        self._long_away = False
        self._stuck = False
        self._ping_every_s = math.inf
        self._spoke_at = now

    @property
    def spooling(self) -> bool:
        """Nothing has been heard, or nothing acknowledged, for so long that records should go to disk."""
        return self._long_away or self._stuck

    def connected(self, now: float) -> None:
        """The socket has a peer: HELLO is the next thing to send."""
        self.away(now, "the connection is new")
        self.linked = True
        self._hello_at = self._attempt_since = now

    def disconnected(self, now: float) -> None:
        """The socket lost its peer, or has none yet."""
        if self.linked:
            self.away(now, "the daemon is gone")
        self.linked = self.wants_reconnect = False
        self._attempt_since = now

    def welcome(self, now: float, lease_s: float = 0.0) -> None:
        """The daemon answered HELLO; with a lease, it wants to hear something at least every `lease_s`."""
        self._ping_every_s = max(1.0, lease_s / 3) if lease_s > 0 else math.inf
        if not self.welcomed:
            self._progress_at = now
        self.welcomed, self._long_away = True, False
        self._hello_at = now + self._limits.hello_after_s

    def away(self, now: float, why: str, *, hello_at: float | None = None) -> None:
        """The daemon is not to be sent anything until it has answered another HELLO."""
        if self.welcomed:
            self._away_since = now
        self.welcomed = False
        self.why = why
        self._hello_at = now + self._limits.hello_after_s if hello_at is None else hello_at

    def give_up(self, now: float, why: str) -> None:
        """This daemon will never take our records; another one might."""
        self.away(now, why, hello_at=now + self._limits.reconnect_after_s)
        self._long_away = True

    def began(self, now: float) -> None:
        """From here on an acknowledgement is waited for."""
        self._progress_at = max(now, self.busy_until)
        self._hello_at = max(self._hello_at, now + self._limits.hello_after_s)

    def progress(self, now: float) -> None:
        """Something was acknowledged."""
        self.began(now)
        self._stuck = False

    def busy(self, now: float, retry_after_s: float) -> None:
        """The daemon wants a pause: none of it counts as silence. At its end it is asked where it stands."""
        self.busy_until = now + min(max(retry_after_s, BUSY_LEAST_S), BUSY_MOST_S)
        self._progress_at = max(self._progress_at, self.busy_until)
        self._hello_at = max(self._hello_at, self.busy_until)

    def busy_no_more(self) -> None:
        """The daemon takes film again."""
        self.busy_until = NEVER

    def hello_due(self, now: float, unanswered: bool, *, starved: bool = False) -> bool:
        """Is it time to say HELLO? True once for each time. `starved`: there is film to send, and no credit for it."""
        if not self.linked or now < self._hello_at or (self.welcomed and not (unanswered or starved)):
            return False
        self._hello_at = now + self._limits.hello_after_s
        return True

    def spoke(self, now: float) -> None:
        """Something was sent."""
        self._spoke_at = now

    def ping_due(self, now: float) -> bool:
        """Has the daemon heard nothing for so long that it might take this process for dead soon?"""
        return self.welcomed and now >= self._spoke_at + self._ping_every_s

    def tick(self, now: float, unanswered: bool) -> None:
        """Take note of what the passing of time means."""
        if now >= self.busy_until:
            self.busy_until = NEVER
        if not self.welcomed:
            self._long_away = self._long_away or now >= self._away_since + self._limits.offline_after_s
            self.wants_reconnect = now >= self._attempt_since + self._limits.reconnect_after_s
        elif unanswered and now >= self._progress_at + self._limits.reconnect_after_s:
            self.why = f"nothing was acknowledged for {self._limits.reconnect_after_s:g} s"
            self._stuck = self.wants_reconnect = True

    def next_at(self, unanswered: bool, *, starved: bool = False) -> float | None:
        """When one of the above will be due."""
        if self.welcomed:
            next_at = self._spoke_at + self._ping_every_s
            if unanswered or starved:
                next_at = min(next_at, self._hello_at)
            if unanswered:
                next_at = min(next_at, self._progress_at + self._limits.reconnect_after_s)
            return next_at if next_at < math.inf else None
        instants = [self._attempt_since + self._limits.reconnect_after_s]
        if not self._long_away:
            instants.append(self._away_since + self._limits.offline_after_s)
        if self.linked:
            instants.append(self._hello_at)
        return min(instants)
