"""Where do the episodes of a vector environment's sub-environments begin and end? Counted for all at once. Pure.

Source: https://farama.org/Vector-Autoreset-Mode. With NEXT_STEP, the step after an episode's end only resets and is
none of an episode's; with SAME_STEP, the step that ends an episode also resets; DISABLED: the program resets.
"""

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Autoreset(Enum):
    """Who resets a sub-environment whose episode is over: `gymnasium.vector.AutoresetMode`, which came with 1.1."""

    NEXT_STEP = "NextStep"
    SAME_STEP = "SameStep"
    DISABLED = "Disabled"


class Lanes:
    """One lane for each sub-environment."""

    def __init__(self, count: int, mode: Autoreset) -> None:
        self.mode = mode
        self.numbers = np.full(count, -1, np.int64)
        """Of each one's episode, from 0; -1 before the first."""
        self.fresh: Mask = np.zeros(count, np.bool_)
        """It was reset, and no step has been taken since."""
        self.any_fresh = False
        self._resting: Mask = np.zeros(count, np.bool_)
        """Its episode is over and it was not reset since; none has been reset before the first `reset`."""
        self._any_resting = False
        self._returns = np.zeros(count, np.float64)
        self._lengths = np.zeros(count, np.int64)

    def reset(self, mask: Any = None) -> Mask:
        """All were reset, or those of the mask. Which of them leave an episode before its end."""
        which: Mask = np.ones(len(self.fresh), np.bool_) if mask is None else np.asarray(mask, np.bool_)
        left: Mask = which & ~self.fresh & ~self._resting & (self.numbers >= 0)
        self._freshen(which)
        return left

    def begin(self) -> list[int]:
        """The next step is about to be taken: which episodes begin with it."""
        begun: list[int] = np.flatnonzero(self.fresh).tolist()
        self.numbers[begun] += 1
        self.fresh[begun] = False
        self.any_fresh = False
        return begun

    def step(self, rewards: NDArray[Any], done: Mask) -> tuple[Mask, Mask]:
        """A step was taken.

        Args:
            rewards: (count,), or (count, 1).
            done: (count,), terminated or truncated.

        Returns:
            For which it was a step of their episode, and whose episode is over with it.
        """
        rewards = rewards.reshape(len(done))
        if not self._any_resting:
            # By far the most steps are of this kind.
            stepping: Mask = np.ones(len(done), np.bool_)
            self._returns += rewards
            self._lengths += 1
        else:
            stepping = ~self._resting
            self._returns[stepping] += rewards[stepping]
            self._lengths[stepping] += 1
            if self.mode is Autoreset.NEXT_STEP:
                self._freshen(self._resting.copy())
        ended: Mask = done & stepping
        if ended.any():
            if self.mode is Autoreset.SAME_STEP:
                self.fresh |= ended
                self.any_fresh = True
            else:
                self._resting |= ended
                self._any_resting = True
        return stepping, ended

    def totals(self, index: int, infos: dict[str, Any]) -> tuple[float, int, float | None]:
        """(return, length, seconds or None) of an episode that is over, once.

        What `RecordEpisodeStatistics` says counts, around the vector or inside each sub-environment: a reward may have
        been changed since.
        """
        counted = float(self._returns[index]), int(self._lengths[index]), None
        self._returns[index], self._lengths[index] = 0.0, 0
        for found in (infos, infos.get("final_info")):
            stats = found.get("episode") if isinstance(found, dict) else None
            told = found.get("_episode") if isinstance(found, dict) else None
            if isinstance(stats, dict) and (told is None or bool(np.asarray(told).reshape(-1)[index])):
                try:
                    return float(stats["r"][index]), int(stats["l"][index]), float(stats["t"][index])
                except Exception:  # noqa: BLE001  # something else is called `episode` there
                    continue
        return counted

    def _freshen(self, which: Mask) -> None:
        self.fresh |= which
        self.any_fresh = bool(self.fresh.any())
        self._resting &= ~which
        self._any_resting = bool(self._resting.any())
        self._returns[which] = 0.0
        self._lengths[which] = 0
