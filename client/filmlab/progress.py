"""What does somebody see who waits? What is left, how fast it goes and how long it will take; on a terminal only."""

import os
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO

from filmlab.words import duration

QUIET_S = 0.4
"""Who waits no longer than that sees nothing."""
REDRAW_S = 0.1
WINDOW_S = 10.0
"""The rate is that of the last seconds."""
BAR_CHARS = 20
COLUMNS = 80
"""Of a terminal that does not say how wide it is."""
_CYAN, _DIM, _PLAIN = "\x1b[36m", "\x1b[2m", "\x1b[0m"
_CLEAR = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class Stage:
    """What is being waited for at this moment."""

    what: str
    """Such as `developing`."""
    unit: str = ""
    """What is counted, in the plural; empty when nothing is."""
    done: int = 0
    left: int | None = None
    """None: nobody knows."""


@dataclass(slots=True)
class Pace:
    """How fast something gets on. Pure: instants come from the caller."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, done: int, now: float) -> None:
        """So much is done by now. Less than before begins anew."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        """0 while it is not known."""
        if len(self._seen) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


class Display:
    """One line that is drawn over and over while somebody waits, and leaves nothing behind. For one thread.

    Args:
        stream: where; standard error if not given. What is no terminal is never written to.
        environ: of which NO_COLOR (not empty: no colour) and TERM (`dumb`: nothing at all) count.
    """

    def __init__(self, stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._stream = sys.stderr if stream is None else stream
        self.active = _is_terminal(self._stream) and environ.get("TERM") != "dumb"
        self._colour = not environ.get("NO_COLOR")
        self._began_at: float | None = None
        self._drawn_at = float("-inf")
        self._drawn = False
        self._stage = Stage("")
        self._pace = Pace()

    def show(self, stage: Stage, now: float | None = None) -> None:
        """Draw it, unless that was done a moment ago, or the wait has hardly begun."""
        if not self.active:
            return
        now = monotonic() if now is None else now
        self._began_at = now if self._began_at is None else self._began_at
        if (stage.what, stage.unit) != (self._stage.what, self._stage.unit):
            self._pace = Pace()
        self._stage = stage
        self._pace.see(stage.done, now)
        if now - self._began_at < QUIET_S or now - self._drawn_at < REDRAW_S:
            return
        self._drawn_at = now
        # One less than the width: a full line would make the terminal begin another one.
        width = _columns(self._stream) - 1
        self._write(_CLEAR + draw(stage, self._pace.per_s, width, colour=self._colour))
        self._drawn = True

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._drawn = False
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal is gone; who waits goes on waiting.
            self.active = False


def draw(stage: Stage, per_s: float, width: int, *, colour: bool) -> str:
    """The line: `developing ━━━━━━────── 3 of 12 films, 2.1 a second, 4 s to go`, cut to `width` characters."""
    words = ", ".join(_words(stage, per_s))
    total = stage.done + (stage.left or 0)
    if stage.left is None or not total or width < len(stage.what) + BAR_CHARS + len(words) + 2:
        return f"{stage.what} {words}".strip()[: max(0, width)]
    full = BAR_CHARS * stage.done // total
    bar, rest = "━" * full, "─" * (BAR_CHARS - full)
    return f"{stage.what} {_CYAN}{bar}{_DIM}{rest}{_PLAIN} {words}" if colour else f"{stage.what} {bar}{rest} {words}"


def _words(stage: Stage, per_s: float) -> list[str]:
    if not stage.unit:
        return ["…"]
    if stage.left is None:
        words = [f"{stage.done} {stage.unit} so far"]
    else:
        words = [f"{stage.done} of {stage.done + stage.left} {stage.unit}"]
    if per_s > 0:
        words.append(f"{per_s:.1f} a second" if per_s >= 1 else f"{per_s * 60:.1f} a minute")
        words += [f"{duration(round(stage.left / per_s))} to go"] if stage.left else []
    return words


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):
        # Something that only looks like a stream, or one that is closed.
        return False
