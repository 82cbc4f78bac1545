"""When has something changed? Two `stat`s while somebody watches; all who watch wake at once."""

import asyncio
import contextlib
from pathlib import Path
from typing import TypeAlias

EVERY_S = 0.35
LISTENERS_MAX = 64

Version: TypeAlias = tuple[tuple[int, int, int], ...]


def version_of(index: Path) -> Version:
    """Another value after every commit: identity, time and size of the index and of its write-ahead log."""
    return tuple(_mark(path) for path in (index, index.with_name(index.name + "-wal")))


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


class Pulse:
    """One task for all listeners; it rests while there are none."""

    def __init__(self, index: Path) -> None:
        self._index = index
        self._version: Version = ()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.number = 1
        """Counts looks that found a change."""
        self.listeners = 0

    def version(self) -> object:
        """What answers are kept for. While pages listen it changes when they wake, so that all of them get one answer,
        however often the index is written between two looks; otherwise with every commit."""
        return self.number if self._task is not None else version_of(self._index)

    def enter(self) -> bool:
        """Count one more listener; False when there are too many."""
        if self.listeners >= LISTENERS_MAX:
            return False
        self.listeners += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_on())
        return True

    def leave(self) -> None:
        """One fewer."""
        self.listeners -= 1

    async def after(self, number: int, patience_s: float) -> int:
        """The number once it is another one than `number`, or after `patience_s`."""
        if self.number != number:
            return self.number
        # A timeout here loses nothing: the number tells.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), patience_s)
        return self.number

    async def _look_on(self) -> None:
        while self.listeners:
            version = version_of(self._index)
            if version != self._version:
                self._version = version
                self.number += 1
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(EVERY_S)
        self._task = None
