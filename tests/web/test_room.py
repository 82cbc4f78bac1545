"""What the handlers share: what it remembers of runs goes with them."""

from pathlib import Path

from filmlab.paths import StatePaths
from filmlabd.web.room import Room
from service.glances import glance


def test_of_a_run_that_is_gone_no_size_is_kept(tmp_path: Path) -> None:
    """Runs come and go below one server: what is remembered is what the table shows."""
    room = Room(StatePaths.at(tmp_path))
    room._weigh([glance("a"), glance("b")])
    assert room._disk.keys() == {"a", "b"}
    room._weigh([glance("b"), glance("c")])
    assert room._disk.keys() == {"b", "c"}
