"""`filmlab doctor`: each thing that can be wrong is found, and told with what to do."""

import fcntl
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import msgpack
import msgpack.fallback
import pytest
import zmq

from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.paths import StateChoice, StatePaths
from filmlabd.cli import checks
from filmlabd.cli import checks_here as here
from filmlabd.cli import doctor as cli_doctor
from filmlabd.cli.checks import Finding, Level
from filmlabd.cli.doctor import examine
from filmlabd.cli.presence import look_for_daemon
from service.machine import daemon, fresh_machine
from service.recorded import record


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    """A machine with nothing recorded, where no daemon is started to see whether it could be."""
    found = fresh_machine(tmp_path, monkeypatch)
    monkeypatch.setenv("FILMLAB_MODE", "offline")
    return found


def finding(name: str) -> Finding:
    """What doctor says of one thing on this machine."""
    (found,) = [item for item in examine(os.environ) if item.name == name]
    return found


def test_a_machine_that_is_well(paths: StatePaths) -> None:
    """Nothing is bad, no name comes twice, and the checks are shown in one order."""
    findings = examine(os.environ)
    assert [item for item in findings if item.level is Level.BAD] == []
    assert len({item.name for item in findings}) == len(findings)
    lines, trouble = cli_doctor.run(os.environ, as_json=False)
    assert not trouble
    assert len(lines) == len(findings) + 1 + sum(bool(item.advice) for item in findings)


def test_json(paths: StatePaths) -> None:
    """The same findings as a document; what is bad makes trouble."""
    paths.root.chmod(0o755)
    (text,), trouble = cli_doctor.run(os.environ, as_json=True)
    document = json.loads(text)
    assert trouble
    assert document["fine"] is False
    assert {"ok", "bad"} <= {item["level"] for item in document["findings"]}


