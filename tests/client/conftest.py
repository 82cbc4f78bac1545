"""Fixtures of the client's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.studio import Studio, studio_in


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A place to record to."""
    with studio_in(tmp_path) as studio:
        yield studio
