"""Which films are there, which may go, and which files belong to none? Looks only, beside a daemon or without one."""

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from filmlab.errors import FilmlabError
from filmlabd.events import Survey, Surveyed
from filmlabd.index.read import Reader
from filmlabd.model import FilmRow
from filmlabd.retention import KeptFilm, plan


def survey(index: Path, films: Path, asked: Survey) -> Surveyed:
    """Everything that was asked; what cannot be seen is told, not raised."""
    # The order matters: a file without a row is nobody's only if its session was over before the rows were read.
    sizes = dict(_files(films))
    try:
        with Reader(index) as reader:
            ended = reader.sessions_over()
            rows = {(row.session, row.film): row for row in reader.films()}
    except (FilmlabError, sqlite3.Error) as error:
        return Surveyed(trouble=f"the index cannot be read: {error}", request=asked.request)
    leftovers = tuple(key for key in sizes if key in rows and rows[key].gone)
    orphans = tuple(key for key in sizes if key not in rows and key[0] in ended)
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


def _files(directory: Path) -> Iterator[tuple[tuple[int, int], int]]:
    """((session, film), bytes) of every film file."""
    for session in _entries(directory):
        for entry in _entries(Path(session.path)):
            try:
                key = int(session.name, 16), int(entry.name.removesuffix(".film"))
                yield key, entry.stat(follow_symlinks=False).st_size
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
