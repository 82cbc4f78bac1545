"""How does a run hold its place in a session? It joins one, hands over, complains, joins another if that is lost."""

import os
import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from filmlab import _process
from filmlab._names import no_room
from filmlab._rows import Row
from filmlab.jsonable import as_text
from filmlab.notices import Notices, wording
from filmlab.options import RunOptions
from filmlab.reel import Reel
from filmlab.surroundings import surroundings
from filmlab.tally import Tally
from filmlab.wire.entries import RunBegin, encode_entry

if TYPE_CHECKING:
    from filmlab._clip import Clip
    from filmlab._episode import Episode


class Seat:
    """One run's place. Its attributes are for the run, its episodes and its session; any thread may use it.

    Args:
        at_exit: finishes the run when the interpreter ends without.
    """

    def __init__(self, options: RunOptions, at_exit: Callable[[], None]) -> None:
        self.options = options
        self.at_exit = at_exit
        self.id, self.writer = options.run_id, options.writer
        self.notices = Notices(strict=options.strict)
        self.tally = Tally(0, self.notices)
        self.process: _process.Process | None = None
        self.plan_version = 0
        self.began_at = time.monotonic()
        self.surroundings = surroundings()
        self.joins = 0
        """How many sessions it has joined so far."""
        self.rows: dict[tuple[str, ...], Row] = {}
        """Empty whenever `log` must look closer: at first, after `finish`, in a forked child."""
        self.metrics: set[str] = set()
        """The names that it has logged under, and goes on with in another session."""
        self.episodes: weakref.WeakSet[Episode | Clip] = weakref.WeakSet()
        """Those that are open."""
        self.away = ""
        """Why the session is not this process's own any more: `forked` or `lost`."""
        self.finished = False
        self._former_session = 0

    # --- handing over -----------------------------------------------------------------------------------------------

    def put(self, entry: bytes) -> None:
        """Hand over an encoded entry that must not be dropped."""
        process = self.process
        if process is not None:
            process.intake.put_entry(entry)
            process.link.wake()

    def put_metrics(self, entry: bytes, values: int = 1) -> None:
        """Hand over an encoded entry, of so many values, of which there may be very many."""
        process = self.process
        if process is None:
            return
        if process.intake.put_metrics(entry):
            process.link.wake()
            return
        # The reserve for numbers is full, and the spool too: the last resort.
        self.tally.drop_metrics(values, "memory and spool are full")
        self.notices.warn("metrics-dropped", f"run {self.id}: metrics are dropped: memory and spool are full")

    def leave_out(self, names: Sequence[str]) -> None:
        """One value of each of these metrics is not recorded, since there is no room for their names."""
        reason = no_room(self.metrics)
        self.tally.drop_metrics(len(names), reason)
        self.notices.warn("names", f"run {self.id}: metric {names[0]!r} is not recorded, nor are others: {reason}")

    def drop_film(self, reel: Reel, label: str) -> None:
        """There is no memory left for more of a film: all of it goes.

        Args:
            label: whose film it is, for the warning.
        """
        reason = "over memory_bytes: frames came faster than they could be handed on"
        dropped = self.tally.drop_film(reel, reason)
        if dropped is not None:
            self.put(encode_entry(dropped))
            self.notices.warn("film-dropped", f"{label}: its film is dropped: {reason}")

    def failed(self, what: str, error: Exception) -> None:
        """Say that a call failed, once for each reason; with strict, raise what it failed with."""
        if self.notices.strict:
            raise error
        reason = as_text(error)
        self.notices.warn(f"{what} {wording(reason)}", f"run {self.id}: {what} failed: {reason}")

    # --- the session ------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Take a place in a session of this process. Raises BadInput where none can be begun."""
        options = self.options
        self.tally.plan = None
        self.process = _process.join(options, self, self._former_session)
        self.joins += 1
        begin = RunBegin(
            run=self.tally.number,
            wall=time.time(),
            run_id=self.id,
            writer=self.writer,
            project=options.project,
            name=options.name,
            directory=os.fspath(options.directory),
            group=options.group,
            tags=options.tags,
            config=options.config,
            resume=options.resume,
            schedule=str(options.schedule),
            total_episodes=options.total_episodes,
            fps=options.fps,
            formats=options.formats,
            overlay=options.overlay,
        )
        self.put(encode_entry(begin))

    def ready(self, what: str) -> bool:
        """Whether the run can record; joins a new session where the former was lost or is a parent's."""
        if self.finished:
            self.notices.warn("late", f"run {self.id}: {what} after finish; ignored")
            return False
        if self.away:
            self.rejoin()
        return self.process is not None

    def detach(self, why: str) -> None:
        """The session is gone, or another process's. Called between two instructions of the training: does little."""
        self._former_session = self.process.link.session if self.process is not None else 0
        self.away, self.process, self.rows = why, None, {}
        if why == "forked":
            # Another thread of the parent may hold a lock in there at this moment.
            self.tally = Tally(0, self.notices)
        for episode in list(self.episodes):
            episode._detach()

    def rejoin(self) -> None:
        """In a forked child the run goes on under a writer of its own."""
        why, self.away = self.away, ""
        if why == "forked":
            self.writer = f"{self.options.writer[:60]}-{os.getpid()}"
        self.join()

    def rise(self) -> "_process.Process | None":
        """Nothing is handed over from here on; the session that was joined, for the last words."""
        self.finished = True
        self.rows = {}
        process, self.process = self.process, None
        return process
