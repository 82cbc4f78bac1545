"""Which of the coming episodes will a plan capture, and why? As the trainer will decide it, by their numbers alone."""

from filmlab.schedule import CaptureSchedule
from filmlab.schedule.asked import Asked

LOOK_AHEAD = 20_000
"""Episodes: what comes later than that is not worth a line."""
SHOWN = 5


def coming(
    schedule: CaptureSchedule, asked: Asked, first: int, total_episodes: int, *, alone: bool = True
) -> list[tuple[int, str]]:
    """The next few episodes that will be captured by their number, and why: as the trainer will decide it.

    Args:
        first: the one that begins next.
        alone: no other writer uses up what was asked for.
    """
    end = min(first + LOOK_AHEAD, total_episodes or first + LOOK_AHEAD)
    found: list[tuple[int, str]] = []
    for episode in range(first, end):
        wish = asked.reason(episode)
        reasons = [wish] * bool(wish) + schedule.reasons(episode, total_episodes)
        if wish:
            asked = asked.after(episode, of_next=alone or episode == first)
        if reasons:
            found.append((episode, ", ".join(reasons)))
        if len(found) == SHOWN:
            break
    return found
