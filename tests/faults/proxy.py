"""A bad road between a client and a daemon: a proxy on a Unix socket that cuts, delays, stalls and half-opens.

Unrealistic: it passes bytes on in pieces of at most 64 KiB, and a cut loses what it holds and nothing else.
"""

import random
import selectors
import socket
import threading
import time
from collections import Counter
from pathlib import Path

PIECE_BYTES = 64 * 1024
TICK_S = 0.005


class _Pair:
    """One connection: the client's socket, the daemon's socket, and what is on its way in each direction."""

    def __init__(self, client: socket.socket, daemon: socket.socket) -> None:
        self.ends = (client, daemon)
        self.held: dict[socket.socket, bytearray] = {client: bytearray(), daemon: bytearray()}
        """Per socket what it shall get."""
        self.wait_until = 0.0
        """A delay or a stall."""
        self.cut_after: int | None = None
        """Bytes that still pass before the connection is cut, in the middle of a frame as a rule."""
        self.is_hasty = True
        """It may be cut before so many have passed."""
        self.mute = False
        """Half-open: what comes is swallowed, and nobody is told."""

    def other(self, end: socket.socket) -> socket.socket:
        return self.ends[1] if end is self.ends[0] else self.ends[0]


class Proxy:
    """Listens at `path`, connects to `target`; a thread of its own. `strike` is called from the test."""

    def __init__(self, path: Path, target: Path, rng: random.Random) -> None:
        self.done: Counter[str] = Counter()
        """What was done to connections that stood."""
        self._rng = rng
        self._target = target
        self._lock = threading.Lock()
        self._pairs: list[_Pair] = []
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(str(path))
        except OSError:
            self._listener.close()
            raise
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; no socket is left open, whatever happened to it."""
        self._stop.set()
        self._thread.join()
        self._selector.close()
        for end in [self._listener, *(end for pair in self._pairs for end in pair.ends)]:
            end.close()
        self._pairs.clear()

    def strike(self, kind: str) -> int:
        """Do it to every connection that stands; how many these were."""
        with self._lock:
            struck = [pair for pair in self._pairs if not pair.mute and pair.cut_after is None]
            for pair in struck:
                match kind:
                    case "cut":
                        pair.cut_after = self._rng.randint(0, 2000)
                    case "delay":
                        pair.wait_until = time.monotonic() + self._rng.uniform(0.005, 0.05)
                    case "stall":
                        pair.wait_until = time.monotonic() + self._rng.uniform(0.3, 0.7)
                    case "half-open":
                        pair.mute = True
                self.done[kind] += 1
        return len(struck)

    def sever(self, after_bytes: int) -> None:
        """Cut every connection that stands when exactly so many more bytes have passed, in either direction."""
        with self._lock:
            for pair in self._pairs:
                pair.cut_after, pair.is_hasty = after_bytes, False

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            ready = self._selector.select(TICK_S)
            with self._lock:
                for key, _ in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._read(key.data, key.fileobj)  # type: ignore[arg-type]  # a socket that was registered
                for pair in list(self._pairs):
                    self._pass_on(pair)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        daemon = socket.socket(socket.AF_UNIX)
        pair = _Pair(client, daemon)
        # First of all: whatever fails from here on, `close` knows of both.
        self._pairs.append(pair)
        try:
            daemon.connect(str(self._target))
        except OSError:
            self._drop(pair)
            return
        for end in pair.ends:
            end.setblocking(False)
            self._selector.register(end, selectors.EVENT_READ, pair)

    def _read(self, pair: _Pair, end: socket.socket) -> None:
        if pair not in self._pairs or len(pair.held[pair.other(end)]) > 4 * PIECE_BYTES:
            return
        try:
            data = end.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(pair)
        elif not pair.mute:
            pair.held[pair.other(end)] += data

    def _pass_on(self, pair: _Pair) -> None:
        if time.monotonic() < pair.wait_until:
            return
        for end, held in pair.held.items():
            piece = bytes(held[: pair.cut_after])
            try:
                sent = end.send(piece) if piece else 0
            except BlockingIOError:
                sent = 0
            except OSError:
                self._drop(pair)
                return
            del held[:sent]
            if pair.cut_after is not None:
                pair.cut_after -= sent
        if pair.cut_after is not None and (pair.cut_after <= 0 or (pair.is_hasty and self._rng.random() < 0.2)):
            self._drop(pair)

    def _drop(self, pair: _Pair) -> None:
        self._pairs.remove(pair)
        for end in pair.ends:
            if end in self._selector.get_map():
                self._selector.unregister(end)
            end.close()
