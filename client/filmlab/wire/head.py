"""What do all entries of stream C have in common? A head (run, step, episode, wall) and a number for their type."""

from dataclasses import dataclass
from enum import IntEnum

NO_STEP = -(2**63)
NO_EPISODE = -1


class EntryType(IntEnum):
    """The number of each entry on the wire. 64 and above are left to results and tapes."""

    RUN_BEGIN = 1
    METRIC_NAMES = 2
    SNAPSHOT = 3
    EPISODE_BEGIN = 4
    STEPS = 5
    EPISODE_END = 6
    MEDIA = 7
    BLOCKED = 8
    DROPPED = 9
    RUN_UPDATE = 10
    FLUSH = 11
    RUN_FINISH = 12


class FilmKind(IntEnum):
    """What a film is made of."""

    FRAMES = 0
    TAPE = 1
    STATES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every entry carries. `run` is the session's own small number for it; `wall` is Unix time, s."""

    run: int
    wall: float
    step: int = NO_STEP
    episode: int = NO_EPISODE
