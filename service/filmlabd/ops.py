"""How does the daemon get on with what runs it? The service manager's socket, its watchdog, the log, and memory."""

import contextlib
import ctypes
import logging
import os
import socket
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAP_LEAST_BYTES = 128 * 1024
_M_MMAP_THRESHOLD = -3
LOG_FILE_MAX_BYTES = 4 * 1024 * 1024
LOG_FILES_KEPT = 3
# What journald reads at the beginning of a line: the levels of syslog.
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def notify(state: str, environ: Mapping[str, str]) -> bool:
    """Tell the service manager, as sd_notify(3) does: `READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`.

    False where there is none, or it does not listen: neither is a reason to stop working.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.setblocking(False)
            manager.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        return False
    return True


def give_memory_back() -> bool:
    """From now on large blocks go back to the system when they are freed; False where the C library cannot do that.

    By itself glibc stops doing so for blocks of the size of a chunk once it has freed one, and the heap stays as large
    as it was in the busiest second.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAP_LEAST_BYTES))
    except (OSError, AttributeError):
        return False


def trim_memory() -> None:
    """Give back now what many small blocks have left; nothing happens where the C library cannot do that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def watchdog_interval_s(environ: Mapping[str, str], pid: int) -> float | None:
    """How often to send `WATCHDOG=1`: twice in the time that the service manager allows. None: it expects nothing."""
    allowed, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (allowed.isascii() and allowed.isdigit()) or int(allowed) == 0 or whose != str(pid):
        return None
    return int(allowed) / 2e6


def set_up_logging(level: str, environ: Mapping[str, str], file: Path | None = None) -> None:
    """Send the log to `file` (turned over at 4 MiB, three kept), else to stderr.

    Under journald lines bear its priorities and no time of their own. Replaces what was set up before.
    """
    handler: logging.Handler
    pattern = "%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s"
    if file is not None:
        handler = RotatingFileHandler(file, maxBytes=LOG_FILE_MAX_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8")
        handler.setFormatter(logging.Formatter(pattern))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_JournalFormatter() if _is_journal(environ) else logging.Formatter(pattern))
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
        former.close()
    root.addHandler(handler)
    root.setLevel(level.upper())


class _JournalFormatter(logging.Formatter):
    """Every line of a record bears its priority."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def _is_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr leads straight to journald, as systemd.exec(5) says to find out."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
