"""What do the training thread and the sender share of one film? How far it has come, and why it ended, if it did."""

from collections.abc import Callable
from typing import Any

from filmlab.frames import Shutter, Snapshot


class Reel:
    """One film while it is shot. Its episode writes the first part, the sender the second; `dropped` either of them."""

    __slots__ = (
        "announced", "develop", "developed", "dropped", "ended_by", "episode", "first_step", "frames", "handed_bytes",
        "is_noisy", "last_seq", "number", "run", "sealed_frames", "shutter", "wall",
    )  # fmt: skip

    def __init__(self, number: int, run: int, episode: int, wall: float, first_step: int = 0) -> None:
        self.number = number
        self.run = run
        self.episode = episode
        self.wall = wall
        self.first_step = first_step
        """Of the episode, when the film began."""
        self.announced = False
        """The daemon knows of it before its end, and waits for that, as it does for a clip's."""
        self.shutter = Shutter()
        self.develop: Callable[[Any], Snapshot] | None = None
        """Where frames come as something else: makes them frames, in the sender's thread. Raises BadFrame."""
        self.developed = 0
        """How many `develop` has made."""
        self.frames = 0
        """How many were handed over."""
        self.handed_bytes = 0
        """Of raw frames."""
        self.ended_by = ""
        """What ended it before its episode, empty for nothing: it is developed up to there."""
        self.dropped = ""
        """Why all of it is thrown away, empty as long as it is not."""
        self.is_noisy = False
        """Its last frames did not shrink."""
        self.sealed_frames = 0
        self.last_seq = 0
        """In stream B, of its last record."""
