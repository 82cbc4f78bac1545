"""A machine as the command line finds it: an environment, a state directory, maybe a daemon."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import filmlab
from client.control_server import serving
from filmlab.control import encode_reply
from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.paths import StatePaths

STATUS = {
    "ok": True, "version": filmlab.__version__, "pid": 77, "boot": "0" * 16, "uptime_s": 3700.0, "runs": ["aaaa1111"],
    "sessions": 1, "queue": {"waiting": 2, "running": 1, "failed": 0}, "workers": {"80": "", "81": "episode:1"},
    "ingested_bytes": 3 * 2**20,
    "refused_records": 0, "garbage": {}, "quarantined": [], "stopping": "",
}  # fmt: skip


def fresh_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    """A user who has nothing: an empty home, state directory and runtime directory, and no settings."""
    for name in [name for name in os.environ if name.startswith(("FILMLAB", "XDG_"))]:
        monkeypatch.delenv(name)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    for name, value in {"HOME": tmp_path, "FILMLAB_STATE_DIR": tmp_path / "s", "XDG_RUNTIME_DIR": runtime}.items():
        monkeypatch.setenv(name, str(value))
    found = StatePaths.find()
    found.make()
    found.make_runtime()
    return found


@contextmanager
def daemon(paths: StatePaths, **changes: Any) -> Iterator[None]:
    """A daemon as others see it: lock, endpoint file, and a control socket that answers."""
    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    control, ingest = f"ipc://{paths.control_socket}", f"ipc://{paths.ingest_socket}"
    reply = [encode_reply(STATUS | changes)]
    try:
        with serving(control, lambda _: reply), serving(ingest, lambda _: []):
            write_endpoint(paths.endpoint, Endpoint(ingest, control, 77, "0.1.0", 1))
            yield
    finally:
        os.close(holder)
