"""Which run does a `SummaryWriter` of a directory write to? Writers of one directory share one, over processes too."""

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from filmlab._current import current, enter
from filmlab._init import WriterAlive, another_writer, init
from filmlab._run import Run


@dataclass(slots=True)
class _Shared:
    """A run that was begun for a directory, and how many writers of this process are open on it."""

    run: Run
    users: int = 0


_lock = threading.Lock()
_shared: dict[str, _Shared] = {}


class Seats:
    """One writer's claim to its run.

    Args:
        log_dir: of the writer.
        made_up: it is like no other, so that nobody else can have a run for it.
        run: the run to use; None: that which `filmlab.init` began last, else the directory's own.
        writer: who this is among several processes; None: told by the environment.

    Raises:
        BadInput: a run of its own cannot be begun.
    """

    def __init__(self, log_dir: str, *, made_up: bool, run: Run | None, writer: str | None) -> None:
        self._key = os.path.realpath(log_dir)
        self._id = None if made_up else _id_of(self._key)
        self._given, self._writer = run, writer
        self._owns = False
        self.left = False
        """The writer was closed, and has not been used since."""
        self.run = self._find()

    def again(self) -> Run:
        """The run for a writer that is used on after it was closed: a further attempt of it, unless it is still open.

        Raises:
            BadInput: it cannot be begun.
        """
        self.left = False
        self.run = self._find()
        return self.run

    def leave(self) -> None:
        """The writer is closed: the last one finishes a run of their own."""
        if not self._owns:
            return
        self._owns, self.left = False, True
        with _lock:
            shared = _shared.get(self._key)
            if shared is not None and shared.run is self.run:
                shared.users -= 1
                if shared.users:
                    return
                del _shared[self._key]
        self.run.finish()

    def _find(self) -> Run:
        begun = current()
        if self._given is not None:
            return self._given
        if begun is not None and not begun._seat.finished and not _is_shared(begun):
            return begun
        self._owns = True
        run = self._share(self._writer or _writer())
        self._id = run.id
        return run

    def _share(self, writer: str) -> Run:
        with _lock:
            shared = _shared.get(self._key)
            if shared is None or shared.run._seat.finished:
                shared = _shared[self._key] = _Shared(_begin(self._id, Path(self._key).name or "run", writer))
            shared.users += 1
            return shared.run


def _id_of(key: str) -> str:
    """Of the run of a directory, in whatever process: `runs/CartPole__1` is one run."""
    return f"tb-{hashlib.blake2b(key.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def _begin(run_id: str | None, name: str, writer: str) -> Run:
    before = current()
    try:
        run = init(name=name, id=run_id, writer=writer)
    except WriterAlive:
        # Another process has this directory's run open under the same name: it goes on beside that one.
        run = init(name=name, id=run_id, writer=another_writer(writer))
    if before is not None and not before._seat.finished:
        # `filmlab.log` goes on meaning what it meant.
        enter(before)
    return run


def _is_shared(run: Run) -> bool:
    return any(shared.run is run for shared in list(_shared.values()))


def _writer() -> str:
    """`main`, but for the ranks behind the first, as torchrun numbers them, and for children of multiprocessing."""
    rank = os.environ.get("RANK", "")
    if rank.isdigit() and int(rank) > 0:
        return f"rank{int(rank)}"
    import multiprocessing

    return "main" if multiprocessing.parent_process() is None else f"main-{os.getpid()}"


def _after_fork() -> None:
    """In the child: another thread of the parent may hold the lock at this moment. Its runs go on under other names."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
