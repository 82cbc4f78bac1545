"""Where do the threads of the training hand over to the sender's thread? A queue without locks, bounded in raw bytes.

A `deque` takes an item in one step of the interpreter, so a `__del__` that logs while the garbage collector runs inside
a push cannot deadlock. The counters have one writer each on the sender's side, and on the other side are only summed up
between two steps of the interpreter; should threads ever lose a count, it is put right when the queue is empty.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, TypeAlias

from filmlab.frames import Snapshot
from filmlab.parcel import Parcel
from filmlab.reel import Reel
from filmlab.wire.entries import EpisodeEnd, Media

CONTROL_RESERVE_BYTES = 8 * 1024 * 1024
"""Entries that wait may take so much that no film can have; what they need beyond counts like film."""

_ITEM_BYTES = 200


@dataclass(slots=True)
class Shot:
    """One step of a film: its frame, its action and its reward; a frame alone (after reset) has `is_step` False."""

    reel: Reel
    frame: Snapshot | None
    action: Any
    reward: float
    is_step: bool
    frame_bytes: int = 0
    """Raw; still counted once the frame itself is gone."""
    action_bytes: int = 0


@dataclass(slots=True)
class FilmEnd:
    """A film is over. The sender completes the entry with what became of the film."""

    reel: Reel
    entry: EpisodeEnd | Media


Item: TypeAlias = bytes | Shot | FilmEnd | Parcel
"""`bytes` are an encoded entry."""


class Intake:
    """The queue of one session.

    Args:
        memory_bytes: ceiling on raw frames that are queued and records that the outbox holds, together.
        results_bytes: ceiling on the arrays of results that are not durable yet.
    """

    def __init__(self, memory_bytes: int, results_bytes: int = 0) -> None:
        self.memory_bytes = memory_bytes
        self.results_bytes = results_bytes
        self.items: deque[Item] = deque()
        self.outbox_bytes = 0
        """What the sender's outbox holds; set by the sender."""
        self._handed_film_bytes = 0
        self._done_film_bytes = 0
        self._handed_control_bytes = 0
        self._done_control_bytes = 0
        self._handed_results_bytes = 0
        self._done_results_bytes = 0

    # --- threads of the training ------------------------------------------------------------------------------------

    def put_entry(self, entry: bytes) -> None:
        """Hand over an encoded entry that must not be dropped."""
        self._handed_control_bytes += len(entry) + _ITEM_BYTES
        self.items.append(entry)

    def put_metrics(self, entry: bytes) -> bool:
        """Hand over an encoded entry; False when its reserve is full and the memory for film as well: it is dropped."""
        if self._handed_control_bytes - self._done_control_bytes > CONTROL_RESERVE_BYTES and not self.film_room(0):
            return False
        self._handed_control_bytes += len(entry) + _ITEM_BYTES
        self.items.append(entry)
        return True

    def put_shot(self, shot: Shot) -> None:
        """Hand over a step of a film; `film_room` has said that there is room."""
        self._handed_film_bytes += shot.frame_bytes + shot.action_bytes
        self.items.append(shot)

    def put_end(self, end: FilmEnd) -> None:
        """Hand over the end of a film."""
        self.items.append(end)

    def put_parcel(self, parcel: Parcel) -> None:
        """Hand over results; `results_room_bytes` has said that there is room."""
        self._handed_results_bytes += parcel.size_bytes
        self.items.append(parcel)

    def results_room_bytes(self) -> int:
        """How many bytes of results may be handed over now."""
        return self.results_bytes - self.results_held_bytes

    @property
    def results_held_bytes(self) -> int:
        """Of results that were handed over and are not durable yet."""
        return self._handed_results_bytes - self._done_results_bytes

    def film_room(self, size_bytes: int) -> bool:
        """May so many bytes of raw frames be handed over?"""
        waiting_bytes = self._handed_control_bytes - self._done_control_bytes
        over_bytes = max(0, waiting_bytes - CONTROL_RESERVE_BYTES)
        return self.film_bytes + over_bytes + self.outbox_bytes + size_bytes <= self.memory_bytes

    @property
    def film_bytes(self) -> int:
        """Raw frames that were handed over and not compressed yet."""
        return self._handed_film_bytes - self._done_film_bytes

    # --- the sender's thread ----------------------------------------------------------------------------------------

    def take(self, film_bytes: int, control_bytes: int) -> list[Item]:
        """The oldest items, up to about so many bytes of either kind; one shot at least, unless `film_bytes` is 0."""
        taken: list[Item] = []
        items = self.items
        while items and control_bytes > 0:
            head = items[0]
            if isinstance(head, bytes):
                control_bytes -= len(head) + _ITEM_BYTES
            elif isinstance(head, Shot) and not head.reel.dropped:
                if film_bytes <= 0:
                    break
                film_bytes -= head.frame_bytes
                control_bytes -= _ITEM_BYTES + head.action_bytes
            taken.append(items.popleft())
        return taken

    def done(self, taken: list[Item]) -> None:
        """These items' memory is free again, or the outbox's."""
        for item in taken:
            if isinstance(item, bytes):
                self._done_control_bytes += len(item) + _ITEM_BYTES
            elif isinstance(item, Shot):
                self._done_film_bytes += item.frame_bytes + item.action_bytes
        if not self.items:
            self._settle()

    def results_done(self, size_bytes: int) -> None:
        """Results have become durable, or were given up."""
        self._done_results_bytes += size_bytes

    def _settle(self) -> None:
        """Nothing is queued: lost counts, if there are any, end here."""
        film, control = self._handed_film_bytes, self._handed_control_bytes
        if not self.items:
            self._done_film_bytes, self._done_control_bytes = film, control
