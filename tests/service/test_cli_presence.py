"""Is there a daemon, and does it answer: one question for a whole command."""

import fcntl
import os
from pathlib import Path

import pytest

from client.control_server import serving
from filmlab.control import Request
from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.paths import StatePaths
from filmlabd.cli import doctor_run
from filmlabd.cli.presence import Presence, look_for_daemon
from service.machine import daemon, fresh_machine
from service.recorded import Recording

NOBODY = 2**22 + 1
"""Beyond what Linux gives as a process id."""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    return fresh_machine(tmp_path, monkeypatch)


def test_what_is_found(paths: StatePaths) -> None:
    """None without a lock, running with an answer; a lock alone is one that hangs or only starts."""
    assert look_for_daemon(paths).presence is Presence.NONE
    with daemon(paths):
        seen = look_for_daemon(paths)
    assert (seen.presence, seen.pid, seen.status["version"] != "", seen.remedy) == (Presence.RUNNING, 77, True, "")
    paths.endpoint.unlink()
    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    seen = look_for_daemon(paths)
    os.close(holder)
    assert (seen.presence, seen.pid, "still starting" in seen.reason) == (Presence.HANGING, 0, True)


def test_a_silent_daemon_is_asked_once_and_told_once(paths: StatePaths) -> None:
    """Every line of `filmlab doctor RUN` rests on the same answer, or on the same silence."""
    told = Recording(paths.index)
    told.run(1, "r1", "pole", "cart", str(paths.state / "films"))
    told.index.commit()
    told.close()
    questions: list[Request] = []

    def silent(question: Request) -> list[bytes]:
        questions.append(question)
        return []

    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    control = f"ipc://{paths.control_socket}"
    with serving(control, silent):
        write_endpoint(paths.endpoint, Endpoint(control, control, NOBODY, "0.1.0", 1))
        lines, trouble = doctor_run.run(paths, "r1", as_json=False)
    os.close(holder)
    assert trouble and len(questions) == 1
    text = "\n".join(lines)
    assert f"a daemon runs (process {NOBODY}) and does not answer" in text
    assert "none" not in text and "no daemon" not in text and "filmlab sync" not in text
