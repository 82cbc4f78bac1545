"""Where does the daemon that is alive listen? The endpoint file, and the checks on a socket before connecting to it."""

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.private import check_private

SOCKET_PATH_MAX_BYTES = 107
"""What fits into sockaddr_un beside the closing NUL."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the daemon that is alive can be reached, as it wrote it itself."""

    ingest: str
    control: str
    pid: int
    version: str
    boot: int


def read_endpoint(path: Path) -> Endpoint | None:
    """What the endpoint file says, or None when there is none.

    Raises:
        Corrupt: it is no such document. The daemon replaces it at its next start.
    """
    try:
        value = json.loads(path.read_bytes())
        return Endpoint(
            str(value["ingest"]), str(value["control"]), int(value["pid"]), str(value["version"]), int(value["boot"])
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise Corrupt(f"{path} is no endpoint file: {type(error).__name__}") from None


def write_endpoint(path: Path, endpoint: Endpoint) -> None:
    """Publish the endpoint atomically: a reader sees the former one or this one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(asdict(endpoint)).encode())
    temporary.replace(path)


def remove_endpoint(path: Path, boot: int) -> None:
    """Withdraw the endpoint of this boot; a later daemon's stays."""
    with contextlib.suppress(Corrupt):
        found = read_endpoint(path)
        if found is not None and found.boot == boot:
            path.unlink(missing_ok=True)


def socket_path(endpoint: str) -> Path:
    """The path of the socket that `ipc:///some/path` names.

    Raises:
        BadInput: it is something else (tcp and abstract sockets are open to every user of the machine), or too long.
    """
    if endpoint.startswith("ipc://@"):
        raise BadInput(f"{endpoint}: an abstract socket is open to every user of this machine; use ipc:///some/path")
    if not endpoint.startswith("ipc:///"):
        raise BadInput(f"{endpoint}: only ipc:///some/path is spoken so far")
    path = Path(endpoint.removeprefix("ipc://"))
    if not fits(path):
        raise BadInput(
            f"{path} has {len(os.fsencode(path))} bytes; a socket's path has at most {SOCKET_PATH_MAX_BYTES}"
        )
    return path


def check_socket(path: Path) -> None:
    """Make sure that whoever listens there is this user and that nobody else could have put it there.

    Raises:
        Transient: there is no socket.
        BadInput: the socket or its directory is another user's, or the directory is open to others.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise Transient(f"{path} is not there") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be looked at: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        raise BadInput(f"{path} is no socket")
    if found.st_uid != os.getuid():
        raise BadInput(f"{path} belongs to user {found.st_uid}, not to {os.getuid()}")
    check_private(path.parent)


def fits(path: Path) -> bool:
    """Is it short enough for a socket?"""
    return len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES
