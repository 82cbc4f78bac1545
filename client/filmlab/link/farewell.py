"""When is BYE said, and when has it been heard? Pure: time is an argument.

A connection may break with the last word on it, and the process may live on for days: to a daemon that has not heard it
the session would be alive for as long. So it is answered, and said again on every connection that comes up meanwhile.
"""

from filmlab.wire import messages
from filmlab.wire.frame import Envelope, Kind

PATIENCE_S = 0.25
"""A daemon that hangs does not hold up the end of a training for longer."""


class Farewell:
    """The last word of one session.

    Args:
        linked: there is a connection now.
    """

    def __init__(self, session: int, now: float, *, linked: bool) -> None:
        self.until_at = now + PATIENCE_S
        self._session = session
        self._due = linked
        self._heard = False

    def connected(self) -> None:
        """There is another connection: the word may have been lost with the one before."""
        self._due = True

    def take(self) -> list[Envelope]:
        """What to send now; counted as sent from here on."""
        if not self._due:
            return []
        self._due = False
        return [messages.encode(messages.Bye(), self._session)]

    def receive(self, envelope: Envelope) -> None:
        """A record from the daemon: acknowledgements may still come before the answer."""
        self._heard |= envelope.kind is Kind.BYE and envelope.session == self._session

    def is_over(self, now: float) -> bool:
        """It was heard, or has been waited for long enough."""
        return self._heard or now >= self.until_at
