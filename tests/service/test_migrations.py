"""An index that an older filmlab wrote: what it knew is known afterwards, and the journal goes on behind it."""

import sqlite3
from pathlib import Path

import pytest

from filmlab.errors import BadInput
from filmlabd.index.read import Reader
from filmlabd.index.schema import MIGRATIONS, VERSION
from filmlabd.index.writer import Index
from filmlabd.journal.journal import Journal
from service.keeping import everything
from service.test_index import long_story

STORY = long_story().told
SPLIT = len(STORY) // 2


def as_of_version(version: int, newest: Path, path: Path) -> None:
    """The file as a filmlab of this version would have left it: its tables and columns, with what these hold now."""
    db = sqlite3.connect(path)
    db.executescript(f"{''.join(MIGRATIONS[:version])} DELETE FROM state; PRAGMA user_version = {version};")
    db.execute("ATTACH ? AS newest", (str(newest),))
    for (table,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
        columns = ", ".join(f'"{row[1]}"' for row in db.execute(f"PRAGMA main.table_info({table})"))
        known = " WHERE name != 'identity'" if table == "state" and version < 3 else ""
        db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}{known}")
    db.commit()
    db.close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_older_index_becomes_the_present_one(version: int, tmp_path: Path) -> None:
    """From each version in one step; then what came since is read from the journal, and the answers are the same."""
    journal = Journal(tmp_path / "journal")
    journal.append(STORY[:SPLIT])
    newest, path = tmp_path / "newest.sqlite", tmp_path / "index.sqlite"
    index = Index(newest)
    index.catch_up(journal)
    index.close()
    as_of_version(version, newest, path)
    with pytest.raises(BadInput, match=f"is of version {version}, this filmlab reads {VERSION}"):
        Reader(path)
    journal.append(STORY[SPLIT:])
    said = []
    for file in (newest, path):
        index = Index(file)
        assert index.catch_up(journal) == len(STORY) - SPLIT
        index.close()
        with Reader(file) as reader:
            said.append(everything(reader))
    assert said[0] == said[1]
    journal.close()
