"""What lies in the state directory for nobody? What killed processes left half-made, and what is not filmlab's."""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlab.spool import OWNER

SETTLED_S = 86400.0
"""What is made and renamed at once, and is a day old, was left by a process that was killed in between."""
_FRESH_SPOOL = re.compile(r"\.[0-9a-f]{16}\.\d+")
_OWN = re.compile(r"daemon\.lock|start\.lock|endpoint|journal|film|index\.sqlite.*|spool|log|ballast|runs")


@dataclass(frozen=True, slots=True)
class Stray:
    """A file or directory that is no part of any run."""

    path: Path
    size_bytes: int
    what: str
    """`half-made`, or `unknown`: not filmlab's, or of another version of it, and left alone."""


def find_strays(paths: StatePaths) -> list[Stray]:
    """Everything of the kind, by name. What may still be in the hands of somebody is passed over."""
    before = time.time() - SETTLED_S
    half_made = [path for path in _half_made(paths) if _is_settled(path, before)]
    unknown = sorted(path for path in _entries(paths.root) if not _is_own(path.name))
    return [
        *(Stray(path, _size(path), "half-made") for path in sorted(half_made)),
        *(Stray(path, _size(path), "unknown") for path in unknown),
    ]


def remove_half_made(strays: Iterable[Stray]) -> None:
    """Those of them that a killed process left. What cannot be removed is there again the next time."""
    for stray in strays:
        if stray.what != "half-made":
            continue
        if stray.path.is_dir() and not stray.path.is_symlink():
            shutil.rmtree(stray.path, ignore_errors=True)
        else:
            stray.path.unlink(missing_ok=True)


def _half_made(paths: StatePaths) -> Iterator[Path]:
    """What has the name that it has until it is whole."""
    yield from paths.root.glob(".endpoint.*")
    for path in paths.spool.glob(".*"):
        # Nothing is written to one before it has its real name; with anything in it it is none of these.
        if _FRESH_SPOOL.fullmatch(path.name) and {entry.name for entry in _entries(path)} <= {OWNER}:
            yield path


def _is_settled(path: Path, before: float) -> bool:
    try:
        return os.lstat(path).st_mtime < before and not is_locked(path / OWNER)
    except NotADirectoryError:
        return True
    except OSError:
        return False


def _is_own(name: str) -> bool:
    return bool(_OWN.fullmatch(name)) or name.startswith(".endpoint.")


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: Path) -> int:
    """On disk, with all below it."""
    found = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    return sum(os.lstat(item).st_blocks * 512 for item in found if os.path.lexists(item))
