"""docs/faults.md is what the tests are: each row is there, and each test that it names."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs" / "faults.md"
ROWS = 35


def test_every_row_of_the_table_is_there_once_and_in_order() -> None:
    """The table of issue and delivery has 35 rows; one that cannot be tested yet is there as waiting."""
    assert [int(row) for row in re.findall(r"^\| (\d+) \|", DOCS.read_text(), re.MULTILINE)] == list(range(1, ROWS + 1))


def test_every_test_that_the_table_names_exists() -> None:
    """`file.py::test_begins_so_…` names a function of that file; `::test_…` alone one of the file named before it."""
    missing, file = [], Path()
    for path, name in re.findall(r"`((?:\w+/)*test_\w+\.py)?(?:::(test_\w+)…?)?`", DOCS.read_text()):
        if not (path or name):
            continue
        file = TESTS / path if path else file
        text = file.read_text() if file.exists() else ""
        if not re.search(rf"def {name}" if name else "def test_", text):
            missing.append(f"{file.relative_to(TESTS)}::{name}")
    assert not missing


def test_every_test_of_a_row_is_named_in_it() -> None:
    """A test here whose name says its rows stands in those rows."""
    rows = dict(re.findall(r"^\| (\d+) \|(.*)$", DOCS.read_text(), re.MULTILINE))
    for path in Path(__file__).parent.glob("test_*.py"):
        for name, digits in re.findall(r"^def (test_rows?_(\d+)\w*)", path.read_text(), re.MULTILINE):
            named = re.findall(r"`(?:[\w/]+\.py)?(?:::(test_\w+))?…?`", rows[digits])
            assert f"faults/{path.name}" in rows[digits], f"row {digits} does not name {path.name}"
            assert (
                any(name.startswith(prefix) for prefix in named if prefix) or f"`faults/{path.name}`" in rows[digits]
            ), name
