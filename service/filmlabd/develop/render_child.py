"""What runs beside a worker, in the program's own surroundings? One function that draws observations, and nothing else.

Run as a script, by the program's interpreter: it can count on the standard library, and on numpy once the program's
module path is in force. It is no part of the daemon, and imports nothing of it.

Its one argument is JSON: `function`, `path`, `files` (.npz), `fd` (where frames go), `cpu_s`, `memory_bytes`. To `fd`
go messages of a letter and a length: F (height, width: uint32, then pixels), E (the episode is over), X (why it ends).
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import struct
import sys
from typing import Any

HEAD = struct.Struct("<cI")
SIZE = struct.Struct("<II")
SIDE_MAX_PX = 8192
FRAME_MAX_BYTES = 64 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_FILE_MAX_BYTES = 16 * 1024 * 1024


def main() -> None:
    """Draw every episode; whatever goes wrong is said in one line."""
    order = json.loads(sys.argv[1])
    _limit(order["cpu_s"], order["memory_bytes"])
    sys.argv[1:] = []
    sys.path[:] = order["path"]
    with open(order["fd"], "wb") as out:  # noqa: PTH123  # a descriptor, not a path
        try:
            draw = _found(order["function"])
            for number, name in enumerate(order["files"]):
                _episode(draw, number, name, out)
        except BaseException as error:  # noqa: BLE001  # also SystemExit: a stranger's function may do anything
            reason = f"{type(error).__name__}: {error}" if not isinstance(error, _Said) else str(error)
            _send(out, b"X", " ".join(reason.split())[:500].encode("utf-8", "replace"))


class _Said(Exception):
    """A reason in words of our own."""


def _limit(cpu_s: int, memory_bytes: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for which, wanted in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, _FILE_MAX_BYTES),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (limit, limit))


def _found(name: str) -> Any:
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    if not callable(found):
        raise _Said(f"it is no function but {type(found).__name__}")
    return found


def _episode(draw: Any, number: int, name: str, out: Any) -> None:
    import numpy as np

    with np.load(name, allow_pickle=False) as episode:
        observations = episode["observations"]
    for step, observation in enumerate(observations):
        try:
            found = draw(observation)
        except Exception as error:  # a stranger's function may raise anything
            raise _Said(f"episode {number}, step {step}: {type(error).__name__}: {error}") from error
        _send(out, b"F", *_frame(np, found, f"episode {number}, step {step}"))
    _send(out, b"E")


def _frame(np: Any, found: Any, where: str) -> tuple[bytes, bytes]:
    try:
        frame = np.asarray(found)
    except Exception as error:  # so may what it returned
        raise _Said(f"{where}: it returned {type(found).__name__}, no frame") from error
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        what = f"{frame.dtype} of shape {frame.shape}" if frame.ndim else type(found).__name__
        raise _Said(f"{where}: it returned {what}; a frame is uint8 of shape (H, W, 3)")
    if not min(frame.shape[:2]) >= 1 or max(frame.shape[:2]) > SIDE_MAX_PX or frame.nbytes > FRAME_MAX_BYTES:
        raise _Said(f"{where}: it returned a frame of {frame.shape[1]}x{frame.shape[0]} pixels")
    return SIZE.pack(frame.shape[0], frame.shape[1]), frame.tobytes()


def _send(out: Any, letter: bytes, *parts: bytes) -> None:
    out.write(HEAD.pack(letter, sum(map(len, parts))))
    for part in parts:
        out.write(part)
    out.flush()


if __name__ == "__main__":
    # The interpreter's own way out could hang in what the function began: threads, contexts, atexit.
    main()
    os._exit(0)
