"""Results on their way out of the process: in pieces, bounded in memory, announced before they are sent."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from filmlab import pytree
from filmlab.intake import Intake
from filmlab.link.delivery import Limits
from filmlab.link.outbox import Outbox
from filmlab.parcel import Parcel
from filmlab.parcel_copies import frozen, size_of
from filmlab.postings import PIECE_BYTES, WINDOW_BYTES, Postings
from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.leaves import snapshot
from filmlab.wire.chunks import blobs, decode_film
from filmlab.wire.entries import Entry, Results, ResultsEnd
from filmlab.wire.head import FilmKind
from filmlab.wire.messages import Hello, Stream


class Desk:
    """Postings with an outbox, and all that they said."""

    def __init__(self, memory_bytes: int = 2**26) -> None:
        self.outbox = Outbox(5, Hello(1, "h"), Limits(memory_bytes=memory_bytes))
        self.entries: list[Entry] = []
        self.done: list[str] = []
        self.freed = 0
        self.spooled: list[Any] = []
        self.postings = Postings(self.entries.append, lambda _, failure: self.done.append(failure), self._free)

    def _free(self, size_bytes: int) -> None:
        self.freed += size_bytes

    def spool(self) -> None:
        """What the shell does: write what must leave memory."""
        for stream, envelope in self.outbox.spill(0.0):
            assert stream is Stream.B
            self.spooled.append(envelope)
            self.outbox.spilled(stream, envelope.seq)

    def run(self) -> bytes:
        """Until all is sent; the bytes."""
        while self.postings.busy or self.outbox.safe_b < self.outbox.last_b:
            while self.outbox.safe_b < self.outbox.last_b:
                self.spool()
            assert self.postings.step(self.outbox) or not self.postings.busy
            assert self.outbox.memory_bytes <= WINDOW_BYTES + PIECE_BYTES
        return b"".join(bytes(blobs(decode_film(item), item.payload)[0]) for item in self.spooled)


def parcel(tree: Any, state: Any = None, size_bytes: int = 7) -> Parcel:
    config = {"lr": float("inf")}
    return Parcel(3, 9, "training", {"n": 1}, None, 2.5, config, tree, state, "", None, size_bytes)


def test_all_parts_are_sent_behind_one_another() -> None:
    """The announcement says how long each is; the pieces are numbered, raw, and go to disk at once."""
    desk = Desk()
    state = {"w": np.arange(300_000.0), "t": np.arange(10).reshape(2, 5).T}
    desk.postings.take(parcel({"a": 1}, frozen(state)[0]))
    (begin,) = desk.entries
    assert isinstance(begin, Results) and begin.metadata["duration_seconds"] == 2.5
    whole = desk.run()
    parts, at = {}, 0
    for name, size_bytes in begin.parts:
        parts[name], at = whole[at : at + size_bytes], at + size_bytes
    assert at == len(whole) and json.loads(parts["config"]) == {"lr": float("inf")}
    assert parts["results"] == pytree.to_bytes({"a": 1}) and parts["state"] == pytree.to_bytes(state)
    films = [decode_film(item) for item in desk.spooled]
    assert [film.first for film in films] == list(range(3)) and {film.kind for film in films} == {FilmKind.PARCEL}
    end = desk.entries[-1]
    assert isinstance(end, ResultsEnd) and (end.pieces, end.last_seq) == (3, 3) and desk.done == [""]


def test_memory_is_bounded_while_nobody_takes_them() -> None:
    """Without a spool and without a daemon, no more than a window of results lies in the outbox: film has the rest."""
    desk = Desk()
    desk.postings.take(parcel({}, frozen({"w": np.zeros(2**23)})[0]))
    while desk.postings.step(desk.outbox):
        pass
    assert desk.postings.busy and WINDOW_BYTES - PIECE_BYTES <= desk.outbox.memory_bytes <= WINDOW_BYTES + PIECE_BYTES
    desk.spool()
    assert desk.postings.step(desk.outbox)


@pytest.mark.parametrize("memory_bytes", [2**21, 2**22, 2**25])
def test_film_keeps_most_of_a_small_memory(memory_bytes: int) -> None:
    """Results take a quarter of it, or one piece; and all of them are sent in the end."""
    desk = Desk(memory_bytes)
    desk.postings.take(parcel({}, frozen({"w": np.zeros(2**22)})[0]))
    while desk.postings.step(desk.outbox):
        pass
    assert desk.outbox.memory_bytes <= max(memory_bytes // 4, PIECE_BYTES) + PIECE_BYTES
    assert desk.outbox.film_room(memory_bytes // 4)
    assert len(desk.run()) > 2**25


def test_their_room_is_free_when_they_are_durable() -> None:
    """Not when they are spooled: the bound is on disk and memory together."""
    desk = Desk()
    intake = Intake(2**26, 1000)
    for size_bytes in (600, 300):
        intake.put_parcel(parcel({}, size_bytes=size_bytes))
        desk.postings.take(intake.items.pop())  # type: ignore[arg-type]  # a parcel
    desk.run()
    assert intake.results_room_bytes() == 100 and desk.freed == 0
    desk.postings.acked(1)
    assert desk.freed == 600
    intake.results_done(desk.freed)
    assert intake.results_room_bytes() == 700


def test_results_that_cannot_be_written_are_given_up_and_said() -> None:
    """The session goes on with the next; a state that cannot be is left out alone."""
    desk = Desk()
    desk.postings.take(parcel({"a": object()}, size_bytes=5))
    assert desk.done == ["a: builtins.object cannot be written"] and desk.freed == 5 and not desk.entries
    desk.postings.take(parcel({"a": 1}, {"f": object()}))
    desk.run()
    (begin, _) = desk.entries
    assert isinstance(begin, Results) and [name for name, _ in begin.parts] == ["config", "results"]
    assert begin.note == "Failed to serialize agent state: f: builtins.object cannot be written"


def test_a_snapshot_is_one_copy_that_nobody_changes() -> None:
    """Arrays and buffers that the program goes on writing to do not change what was handed over."""
    array, buffer = np.arange(6.0).reshape(2, 3).T, bytearray(b"abc")
    copy, size_bytes = frozen({"w": array, "b": [buffer], "n": np.float32(2)})
    array[:], buffer[:] = 0, b"xyz"
    wanted = {"w": np.arange(6.0).reshape(2, 3).T, "b": [b"abc"], "n": np.float32(2)}
    assert pytree.to_bytes(copy) == pytree.to_bytes(wanted)
    assert size_bytes == 48 + 3 and size_of(wanted) >= 48


def test_what_is_a_copy_already_is_not_copied_again() -> None:
    """A tensor that had to be resolved, or moved to this process's memory, is nobody else's; one that was not, is."""
    plain = torch.ones(3)
    assert snapshot(plain.conj()).array.ctypes.data != plain.data_ptr()
    resolved = snapshot(torch.ones(3, dtype=torch.complex64).conj())
    assert resolved.owned and resolved.array.base is not None
    assert not snapshot(plain).owned and snapshot(plain).array.base is None


def test_what_no_snapshot_can_be_made_of_is_named() -> None:
    """At the call already, on the thread that can say so."""
    with pytest.raises(BadTree, match=r"^a/1: builtins\.object cannot be written$"):
        frozen({"a": [1, object()]})
