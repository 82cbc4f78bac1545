"""Of which pieces does a parcel consist, and what is said of it before and after them?"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from filmlab.parcel import Parcel
from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.write import Piece, pieces
from filmlab.results.episode_files import EpisodeFiles
from filmlab.results.metadata import RunMetadata
from filmlab.wire.chunks import CODEC_RAW, Film
from filmlab.wire.entries import Results, ResultsEnd
from filmlab.wire.head import FilmKind
from filmlab.wire.names import clean_text
from filmlab.wire.results_entries import RESULTS_NOTE_MAX_CHARS


class Posting:
    """One parcel that is being sent, in pieces of one size but for the last.

    Raises:
        BadTree: the results cannot be written. An agent's state that cannot is left out.
    """

    def __init__(self, parcel: Parcel, piece_bytes: int) -> None:
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
        self.pieces: Iterator[bytes] = _cut(whole, piece_bytes)

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