def test_no_place_for_the_state(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no state directory can be used, that is said, and the rest that depends on it is left out."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert examine(os.environ)[-1].name == "state directory"
    assert examine(os.environ)[-1].level is Level.BAD


def test_a_state_directory_that_was_passed_over(paths: StatePaths) -> None:
    """A directory that was asked for and cannot be used is told with the reason, and the one in force."""
    passed_over = ((Path("/net/s"), "is on a network file system (nfs4)"),)
    choice = StateChoice(Path("/tmp/x"), "the home directory", passed_over)
    found = checks.check_state(choice, {"FILMLAB_STATE_DIR": "/net/s"})
    assert found.level is Level.WARN
    assert "/net/s is on a network file system (nfs4)" in found.text
    assert checks.check_state(choice, {}).level is Level.OK


def test_settings(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that cannot be read, that lead elsewhere, or that mean nothing are told."""
    monkeypatch.setenv("FILMLABD_WORKERS", "many")
    assert finding("settings").level is Level.BAD
    monkeypatch.delenv("FILMLABD_WORKERS")
    monkeypatch.setenv("FILMLABD_STATE_DIR", "/tmp/elsewhere")
    assert "trainers look in" in finding("settings").text
    monkeypatch.delenv("FILMLABD_STATE_DIR")
    monkeypatch.setenv("FILMLABD_WORKER", "2")
    assert finding("settings").level is Level.WARN


def test_permissions(paths: StatePaths) -> None:
    """A state directory that is open to others is bad."""
    paths.root.chmod(0o750)
    assert finding("permissions").level is Level.BAD


@pytest.mark.parametrize(
    ("free", "inodes", "level"),
    [(2**20, 9, Level.BAD), (2**40, 0, Level.BAD), (2**30, 9, Level.WARN), (2**40, 9, Level.OK)],
)
def test_space(paths: StatePaths, monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, level: Level) -> None:
    """Little room on the disk is a warning; none, in bytes or in inodes, is bad."""
    disk = SimpleNamespace(f_bavail=free, f_frsize=1, f_blocks=2**41, f_files=10, f_favail=inodes)
    monkeypatch.setattr(checks.os, "statvfs", lambda _: disk)
    assert checks.check_space(paths, {}).level is level


def test_sockets(paths: StatePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is not spoken is bad; a runtime directory that is too long is a warning with the one used."""
    assert finding("sockets").level is Level.OK
    monkeypatch.setenv("FILMLAB_ENDPOINT", "tcp://1.2.3.4:5")
    assert finding("sockets").level is Level.BAD
    monkeypatch.delenv("FILMLAB_ENDPOINT")
    long = tmp_path / ("x" * 100)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    found = finding("sockets")
    assert found.level is Level.WARN
    assert "too long for a socket" in found.text
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert "XDG_RUNTIME_DIR is not set" in finding("sockets").text


def test_daemon(paths: StatePaths) -> None:
    """A daemon that answers is well; one of another version is a warning; one that cannot write is bad."""
    with daemon(paths):
        assert checks.check_daemon(paths, look_for_daemon(paths)).level is Level.OK
    with daemon(paths, version="0.0.1"):
        assert checks.check_daemon(paths, look_for_daemon(paths)).level is Level.WARN
    with daemon(paths, paused="rendering is paused: workers keep dying"):
        assert "workers keep dying" in checks.check_daemon(paths, look_for_daemon(paths)).text
    with daemon(paths, disk_full="No space left on device"):
        assert checks.check_daemon(paths, look_for_daemon(paths)).level is Level.BAD


def test_a_daemon_that_was_killed_or_is_silent(paths: StatePaths) -> None:
    """An endpoint that a killed daemon left is no harm; a held lock with nobody at the socket is bad."""
    write_endpoint(paths.endpoint, Endpoint("ipc:///a", f"ipc://{paths.control_socket}", 1, "0", 1))
    found = checks.check_daemon(paths, look_for_daemon(paths))
    assert (found.level, "killed" in found.text) == (Level.OK, True)
    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    found = checks.check_daemon(paths, look_for_daemon(paths))
    os.close(holder)
    assert found.level is Level.BAD
    assert str(paths.log) in found.advice


def test_prints_that_were_given_up(paths: StatePaths) -> None:
    """A print that failed for good is bad, and its reason is told."""
    record(paths.index)
    found = finding("prints")
    assert found.level is Level.BAD
    assert "killed by signal 9" in found.text


def test_damage(paths: StatePaths) -> None:
    """What was set aside as damaged is told, with where it lies."""
    (paths.root / "index.sqlite.corrupt-1").touch()
    assert finding("damage").level is Level.WARN
    (paths.journal / "quarantine").mkdir(parents=True)
    (paths.journal / "quarantine" / "0000").touch()
    assert "1 damaged record" in finding("damage").text


def test_spool(paths: StatePaths) -> None:
    """What dead trainers left is told; the spool of a living one is not."""
    left = paths.spool / "00000000000000aa"
    left.mkdir()
    (left / "owner").write_text("{}")
    (left / "c-000000.seg").write_bytes(b"x" * 2048)
    assert "2 KiB of 1 trainer" in finding("spool").text
    holder = os.open(left / "owner", os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    level = finding("spool").level
    os.close(holder)
    assert level is Level.OK


def test_autostart(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of a trainer is tried; an interpreter that fails, is gone or unknown, and a wrong mode are told."""
    monkeypatch.delenv("FILMLAB_MODE")
    assert "starts filmlabd" in finding("autostart").text
    for executable, words in (("/bin/false", "ended with 1"), ("/nowhere/python", "No such file"), ("", "interpreter")):
        monkeypatch.setattr(sys, "executable", executable)
        assert finding("autostart").level is Level.BAD
        assert words in finding("autostart").text
    monkeypatch.setenv("FILMLAB_MODE", "offline")
    assert finding("autostart").level is Level.OK
    monkeypatch.setenv("FILMLAB_MODE", "onlin")
    assert finding("autostart").level is Level.BAD


def test_shared_memory(tmp_path: Path) -> None:
    """filmlab does without it, so that its absence is told and is no trouble."""
    assert here.check_shared_memory(tmp_path / "none").level is Level.OK


def test_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library, an old libzmq and a msgpack without its C extension are bad."""
    monkeypatch.setattr(here, "LIBRARIES", ("no-such-library",))
    monkeypatch.setattr(zmq, "zmq_version_info", lambda: (4, 3, 2))
    monkeypatch.setattr(msgpack, "Packer", msgpack.fallback.Packer)
    findings = [*here.check_libraries(), here.check_msgpack()]
    assert [item.level for item in findings] == [Level.BAD] * 3
    assert findings[0].advice == "pip install no-such-library"
