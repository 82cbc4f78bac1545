"""Is there a daemon, and does it answer? Asked once for a whole command: no two of its lines contradict each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from filmlab.control import Control, NoDaemon
from filmlab.endpoint import read_endpoint
from filmlab.errors import BadInput, Corrupt
from filmlab.paths import StatePaths
from filmlab.private import is_locked, process_state

ASK_TIMEOUT_S = 5.0


class Presence(StrEnum):
    """What became of the question."""

    RUNNING = "running"
    NONE = "none"
    HANGING = "hanging"
    """A process holds the lock, and does not answer; or it has only begun to start."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found where a daemon should be."""

    presence: Presence
    status: Mapping[str, Any] = field(default_factory=dict)
    """Its own answer; empty unless it is running."""
    reason: str = ""
    """Why it cannot be asked; empty when it answered."""
    pid: int = 0
    """The process that is taken for it; 0 where that is not known."""

    @property
    def hanging(self) -> str:
        """The same in one line, for one that hangs."""
        who = f" (process {self.pid})" if self.pid else ""
        return f"a daemon runs{who} and does not answer: {self.reason}"

    @property
    def remedy(self) -> str:
        """What to do for work that waits for a daemon; empty where one answers."""
        match self.presence:
            case Presence.RUNNING:
                return ""
            case Presence.NONE:
                return "no daemon runs: `filmlab sync` starts one"
            case Presence.HANGING:
                return "the daemon does not answer: see the line about it"


def look_for_daemon(paths: StatePaths, timeout_s: float = ASK_TIMEOUT_S) -> Seen:
    """Ask the daemon of a state directory how it is, once."""
    try:
        status = Control(paths, timeout_s).ask("status")
        return Seen(Presence.RUNNING, status, pid=int(status.get("pid", 0)))
    except (NoDaemon, BadInput) as error:
        # Looked at after the question: a daemon that ended meanwhile does not hang.
        if not is_locked(paths.daemon_lock):
            return Seen(Presence.NONE, reason=str(error))
        pid = _pid(paths)
        return Seen(Presence.HANGING, reason=f"{error}{_standstill(pid)}", pid=pid)


def _pid(paths: StatePaths) -> int:
    """As it wrote it down when it opened its sockets."""
    try:
        found = read_endpoint(paths.endpoint)
    except (Corrupt, OSError):
        return 0
    return found.pid if found is not None else 0


def _standstill(pid: int) -> str:
    """Why a process stands still, where the kernel knows it."""
    match process_state(pid):
        case "T" | "t":
            return f"; it is stopped, and `kill -CONT {pid}` lets it go on"
        case "D":
            return "; it waits for a disk"
    return ""
