"""How much of what it may have does this process hold: memory, descriptors? And when is that too much?

libzmq bounds neither: a message of endlessly many parts grows until its connection is closed, and at the last
descriptor its listener aborts the process. The first is answered by closing all connections, which costs honest clients
a moment; the second is put far away, said in time, and nobody else is let in until some are free again.
"""

import errno
import os
import resource
from dataclasses import dataclass
from pathlib import Path

NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""Errors that go away when this process, or another one, closes something."""
DESCRIPTORS_WANTED = 65_536
CROWDED, AT_EASE = 0.8, 0.75
"""Of the descriptors: from here on it is said and the door is shut; below there it opens again."""


@dataclass(frozen=True, slots=True)
class Burden:
    """What a process holds."""

    anonymous_bytes: int
    """Memory that is no file's."""
    descriptors: int
    descriptors_max: int


def measure() -> Burden:
    """This process, as the kernel counts it. Without a descriptor to ask with: all of them, and no memory."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    anonymous_kib = 0
    try:
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("RssAnon:"):
                anonymous_kib = int(line.split()[1])
        held = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names only: there may be many thousands
    except OSError as error:
        if error.errno not in NO_DESCRIPTORS:
            raise
        return Burden(0, most, most)
    return Burden(anonymous_kib * 1024, held, most)


def raise_descriptors() -> None:
    """Allow this process as many descriptors as it may have, up to 65,536. What the system refuses stays as it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return


class Scales:
    """Weighs a process again and again. Decides, and measures nothing.

    Args:
        runaway_bytes: how much memory it may have beyond what it had at rest and what it has granted.
    """

    def __init__(self, at_rest: Burden, runaway_bytes: int) -> None:
        self.runaways = 0
        self._rest_bytes = at_rest.anonymous_bytes
        self._runaway_bytes = runaway_bytes
        self._rests = False
        self.crowded = False
        """By the last look it was near its last descriptor."""

    def is_runaway(self, now: Burden, granted_bytes: int) -> bool:
        """Is there memory that nobody was granted? What is left right after a yes is the new rest: it cannot be had
        back by saying yes again."""
        if self._rests:
            self._rest_bytes, self._rests = max(self._rest_bytes, now.anonymous_bytes - granted_bytes), False
        if now.anonymous_bytes - self._rest_bytes - granted_bytes <= self._runaway_bytes:
            return False
        self.runaways += 1
        self._rests = True
        return True

    def is_crowded(self, now: Burden) -> bool:
        """Does it come near its last descriptor? True once each time."""
        share = now.descriptors / max(1, now.descriptors_max)
        said, self.crowded = self.crowded, share >= (AT_EASE if self.crowded else CROWDED)
        return self.crowded and not said
