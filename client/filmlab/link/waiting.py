"""Who waits until what was handed over is safe? Shared by the thread that asks and the sender's thread that answers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

SPILL_GRACE_S = 2.0
"""How much longer than asked a wait may take, to write what is left to the spool."""
LOOK_EVERY_S = 0.1


@dataclass(slots=True, eq=False)
class Ask:
    """One thread waits; `done` is set when it is over, well or not."""

    done: threading.Event = field(default_factory=threading.Event)
    target: tuple[int, int] | None = None
    """The last records of both streams that belong to it, once they are known."""
    safe: bool = False


def wait_for(done: threading.Event, timeout_s: float, look: Callable[[], None] | None = None) -> bool:
    """Whether it was done within `timeout_s`; meanwhile `look` is called now and then, in this thread."""
    until = monotonic() + timeout_s
    if look is None:
        return done.wait(timeout_s)
    while not done.wait(max(0.0, min(LOOK_EVERY_S, until - monotonic()))):
        if monotonic() >= until:
            return False
        look()
    return True
