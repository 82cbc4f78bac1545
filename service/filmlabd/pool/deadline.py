"""When has a worker had its time? What it spent waiting for a processor does not count: trainers come first."""

from pathlib import Path

STARVED_FACTOR = 10
"""Past so many times its deadline it is over all the same."""


def left_s(deadline_s: float, passed_s: float, waited_s: float) -> float:
    """How long to go on waiting, 0 for no longer.

    A worker at nice 19 beside trainers on every core may get 1/50 of one. Killed by the clock alone, a good job would
    be struck for being patient.

    Args:
        deadline_s: what it was given.
        passed_s: since it was given that.
        waited_s: of these, ready to run without a processor.
    """
    if passed_s >= STARVED_FACTOR * deadline_s:
        return 0.0
    own_s = passed_s - waited_s
    # A hair of slack: timers come a little early.
    return max(0.0, deadline_s - own_s) if own_s < 0.99 * deadline_s else 0.0


def waited_s(pid: int) -> float:
    """How long a process's main thread has been waiting for a processor since its start; 0 where nobody tells."""
    try:
        # CPU time, run-queue time (both ns), time slices.
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
