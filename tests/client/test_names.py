"""Names that never end stop costing anything; those that are known go on, one by one."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from client.studio import Studio
from filmlab import BadInput, FilmlabWarning, Run, _names, recorders
from filmlab._names import Names
from filmlab.recorders.implicit import finish, implicit_run
from filmlab.wire.entries import Dropped, MetricNames
from filmlab.wire.names import NO_ROOM_FOR_NAMES


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has room for three names, a session for five."""
    monkeypatch.setattr(_names, "RUN_METRICS_MAX", 3)
    monkeypatch.setattr(_names, "SESSION_METRICS_MAX", 5)


def log_states(run: Run, count: int) -> None:
    for state in range(count):
        run.log({"loss": state / 2, f"q/{state}": 1.0}, step=state)


@pytest.mark.usefixtures("few")
def test_known_names_go_on_exactly_and_further_ones_are_counted_and_told(studio: Studio) -> None:
    """A row is recorded without the names that there is no room for; these are said once, and told to the daemon."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning) as said:
        log_states(run, 40)
    stats = run.stats
    run.finish()
    assert len(said) == 1 and "'q/2' is not recorded" in str(said[0].message) and "3" in str(said[0].message)
    assert [values for _, values in studio.points()] == [
        {"loss": state / 2} | ({f"q/{state}": 1.0} if state < 2 else {}) for state in range(40)
    ]
    told = studio.entries(Dropped)
    assert {(entry.what, entry.reason) for entry in told} == {("metric values", stats.dropped_reasons.popitem()[0])}
    assert told[0].reason.startswith(NO_ROOM_FOR_NAMES)
    assert stats.dropped_metrics == sum(entry.count for entry in told) == 38


@pytest.mark.usefixtures("few")
def test_what_grows_with_names_stops_growing(studio: Studio) -> None:
    """Neither the run nor its session remembers a name that is not recorded, nor is it declared."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning):
        log_states(run, 40)
    process = run._seat.process
    assert process is not None
    assert len(run._seat.metrics) == len(process.names._numbers) == 3
    run.finish()
    assert sum(len(entry.names) for entry in studio.entries(MetricNames)) == 3


@pytest.mark.usefixtures("few")
def test_one_runs_names_leave_room_for_anothers(studio: Studio) -> None:
    """A name that several runs use counts once; a session that has too many has none left for a new run."""
    one, other = studio.init(strict=False), studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="this run has 3"):
        log_states(one, 10)
    other.log({"loss": 1.0, "a": 1.0, "b": 2.0})
    third = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="this process has 5"):
        third.log({"loss": 5.0, "c": 1.0})
    for run in (one, other, third):
        run.finish()
    assert [values for _, values in studio.points()][-2:] == [{"loss": 1.0, "a": 1.0, "b": 2.0}, {"loss": 5.0}]


@pytest.mark.usefixtures("few")
def test_known_names_are_recorded_in_any_later_session() -> None:
    """A run that lost its session goes on under its names, however full the next one is, and under no others."""
    known = {"a", "b"}
    full = Names()
    full.declared(full.undeclared(["v", "w", "x", "y", "z"]))
    assert full.admit(["a", "c", "b", "z", "v"], known) == (["a", "b", "z"], ["c", "v"])
    assert full.undeclared(["a", "z"]) == ((5, "a"),)


@pytest.mark.usefixtures("few")
def test_with_strict_the_first_name_too_many_raises(studio: Studio) -> None:
    """What belongs to the row is recorded all the same."""
    run = studio.init(strict=True)
    log_states(run, 2)
    with pytest.raises(BadInput, match="q/9"):
        run.log({"loss": 7.0, "q/9": 1.0})
    run.finish()
    assert [values for _, values in studio.points()][-1] == {"loss": 7.0}


def test_what_waits_for_its_row_is_bounded(studio: Studio) -> None:
    """`commit=False` for ever holds one row, not a list of all that was ever logged."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="wait for a row"):
        for number in range(2100):
            run.log({f"m{number}": 1.0}, commit=False)
    assert len(run._book.held) == 2000
    run.finish()
    ((_, values),) = studio.points()
    assert len(values) == 2000


@pytest.mark.usefixtures("few")
def test_a_recorders_columns_are_bounded_as_well(studio: Studio, tmp_path: Path) -> None:
    """Its fixed columns are the first; a column that there is no room for is left out of its rows."""
    recorder = recorders.TrainingCurveRecorder(tmp_path / "curves")
    with pytest.warns(FilmlabWarning, match="not recorded"):
        recorder.log_episode(0, 1.0, 1.0, SimpleNamespace())
        recorder.log_episode(1, 2.0, 1.5, SimpleNamespace())
    assert implicit_run().seat.tally.dropped_metrics == 2
    finish()
    assert [values for _, values in studio.points()] == [
        {"training/reward": 1.0, "training/average": 1.0, "training/epsilon": 0.0},
        {"training/reward": 2.0, "training/average": 1.5, "training/epsilon": 0.0},
    ]
