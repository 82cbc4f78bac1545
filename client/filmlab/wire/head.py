"""What do all entries of stream C have in common? A head (run, step, episode, wall) and a number for their type."""

import math
from dataclasses import dataclass
from enum import IntEnum

from filmlab.errors import WireError

NO_STEP = -(2**63)
NO_EPISODE = -1
NUMBER_MAX = 2**32 - 1
"""Of the small numbers that a session gives to its runs, films and metrics."""
BODY_MAX_BYTES = 4 * 1024 * 1024
FPS_MAX = 1000.0
FRAMES_MAX = 1_000_000
"""Of one film, each tile counted. An episode of a client of ours is cut long before: `frames.MOMENTS_MAX`."""


class EntryType(IntEnum):
    """The number of each entry on the wire. From 64 on they are of results."""

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
    RECORDER = 13
    TRACE = 14
    RECORDER_ASK = 15
    CLIP_BEGIN = 16
    AXIS_SNAPSHOT = 17
    RESULTS = 64
    RESULTS_END = 65
    SURROUNDINGS = 66


class FilmKind(IntEnum):
    """What a film is made of."""

    FRAMES = 0
    TAPE = 1
    STATES = 2
    PARCEL = 3
    """Results: raw bytes, one blob to a chunk; `first` counts the chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every entry carries. `run` is the session's own small number for it; `wall` is Unix time, s.

    An entry that exists is within its limits: making one raises WireError, at the sender as at the receiver.
    """

    run: int
    wall: float
    step: int = NO_STEP
    episode: int = NO_EPISODE

    def __post_init__(self) -> None:
        # NaN would be a NULL to a database. step is any int64; the fixed head cannot hold more.
        if not math.isfinite(self.wall):
            raise WireError("an entry's wall time is not finite")
        if not 0 <= self.run <= NUMBER_MAX:
            raise WireError(f"a run is numbered from 0 to {NUMBER_MAX}")
        if not NO_EPISODE <= self.episode < 2**63 or not NO_STEP <= self.step < 2**63:
            raise WireError("an episode's index is -1 (none) or more, a step an int64")
        self.check()

    def check(self) -> None:
        """Whether the fields of this kind of entry are within their limits. Raises WireError where not."""


def check_film(owner: str, film: int, *, none_allowed: bool) -> None:
    """Raises WireError unless this is the number of a film, or 0 where an entry may have none."""
    if not (0 if none_allowed else 1) <= film <= NUMBER_MAX:
        raise WireError(f"{owner}: a film is numbered from 1 to {NUMBER_MAX}")


def check_whole(owner: str, name: str, value: int, most: int) -> None:
    """Raises WireError unless the value is from 0 to `most`."""
    if not 0 <= value <= most:
        raise WireError(f"{owner}.{name} is from 0 to {most}")


def check_fps(owner: str, fps: float) -> None:
    """Raises WireError unless frames can be shown at this rate."""
    if not 0 < fps <= FPS_MAX:
        raise WireError(f"{owner}.fps is over 0 and at most {FPS_MAX:g}")
