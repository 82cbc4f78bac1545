"""Whose record comes next, when more has come than one batch should have? Each session in turn. Pure."""

from collections import deque
from dataclasses import dataclass, field

from filmlab.wire.frame import WAITING, Envelope

ROOM_MAX_BYTES = 32 * 1024 * 1024
"""Of one session. An honest one has at most its window of stream C and its credit of stream B on their way."""


@dataclass(slots=True)
class Turns:
    """Records that were received and not yet taken into a batch, in their order for each session."""

    _waiting: dict[int, deque[Envelope]] = field(default_factory=dict)
    """By session, in the order of their turns."""
    _bytes: dict[int, int] = field(default_factory=dict)

    def put(self, session: int, envelope: Envelope) -> None:
        """One more record of a session. The first for which somebody waits brings its session to the front, once."""
        queue = self._waiting.setdefault(session, deque())
        begins_to_wait = envelope.flags & WAITING and not (queue and queue[-1].flags & WAITING)
        queue.append(envelope)
        self._bytes[session] = self._bytes.get(session, 0) + envelope.size_bytes
        if begins_to_wait:
            self._waiting = {session: self._waiting.pop(session), **self._waiting}

    def take(self) -> tuple[int, Envelope] | None:
        """(session, record) whose turn it is, if there is any."""
        session = next(iter(self._waiting), None)
        if session is None:
            return None
        queue = self._waiting.pop(session)
        envelope = queue.popleft()
        self._bytes[session] -= envelope.size_bytes
        if queue:
            self._waiting[session] = queue
        else:
            del self._bytes[session]
        return session, envelope

    def holds(self, session: int) -> bool:
        """Whether something of this session waits: what comes after it waits as well."""
        return session in self._waiting

    def is_crowded(self, session: int) -> bool:
        """Whether no more of this session can be held: what comes is as if it had not, and will be asked for again."""
        return self._bytes.get(session, 0) >= ROOM_MAX_BYTES
