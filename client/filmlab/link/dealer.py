"""How do records leave and come in? One DEALER socket with a context of its own. Decides nothing."""

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence

import zmq

# Loaded by pyzmq at the first large message otherwise: its end of the process would then come before ours, and what is
# sent last would be lost. What is registered first is called last.
import zmq.utils.garbage
from zmq.utils.monitor import parse_monitor_message

from filmlab.endpoint import check_socket, socket_path
from filmlab.errors import BadInput, Transient, WireError
from filmlab.wire.frame import Envelope, open_parts

log = logging.getLogger(__name__)

_RECEIVE_MOST = 64
_MESSAGE_MAX_BYTES = 1024 * 1024
_THREADS = 5
"""What libzmq and pyzmq begin: two for each of two contexts, and one that frees what was sent."""
# Not IMMEDIATE, which would refuse what is sent while there is no connection (`_linked` does): when one ends, libzmq
# 4.3.5 then takes away the rest of a message that is just being read, and aborts the process (`!_more`, fq.cpp).
_OPTIONS = (
    (zmq.SNDHWM, 64),
    (zmq.RCVHWM, 1000),
    (zmq.LINGER, 0),
    (zmq.RECONNECT_IVL, 20),
    (zmq.RECONNECT_IVL_MAX, 2000),
    (zmq.HEARTBEAT_IVL, 5000),
    (zmq.MAXMSGSIZE, _MESSAGE_MAX_BYTES),
)


class Dealer:
    """The socket of one sender's thread. Closed at first; `open` may be called again after `close`."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._unsent: deque[Envelope] = deque()
        self._linked = False
        """There is a connection, as far as `changes` has told."""
        self._has_threads = False
        """The context's own, which begin with its first socket."""
        self.garbage = 0
        """Messages that were none."""

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self, endpoint: str) -> None:
        """Connect to `ipc:///some/path`.

        Raises:
            Transient: there is no socket yet, or no room for threads.
            BadInput: it may be somebody else's, or the endpoint is of another kind.
            zmq.ZMQError: no socket could be made (descriptors).
        """
        check_socket(socket_path(endpoint))
        self.close()
        if not self._has_threads:
            _begin_threads()
            self._has_threads = True
        self._socket = self._context.socket(zmq.DEALER)
        for option, value in _OPTIONS:
            self._socket.setsockopt(option, value)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._socket.connect(endpoint)

    def close(self) -> None:
        """Give up the connection; what it has not sent is gone."""
        self._unsent.clear()
        self._linked = False
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(0)
        if self._monitor is not None:
            self._monitor.close(0)
        self._socket = self._monitor = None

    def end(self) -> None:
        """Close for good."""
        self.close()
        self._context.term()

    @property
    def backlog(self) -> bool:
        """Records wait here because the connection takes no more for now."""
        return bool(self._unsent)

    def send(self, envelopes: Sequence[Envelope]) -> None:
        """Send these, in order, behind what is still waiting. Without a connection all of it waits."""
        self._unsent.extend(envelopes)
        while self._unsent and self._socket is not None and self._linked:
            try:
                self._socket.send_multipart(self._unsent[0].parts, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._unsent.popleft()

    def changes(self) -> list[bool]:
        """What happened to the connection since the last call: True for each time it came up, False for each end."""
        out: list[bool] = []
        while self._monitor is not None:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                break
            self._linked = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            out.append(self._linked)
        return out

    def receive(self) -> list[Envelope]:
        """What has come, at most so much at a time that sending goes on.

        Raises:
            BadInput: another user's process answers.
        """
        out: list[Envelope] = []
        while self._socket is not None and len(out) < _RECEIVE_MOST:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            _check_peer(frames[0])
            try:
                out.append(open_parts([frame.bytes for frame in frames]))
            except WireError as error:
                self.garbage += 1
                log.debug("from the daemon: %s", error)
        return out

    def wait(self, wake_fd: int, timeout_s: float | None) -> None:
        """Sleep until something comes, `wake_fd` becomes readable, or the time is over (None: no limit)."""
        poller = zmq.Poller()
        poller.register(wake_fd, zmq.POLLIN)
        if self._socket is not None and self._monitor is not None:
            poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._unsent and self._linked else 0))
            poller.register(self._monitor, zmq.POLLIN)
        # Rounded up: a poll of 0 ms for the last half of a millisecond would spin.
        poller.poll(None if timeout_s is None else int(max(timeout_s, 0.0) * 1000) + (timeout_s > 0))


def _check_peer(frame: zmq.Frame) -> None:
    """Make sure that the process behind a message is ours, or root's, where the kernel says so."""
    try:
        fields = str(frame.get("Peer-Address")).split(":")
    except zmq.ZMQError:
        return
    if len(fields) == 4 and fields[1].isdigit() and int(fields[1]) not in (os.getuid(), 0):
        raise BadInput(f"the daemon belongs to user {fields[1]}, not to {os.getuid()}")


def _begin_threads() -> None:
    """Begin pyzmq's threads now, and only where there is room for all: libzmq aborts a process that can have none.

    Raises:
        Transient: there is none now, for want of memory or because of a limit.
    """
    with _beginning:
        if zmq.utils.garbage.gc.is_alive():
            return
        _try_threads()
        zmq.utils.garbage.gc.start()


def _try_threads() -> None:
    """Raise Transient unless this process can have as many more threads as ZeroMQ begins."""
    release = threading.Event()
    begun: list[threading.Thread] = []
    try:
        for _ in range(_THREADS):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            begun.append(thread)
    except RuntimeError as error:
        raise Transient(f"there is no room for the threads of ZeroMQ: {error}") from None
    finally:
        release.set()
        for thread in begun:
            thread.join()


def _after_fork() -> None:
    """In the child: another thread of the parent may have held it."""
    global _beginning
    _beginning = threading.Lock()


_beginning = threading.Lock()
os.register_at_fork(after_in_child=_after_fork)
