"""Where do the frames that wait for the sender lie? Large ones in maps of their own, used again; not on the heap.

On the heap, what lies between frames that have gone keeps their room from the system: in a tight loop a process grew a
third beyond its ceiling. And a map that is used again costs far less than fresh memory, whose pages must all be made.
"""

import mmap
from collections import deque

import numpy as np
from numpy.typing import NDArray

MAP_LEAST_BYTES = 128 * 1024
"""Smaller frames lie on the heap: a process may have only some 65 000 maps."""
KEEP_BYTES = 8 * 1024 * 1024
"""At most so much lies here unused. No ceiling on memory counts it."""

# Of the whole process, as its memory is. Taken and given back by single steps of a deque, so it needs no lock.
_free: deque[mmap.mmap] = deque()


def keep(frame: NDArray[np.uint8]) -> bytes | mmap.mmap:
    """The bytes of a frame that is in C order, copied. Keeps the interpreter's lock, so that the sender cannot hold it
    when this is done."""
    size_bytes = frame.nbytes
    if size_bytes < MAP_LEAST_BYTES:
        return frame.tobytes()
    buffer = _spare(size_bytes)
    try:
        if buffer is None:
            # Private: a forked child that writes to its spares must not paint on its parent's frames.
            buffer = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        return frame.tobytes()
    buffer[:] = frame.data
    return buffer


def give_back(data: object) -> None:
    """Nobody looks at this any more; what `keep` gave may be used again."""
    if isinstance(data, mmap.mmap) and (len(_free) + 1) * len(data) <= KEEP_BYTES:
        _free.append(data)


def _spare(size_bytes: int) -> mmap.mmap | None:
    try:
        buffer = _free.pop()
    except IndexError:
        return None
    # Of another size: the system has it back as soon as nobody names it. A film's frames are all alike.
    return buffer if len(buffer) == size_bytes else None
