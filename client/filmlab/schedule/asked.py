"""What did somebody ask to be recorded, and what is left of it? Client, daemon and index agree by it. Pure."""

from dataclasses import dataclass, replace

from filmlab.schedule.ranges import Range, contains, without

ASKED_FOR_BY = "asked for by "
"""How the reason begins of every episode that is captured because somebody asked: that uses up what was asked for."""


def is_asked(reason: str) -> bool:
    """Whether an episode was captured because somebody asked for it."""
    return reason.startswith(ASKED_FOR_BY)


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests that are not used up yet."""

    wanted: tuple[Range, ...] = ()
    """Episodes by number, ascending and merged."""
    next_episodes: int = 0
    """How many of those that begin next, whatever their numbers."""
    by: str = ""

    def reason(self, episode: int) -> str:
        """Why this episode is to be captured; empty when nobody asked for it."""
        if self.next_episodes > 0 or contains(self.wanted, episode):
            return f"{ASKED_FOR_BY}{self.by or 'somebody'}"
        return ""

    def after(self, episode: int, *, of_next: bool = True) -> "Asked":
        """What is left once this episode has begun. `of_next`: it counts as one of the next N."""
        left = max(0, self.next_episodes - of_next)
        return replace(self, wanted=without(self.wanted, episode), next_episodes=left)
