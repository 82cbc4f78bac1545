"""What does the sender's thread do with what was handed over? Entries into records, frames into chunks, in order.

The `Source` of the link: everything here runs in the sender's thread.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from filmlab.errors import WireError
from filmlab.frames import BadFrame
from filmlab.intake import FilmEnd, Intake, Item, Shot
from filmlab.link.chunks_out import CHUNK_MAX_AGE_S, CHUNK_OVERHEAD_BYTES, Blob, ChunkBuilder, pack
from filmlab.link.delivery import (
    Acked,
    Event,
    FilmHeld,
    Full,
    LostInSpool,
    NewBoot,
    PlanChanged,
    Printed,
    Refused,
    SessionLost,
)
from filmlab.link.outbox import Outbox
from filmlab.notices import wording
from filmlab.parcel import Parcel
from filmlab.postings import Postings
from filmlab.reel import Reel
from filmlab.spares import give_back
from filmlab.steps import columns
from filmlab.tally import Tally
from filmlab.wire.chunks import Film
from filmlab.wire.entries import RECORD_TARGET_BYTES, Entry, EpisodeEnd, Flush, Steps, encode_entry
from filmlab.wire.episode_entries import NOTE_MAX_CHARS
from filmlab.wire.names import clean_text

FILM_BATCH_BYTES = 16 * 1024 * 1024
"""Raw. Larger ones win little time and, uncompressible, stand three times in memory for a moment."""
CONTROL_BATCH_BYTES = 1024 * 1024
CONTROL_ROOM_BYTES = 3 * 1024 * 1024
RECORD_MAX_AGE_S = 0.02
BLOCKED_EVERY_S = 5.0
RETRY_S = 0.01
PATIENCE_S = 1.0
"""How long film waits for room in the outbox before it is dropped: a spool that is being written makes some."""


@dataclass(slots=True)
class _OpenReel:
    """What is gathered of one film and not pushed yet."""

    chunks: ChunkBuilder
    first_step: int
    actions: list[Any] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    steps_bytes: int = 0
    steps_due_at: float | None = None


class Packer:
    """Moves items from the intake to the outbox, and events of the daemon to the runs' tallies.

    Args:
        on_lost: told when this session cannot go on (its daemon's state is gone).
    """

    def __init__(self, intake: Intake, on_lost: Callable[[str], None]) -> None:
        self.tallies: dict[int, Tally] = {}
        self._intake = intake
        self._on_lost = on_lost
        self._postings = Postings(lambda entry: self._add(entry, self._drained_at), self._posted, intake.results_done)
        self._open: dict[int, _OpenReel] = {}
        self._entries: list[bytes] = []
        self._entries_bytes = 0
        self._entries_due_at: float | None = None
        self._blocked_due_at: float | None = None
        self._stuck_since: float | None = None
        self._outbox: Outbox | None = None
        self._drained_at = 0.0

    # --- the link's calls -------------------------------------------------------------------------------------------

    def drain(self, outbox: Outbox, now: float) -> bool:
        """Move a few ms worth of items; True if there were any."""
        self._outbox, self._drained_at = outbox, now
        outbox.await_answer(any(tally.flushes for tally in list(self.tallies.values())), now)
        taken: list[Item] = []
        posted = False
        if outbox.control_room(CONTROL_ROOM_BYTES):
            taken = self._intake.take(self._film_budget(outbox, now), CONTROL_BATCH_BYTES)
            self._pack(taken, now)
            self._intake.done(taken)
            posted = self._postings.step(outbox)
            self._flush_due(now)
        self._intake.outbox_bytes = outbox.memory_bytes
        outbox.results_bytes = self._intake.results_held_bytes
        # While somebody waits for all that was handed over, what could not be taken yet keeps this at it.
        left = bool(self._intake.items) or self._postings.busy
        return bool(taken) or posted or (outbox.waiting and left)

    def handle(self, event: Event) -> None:
        """Something happened on the other side."""
        match event:
            case Acked():
                self._postings.acked(event.durable_b)
            case PlanChanged(plan):
                if plan.run in self.tallies:
                    self.tallies[plan.run].plan = plan
            case Printed(item):
                if item.run in self.tallies:
                    self.tallies[item.run].printed(item)
            case Refused(error):
                self._refused(error.run, error.message)
            case NewBoot():
                self._ask_again()
            case FilmHeld(reason):
                said = f"the daemon takes no film for now: {reason}; film waits here and in the spool, numbers go on"
                self._tell_all("film-held", said)
            case LostInSpool(stream, first, last):
                self._tell_all("spool", f"records {first} to {last} of stream {stream.name} could not be read back")
            case SessionLost(reason):
                self._on_lost(reason)

    def next_at(self) -> float | None:
        """When `drain` has something to do though nothing was handed over."""
        instants = [self._entries_due_at, self._blocked_due_at]
        if self._stuck_since is not None:
            instants.append(self._stuck_since + PATIENCE_S)
        for reel in self._open.values():
            instants += [reel.chunks.due_at, reel.steps_due_at]
        if self._postings.busy:
            instants.append(self._drained_at)
        due_at = min((instant for instant in instants if instant is not None), default=None)
        # What is due and found no room comes again with a pause, not at once.
        return None if due_at is None else max(due_at, self._drained_at + RETRY_S)

    # --- film -------------------------------------------------------------------------------------------------------

    def _film_budget(self, outbox: Outbox, now: float) -> int:
        """How many raw bytes may be compressed now, on the pessimistic view that they do not shrink."""
        budget = max(1, min(FILM_BATCH_BYTES, outbox.limits.memory_bytes // 4))
        gathered_bytes = sum(CHUNK_OVERHEAD_BYTES + reel.chunks.size_bytes for reel in self._open.values())
        if outbox.film_room(budget + gathered_bytes):
            self._stuck_since = None
            return budget
        head = self._intake.items[0] if self._intake.items else None
        if not isinstance(head, Shot):
            self._stuck_since = None
            return 0
        if self._stuck_since is None:
            self._stuck_since = now
        if now - self._stuck_since >= PATIENCE_S:
            self._drop(head.reel, "memory and spool are full")
        return 0

    def _pack(self, taken: list[Item], now: float) -> None:
        """Put everything where it belongs, in order."""
        shots = [item for item in taken if isinstance(item, Shot) and item.frame is not None and not item.reel.dropped]
        shots = [shot for shot in shots if shot.reel.develop is None or self._develop(shot)]
        blobs = iter(pack([(shot.reel, shot.frame) for shot in shots if shot.frame is not None]))
        for shot in shots:
            # The raw frames go now, not at the end of the batch.
            if shot.frame is not None:
                give_back(shot.frame.data)
            shot.frame = None
        with_frame = set(map(id, shots))
        for item in taken:
            if isinstance(item, bytes):
                self._add_entry(item, now)
            elif isinstance(item, Shot):
                self._add_shot(item, next(blobs) if id(item) in with_frame else None, now)
            elif isinstance(item, Parcel):
                self._postings.take(item)
            else:
                self._end_film(item, now)

    def _develop(self, shot: Shot) -> bool:
        """Make a frame of what a recorder was given; False, and its film ends before it, where that cannot be."""
        reel = shot.reel
        assert reel.develop is not None
        try:
            if reel.ended_by:
                raise BadFrame(reel.ended_by)
            shot.frame = reel.develop(shot.frame)
        except BadFrame as error:
            reel.ended_by = reel.ended_by or f"frame {reel.developed} {error}; its film ends there"
            shot.frame = None
            return False
        reel.developed += 1
        return True

    def _add_shot(self, shot: Shot, blob: Blob | None, now: float) -> None:
        reel = shot.reel
        if reel.dropped:
            self._open.pop(reel.number, None)
            return
        gathered = self._open.get(reel.number)
        if gathered is None:
            gathered = self._open[reel.number] = _OpenReel(ChunkBuilder(reel, self._push_b), reel.first_step)
        if shot.is_step:
            if not gathered.rewards:
                gathered.steps_due_at = now + CHUNK_MAX_AGE_S
            gathered.actions.append(shot.action)
            gathered.rewards.append(shot.reward)
            gathered.steps_bytes += 16 + shot.action_bytes
            if gathered.steps_bytes >= RECORD_TARGET_BYTES // 2:
                self._flush_steps(reel, gathered, now)
        if blob is not None:
            try:
                gathered.chunks.add(blob, now)
            except Full:
                self._drop(reel, "memory and spool are full")

    def _end_film(self, end: FilmEnd, now: float) -> None:
        reel = end.reel
        gathered = self._open.pop(reel.number, None)
        if gathered is not None and not reel.dropped:
            self._flush_steps(reel, gathered, now)
            try:
                gathered.chunks.flush()
            except Full:
                self._drop(reel, "memory and spool are full")
        entry = replace(end.entry, frames=0 if reel.dropped else reel.sealed_frames, last_seq=reel.last_seq)
        if not isinstance(entry, EpisodeEnd):
            # The daemon waits for the end of what it has heard of: of an announced film, of one whose chunks have come.
            if reel.announced or reel.last_seq or not reel.dropped:
                self._add(entry, now)
            return
        notes = [entry.note, reel.ended_by, f"film dropped: {reel.dropped}" if reel.dropped else ""]
        # What raised in the caller's function may be long, and coloured for a terminal.
        note = clean_text(" ".join("; ".join(filter(None, notes)).split()), NOTE_MAX_CHARS)
        self._add(replace(entry, note=note), now)

    def _flush_steps(self, reel: Reel, gathered: _OpenReel, now: float) -> None:
        if not gathered.rewards:
            return
        actions, rewards, first = gathered.actions, gathered.rewards, gathered.first_step
        gathered.actions, gathered.rewards, gathered.steps_bytes = [], [], 0
        gathered.first_step, gathered.steps_due_at = first + len(rewards), None

        def entry(actions: list[Any]) -> Steps:
            table = columns(actions, rewards)
            return Steps(
                run=reel.run, wall=reel.wall, step=first, episode=reel.episode, film=reel.number, columns=table
            )

        try:
            found = entry(actions)
        except WireError as error:
            self._tell_all("steps", f"actions of episode {reel.episode} are left out: {error}")
            found = entry([None] * len(actions))
        self._add(found, now)

    def _push_b(self, film: Film, blobs: Sequence[bytes]) -> int:
        assert self._outbox is not None
        return self._outbox.push_b(film, blobs)

    def _drop(self, reel: Reel, reason: str) -> None:
        """Throw a whole film away and say so."""
        tally = self.tallies.get(reel.run)
        self._open.pop(reel.number, None)
        dropped = tally.drop_film(reel, reason) if tally is not None else None
        if tally is None or dropped is None:
            return
        tally.notices.tell("film-dropped", f"the film of episode {reel.episode} was dropped: {reason}")
        self._add(dropped, self._drained_at)

    def _posted(self, parcel: Parcel, failure: str) -> None:
        """The last piece of some results is in the outbox; or they could not be written at all."""
        tally = self.tallies.get(parcel.run)
        if tally is None:
            return
        tally.results_sent += 1
        if failure:
            tally.count_drop(failure)
            tally.notices.tell(wording(failure), f"results of type {parcel.run_type}: {failure}")

    # --- entries ----------------------------------------------------------------------------------------------------

    def _add(self, entry: Entry, now: float) -> None:
        try:
            self._add_entry(encode_entry(entry), now)
        except WireError as error:
            self._tell_all("entry", f"a {entry.TYPE.name} was not recorded: {error}")

    def _add_entry(self, entry: bytes, now: float) -> None:
        if self._entries and self._entries_bytes + len(entry) > RECORD_TARGET_BYTES:
            self._push_entries()
        if not self._entries:
            self._entries_due_at = now + RECORD_MAX_AGE_S
        self._entries.append(entry)
        self._entries_bytes += len(entry)

    def _push_entries(self) -> None:
        entries, self._entries = self._entries, []
        self._entries_bytes, self._entries_due_at = 0, None
        assert self._outbox is not None
        try:
            self._outbox.push_c(entries)
        except Full as error:
            # `drain` made sure that there is room for all it takes; this is the rest of a risk, said if it ever comes.
            self._tell_all("metrics-dropped", f"{len(entries)} entries were dropped: {error}")

    def _flush_due(self, now: float) -> None:
        """Whatever has waited long enough; everything, while somebody waits for it."""
        assert self._outbox is not None
        until = math.inf if self._outbox.waiting else now
        for number, gathered in list(self._open.items()):
            reel = gathered.chunks.reel
            if gathered.steps_due_at is not None and gathered.steps_due_at <= until:
                self._flush_steps(reel, gathered, now)
            if gathered.chunks.due_at is not None and gathered.chunks.due_at <= until:
                try:
                    gathered.chunks.flush()
                except Full:
                    self._drop(reel, "memory and spool are full")
            if reel.dropped:
                self._open.pop(number, None)
        self._say_blocked(now)
        if self._entries_due_at is not None and self._entries_due_at <= until:
            self._push_entries()

    def _say_blocked(self, now: float) -> None:
        """Every 5 s, what is new: the time that the training spent inside filmlab, values that were dropped."""
        if self._blocked_due_at is not None and self._blocked_due_at <= now:
            self._blocked_due_at = None
            for tally in list(self.tallies.values()):
                for entry in tally.news(time.time()):
                    self._add(entry, now)
        elif self._blocked_due_at is None and any(tally.meter.busy for tally in list(self.tallies.values())):
            self._blocked_due_at = now + BLOCKED_EVERY_S

    # --- events -----------------------------------------------------------------------------------------------------

    def _refused(self, run: int, message: str) -> None:
        tally = self.tallies.get(run)
        if tally is None:
            self._tell_all("refused", f"the daemon refused a record: {message}")
            return
        tally.refused = message
        tally.notices.tell("run-refused", f"the daemon refuses this run, and nothing more of it is kept: {message}")
        for wait in list(tally.flushes.values()):
            wait.reason = message
            wait.answered.set()

    def _ask_again(self) -> None:
        """Who waits for a flush lived in the former daemon's memory only."""
        for tally in list(self.tallies.values()):
            for token in list(tally.flushes):
                self._add(Flush(run=tally.number, wall=time.time(), token=token), self._drained_at)

    def _tell_all(self, kind: str, message: str) -> None:
        """To every run of this session; the notices of each say a kind once."""
        for tally in list(self.tallies.values()):
            tally.notices.tell(kind, message)
