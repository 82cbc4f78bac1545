"""What is given up, and in which order, so that a clip fits a number of bytes: frame rate first, then size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Motion still reads at the first rate; the others are for budgets that no picture of useful size would fit.
_SMOOTH_FPS: Final = 10.0
_SLOW_FPS: Final = (5.0, 2.0, 1.0)
_SMALLER: Final = (2, 3, 4)
_TINY: Final = (8, 16)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step down: every `every`-th frame is kept, at 1 / `shrink` of each side."""

    every: int = 1
    shrink: int = 1

    def notes(self, fps: float, max_bytes: int) -> tuple[str, ...]:
        """What was done, for whoever looks at the clip; nothing when nothing was."""
        done = []
        if self.every > 1:
            done.append(f"rate lowered to {fps / self.every:.3g} fps")
        if self.shrink > 1:
            done.append("size halved" if self.shrink == 2 else f"size cut to 1/{self.shrink}")
        return (f"{', '.join(done)} to fit {_readable(max_bytes)}",) if done else ()


def rungs(fps: float) -> Iterator[Rung]:
    """From the whole clip downwards."""
    every = 1
    while fps / every >= _SMOOTH_FPS or every == 1:
        yield Rung(every)
        slowest, every = every, every + max(1, every // 2)
    yield from (Rung(slowest, shrink) for shrink in _SMALLER)
    for slow_fps in _SLOW_FPS:
        if round(fps / slow_fps) > slowest:
            slowest = round(fps / slow_fps)
            yield Rung(slowest, _SMALLER[-1])
    yield from (Rung(slowest, shrink) for shrink in _TINY)


def _readable(size_bytes: int) -> str:
    for unit, name in ((1_000_000, "MB"), (1000, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.4g} {name}"
    return f"{size_bytes} bytes"
