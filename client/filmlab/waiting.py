"""Who waits until what was handed over is safe? Shared by the thread that asks and the sender's thread that answers."""

import threading
from dataclasses import dataclass, field

SPILL_GRACE_S = 2.0
"""How much longer than asked a wait may take, to write what is left to the spool."""


@dataclass(slots=True, eq=False)
class Ask:
    """One thread waits; `done` is set when it is over, well or not."""

    done: threading.Event = field(default_factory=threading.Event)
    target: tuple[int, int] | None = None
    """The last records of both streams that belong to it, once they are known."""
    safe: bool = False
