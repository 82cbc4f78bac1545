"""What lies between the simulated trainers and their daemon, and what can befall all of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.sim_daemon import DaemonLife
    from faults.sim_trainer import Trainer

FAULTS = (
    "kill the daemon", "kill the daemon", "a failed sync", "power cut", "stop the daemon", "freeze the daemon", "cut",
    "cut", "half-open", "network down", "full disk", "kill a trainer", "kill a trainer", "clock jumps",
)  # fmt: skip
"""What strikes; those that are named twice do so twice as often."""


@dataclass(eq=False)
class Connection:
    """One connection. After a cut, what was on its way may still arrive at the daemon, as from a socket's buffer."""

    peer: bytes
    trainer: "Trainer"
    daemon: "DaemonLife"
    up: bool = False
    """The trainer's socket has its peer."""
    open: bool = True
    mute: bool = False
    """Half-open: neither side is told that nothing passes any more."""
    up_at: float = 0.0
    down_at: float = 0.0


@dataclass(frozen=True)
class Road:
    """How bad the network is. ZeroMQ over a Unix socket loses only with a cut; the protocol must bear the worse."""

    lose: float = 0.0
    double: float = 0.0
    swap: float = 0.0
    alter: float = 0.0
