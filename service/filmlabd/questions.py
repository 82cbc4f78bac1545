"""How are requests of the command line and the page received? A second ROUTER socket; the answers are the core's."""

import contextlib
from collections.abc import Callable
from typing import Any

import zmq

from filmlab.control import REQUEST_MAX_BYTES, decode_request, encode_reply
from filmlab.errors import BadInput
from filmlabd.core.events import Asked
from filmlabd.transport import ZAP_DOMAIN, Readable


class Questions:
    """The control endpoint."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", on_event: Callable[[Asked], None]) -> None:
        self._on_event = on_event
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.setsockopt(zmq.MAXMSGSIZE, REQUEST_MAX_BYTES)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
        self._socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._socket.zap_domain = ZAP_DOMAIN
        self._readable: Readable | None = None
        self._endpoint = ""

    def bind(self, endpoint: str) -> None:
        """Listen, under the daemon's lock."""
        self._endpoint = endpoint
        self._socket.bind(endpoint)
        self._readable = Readable(self._socket, self._message)

    def shut(self) -> None:
        """Let nobody else in until `bind_again`."""
        with contextlib.suppress(zmq.ZMQError):  # it is already
            self._socket.unbind(self._endpoint)

    def bind_again(self, endpoint: str) -> None:
        """Listen anew where the socket was wiped, or after `shut`."""
        self._socket.bind(endpoint)

    def reply(self, request: bytes, body: dict[str, Any]) -> None:
        """Answer; whoever has gone away meanwhile gets nothing."""
        self._socket.send_multipart([request, encode_reply(body)], zmq.NOBLOCK)
        if self._readable is not None:
            self._readable.look()

    def close(self) -> None:
        if self._readable is not None:
            self._readable.close()
        self._socket.close()

    def _message(self, frames: list[zmq.Frame]) -> None:
        peer = frames[0].bytes
        try:
            if len(frames) != 2:
                raise BadInput(f"a request has one part, this one {len(frames) - 1}")
            request = decode_request(frames[1].bytes)
        except BadInput as error:
            self.reply(peer, {"ok": False, "error": str(error)})
        else:
            self._on_event(Asked(peer, request.verb, dict(request.args)))
