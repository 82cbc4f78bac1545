"""How is the daemon asked something? One request and one reply, both small JSON, over its control socket.

The daemon's half is `decode_request` and `encode_reply`, which touch nothing; its shell owns a ROUTER socket, where
each request is one part behind the peer's, and so is the reply.
"""

import json
import os
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import zmq

from filmlab.endpoint import check_socket, read_endpoint, socket_path
from filmlab.errors import BadInput, Corrupt, Transient, WireError
from filmlab.paths import StatePaths
from filmlab.private import is_locked

VERSION = 1
REQUEST_MAX_BYTES = 64 * 1024
REPLY_MAX_BYTES = 4 * 1024 * 1024

Scalar: TypeAlias = str | int | float | bool | None

_VERB = re.compile(r"[a-z][a-z-]{0,39}", re.ASCII)
_CREDENTIALS = struct.Struct("3i")


class NoDaemon(Transient):
    """Nobody answers there: no daemon, one that is only starting, or one that hangs."""


class Refused(BadInput):
    """The daemon answered no; the message is its own."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question to the daemon, with flat arguments."""

    verb: str
    args: dict[str, Scalar]


class Control:
    """Asks the daemon of one state directory, wherever it listens at that moment, or the one at an endpoint.

    Every question has a socket of its own: it can be asked from any thread and in a forked child, and a late
    reply meets nobody.
    """

    def __init__(self, where: StatePaths | str, timeout_s: float = 2.0) -> None:
        self._where = where
        self._timeout_s = timeout_s

    def ask(self, verb: str, /, **args: Scalar) -> dict[str, Any]:
        """The reply, without its `ok`.

        Raises:
            NoDaemon: nobody answered within `timeout_s`.
            Refused: the daemon said no.
            BadInput: the socket is not ours, or the question is too long.
        """
        request = encode_request(Request(verb, args))
        endpoint = self.endpoint()
        _probe(socket_path(endpoint), self._timeout_s)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        asking = context.socket(zmq.DEALER)
        try:
            asking.setsockopt(zmq.LINGER, 0)
            asking.setsockopt(zmq.MAXMSGSIZE, REPLY_MAX_BYTES)
            asking.connect(endpoint)
            asking.send(request, zmq.NOBLOCK)
            if not asking.poll(int(self._timeout_s * 1000)):
                raise NoDaemon(f"the daemon at {endpoint} did not answer within {self._timeout_s:g} s")
            return decode_reply(asking.recv(zmq.NOBLOCK))
        except zmq.ZMQError as error:
            raise NoDaemon(f"the daemon at {endpoint} cannot be asked: {error}") from None
        finally:
            context.destroy(linger=0)

    def endpoint(self) -> str:
        """Where the control socket is now.

        Raises:
            NoDaemon: there is no daemon for the state directory.
        """
        if isinstance(self._where, str):
            return self._where
        if not is_locked(self._where.daemon_lock):
            raise NoDaemon(f"no daemon is running for {self._where.state}")
        try:
            found = read_endpoint(self._where.endpoint)
        except (Corrupt, OSError) as error:
            raise NoDaemon(f"the daemon for {self._where.state} cannot be found: {error}") from None
        if found is None:
            raise NoDaemon(f"the daemon for {self._where.state} is still starting")
        return found.control


def encode_request(request: Request) -> bytes:
    """The request as one part.

    Raises:
        BadInput: it is longer than 64 KiB.
    """
    data = json.dumps({"v": VERSION, "ask": request.verb, "args": request.args}, separators=(",", ":")).encode()
    if len(data) > REQUEST_MAX_BYTES:
        raise BadInput(f"a request has at most {REQUEST_MAX_BYTES} bytes, this one {len(data)}")
    return data


def decode_request(data: bytes) -> Request:
    """The request that came in.

    Raises:
        WireError: it is none, of another version, too long, or its arguments are not flat.
    """
    value = _unpack(data, REQUEST_MAX_BYTES, "request")
    if value.get("v") != VERSION:
        raise WireError(f"a request of another version of the control protocol; this daemon speaks {VERSION}")
    verb, args = value.get("ask"), value.get("args", {})
    if not isinstance(verb, str) or not _VERB.fullmatch(verb):
        raise WireError("a request names what it asks for in lower-case letters")
    if not isinstance(args, dict) or not all(isinstance(item, str | int | float | None) for item in args.values()):
        raise WireError(f"{verb}: arguments are texts, numbers, true, false or null")
    return Request(verb, args)


def encode_reply(body: dict[str, Any]) -> bytes:
    """The reply as one part: `body` has `ok`, and with `ok` false `error`. One that is too long becomes a refusal."""
    data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    if len(data) > REPLY_MAX_BYTES:
        return encode_reply({"ok": False, "error": f"the answer has over {REPLY_MAX_BYTES} bytes"})
    return data


def decode_reply(data: bytes) -> dict[str, Any]:
    """What a reply says, without its `ok`.

    Raises:
        Refused: it says no.
        WireError: it is no reply.
    """
    body = _unpack(data, REPLY_MAX_BYTES, "reply")
    if body.pop("ok", None) is not True:
        raise Refused(str(body.get("error", "refused, with no reason given")))
    return body


def _unpack(data: bytes, max_bytes: int, what: str) -> dict[str, Any]:
    if len(data) > max_bytes:
        raise WireError(f"a {what} of {len(data)} bytes; at most {max_bytes}")
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a {what} that is no JSON: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise WireError(f"a {what} is an object")
    return value


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _probe(path: Path, timeout_s: float) -> None:
    """Fail at once where libzmq would try on in silence, and make sure that the listener is this user.

    Raises:
        NoDaemon: nobody listens.
        BadInput: somebody else does.
    """
    try:
        check_socket(path)
    except Transient as error:
        raise NoDaemon(str(error)) from None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            raise NoDaemon(f"nobody listens at {path}: {error.strerror or error}") from None
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid = _CREDENTIALS.unpack(credentials)[1]
    if uid != os.getuid():
        raise BadInput(f"{path} is served by user {uid}, not by {os.getuid()}")
