"""Who has to be heard from to count as alive? Sessions whose process cannot be watched (pid namespaces). Pure."""

LEASE_S = 60.0
"""How long after its last record such a process counts as alive. It sends one at least every third of that."""


class Leases:
    """Of each such session, until when it counts as alive. Instants are monotonic seconds.

    Args:
        lease_s: how long a silence may be.
    """

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._until: dict[int, float] = {}

    def begin(self, session: int, now_at: float) -> None:
        """From here on this session has to be heard from."""
        self._until[session] = now_at + self._lease_s

    def heard(self, session: int, now_at: float) -> None:
        """A record of a session has come; nothing where its process is watched."""
        if session in self._until:
            self._until[session] = now_at + self._lease_s

    def end(self, session: int) -> None:
        """It has ended, one way or another."""
        self._until.pop(session, None)

    def due_at(self) -> float | None:
        """When the next one runs out, if nothing is heard till then."""
        return min(self._until.values(), default=None)

    def take_over(self, now_at: float) -> list[int]:
        """The sessions that have not been heard from for too long; they are told of once."""
        over = [session for session, until in self._until.items() if until <= now_at]
        for session in over:
            del self._until[session]
        return over
