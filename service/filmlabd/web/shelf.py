"""How do many pages that ask the same cost one answer? Answers are kept for as long as nothing has changed; bounded."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

SHELF_MAX_BYTES = 32 * 2**20
ANSWER_BYTES = 2048
"""What an answer takes beside its bytes (measured: 1850 for an empty one): a page can ask for endless small ones."""


class Shelf:
    """Bytes by what was asked; for several threads."""

    def __init__(self, max_bytes: int = SHELF_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[Hashable, Future[bytes]]] = OrderedDict()
        self._size_bytes = 0

    def get(self, key: Hashable, version: Hashable, make: Callable[[], bytes]) -> bytes:
        """What `make` gives; of several that ask at a time for the same version one makes it, and the others wait."""
        with self._lock:
            known = self._held.get(key)
            if known is not None and known[0] == version:
                self._held.move_to_end(key)
                future, mine = known[1], False
            else:
                future, mine = Future[bytes](), True
                self._put(key, version, future)
        if not mine:
            return future.result()
        try:
            found = make()
        except BaseException as error:
            with self._lock:
                self._drop(key, future)
            future.set_exception(error)
            raise
        future.set_result(found)
        with self._lock:
            if self._held.get(key, (None, None))[1] is future:
                self._size_bytes += ANSWER_BYTES + len(found)
            while self._size_bytes > self._max_bytes and len(self._held) > 1:
                self._drop(next(iter(self._held)), None)
        return found

    def _put(self, key: Hashable, version: Hashable, future: "Future[bytes]") -> None:
        self._drop(key, None)
        self._held[key] = (version, future)

    def _drop(self, key: Hashable, only: "Future[bytes] | None") -> None:
        known = self._held.get(key)
        if known is None or (only is not None and known[1] is not only):
            return
        del self._held[key]
        if known[1].done() and known[1].exception() is None:
            self._size_bytes -= ANSWER_BYTES + len(known[1].result())
