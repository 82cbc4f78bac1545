"""`SummaryWriter`: PyTorch's signatures, the names and steps that people know, and nothing that ends a training."""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter as TorchWriter

import filmlab
from client.studio import Studio
from client.tools import needed
from filmlab import FilmlabWarning, notices
from filmlab.integrations._layouts import settings_in
from filmlab.integrations.tensorboard import SummaryWriter
from filmlab.wire.entries import NO_STEP, Media, RunUpdate, Snapshot


@pytest.fixture
def writer(studio: Studio, tmp_path: Path) -> SummaryWriter:
    """One that writes to a run of the test."""
    return SummaryWriter(tmp_path / "runs" / "ppo__1", run=studio.init(strict=False))


def names(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    return [(item.name, item.default) for item in inspect.signature(function).parameters.values()]


def test_signatures_are_pytorchs() -> None:
    """Each public method is there, with the same arguments in the same order and the same defaults."""
    theirs = dict(inspect.getmembers(TorchWriter, inspect.isfunction))
    for name, function in theirs.items():
        if not name.startswith("_"):
            assert names(getattr(SummaryWriter, name)) == names(function), name
    begin = names(SummaryWriter.__init__)
    assert begin[: len(names(TorchWriter.__init__))] == names(TorchWriter.__init__)
    assert begin[-2:] == [("run", None), ("writer", None)]


def test_numbers_keep_their_names_steps_and_times(studio: Studio, writer: SummaryWriter) -> None:
    """Steps may come in any order; without one it is the next."""
    writer.add_scalar("charts/episodic_return", torch.tensor(9.0), 100, walltime=5.5)
    writer.add_scalar("charts/episodic_return", np.float32(0.5), global_step=40)
    writer.add_scalar("losses/value_loss", 1)
    writer.add_scalars("losses", {"a": 1, "b": 2}, 7)
    writer.run.finish()
    assert studio.points() == [
        (100, {"charts/episodic_return": 9.0}), (40, {"charts/episodic_return": 0.5}),
        (NO_STEP, {"losses/value_loss": 1.0}), (7, {"losses/a": 1.0, "losses/b": 2.0}),
    ]  # fmt: skip
    assert studio.entries(Snapshot)[0].wall == 5.5


def test_hyperparameters_are_the_configuration(studio: Studio, writer: SummaryWriter) -> None:
    """As CleanRL writes them, or as `add_hparams` takes them."""
    given = {
        "lr": 2.5e-4,
        "cuda": True,
        "target_kl": None,
        "env_id": "CartPole-v1",
        "note": "a|b",
        "layers": "[64, 64]",
    }
    rows = "\n".join(f"|{key}|{value}|" for key, value in given.items())
    writer.add_text("hyperparameters", f"|param|value|\n|-|-|\n{rows}")
    assert writer.run.config.as_dict() == given
    writer.add_hparams({"seed": 3}, {"hparam/accuracy": 0.5}, global_step=2)
    writer.run.finish()
    assert studio.entries(Media)[0].mime == "text/markdown"
    assert [entry.summary for entry in studio.entries(RunUpdate)][-1] == {"hparam/accuracy": 0.5}
    assert studio.points() == [(2, {"hparam/accuracy": 0.5})]


@pytest.mark.parametrize("text", ["", "lr 0.5", "|a|b|\n|1|2|", "|a|b|\n|-|-|\nlr", "|a|b|\n|x|-|\n|1|2|"])
def test_what_is_no_table_is_no_configuration(text: str) -> None:
    """It stays a text."""
    assert settings_in(text) == {}


@pytest.mark.parametrize(
    ("shape", "dataformats", "kept"),
    [
        ((3, 4, 5), "CHW", (4, 5, 3)),
        ((1, 4, 5), "CHW", (4, 5)),
        ((4, 5, 3), "HWC", (4, 5, 3)),
        ((5, 3, 4), "wch", (4, 5, 3)),
        ((4, 5), "HW", (4, 5)),
        ((10, 3, 4, 5), "NCHW", (8, 40, 3)),
        ((2, 4, 5, 3), "NHWC", (4, 10, 3)),
    ],
)
def test_images_by_their_dimensions(
    studio: Studio, writer: SummaryWriter, shape: tuple[int, ...], dataformats: str, kept: tuple[int, ...]
) -> None:
    """Batches stand side by side, eight in a row."""
    add = writer.add_images if "N" in dataformats else writer.add_image
    add("view", torch.rand(shape), 3, dataformats=dataformats)
    writer.run.finish()
    (view,) = studio.entries(Media)
    assert studio.films()[view.film][0].shape in (kept, (*kept, 1))
    assert (view.name, view.step) == ("view", 3)


def test_pixels_are_what_pytorch_shows(studio: Studio, writer: SummaryWriter) -> None:
    """Floats are cut to 0…1; bytes stay."""
    writer.add_image("floats", np.array([[-1.0, 0.5, 2.0]]), 1, dataformats="HW")
    writer.add_image("bytes", np.array([[0, 1, 255]], np.uint8), 1, dataformats="HW")
    writer.run.finish()
    assert [frames[0].reshape(-1).tolist() for frames in studio.films().values()] == [[0, 128, 255], [0, 1, 255]]


def test_a_batch_of_clips_is_one_clip(studio: Studio, writer: SummaryWriter) -> None:
    """Side by side, near a square; at the rate that was given."""
    clips = np.zeros((3, 5, 3, 8, 9), np.uint8)
    clips[2, :, 0] = 200
    writer.add_video("play", torch.from_numpy(clips), 11, fps=12)
    writer.add_video("one", clips[0][None], 12)
    writer.run.finish()
    play, one = studio.entries(Media)
    frames = studio.films()[play.film]
    assert (len(frames), frames[0].shape, play.fps, one.fps) == (5, (16, 18, 3), 12.0, 4.0)
    assert frames[4][8, 0].tolist() == [200, 0, 0]
    assert not frames[4][8:, 9:].any()


def test_histograms(studio: Studio, writer: SummaryWriter) -> None:
    """Of values, in bins as numpy takes them, or counted already."""
    writer.add_histogram("w", torch.tensor([0.0, 1.0, float("nan")]), 1)
    writer.add_histogram("w", np.arange(10.0), 2, bins=[0, 5, 9], max_bins=4)
    writer.add_histogram("w", np.arange(1000.0), 3, bins="auto")
    writer.add_histogram_raw("w", 0, 3, 6, 9, 15, [1, 2, 1.8e308], [1, 2, 3], 4)
    writer.run.finish()
    first, second, third, fourth = [json.loads(medium.data) for medium in studio.entries(Media)]
    assert (sum(first["counts"]), len(first["counts"]), first["nonfinite"]) == (2, 64, 1)
    assert (second["counts"], second["edges"]) == ([5, 5], [0, 5, 9])
    assert sum(third["counts"]) == 1000
    assert (fourth["counts"], fourth["edges"]) == ([1, 2, 3], [0, 1, 2, 3])


def test_figures(studio: Studio, writer: SummaryWriter) -> None:
    """Drawn when they are given, and closed."""
    needed("matplotlib").use("agg")
    pyplot = needed("matplotlib.pyplot")

    figures = [pyplot.figure(figsize=(2, 1), dpi=50) for _ in range(2)]
    writer.add_figure("plot", figures, 5)
    assert pyplot.get_fignums() == []
    writer.run.finish()
    assert [(medium.name, medium.step) for medium in studio.entries(Media)] == [("plot", 5), ("plot", 5)]


def test_what_is_not_shown_is_dropped_with_one_line(writer: SummaryWriter, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind once."""
    notices._said.clear()
    capsys.readouterr()
    for _ in range(3):
        writer.add_graph(torch.nn.Linear(1, 1), torch.zeros(1))
        writer.add_embedding(torch.zeros(2, 2))
        writer.add_audio("a", torch.zeros(1, 9))
        writer.add_custom_scalars({})
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in said] == [
        "SummaryWriter.add_graph", "SummaryWriter.add_embedding", "SummaryWriter.add_audio",
        "SummaryWriter.add_custom_scalars",
    ]  # fmt: skip


def test_what_is_no_image_does_not_end_the_training(writer: SummaryWriter) -> None:
    """It is said, by its tag, and what to do."""
    for call, says in (
        (lambda: writer.add_image("view", np.zeros((4, 5, 3))[..., 0], 1), "'view', failed: .*say dataformats="),
        (lambda: writer.add_video("clip", np.zeros((4, 5)), 1), r"'clip', failed: .*\(N, T, C, H, W\)"),
        (lambda: writer.add_histogram("w", [], 1), "'w', failed: .*no finite number"),
        (lambda: writer.add_scalar("s", "text", 1), "'s' is no number"),
    ):
        with pytest.warns(FilmlabWarning, match=says):
            call()


def test_the_directory_is_there(studio: Studio, tmp_path: Path) -> None:
    """Scripts save their models into it; `get_logdir` is as it was given."""
    writer = SummaryWriter(str(tmp_path / "runs" / "a"), run=studio.init())
    assert (tmp_path / "runs" / "a").is_dir()
    assert writer.get_logdir() == writer.log_dir == str(tmp_path / "runs" / "a")


def test_a_run_that_init_began_is_used_and_left_open(studio: Studio, tmp_path: Path) -> None:
    """`wandb.init(sync_tensorboard=True)` and a writer are one run."""
    run = studio.init()
    with SummaryWriter(tmp_path / "runs" / "a") as writer:
        assert writer.run is run
        writer.add_scalar("x", 1, 1)
        writer.flush()
    assert filmlab.run is run
    run.finish()
    assert studio.points() == [(1, {"x": 1.0})]


def test_torch_is_not_needed() -> None:
    """The writer knows tensors by what they can do."""
    source = Path(str(sys.modules[SummaryWriter.__module__].__file__)).read_text()
    assert "import torch" not in source
