"""`filmlabd`: serve one state directory, in the foreground or (`--background`) detached from whoever started it."""

import asyncio
import fcntl
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from filmlab.endpoint import socket_path
from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlabd import burden, config, ops
from filmlabd.config import Settings

log = logging.getLogger("filmlabd")

EX_TEMPFAIL = 75
EX_CONFIG = 78
LOCK_PATIENCE_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of the command."""
    _fill_standard_descriptors()
    settings = config.from_command_line(sys.argv[1:] if arguments is None else arguments, os.environ)
    try:
        return serve(settings, os.environ)
    except BadInput as error:
        sys.stderr.write(f"filmlabd: {error}\n")
        return EX_CONFIG


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Set up what must be there before the first thread, take the lock, and serve; the exit status.

    Raises:
        BadInput: the state directory, a socket or a setting cannot be used.
    """
    paths = StatePaths.at(Path(settings.state_dir), environ) if settings.state_dir else StatePaths.find(environ)
    paths.make()
    lock = _take_lock(paths.daemon_lock)
    if lock is not None:
        # That of a daemon that was killed: beside a lock that is held it would pass for ours until our doors are open.
        paths.endpoint.unlink(missing_ok=True)
    if settings.background and lock is not None:
        _detach(paths.log, lock)
    ops.set_up_logging(settings.log_level, environ, paths.log if settings.background else None)
    if lock is None:
        log.error("another daemon serves %s", paths.state)
        return EX_TEMPFAIL
    ops.give_memory_back()
    burden.raise_descriptors()
    # After the fork and the lock: a process that only finds another daemon there should have cost nothing.
    from filmlabd.daemon import Addresses, Daemon

    for note in (*paths.notes, *settings.notes):
        log.warning("%s", note)
    addresses = Addresses(
        settings.endpoint or environ.get("FILMLAB_ENDPOINT") or f"ipc://{paths.ingest_socket}",
        settings.control_endpoint or f"ipc://{paths.control_socket}",
    )
    for endpoint in (addresses.ingest, addresses.control):
        if socket_path(endpoint).parent == paths.runtime:
            paths.make_runtime()
    os.umask(0o077)
    return asyncio.run(Daemon(paths, addresses, settings).run())


def _fill_standard_descriptors() -> None:
    """Whoever started this may have closed some of the first three: the lock, or a worker's line, must not be one."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _detach(log_file: Path, lock: int) -> None:
    """Become a process of nobody: not in the starter's session, with none of its descriptors, and with the lock.

    Whoever has started this and sees its own child end with 0 may count on it that the lock was held by then.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, lock)
    os.closerange(lock + 1, 256)


def _take_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, or None while another daemon does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Whoever looks whether a daemon is alive holds a shared lock for an instant.
            if time.monotonic() > give_up_at:
                os.close(fd)
                return None
            time.sleep(0.05)
        else:
            return fd


if __name__ == "__main__":
    sys.exit(main())
