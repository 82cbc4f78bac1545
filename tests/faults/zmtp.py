"""The least of ZMTP 3.0 that it takes to be a bad peer: a greeting, a READY, and frames of any kind.

Source: ZMTP 3.0, https://rfc.zeromq.org/spec/23/ (greeting, NULL mechanism, frames).
"""

import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from patience import PATIENCE_S

MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(1 + 31)


def connect(path: Path) -> socket.socket:
    """A connection that has said nothing yet."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(PATIENCE_S)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


def greet(path: Path) -> socket.socket:
    """A connection whose handshake is done: a DEALER that the daemon has let in."""
    made = connect(path)
    try:
        made.sendall(GREETING)
        _take(made, len(GREETING))
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        made.sendall(bytes([COMMAND, len(ready)]) + ready)
        flags, size = _take(made, 2)
        _take(made, size)
        assert flags == COMMAND
    except (AssertionError, OSError):
        made.close()
        raise
    return made


def frame(data: bytes, *, more: bool = False, claims: int | None = None) -> bytes:
    """One part of a message; with `claims` its header lies about its length."""
    size = len(data) if claims is None else claims
    flags = MORE if more else 0
    head = bytes([flags, size]) if size < 256 else bytes([flags | LONG]) + struct.pack(">Q", size)
    return head + data


def message(parts: Sequence[bytes]) -> bytes:
    """All parts of one message."""
    return b"".join(frame(part, more=index < len(parts) - 1) for index, part in enumerate(parts))


def _take(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = end.recv(size - len(data))
        assert piece, "the daemon hung up"
        data += piece
    return data
