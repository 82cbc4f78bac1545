"""Every call of a training with every wrong argument at every place: nothing is raised, and the run goes on."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filmlab
from client.hostile import MAKERS
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.integrations.tensorboard import SummaryWriter
from filmlab.notices import KINDS_MAX, Notices
from filmlab.wire.entries import RunFinish

IMAGE = np.zeros((3, 4, 5), np.uint8)
FINE: dict[str, Any] = {
    "bucket_counts": [1, 2, 3], "bucket_limits": [1, 2, 3], "data": {"a": 1}, "hparam_dict": {"lr": 1}, "index": 3,
    "length": 2, "main_tag": "main", "max": 3, "metric_dict": {"x": 1}, "min": 0, "name": "metric", "num": 6,
    "return_": 1.0, "scalar_value": 1.0, "sum": 9, "sum_squares": 15, "tag": "tag", "tag_scalar_dict": {"a": 1},
    "text_string": "text", "values": [1.0, 2.0], "img_tensor": IMAGE, "vid_tensor": np.zeros((1, 2, 3, 4, 5), np.uint8),
    "data_or_path": IMAGE, "sequence": [1.0, 2.0], "text": "text", "action": 1, "reward": 1.0, "frame": IMAGE[0],
    "results": None, "figure": None,
}  # fmt: skip
"""By the name of an argument, one that is taken: the other arguments are these while one is wrong."""
WRITES = sorted(name for name in vars(SummaryWriter) if name.startswith("add_"))
RUN = ("log", "define_metric", "episode", "asks_for", "decide", "log_episode", "log_results", "update")
EPISODE = ("step", "count", "frame", "capture", "end")
MEDIA = ("Image", "Video", "Text", "Html", "Histogram")
DROPPED = ("alert", "save", "watch", "unwatch", "login", "log_artifact", "log_code", "Table", "Artifact", "Settings")


def wrong_calls(function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Arguments of which one is wrong: each argument in turn, with each hostile value."""
    names = [
        item
        for item in inspect.signature(function).parameters.values()
        if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]
    fine = {item.name: FINE.get(item.name, 1) for item in names if item.default is item.empty or item.name in FINE}
    for item in names:
        for make in MAKERS.values():
            yield fine | {item.name: make()}


def pester(function: Callable[..., Any]) -> None:
    """All wrong calls of a function. Warnings are none of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FilmlabWarning)
        for arguments in wrong_calls(function):
            function(**arguments)


def goes_on(studio: Studio, run: filmlab.Run) -> None:
    """What is logged now arrives, and the end does, too: the sender has swallowed all of it."""
    run.log({"alive": 1.0}, step=77)
    assert run.flush(60.0)
    run.finish()
    assert (77, {"alive": 1.0}) in studio.points()
    assert studio.entries(RunFinish)


@pytest.mark.parametrize("name", WRITES)
def test_a_summary_writer_raises_nothing(studio: Studio, tmp_path: Path, name: str) -> None:
    """As PyTorch's is called, with whatever."""
    run = studio.init(strict=False)
    pester(getattr(SummaryWriter(tmp_path / "runs", run=run), name))
    goes_on(studio, run)


@pytest.mark.parametrize("name", RUN)
def test_a_run_raises_nothing(studio: Studio, name: str) -> None:
    """By its own names, which are wandb's."""
    run = studio.init(strict=False)
    pester(getattr(run, name))
    goes_on(studio, run)


@pytest.mark.parametrize("name", EPISODE)
def test_an_episode_raises_nothing(studio: Studio, name: str) -> None:
    """Each wrong call in an episode of its own, that is filmed."""
    run = studio.init(strict=False)

    def call(**arguments: Any) -> None:
        with run.episode() as episode:
            getattr(episode, name)(**arguments)

    vars(call)["__signature__"] = inspect.signature(getattr(run.episode(), name))
    pester(call)
    goes_on(studio, run)


def test_what_is_logged_under_a_name_raises_nothing(studio: Studio) -> None:
    """A value, one within mappings, one of a list, and a name."""
    run = studio.init(strict=False)
    pester(lambda value: run.log({"v": value}))
    pester(lambda value: run.log({"v": {"w": value, 3: [value]}, "l": [value, 1.0]}))
    pester(lambda value: run.log([("v", value)]))  # type: ignore[arg-type]  # no mapping: that is what is tried
    goes_on(studio, run)


@pytest.mark.parametrize("which", ["config", "summary"])
def test_configuration_and_summary_raise_nothing(studio: Studio, which: str) -> None:
    """Whatever is set, whatever it is called, whatever is deleted."""
    run = studio.init(strict=False)
    values = getattr(run, which)
    pester(lambda value: values.update(value))
    pester(lambda value: values.setdefaults(value))
    pester(lambda value: setattr(values, "name", value))
    pester(lambda value: values.__setitem__("name", value))
    pester(lambda key: values.__setitem__(key, 1))
    pester(lambda key: values.__delitem__(key))
    pester(lambda value: run.update(**{which: [value]}))
    values.clear()
    assert not values
    goes_on(studio, run)


def test_an_end_is_an_end(studio: Studio) -> None:
    """Whatever code it is told."""
    for name in ("status", "exit_code", "quiet"):
        for make in MAKERS.values():
            run = studio.init(strict=False, writer=f"w{len(studio.entries(RunFinish))}")
            run.finish(**{name: make()})
            assert run._seat.finished
    ended = studio.entries(RunFinish)
    assert len(ended) == 3 * len(MAKERS)


@pytest.mark.parametrize("name", MEDIA)
def test_a_medium_refuses_with_bad_input(name: str) -> None:
    """Its constructor may raise, and nothing but that: a script can tell it from an error of its own."""
    make = getattr(filmlab, name)
    for arguments in wrong_calls(make):
        try:
            assert make(**arguments).nbytes >= 0
        except BadInput as error:
            assert str(error)


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_dropped_takes_anything(name: str) -> None:
    """Names of wandb's that mean nothing here."""
    pester(lambda first, second: getattr(filmlab, name)(first, second=second))


def test_a_wrong_call_is_said_once_and_raises_with_strict(studio: Studio, tmp_path: Path) -> None:
    """What it was, and what was wanted."""
    run = studio.init(strict=False)
    writer = SummaryWriter(tmp_path / "runs", run=run)
    with pytest.warns(FilmlabWarning) as said:
        for step in range(3):
            writer.add_scalars("losses", None, step)  # type: ignore[arg-type]
            writer.add_hparams([1, 2], {"x": 1})  # type: ignore[arg-type]
            writer.add_scalar("x")  # type: ignore[call-arg]
    assert [str(item.message).partition(": ")[2] for item in said] == [
        "SummaryWriter.add_scalars failed: a mapping of names to numbers, got NoneType",
        "config should be a mapping or pairs: cannot convert dictionary update sequence element #0 to a sequence; "
        "it is left out",
        "SummaryWriter.add_scalar failed: SummaryWriter.add_scalar() missing 1 required positional argument: "
        "'scalar_value'",
    ]
    run.finish()
    with SummaryWriter(tmp_path / "runs", run=studio.init()) as strict, pytest.raises(BadInput, match="got NoneType"):
        strict.add_scalars("losses", None)  # type: ignore[arg-type]


def test_complaints_have_an_end() -> None:
    """However many kinds there are: what is remembered is bounded."""
    notices = Notices()
    with pytest.warns(FilmlabWarning) as said:
        for number in range(2 * KINDS_MAX):
            notices.warn(f"kind {number}", "message")
    assert len(said) == len(notices.counts) == KINDS_MAX
