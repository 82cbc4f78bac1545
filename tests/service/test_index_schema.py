"""The index's tables, their version, and numbers that SQLite does not have."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import BadInput
from filmlabd.index import schema as index_schema
from filmlabd.index.schema import open_reader, open_writer, signed, unsigned


@given(st.integers(0, 2**64 - 1))
def test_every_unsigned_number_fits_and_comes_back(number: int) -> None:
    """Session ids use all 64 bits."""
    assert -(2**63) <= signed(number) < 2**63
    assert unsigned(signed(number)) == number


def test_an_older_index_is_brought_up_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the steps that are missing are taken, each whole; until then a reader says what to do."""
    path = tmp_path / "index.sqlite"
    open_writer(path).close()
    monkeypatch.setattr(index_schema, "MIGRATIONS", (*index_schema.MIGRATIONS, "CREATE TABLE later (x);"))
    monkeypatch.setattr(index_schema, "VERSION", len(index_schema.MIGRATIONS))
    with pytest.raises(BadInput, match="start its daemon once"):
        open_reader(path, 1.0)
    for _ in range(2):
        db = open_writer(path)
        assert db.execute("SELECT * FROM later").fetchall() == []
        db.close()
    open_reader(path, 1.0).close()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is one transaction with its version."""
    path = tmp_path / "index.sqlite"
    open_writer(path).close()
    before = index_schema.MIGRATIONS
    with monkeypatch.context() as patch:
        patch.setattr(index_schema, "MIGRATIONS", (*before, "CREATE TABLE later (x); CREATE TABLE runs (x);"))
        patch.setattr(index_schema, "VERSION", len(before) + 1)
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            open_writer(path)
    db = open_writer(path)
    assert db.execute("SELECT name FROM sqlite_schema WHERE name = 'later'").fetchall() == []
    db.close()
