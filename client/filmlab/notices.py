"""How does filmlab complain without stopping a training? Once per kind, counted; with `strict` it raises instead."""

import re
import sys
import warnings
from pathlib import Path

from filmlab.errors import BadInput

_PACKAGE = str(Path(__file__).parent)

KINDS_MAX = 1000
"""Of complaints of one run; what is of a further kind is silent."""
_NUMBER = re.compile(r"\b(0x[0-9a-f]+|\d[\d.,_]*)\b")


class FilmlabWarning(UserWarning):
    """Something was not recorded as it was meant. The training goes on; each kind is said once for each run."""


class Notices:
    """What went wrong so far, by kind. Any thread may complain."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.counts: dict[str, int] = {}

    def warn(self, kind: str, message: str) -> None:
        """Say it the first time, count it always. For the thread that called into filmlab.

        Raises:
            BadInput: with `strict`, every time.
        """
        if self.strict:
            raise BadInput(message)
        if self._count(kind):
            warnings.warn(message, FilmlabWarning, stacklevel=_caller_depth())

    def tell(self, kind: str, message: str) -> None:
        """The same from a thread of our own, where nobody could catch anything: never raises."""
        if not self._count(kind):
            return
        try:
            warnings.warn(message, FilmlabWarning, stacklevel=2)
        except FilmlabWarning:
            # Warnings are errors in this process; one raised here would only end the sender.
            say(message)

    def _count(self, kind: str) -> bool:
        """Count one more of a kind; True for the first."""
        seen = self.counts.get(kind, 0)
        if not seen and len(self.counts) >= KINDS_MAX:
            return False
        self.counts[kind] = seen + 1
        return seen == 0


def wording(message: str) -> str:
    """The kind of a message that has only its words to tell it by: the same for those that differ in numbers."""
    return _NUMBER.sub("#", message)[:300]


def say(message: str) -> None:
    """One line to the terminal, on standard error so that a program's output stays its own."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(f"filmlab: {message}\n")
        stream.flush()
    except (OSError, ValueError):
        # A closed or full terminal must not end a training.
        return


_said: set[str] = set()
_SAID_MAX = 1000


def say_once(message: str) -> None:
    """The same, once in a process: for what is said of every call alike."""
    if message not in _said and len(_said) < _SAID_MAX:
        _said.add(message)
        say(message)


def _caller_depth() -> int:
    """The stacklevel (for a `warnings.warn` in our caller) of the first frame that is not filmlab's."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    return depth
