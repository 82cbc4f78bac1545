"""Every command finds its run in the same way, and says in the same words that it is not there."""

from pathlib import Path

import pytest

from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlabd.cli.look_up import Misuse, run_named
from filmlabd.index import schema
from service.keeping import RUN, Followed


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths.at(tmp_path, {})


def _recorded(paths: StatePaths) -> None:
    paths.index.parent.mkdir(parents=True, exist_ok=True)
    story = Followed(paths.index)
    story.open()
    assert story.answers.runs()


def test_a_run_is_found_by_the_beginning_of_its_id(paths: StatePaths) -> None:
    """Nobody types a whole id."""
    _recorded(paths)
    with run_named(paths, RUN[:3]) as (reader, run):
        assert (run.run_id, reader.run(RUN)) == (RUN, run)


def test_where_nothing_was_recorded_the_directory_is_named(paths: StatePaths) -> None:
    """Most often it is the wrong state directory."""
    with pytest.raises(Misuse, match=str(paths.state)), run_named(paths, "x"):
        pass


@pytest.mark.parametrize("name", ["nobody", RUN])
def test_what_cannot_be_is_misuse(paths: StatePaths, name: str) -> None:
    """A name that is no run's, and whatever a command cannot do with a run: the same exit status for both."""
    _recorded(paths)
    with pytest.raises(Misuse, match=r"no run|too small"), run_named(paths, name):
        raise BadInput("too small")


def test_an_index_of_another_version_is_no_misuse(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command was right: it is the daemon that has to be started once."""
    _recorded(paths)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(BadInput, match="start its daemon once") as found, run_named(paths, RUN):
        pass
    assert not isinstance(found.value, Misuse)
