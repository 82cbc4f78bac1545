"""How do records come in and go out? One ROUTER socket on the event loop, with admission by the peer's user id.

libzmq's descriptor is edge-triggered: it tells once that something may have changed, so it is read until nothing is
left, also after every send. A bounded number at a time, so that no sender starves the loop.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import zmq

from filmlab.errors import WireError
from filmlab.wire.frame import PAYLOAD_MAX_BYTES, Envelope, VersionMismatch, open_parts
from filmlabd.core.events import Garbage, Received

log = logging.getLogger(__name__)

DRAIN_MOST = 8
RECEIVE_MOST = 4096
"""Records of one peer that wait here: twice what the two streams of a client may have on their way (`IN_FLIGHT_MOST` of
`filmlab.link.outgoing`). Where this bound holds a connection up and its peer goes away meanwhile, libzmq 4.3.5 loses
what that one has sent, or aborts (`!_io_error`). In bytes they are bounded by the credit."""
ZAP_ENDPOINT = "inproc://zeromq.zap.01"
ZAP_DOMAIN = b"filmlab"


class Readable:
    """Calls `on_message(frames)` for every message of a socket, on the running event loop."""

    def __init__(self, socket: "zmq.Socket[bytes]", on_message: Callable[[list[zmq.Frame]], None]) -> None:
        self._socket = socket
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.Handle | None = None
        self._fd = int(socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._fd, self.look)
        self.look()

    def look(self) -> None:
        """Something may have come, or been missed by a send: look soon."""
        if self._again is None:
            self._again = self._loop.call_soon(self._drain)

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._fd)

    def _drain(self) -> None:
        self._again = None
        for _ in range(DRAIN_MOST):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._on_message(frames)
        self.look()


class Transport:
    """The ingest endpoint."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", on_event: Callable[[Received | Garbage], None]
    ) -> None:
        self._on_event = on_event
        self._context = context
        self._socket = self._make()
        self._readable: Readable | None = None
        self._endpoint = ""
        self._path = Path()
        self._inode = 0

    def bind(self, endpoint: str) -> None:
        """Listen. The caller holds the daemon's lock: binding would take a living daemon's socket from it."""
        self._socket.bind(endpoint)
        self._endpoint = endpoint
        self._path = Path(endpoint.removeprefix("ipc://"))
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino
        self._readable = Readable(self._socket, self._message)

    def hang_up(self) -> None:
        """Close every connection: what libzmq holds of messages that never end goes with them. Then it is `gone`.

        Not bound again here: libzmq removes the socket's file a little later, and would remove the new one.
        """
        self.close()
        self._readable = None

    def shut(self) -> None:
        """Let nobody else in until `bind_again`; connections that stand go on. Then it is `gone`."""
        with contextlib.suppress(zmq.ZMQError):  # it has hung up
            self._socket.unbind(self._endpoint)
        # libzmq leaves the file of what it does not listen at any more.
        self._path.unlink(missing_ok=True)

    def gone(self) -> bool:
        """Nobody can connect: it has hung up, is shut, or a logout has wiped the socket's directory."""
        if self._socket.closed:
            return True
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def bind_again(self, endpoint: str) -> None:
        """Listen anew after `gone`. Connections that stand go on; after `hang_up` there are none."""
        if self._socket.closed:
            self._socket = self._make()
            self.bind(endpoint)
            return
        self._socket.bind(endpoint)
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino

    def send(self, peer: bytes, envelope: Envelope) -> bool:
        """False where the peer is gone or takes nothing: what is sent here is cumulative, or asked for again."""
        try:
            self._socket.send_multipart([peer, *envelope.parts], zmq.NOBLOCK)
        except (zmq.Again, zmq.ZMQError) as error:
            log.debug("not sent: %s", error)
            return False
        finally:
            if self._readable is not None:
                self._readable.look()
        return True

    def close(self) -> None:
        if self._readable is not None:
            self._readable.close()
        self._socket.close()

    def _make(self) -> "zmq.Socket[bytes]":
        made = self._context.socket(zmq.ROUTER)
        for option, value in (
            (zmq.RCVHWM, RECEIVE_MOST),
            (zmq.SNDHWM, 1000),
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.MAXMSGSIZE, PAYLOAD_MAX_BYTES),
            (zmq.HANDSHAKE_IVL, 3000),
            (zmq.LINGER, 0),
            (zmq.BACKLOG, 512),
            (zmq.HEARTBEAT_IVL, 5000),
            (zmq.HEARTBEAT_TIMEOUT, 15000),
            (zmq.ZAP_ENFORCE_DOMAIN, 1),
        ):
            made.setsockopt(option, value)
        made.zap_domain = ZAP_DOMAIN
        return made

    def _message(self, frames: list[zmq.Frame]) -> None:
        peer = frames[0].bytes
        pid = _pid_of(frames[-1])
        try:
            # The contents are held until they are on disk; libzmq's buffers are not, they would pin its arenas.
            envelope = open_parts([frame.bytes for frame in frames[1:4]] if len(frames) < 5 else [b""] * 4)
        except VersionMismatch as error:
            self._on_event(Garbage(peer, str(error), error.got))
        except WireError as error:
            self._on_event(Garbage(peer, str(error)))
        else:
            self._on_event(Received(peer, pid, envelope))


class Admission:
    """The ZAP handler: whom libzmq lets in. Over ipc that is whoever the kernel says has our own user id."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind(ZAP_ENDPOINT)
        self._readable = Readable(self._socket, self._message)
        self.refused = 0

    def close(self) -> None:
        self._readable.close()
        self._socket.close()

    def _message(self, frames: list[zmq.Frame]) -> None:
        # [peer, "", version, request id, domain, address, identity, mechanism, credentials…]
        parts = [frame.bytes for frame in frames]
        if len(parts) < 8:
            return
        status, text = (b"200", b"OK") if admits(parts[5].decode("ascii", "replace")) else (b"400", b"not yours")
        if status != b"200":
            self.refused += 1
            log.warning("refused a connection from %r", parts[5][:80])
        self._socket.send_multipart([*parts[:2], b"1.0", parts[3], status, text, b"", b""])
        self._readable.look()


def admits(address: str) -> bool:
    """Whether a ZAP address, `localhost:uid:gid:pid` over ipc, is of our own user or of root."""
    fields = address.split(":")
    return len(fields) == 4 and fields[1] in (str(os.getuid()), "0")


def _pid_of(frame: zmq.Frame) -> int:
    """The peer's process as the kernel told it when it connected, 0 where that is not known."""
    try:
        address = frame.get("Peer-Address")
    except zmq.ZMQError:
        return 0
    fields = str(address).split(":")
    return int(fields[3]) if len(fields) == 4 and fields[3].isdigit() else 0
