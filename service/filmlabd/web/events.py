"""How does an open page hear of what is new? Server-sent events: what changed, soon after it did."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from filmlabd.json_text import dump
from filmlabd.web.pulse import Pulse
from filmlabd.web.room import Room

REST_S = 0.3
"""Between two events for one page: the answers to the last one are on their way."""
PATIENCE_S = 1.0
_BEAT_S = 15.0
RETRY_MS = 1500


@dataclass(slots=True)
class Table:
    """What one page knows of the table of runs, so that it is sent only the lines that changed."""

    room: Room
    _lines: frozenset[bytes] = frozenset()
    _order: list[bytes] = field(default_factory=list)

    def news(self) -> bytes | None:
        """Rows that are new or different and, where that has changed, the ids of all in their order."""
        lines = self.room.run_lines()
        changed = [line for line in lines if line not in self._lines]
        order = [line.split(b'"', 4)[3] for line in lines]
        parts = [b'"rows": [' + b",".join(changed) + b"]"]
        if order != self._order:
            parts.append(b'"ids": [' + b",".join(b'"' + item + b'"' for item in order) + b"]")
        elif not changed:
            return None
        self._lines, self._order = frozenset(lines), order
        return b"{" + b", ".join(parts) + b"}"


@dataclass(slots=True)
class Difference:
    """Anything else: sent when it is not what was sent last."""

    make: Callable[[], bytes]
    _last: bytes = b""

    def news(self) -> bytes | None:
        found = self.make()
        if found == self._last:
            return None
        self._last = found
        return found


async def stream(pulse: Pulse, news: Callable[[], bytes | None], *, steady: bool) -> AsyncIterator[bytes]:
    """Events for one page until it goes away. `steady`: what is shown changes without the index, too."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    number, sent_at = 0, time.monotonic()
    try:
        while True:
            seen = await pulse.after(number, PATIENCE_S)
            if seen != number or steady:
                number = seen
                body = await run_in_threadpool(_safely, news)
                if body is not None:
                    yield b"data: " + body + b"\n\n"
                    sent_at = time.monotonic()
            if time.monotonic() - sent_at > _BEAT_S:
                # A page that has gone away is noticed when something is sent to it.
                yield b": still here\n\n"
                sent_at = time.monotonic()
            await asyncio.sleep(REST_S)
    finally:
        pulse.leave()


def _safely(news: Callable[[], bytes | None]) -> bytes | None:
    try:
        return news()
    except Exception as error:  # noqa: BLE001  # told to the page; the next look may well succeed
        return dump({"error": str(error)}).encode()
