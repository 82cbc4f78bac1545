"""How does a process hold on to its session? The handle on the one sender's thread: start, wake, wait, close, fork."""

import contextlib
import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeAlias

from filmlab.endpoint import socket_path
from filmlab.link.delivery import Closing, LinkOptions, LinkStatus, Source
from filmlab.link.outbox import Outbox
from filmlab.link.waiting import SPILL_GRACE_S, Ask, wait_for
from filmlab.private import started_ticks, umask_of_process
from filmlab.spool import Spool
from filmlab.wire.messages import Hello

if TYPE_CHECKING:
    from filmlab.link.sender import Sender

End: TypeAlias = Literal["", "failed", "forked", "lost", "closed"]

_JOIN_S = 3.0
# What a child inherits of these is its parent's: sockets must not be closed there, so they are kept from the collector.
_GRAVEYARD: list[object] = []


class Link:
    """One session. Its methods never raise into a training (but `start` may), and do nothing once it has ended."""

    def __init__(self, source: Source, options: LinkOptions) -> None:
        self.session = int.from_bytes(os.urandom(8)) or 1
        self.ended: End = ""
        """Why it is over: `failed` (no thread could be had, or a bug), `forked` (this is a child of its process),
        `lost` (the daemon's state is gone: begin another session), `closed`; empty while it is not."""
        self.why_ended = ""
        self._source = source
        self._options = options
        self._said: set[str] = set()
        hello = _hello(options.parent_session)
        self._outbox = Outbox(self.session, hello, options.limits, options.mode, monotonic())
        self._spool = Spool(options.paths.spool, self.session, options.limits.spool_bytes)
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None
        self._wake_fd = -1
        self._closing: Closing | None = None
        _alive.add(self)

    def __del__(self) -> None:
        # Not in `close`: until nobody has the link any more, another thread might just be writing there.
        if self._wake_fd >= 0:
            os.close(self._wake_fd)

    @property
    def dead(self) -> bool:
        """What is handed over from now on goes nowhere."""
        return bool(self.ended)

    def start(self) -> None:
        """Begin. Where the process can have no thread or no descriptor, the link does nothing and says so once.

        Raises:
            BadInput: the endpoint or the state directory cannot be used.
        """
        if self._options.endpoint:
            socket_path(self._options.endpoint)
        self._options.paths.make()
        try:
            from filmlab.link.sender import Sender

            self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._sender = Sender(self._outbox, self._source, self._options, self._spool, self._wake_fd, self._tell)
            self._thread = threading.Thread(target=self._run, args=(self._sender,), name="filmlab-link", daemon=True)
            self._thread.start()
        except (ImportError, OSError, RuntimeError) as error:
            # No zmq, no descriptors, no threads: the training must go on.
            self._thread = None
            self._fail(f"{type(error).__name__}: {error}")

    def wake(self) -> None:
        """Something was handed over. Costs an attribute while the thread is active; writes a byte where it sleeps."""
        sender = self._sender
        if sender is not None and sender.sleeping and not self.ended:
            sender.sleeping = False
            self._ring()

    def hurry(self) -> None:
        """Somebody waits for what was handed over: it goes now, and says so to the daemon."""
        if self._sender is not None and not self.ended:
            self._sender.hurry = True
            self._ring()

    def wait_safe(self, timeout_s: float, look: Callable[[], None] | None = None) -> bool:
        """Wait until all that was handed over is durable or spooled. After `timeout_s` what is left is spooled.

        Args:
            look: called now and then meanwhile.
        """
        sender = self._sender
        if sender is None or self.ended:
            return self._closing is not None and self._closing.safe
        ask = Ask()
        sender.asks.append(ask)
        self.hurry()
        if not wait_for(ask.done, timeout_s, look):
            sender.spill_now = True
            self._ring()
            ask.done.wait(SPILL_GRACE_S)
        return ask.safe

    def close(self, timeout_s: float = 5.0) -> Closing:
        """End the session: durable if that works within `timeout_s`, else spooled, else counted as lost. Idempotent."""
        if self._closing is not None:
            return self._closing
        if self._thread is not None and self._sender is not None and self.ended in ("", "lost"):
            self._sender.close_at = monotonic() + timeout_s
            self._ring()
            self._thread.join(timeout_s + _JOIN_S)
        box = self._outbox
        ran = self.ended not in ("failed", "forked")
        lost = box.last_c - box.safe_c + box.last_b - box.safe_b if self.ended != "forked" else 0
        why = self.why_ended or ("" if box.all_durable else box.why or "there was not enough time")
        if lost and self._sender is not None and self._sender.spool_trouble:
            why = f"{why}; {self._sender.spool_trouble}"
        self._closing = Closing(ran and box.all_durable, ran and box.all_safe, lost, why)
        self._end("closed", why)
        return self._closing

    def status(self) -> LinkStatus:
        """How it stands at this moment."""
        box = self._outbox
        return LinkStatus(
            box.state,
            self.why_ended or box.why,
            box.durable_c,
            box.durable_b,
            box.last_c,
            box.last_b,
            box.memory_bytes,
            self._spool.used_bytes,
        )

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self, sender: "Sender") -> None:
        try:
            sender.run()
            if sender.lost:
                self._end("lost", sender.lost)
                self._tell("lost", f"this session cannot go on: {sender.lost}")
        except Exception as error:  # noqa: BLE001  # a bug of ours must neither end a training nor go unsaid
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            # Descriptors, threads or memory may be what there was too little of: an error has nobody left to go to.
            with contextlib.suppress(OSError, RuntimeError, MemoryError):
                sender.end()
            for ask in list(sender.asks):
                ask.done.set()

    def _ring(self) -> None:
        if self._wake_fd >= 0:
            os.eventfd_write(self._wake_fd, 1)

    def _fail(self, why: str) -> None:
        self._end("failed", why)
        self._tell("link", f"nothing more is recorded by this process: {why}")

    def _end(self, how: End, why: str) -> None:
        if not self.ended:
            self.ended, self.why_ended = how, why

    def _tell(self, kind: str, message: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._options.warn(kind, message)

    def _forked(self) -> None:
        """In the child: everything here is the parent's."""
        self._end("forked", f"process {os.getpid()} is a fork of the one that records")
        self._spool.forget()
        if self._sender is not None:
            self._sender.launcher.forget()
            _GRAVEYARD.append(self._sender)
        self._sender = self._thread = None


def _mark_forked() -> None:
    for link in list(_alive):
        link._forked()


_alive: "weakref.WeakSet[Link]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_mark_forked)


def _hello(parent_session: int) -> Hello:
    pid = os.getpid()
    version = str(getattr(sys.modules.get("filmlab"), "__version__", ""))
    return Hello(
        pid,
        socket.gethostname()[:200],
        started_ticks(pid),
        client_version=version,
        parent_session=parent_session,
        umask=umask_of_process(),
    )
