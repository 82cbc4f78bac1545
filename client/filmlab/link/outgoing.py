"""Where does one stream stand on the sender's side? What is durable, on disk, in memory, sent. Pure.

1 … durable | … spooled | … last
              on disk     in memory          cursor: the next to be sent, anywhere behind durable
"""

from collections import deque
from collections.abc import Iterator, Sequence

import msgpack

from filmlab.wire.frame import HEADER_BYTES, Envelope, Kind, seal
from filmlab.wire.messages import Stream

IN_FLIGHT_MOST = 1024
"""Records on their way, however small: the daemon's socket holds more of them than two streams may have here, so that
libzmq never holds the connection up (see `RECEIVE_MOST` of the daemon's transport)."""
RECORD_OVERHEAD_BYTES = 512
"""What a record takes in memory beside its bytes, roughly: the objects that hold it."""
_BLANK_META = msgpack.packb({})
_KINDS = {Stream.C: Kind.DATA_C, Stream.B: Kind.DATA_B}


def cost_bytes(record_bytes: int) -> int:
    """What a record of this size counts against a limit of memory."""
    return record_bytes + RECORD_OVERHEAD_BYTES


def chunk_cost_bytes(blobs_bytes: int) -> int:
    """The same of a record that is made of so many bytes of blobs, at most."""
    # The meta and the table of a chunk are never larger than this.
    return cost_bytes(blobs_bytes + HEADER_BYTES + 8192)


class Outgoing:
    """One stream. Numbers begin at 1; all records that are not durable are kept, first on disk, then in memory."""

    def __init__(self, session: int, stream: Stream) -> None:
        self.stream = stream
        self.durable = 0
        self.last = 0
        self.cursor = 1
        self.memory_bytes = 0
        self.flight_bytes = 0
        self._session = session
        self._spooled = 0
        self._memory: dict[int, Envelope] = {}
        self._flight: deque[tuple[int, int]] = deque()
        self._replay: deque[Envelope] = deque()

    @property
    def safe(self) -> int:
        """Everything up to here is durable or spooled; what follows is in memory only."""
        return max(self.durable, self._spooled)

    @property
    def unanswered(self) -> bool:
        """Something was sent and is not durable yet."""
        return self.cursor > self.durable + 1

    @property
    def unsent(self) -> bool:
        """Something waits to be sent, here or in the spool."""
        return self.cursor <= self.last

    def push(self, envelope: Envelope) -> None:
        """Take the next record."""
        assert envelope.seq == self.last + 1, (envelope.seq, self.last)
        self.last += 1
        self._memory[self.last] = envelope
        self.memory_bytes += cost_bytes(envelope.size_bytes)

    def ack(self, durable: int) -> bool:
        """Everything up to `durable` is on the daemon's disk. True when that is news."""
        if not self.durable < durable <= self.last:
            return False
        self._forget(self.safe + 1, durable)
        self.durable = durable
        self.cursor = max(self.cursor, durable + 1)
        while self._flight and self._flight[0][0] <= durable:
            self.flight_bytes -= self._flight.popleft()[1]
        while self._replay and self._replay[0].seq < self.cursor:
            self._replay.popleft()
        return True

    def go_to(self, seq: int) -> None:
        """Send from `seq` on (never what is durable, never beyond the last)."""
        self.cursor = min(max(seq, self.durable + 1), self.last + 1)
        while self._flight and self._flight[-1][0] >= self.cursor:
            self.flight_bytes -= self._flight.pop()[1]
        self._replay.clear()

    def go_back(self, seq: int) -> None:
        """Send from `seq` on where that is behind; ahead is for WELCOME, which tells of both streams at one moment."""
        if seq < self.cursor:
            self.go_to(seq)

    def peek(self) -> Envelope | None:
        """The next record to send, or None: nothing is left, or it lies in the spool and must be read first."""
        if self.cursor > self.safe:
            return self._memory.get(self.cursor)
        return self._replay[0] if self._replay else None

    def sent(self, envelope: Envelope) -> None:
        """What `peek` gave is on its way."""
        assert envelope.seq == self.cursor
        if self._replay and self._replay[0].seq == self.cursor:
            self._replay.popleft()
        self._flight.append((self.cursor, envelope.size_bytes))
        self.flight_bytes += envelope.size_bytes
        self.cursor += 1

    def take(self, window_bytes: int, max_bytes: int, out: list[Envelope]) -> int:
        """Move what may be sent to `out`; one record larger than the window goes alone. Returns how many bytes.

        Args:
            window_bytes: what may be on its way at once.
        """
        taken = 0
        while taken < max_bytes and len(self._flight) < IN_FLIGHT_MOST:
            envelope = self.peek()
            if envelope is None:
                break
            if self.flight_bytes and self.flight_bytes + envelope.size_bytes > window_bytes:
                break
            self.sent(envelope)
            out.append(envelope)
            taken += envelope.size_bytes
        return taken

    def contradiction(self, next_seq: int) -> str:
        """Why this stream cannot go on with a daemon that asks for that number next, or nothing."""
        if next_seq <= self.durable:
            return f"the daemon asks for record {next_seq}, but {self.durable} were acknowledged: its state is gone"
        if next_seq > self.last + 1:
            return f"the daemon asks for record {next_seq}, but only {self.last} were made"
        return ""

    def oldest(self, max_bytes: int) -> Iterator[Envelope]:
        """The oldest records in memory: as many as `max_bytes` hold, and at least one where there is one."""
        taken = 0
        for seq in range(self.safe + 1, self.last + 1):
            envelope = self._memory[seq]
            taken += cost_bytes(envelope.size_bytes)
            if taken > max_bytes and seq > self.safe + 1:
                return
            yield envelope

    def spilled(self, seq: int) -> None:
        """Everything up to `seq` is in the spool now."""
        assert self.safe <= seq <= self.last, (self.safe, seq, self.last)
        self._forget(self.safe + 1, seq)
        self._spooled = seq

    def wanted(self) -> int | None:
        """From which number on records must be read back from the spool, or None."""
        return self.cursor if self.cursor <= self.safe and not self._replay else None

    def replayed(self, envelopes: Sequence[Envelope]) -> tuple[int, int] | None:
        """What the spool had from `wanted` on. Returns the range of numbers it should have had and has not, if any.

        A daemon takes a stream in order and would wait for ever: blanks are sent in the place of what is lost.
        """
        found = [item for item in envelopes if self.cursor <= item.seq <= self.safe]
        first = found[0].seq if found else self.safe + 1
        lost = (self.cursor, first - 1) if first > self.cursor else None
        for seq in range(self.cursor, first):
            self._replay.append(seal(_KINDS[self.stream], self._session, seq, _BLANK_META))
        for item in found:
            if item.seq != first:
                break
            self._replay.append(item)
            first += 1
        return lost

    def check(self) -> None:
        """The invariants, for tests."""
        assert self.durable <= self.safe <= self.last
        assert self.durable < self.cursor <= self.last + 1
        assert sorted(self._memory) == list(range(self.safe + 1, self.last + 1))
        assert self.memory_bytes == sum(cost_bytes(item.size_bytes) for item in self._memory.values())
        assert len(self._flight) <= IN_FLIGHT_MOST
        assert self.flight_bytes == sum(size for _, size in self._flight)
        assert all(self.durable < seq < self.cursor for seq, _ in self._flight)
        assert [item.seq for item in self._replay] == list(range(self.cursor, self.cursor + len(self._replay)))

    def _forget(self, first: int, last: int) -> None:
        for seq in range(first, last + 1):
            self.memory_bytes -= cost_bytes(self._memory.pop(seq).size_bytes)
