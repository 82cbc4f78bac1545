"""What lies in the state directory and is no part of a run: found by name and age, and only what is nobody's goes."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from filmlab.paths import StatePaths
from filmlabd.cli.strays import SETTLED_S, find_strays, remove_half_made
from service.machine import fresh_machine


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    return fresh_machine(tmp_path, monkeypatch)


def aged(path: Path) -> Path:
    wall = time.time() - SETTLED_S - 60
    os.utime(path, (wall, wall))
    return path


def fresh_spool(paths: StatePaths, name: str = ".00000000000000aa.77") -> Path:
    made = paths.spool / name
    made.mkdir()
    (made / "owner").write_text("{}")
    return made


def test_what_a_killed_process_left_half_made_goes(paths: StatePaths) -> None:
    """An endpoint that was not renamed, and a spool that was never begun; not before a day has passed."""
    endpoint = paths.root / ".endpoint.77"
    endpoint.write_text("{}")
    made = fresh_spool(paths)
    assert find_strays(paths) == []
    aged(endpoint)
    aged(made)
    found = find_strays(paths)
    assert [(stray.path, stray.what) for stray in found] == [(endpoint, "half-made"), (made, "half-made")]
    remove_half_made(found)
    assert find_strays(paths) == [] and not endpoint.exists() and not made.exists()


def test_what_is_locked_or_holds_records_stays(paths: StatePaths) -> None:
    """Its process lives; or it is a spool after all."""
    locked, full = fresh_spool(paths), fresh_spool(paths, ".00000000000000bb.78")
    (full / "c-000001.seg").write_text("record")
    holder = os.open(locked / "owner", os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    aged(locked)
    aged(full)
    assert find_strays(paths) == []
    os.close(holder)
    aged(locked)
    assert [stray.path for stray in find_strays(paths)] == [locked]


def test_what_is_not_ours_is_named_and_stays(paths: StatePaths) -> None:
    """Whoever put it there may want it; what filmlab keeps there is not named."""
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite.corrupt-1", "ballast", "daemon.lock", "endpoint"):
        (paths.root / name).touch()
    notes = paths.root / "notes"
    notes.mkdir()
    aged(notes)
    found = find_strays(paths)
    assert [(stray.path, stray.what) for stray in found] == [(notes, "unknown")]
    remove_half_made(found)
    assert notes.exists()
