"""How do videos of evaluation episodes come about? A child in the program's surroundings draws, this encodes.

The child is killed at a deadline, its limits are its own, what it prints is read and quoted: whatever its function does
is one line on the print, and costs the worker nothing but the wait.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlabd.artifact_names import POSTER
from filmlabd.develop import render_child
from filmlabd.develop.clip import FPS_MIN, Publish, make_clips
from filmlabd.develop.render_child import FRAME_MAX_BYTES, HEAD, SIZE
from filmlabd.model import SurroundingsRow

DEADLINE_S = 120.0
"""For all videos of one evaluation, the start of the interpreter included."""
MEMORY_BYTES = 16 * 1024**3
"""Of addresses: libraries for graphics cards map far more than they use."""
QUOTE_CHARS = 200
KEPT_MAX_BYTES = 256 * 1024 * 1024
"""Compressed, of one episode."""
# No display, no graphics card: it must not wait for one, nor take it from a training.
_ENVIRON = {
    "SDL_VIDEODRIVER": "dummy", "MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu",
    "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be drawn."""

    function: str
    surroundings: SurroundingsRow
    files: tuple[Path, ...]
    stems: tuple[str, ...]
    """Where the video of each goes, below the run's directory, without its suffix."""
    formats: tuple[str, ...]
    fps: float


class _Drawn:
    """The frames of one episode, kept compressed: each format reads them once. As `clip.Footage`."""

    def __init__(self) -> None:
        self.lean = False
        self._blobs: list[bytes] = []
        self._shape: tuple[int, ...] = ()
        self.kept_bytes = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        """One more frame. Raises BadInput where it is of another size than the first, or there are too many."""
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise BadInput(f"frame {len(self._blobs)} has shape {frame.shape}; the first has {self._shape}")
        self._blobs.append(zstandard.compress(frame.tobytes(), 1))
        self.kept_bytes += len(self._blobs[-1])
        if self.kept_bytes > KEPT_MAX_BYTES:
            raise BadInput(f"its frames are over {KEPT_MAX_BYTES} bytes, compressed")

    def frames(self) -> Generator[NDArray[np.uint8]]:
        """From the first one at each call."""
        for blob in self._blobs:
            yield np.frombuffer(zstandard.decompress(blob), np.uint8).reshape(self._shape)

    def fps(self, fps: float) -> float:
        """How fast its frames are shown."""
        return max(fps, FPS_MIN)

    def first(self) -> NDArray[np.uint8] | None:
        """The first frame, None where there is none."""
        return next(self.frames(), None)


def make_videos(order: Order, publish: Publish, deadline_s: float = DEADLINE_S) -> tuple[list[str], list[str]]:
    """(paths, notes): a video of each episode up to the first that cannot be drawn, and one line on why it cannot."""
    paths: list[str] = []
    child = _Child(order, deadline_s)
    try:
        for stem, drawn in zip(order.stems, child.episodes(), strict=False):
            made, notes = make_clips(drawn, stem, order.formats, order.fps, None, publish)
            paths += made
            child.notes += notes
    except BadInput as problem:
        child.problem = str(problem)
    finally:
        child.end()
    if child.problem:
        made_of = f"{len([path for path in paths if not path.endswith(POSTER)])} videos were made before"
        child.notes.insert(0, f"videos: {order.function}: {child.problem}{child.quoted()}; {made_of}")
    elif child.printed:
        child.notes.append(f"videos: {order.function} printed{child.quoted()}")
    return paths, child.notes


