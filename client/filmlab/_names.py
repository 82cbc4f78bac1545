"""Which number stands for which metric? The names of a session, and of each of its runs: neither grows without end."""

import itertools
from collections.abc import Sequence

from filmlab.wire.names import NO_ROOM_FOR_NAMES, RUN_METRICS_MAX, SESSION_METRICS_MAX


class Names:
    """The names that one session has declared. Any thread may use it.

    Two threads may declare one name twice: both numbers are good. Two that come at once may go one name over a bound.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._fresh = itertools.count()

    def admit(self, names: Sequence[str], known: set[str]) -> tuple[list[str], list[str]]:
        """(those that are recorded, those that there is no room for).

        Args:
            known: the names of the run that logs them. One of them is recorded for ever, in any session; new ones are
                added as long as the run has fewer than `RUN_METRICS_MAX` and the session fewer than
                `SESSION_METRICS_MAX`.
        """
        for name in names:
            if name not in known and len(known) < RUN_METRICS_MAX and self._has_room(name):
                known.add(name)
        return [name for name in names if name in known], [name for name in names if name not in known]

    def undeclared(self, names: Sequence[str]) -> tuple[tuple[int, str], ...]:
        """(number, name) of those that have no number yet; they have it from `declared` on."""
        return tuple((next(self._fresh), name) for name in names if name not in self._numbers)

    def declared(self, pairs: Sequence[tuple[int, str]]) -> None:
        """The daemon will read these before anything that uses them."""
        self._numbers.update({name: number for number, name in pairs})

    def numbers(self, names: Sequence[str]) -> list[int]:
        """Of names that are declared."""
        return [self._numbers[name] for name in names]

    def _has_room(self, name: str) -> bool:
        return name in self._numbers or len(self._numbers) < SESSION_METRICS_MAX


def no_room(known: set[str]) -> str:
    """Why a run's further names are not recorded."""
    whose = f"run has {RUN_METRICS_MAX:,}" if len(known) >= RUN_METRICS_MAX else f"process has {SESSION_METRICS_MAX:,}"
    return f"{NO_ROOM_FOR_NAMES}: this {whose}"
