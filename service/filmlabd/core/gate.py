"""May film come in? Not while the disk has less room than is to be kept free: metrics then go on alone. Pure."""

from dataclasses import dataclass, field

from filmlab.wire.messages import Resync, Stream
from filmlab.words import size
from filmlabd.core import events
from filmlabd.core.desk import Desk
from filmlabd.core.events import Command, Now
from filmlabd.core.keeper import Keeper
from filmlabd.core.session import Session

KEEP_FREE_BYTES = 2 * 2**30
KEEP_FREE_SHARE = 0.05
REOPEN_BYTES = 64 * 2**20
"""How much more than the floor must be free before film comes in again: it would be back at the floor at once."""
KEEP_FREE_FILES = 1000


def floor_bytes(setting: int | None, all_bytes: int) -> int:
    """How much of a disk is kept free. `setting` None: 2 GiB or 5 % of it, whichever is less."""
    return min(KEEP_FREE_BYTES, int(KEEP_FREE_SHARE * all_bytes)) if setting is None else setting


@dataclass(slots=True)
class Gate:
    """Whether film is taken. Closed, every session is told BUSY, and credit is 0; it opens by itself."""

    desk: Desk
    keeper: Keeper
    keep_free_bytes: int | None = None
    disk: events.Measured | None = None
    """As it was last measured."""
    _missed: set[int] = field(default_factory=set)
    """Sessions that have sent film in vain."""

    @property
    def floor_bytes(self) -> int:
        return floor_bytes(self.keep_free_bytes, self.disk.all_bytes if self.disk is not None else 0)

    def measured(self, disk: events.Measured, now: Now, out: list[Command]) -> bool:
        """Take note of how the disk stands; True when film may come again that could not."""
        self.disk = disk
        self._missed.intersection_update(self.desk.sessions)
        was, self.desk.closed = self.desk.closed, self._why_closed(disk)
        if self.desk.closed and not was:
            for session in self.desk.sessions.values():
                self.desk.say_busy(session, out)
        if was and not self.desk.closed:
            self._open(out)
        self.keeper.measured(disk, self._short_bytes(disk), now, out)
        return bool(was) and not self.desk.closed

    def turns_away(self, session: Session, seq: int, now: Now, out: list[Command]) -> bool:
        """Whether a chunk of film is not taken; its sender has it still, and is told so now and then."""
        stream = session.streams[Stream.B]
        if not self.desk.closed or seq < stream.next_seq:
            return False
        self._missed.add(session.id)
        if stream.may_resync(now.at):
            self.desk.say_busy(session, out)
        return True

    def _short_bytes(self, disk: events.Measured) -> int:
        """How much room films should make."""
        return self.floor_bytes + self._reopen_bytes - disk.free_bytes if disk.free_bytes < self.floor_bytes else 0

    @property
    def _reopen_bytes(self) -> int:
        return min(REOPEN_BYTES, self.floor_bytes // 8)

    def _why_closed(self, disk: events.Measured) -> str:
        if disk.stuck:
            return disk.stuck
        # What opens a closed gate is more than what closes an open one.
        more = self._reopen_bytes if self.desk.closed else 0
        if disk.free_bytes < self.floor_bytes + more:
            return f"its disk has {size(disk.free_bytes)} left, and {size(self.floor_bytes)} are kept free"
        if disk.free_files < KEEP_FREE_FILES:
            return f"its disk has room for {disk.free_files} more files only"
        return self.keeper.why_full(disk)

    def _open(self, out: list[Command]) -> None:
        for session in self.desk.sessions.values():
            if session.id in self._missed:
                self.desk.tell(session, Resync(Stream.B, session.next_b), out)
            self.desk.acknowledge(session, out)
        self._missed.clear()
