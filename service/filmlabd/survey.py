"""Which films are there, which may go, and which files belong to none? Looks only, beside a daemon or without one."""

import os
import sqlite3
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from filmlab.errors import FilmlabError
from filmlab.paths import StatePaths
from filmlabd.core.events import Survey, Surveyed
from filmlabd.core.retention import KeptFilm, plan
from filmlabd.index.read import Reader
from filmlabd.journal.mentions import unmentioned
from filmlabd.model import FilmRow

UNHEARD_S = 86400.0
"""Film of a session that nobody has heard of may be on its way to being acknowledged, for some seconds."""


def survey(paths: StatePaths, asked: Survey) -> Surveyed:
    """Everything that was asked; what cannot be seen is told, not raised."""
    try:
        return _survey(paths, asked)
    except (FilmlabError, sqlite3.Error, OSError) as error:
        return Surveyed(trouble=f"the state directory cannot be looked through: {error}", request=asked.request)


def _survey(paths: StatePaths, asked: Survey) -> Surveyed:
    # The order matters: a file without a row is nobody's only if its session was over before the rows were read.
    files = {(file.session, file.film): file for file in _files(paths.film)}
    sizes = {key: file.size_bytes for key, file in files.items()}
    with Reader(paths.index) as reader:
        ended, known = reader.sessions_over(), reader.sessions_known()
        rows = {(row.session, row.film): row for row in reader.films()}
    unheard = _unheard(paths.journal, files.values(), known) if asked.thorough else frozenset()
    over = ended | unheard
    leftovers = tuple(key for key in sizes if key in rows and rows[key].gone)
    orphans = tuple(key for key in sizes if key not in rows and key[0] in over)
    held = [_kept(rows[key], size_bytes) for key, size_bytes in sizes.items() if key in rows and not rows[key].gone]
    orphan_bytes = sum(sizes[key] for key in (*leftovers, *orphans))
    if asked.run_id:
        gone = [film for film in held if film.run_id == asked.run_id]
    else:
        gone = plan(held, asked.quota, asked.short_bytes - orphan_bytes, time.time())
    unprinted = sum(not film.may_go for film in held)
    going = frozenset(gone)
    given_up = tuple(film for film in held if film.given_up and film not in going)
    return Surveyed(tuple(gone), given_up, leftovers, orphans, orphan_bytes, unprinted, request=asked.request)


@dataclass(frozen=True, slots=True)
class _File:
    session: int
    film: int
    size_bytes: int
    wall: float
    """When it was last written to."""


def _unheard(journal: Path, files: Collection[_File], known: Collection[int]) -> frozenset[int]:
    """The sessions of which there is film, none of it of today, and neither the index nor the journal names them.

    A trainer that is alive all the same sends everything again: nothing of it was ever acknowledged.
    """
    newest: dict[int, float] = {}
    for file in files:
        newest[file.session] = max(file.wall, newest.get(file.session, file.wall))
    before = time.time() - UNHEARD_S
    return unmentioned(journal, {session for session, wall in newest.items() if session not in known and wall < before})


def _files(directory: Path) -> Iterator[_File]:
    """Every film file."""
    for session in _entries(directory):
        for entry in _entries(Path(session.path)):
            try:
                found = entry.stat(follow_symlinks=False)
                number = int(entry.name.removesuffix(".film"))
                yield _File(int(session.name, 16), number, found.st_size, found.st_mtime)
            except (ValueError, FileNotFoundError):
                continue  # none of ours, or gone meanwhile


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _kept(row: FilmRow, size_bytes: int) -> KeptFilm:
    return KeptFilm(
        row.session, row.film, row.run_id, row.series, row.episode, row.return_, size_bytes, row.wall, row.printed,
        row.awaited, row.given_up, row.is_medium,
    )  # fmt: skip
