"""Is the process of a session still there? Watched by pidfd in the event loop: noticed in about a millisecond."""

import asyncio
import logging
import os
from collections.abc import Callable

from filmlab.private import started_ticks

log = logging.getLogger(__name__)


class Watches:
    """The processes that are watched, by session.

    Args:
        on_death: told of a session whose process is gone.
        on_failure: told of one whose process cannot be watched (a kernel or sandbox without pidfd, no descriptors).
    """

    def __init__(self, on_death: Callable[[int], None], on_failure: Callable[[int], None]) -> None:
        self._on_death = on_death
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._fds: dict[int, int] = {}

    def add(self, session: int, pid: int, started: int) -> None:
        """Watch a session's process. One that is gone, or whose pid is another's by now, is told of at once."""
        if session in self._fds:
            return
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            fd = -1
        except OSError as error:
            log.warning("process %d of session %016x cannot be watched: %s", pid, session, error)
            self._loop.call_soon(self._on_failure, session)
            return
        # 0 is of one that is gone by now, which the descriptor tells, or of a look that found no descriptor itself.
        if fd >= 0 and started and started_ticks(pid) not in (0, started):
            os.close(fd)
            fd = -1
        if fd < 0:
            self._loop.call_soon(self._on_death, session)
            return
        self._fds[session] = fd
        self._loop.add_reader(fd, self._died, session)

    def remove(self, session: int) -> None:
        fd = self._fds.pop(session, None)
        if fd is not None:
            self._loop.remove_reader(fd)
            os.close(fd)

    def close(self) -> None:
        for session in list(self._fds):
            self.remove(session)

    def _died(self, session: int) -> None:
        self.remove(session)
        log.info("the process of session %016x is gone", session)
        self._on_death(session)
