"""Fixtures of the tests with real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A household whose processes end with the test."""
    made = House(tmp_path)
    yield made
    made.close()
