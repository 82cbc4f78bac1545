"""`init(sync_tensorboard=True)`: what any library writes for TensorBoard is the run's, too."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch.utils.tensorboard import SummaryWriter

from client.studio import Studio
from filmlab import notices


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a program that does not use the callback for Stable-Baselines3."""
    monkeypatch.delitem(sys.modules, "filmlab.integrations.sb3", raising=False)
    notices._said.clear()
    yield


def test_numbers_are_taken_as_they_are_written(studio: Studio, tmp_path: Path) -> None:
    """Names, steps, times and values of the files themselves, which are there as ever; also of the newer kind."""
    run = studio.init(sync_tensorboard=True)
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_scalar("charts/return", 1 / 3, 5, walltime=7.0)
        writer.add_scalar("charts/return", 2.0, 9, new_style=True)
        writer.add_text("note", "text")
    run.finish()
    (file,) = (tmp_path / "a").glob("events*")
    written = [event for event in EventFileLoader(str(file)).Load() if event.HasField("summary")]
    assert [(event.step, value.tag) for event in written for value in event.summary.value] == [
        (5, "charts/return"), (9, "charts/return"), (0, "note/text_summary"),
    ]  # fmt: skip
    first = written[0].summary.value[0].tensor.float_val[0]
    assert studio.points() == [(5, {"charts/return": first}), (9, {"charts/return": 2.0})]
    assert abs(first - 1 / 3) < 1e-7


def test_further_directories_are_told_apart(studio: Studio, tmp_path: Path) -> None:
    """By what they are called below the first, or by their own name: two of one tag are no single curve."""
    run = studio.init(sync_tensorboard=True)
    for name in ("a", "a/train", "eval"):
        with SummaryWriter(tmp_path / name) as writer:
            writer.add_scalar("loss", 1.0, 1)
    run.finish()
    assert [list(values) for _, values in studio.points()] == [["loss"], ["train/loss"], ["eval/loss"]]


def test_nobody_listens_without_being_asked(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor after the run is over, nor where the callback for Stable-Baselines3 says the same."""
    run = studio.init(sync_tensorboard=True)
    monkeypatch.setitem(sys.modules, "filmlab.integrations.sb3", sys)
    with SummaryWriter(tmp_path / "a") as writer:
        writer.add_scalar("loss", 1.0, 1)
    run.finish()
    monkeypatch.delitem(sys.modules, "filmlab.integrations.sb3")
    other = studio.init()
    with SummaryWriter(tmp_path / "b") as writer:
        writer.add_scalar("loss", 1.0, 1)
    other.finish()
    assert studio.points() == []
