"""How do results leave the process? Parcel after parcel, a few pieces at a time, to disk at once, behind metrics.

Runs in the sender's thread.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from filmlab.delivery import Full
from filmlab.errors import BadInput
from filmlab.outbox import Outbox
from filmlab.parcel import Parcel
from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.write import Piece, pieces
from filmlab.results.episode_files import EpisodeFiles
from filmlab.results.metadata import RunMetadata
from filmlab.wire.chunks import CODEC_RAW, Film
from filmlab.wire.entries import Entry, Results, ResultsEnd
from filmlab.wire.head import FilmKind
from filmlab.wire.names import clean_text
from filmlab.wire.results_entries import RESULTS_NOTE_MAX_CHARS

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
        self._waiting: deque[_Posting] = deque()
        self._in_memory: deque[tuple[int, int]] = deque()
        self._undurable: deque[tuple[int, int]] = deque()

    @property
    def busy(self) -> bool:
        """Something has not been handed to the outbox yet."""
        return bool(self._waiting)

    def take(self, parcel: Parcel) -> None:
        """One more to send. It is announced at once: whoever waits from here on waits for it too."""
        try:
            posting = _Posting(parcel)
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

    def _move(self, outbox: Outbox, posting: "_Posting") -> int:
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


class _Posting:
    """One parcel that is being sent.

    Raises:
        BadTree: the results cannot be written. An agent's state that cannot is left out.
    """

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.count = 0
        self.last_seq = 0
        self.failure = ""
        parts: dict[str, Callable[[], Iterator[Piece]]] = {
            "config": lambda: iter((json.dumps(parcel.config).encode("utf-8", "replace"),)),
            "results": lambda: pieces(parcel.tree),
            "state": lambda: pieces(parcel.state),
        }
        if parcel.state is None:
            del parts["state"]
        sizes = {name: _size(make()) for name, make in parts.items() if name != "state"}
        if "state" in parts:
            try:
                sizes["state"] = _size(parts["state"]())
            except BadTree as error:
                self.failure = f"Failed to serialize agent state: {error}"
                del parts["state"]
        self.entry = self._entry(tuple(sizes.items()))
        whole = chain.from_iterable(make() for make in parts.values())
        self.pieces: Iterator[bytes] = _cut(whole, PIECE_BYTES)

    def film(self) -> Film:
        """The meta of the next piece."""
        return Film(
            run=self.parcel.run, film=self.parcel.film, first=self.count, count=1, height=1, width=1, channels=1,
            wall=self.entry.wall, kind=FilmKind.PARCEL, codec=CODEC_RAW,
        )  # fmt: skip

    def end(self) -> ResultsEnd:
        """What is said after the last piece; the copies are let go."""
        self.parcel.tree = self.parcel.state = None
        return ResultsEnd(
            run=self.parcel.run, wall=time.time(), film=self.parcel.film, pieces=self.count, last_seq=self.last_seq
        )

    def _entry(self, parts: tuple[tuple[str, int], ...]) -> Results:
        parcel = self.parcel
        files = parcel.episodes or EpisodeFiles(0, 0, videos=0)
        metadata = parcel.metadata or RunMetadata.gather(parcel.run_type, duration_seconds=parcel.duration_s)
        note = "; ".join(filter(None, (parcel.note, self.failure)))
        return Results(
            run=parcel.run, wall=time.time(), film=parcel.film, run_type=parcel.run_type, parts=parts,
            summary=parcel.summary, metadata=metadata.document(), episodes=parcel.episodes is not None,
            steps_per_env=files.steps_per_env, global_step=files.global_step, render=files.render,
            videos=files.videos, fps=files.fps, note=clean_text(note, RESULTS_NOTE_MAX_CHARS),
        )  # fmt: skip


def _size(found: Iterable[Piece]) -> int:
    # Arrays lie as they are written: nothing is copied for this.
    return sum(len(piece) for piece in found)


def _cut(found: Iterable[Piece], size_bytes: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size, but for the last."""
    gathered: list[Piece] = []
    gathered_bytes = 0
    for piece in found:
        left = memoryview(piece)
        while left:
            take = left[: size_bytes - gathered_bytes]
            left = left[len(take) :]
            # A piece is good only until the next is asked for.
            gathered.append(bytes(take) if len(take) < size_bytes else take)
            gathered_bytes += len(take)
            if gathered_bytes == size_bytes:
                yield _joined(gathered)
                gathered, gathered_bytes = [], 0
    if gathered:
        yield _joined(gathered)


def _joined(gathered: Sequence[Piece]) -> bytes:
    return bytes(gathered[0]) if len(gathered) == 1 else b"".join(gathered)