class _Child:
    """The process that draws."""

    def __init__(self, order: Order, deadline_s: float) -> None:
        self.problem = ""
        self.printed = b""
        self.notes: list[str] = []
        self._until = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._buffer = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        read_fd, write_fd = os.pipe()
        self._frames = os.fdopen(read_fd, "rb", buffering=0)
        try:
            self._process = _start(order, write_fd, deadline_s)
        except OSError as error:
            self.problem = f"{order.surroundings.python} in {order.surroundings.directory}: {error.strerror}"
            return
        finally:
            os.close(write_fd)
        assert self._process.stdout is not None
        for pipe in (self._frames, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)

    def episodes(self) -> Iterator[_Drawn]:
        """Each episode once all its frames are there; ends early where there is a problem."""
        drawn = _Drawn()
        for letter, body in self._messages():
            if letter == b"F":
                drawn.add(_frame(body))
            elif letter == b"E":
                yield drawn
                drawn = _Drawn()
            else:
                self.problem = body.decode("utf-8", "replace")

    def quoted(self) -> str:
        """The beginning of what it printed, for a person."""
        words = " ".join(self.printed.decode("utf-8", "replace").split())
        shown = "".join(char if char.isprintable() else "?" for char in words)[:QUOTE_CHARS]
        return f" (it printed: {shown})" if shown and self.problem else f": {shown}" if shown else ""

    def end(self) -> None:
        """Whatever it is doing, and whatever it has started."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._frames.close()
        self._selector.close()

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while not self.problem:
            message = self._take()
            if message is not None:
                yield message
            elif not self._receive():
                return

    def _take(self) -> tuple[bytes, bytes] | None:
        if len(self._buffer) < HEAD.size:
            return None
        letter, size_bytes = HEAD.unpack_from(self._buffer)
        if letter not in (b"F", b"E", b"X") or size_bytes > FRAME_MAX_BYTES + SIZE.size:
            raise BadInput("it wrote into the line of its frames")
        end = HEAD.size + size_bytes
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[HEAD.size : end])
        del self._buffer[:end]
        return letter, body

    def _receive(self) -> bool:
        """Wait for more; False once no more frames will come."""
        left_s = self._until - time.monotonic()
        ready = self._selector.select(max(0.0, left_s)) if left_s > 0 else []
        if not ready:
            self.problem = f"it was not done within {self._deadline_s:g} s"
            return False
        going_on = True
        for key, _ in ready:
            pipe = key.fileobj
            data = os.read(key.fd, 1024 * 1024)
            if not data:
                self._selector.unregister(pipe)
                going_on = going_on and pipe is not self._frames
            elif pipe is self._frames:
                self._buffer += data
            else:
                self.printed = (self.printed + data)[: 4 * QUOTE_CHARS]
        if not going_on:
            self.problem = self._how_it_ended()
        return going_on

    def _how_it_ended(self) -> str:
        """Why its line was closed; nothing when it had said all."""
        assert self._process is not None
        try:
            status = self._process.wait(max(0.1, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return f"it was not done within {self._deadline_s:g} s"
        if status < 0:
            return f"its process was killed by signal {-status}"
        return f"its process ended with status {status}" if status else ""


def _start(order: Order, write_fd: int, deadline_s: float) -> "subprocess.Popen[bytes]":
    surroundings = order.surroundings
    said = {
        "function": order.function, "path": list(surroundings.path), "files": [os.fspath(path) for path in order.files],
        "fd": write_fd, "cpu_s": int(deadline_s) + 1, "memory_bytes": MEMORY_BYTES,
    }  # fmt: skip
    # Isolated: neither the daemon's variables nor its module path are the program's.
    command = [surroundings.python or sys.executable, "-I", os.fspath(Path(render_child.__file__)), json.dumps(said)]
    return subprocess.Popen(
        command, cwd=surroundings.directory, env=os.environ | _ENVIRON, pass_fds=(write_fd,), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _frame(body: bytes) -> NDArray[np.uint8]:
    height, width = SIZE.unpack_from(body)
    if len(body) != SIZE.size + height * width * 3 or not height or not width:
        raise BadInput("it wrote into the line of its frames")
    return np.frombuffer(body, np.uint8, offset=SIZE.size).reshape(height, width, 3)
