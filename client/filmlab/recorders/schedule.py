"""Which episodes does a recorder's own schedule want?"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class EpisodeCaptureSchedule:
    """Episodes by number, every nth, and the last ones.

    Attributes:
        episode_indices: these, from 0.
        every_n_episodes: every multiple of it, 0 among them; None, 0 and less: none.
        last_n_episodes: the last so many of all.
    """

    episode_indices: Collection[int] = ()
    every_n_episodes: int | None = None
    last_n_episodes: int = 0

    def should_capture(self, episode: int, total_episodes: int) -> bool:
        """Whether episode number `episode` of `total_episodes` is wanted."""
        return bool(self.reason(episode, total_episodes))

    def reason(self, episode: int, total_episodes: int) -> str:
        """Why it is wanted, such as `every 100`; empty when it is not."""
        reasons = []
        if episode in self.episode_indices:
            reasons.append(f"episode {episode}")
        if self.every_n_episodes is not None and self.every_n_episodes > 0 and episode % self.every_n_episodes == 0:
            reasons.append(f"every {self.every_n_episodes}")
        if self.last_n_episodes > 0 and episode >= max(total_episodes - self.last_n_episodes, 0):
            reasons.append(f"last {self.last_n_episodes}")
        return ", ".join(reasons)
