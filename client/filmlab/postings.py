"""How do results leave the process? Parcel after parcel, a few pieces at a time, to disk at once, behind metrics.

Runs in the sender's thread.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from filmlab.errors import BadInput
from filmlab.link.delivery import Full
from filmlab.link.outbox import Outbox
from filmlab.parcel import Parcel
from filmlab.wire.entries import Entry

if TYPE_CHECKING:
    from filmlab.posting import Posting

PIECE_BYTES = 1024 * 1024
STEP_BYTES = 4 * PIECE_BYTES
"""How much is moved at a time: a few ms of work, after which metrics have their turn."""
WINDOW_BYTES = 16 * PIECE_BYTES
"""How much of results may lie in the outbox's memory, on its way to the spool or the daemon, and never over a quarter
of that memory: film needs the rest."""


class Postings:
    """The parcels of one session that have not all been sent yet.

    Args:
        add: takes an entry of stream C.
        done: told of a parcel whose last piece has been handed to the outbox; and why it failed, if it did.
        freed: told how many bytes of a parcel have become durable.
    """

    def __init__(
        self, add: Callable[[Entry], None], done: Callable[[Parcel, str], None], freed: Callable[[int], None]
    ) -> None:
        self._add = add
        self._done = done
        self._freed = freed
        self._waiting: deque[Posting] = deque()
        self._in_memory: deque[tuple[int, int]] = deque()
        self._undurable: deque[tuple[int, int]] = deque()

    @property
    def busy(self) -> bool:
        """Something has not been handed to the outbox yet."""
        return bool(self._waiting)

    def take(self, parcel: Parcel) -> None:
        """One more to send. It is announced at once: whoever waits from here on waits for it too."""
        # Here, so that programs without results do not load what writes them.
        from filmlab.posting import Posting

        try:
            posting = Posting(parcel, PIECE_BYTES)
        except (BadInput, OSError, TypeError, ValueError) as error:
            # Whatever cannot be sent of one parcel must not end the sender: numbers go the same way.
            self._done(parcel, str(error) or type(error).__name__)
            self._freed(parcel.size_bytes)
            return
        self._add(posting.entry)
        self._waiting.append(posting)

    def step(self, outbox: Outbox) -> bool:
        """Move some pieces into the outbox, as far as there is room; True if there were any."""
        moved_bytes = 0
        while self._waiting and moved_bytes < STEP_BYTES and self._has_room(outbox):
            moved_bytes += max(1, self._move(outbox, self._waiting[0]))
        return moved_bytes > 0

    def acked(self, durable_b: int) -> None:
        """Stream B is durable up to here."""
        while self._undurable and self._undurable[0][0] <= durable_b:
            self._freed(self._undurable.popleft()[1])

    def _has_room(self, outbox: Outbox) -> bool:
        while self._in_memory and self._in_memory[0][0] <= outbox.safe_b:
            self._in_memory.popleft()
        held_bytes = sum(size_bytes for _, size_bytes in self._in_memory)
        window_bytes = min(WINDOW_BYTES, outbox.limits.memory_bytes // 4)
        # One piece at least, however small the memory: else there would be no end to it.
        fits = not held_bytes or held_bytes + PIECE_BYTES <= window_bytes
        return fits and outbox.film_room(PIECE_BYTES)

    def _move(self, outbox: Outbox, posting: "Posting") -> int:
        """One piece; or, after the last, the end. Returns its bytes."""
        piece = next(posting.pieces, None)
        if piece is None:
            self._waiting.popleft()
            self._add(posting.end())
            self._undurable.append((posting.last_seq, posting.parcel.size_bytes))
            self._done(posting.parcel, posting.failure)
            return 0
        try:
            posting.last_seq = outbox.push_b(posting.film(), [piece])
        except Full:
            # `_has_room` has asked; said here, should that ever be wrong, by leaving the results incomplete.
            posting.failure = "memory and spool are full"
            posting.pieces = iter(())
            return 0
        outbox.to_disk_b = posting.last_seq
        posting.count += 1
        self._in_memory.append((posting.last_seq, len(piece)))
        return len(piece)
