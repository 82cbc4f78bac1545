"""`import filmlab as wandb`: what such scripts call is there, means the same, or says that it is left out."""

import inspect
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import filmlab as wandb
from client.studio import Studio
from client.tools import needed
from filmlab import BadInput, FilmlabWarning, notices
from filmlab._foreign import IMAGE_OPTIONS, INIT_OPTIONS
from filmlab.wire.entries import NO_STEP, AxisSnapshot, Media, RunBegin, RunFinish, RunUpdate


@pytest.fixture(autouse=True)
def unsaid() -> Iterator[None]:
    """What is said once in a process is said once in a test."""
    notices._said.clear()
    yield


def test_a_run_with_wandbs_arguments(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that mean something here are the run's; the others are named in one line."""
    run = wandb.init(
        project="p", name="n", group="g", tags=None, config=Namespace(lr=0.5, layers=(64, 64)), notes="why",
        dir=studio.directory, job_type="eval", entity="me", reinit=True, resume=True, tensorboard=True,
        monitor_gym=False, save_code=True,
        settings=wandb.Settings(start_method="thread"),
    )  # fmt: skip
    assert wandb.run is run
    assert (run.project, run.name, run.group, run.tags) == ("p", "n", "g", ())
    assert run.url == (run.dir / "index.html").as_uri()
    wandb.finish()
    assert wandb.run is None
    said = [line for line in capsys.readouterr().err.splitlines() if "no meaning" in line]
    left = "entity, job_type, save_code, settings, tensorboard"
    assert said == [f"filmlab: init: {left} have no meaning here; left out"]
    (begin,), (note,) = studio.entries(RunBegin), studio.entries(Media)
    assert (begin.config, begin.resume) == ({"lr": 0.5, "layers": [64, 64]}, "allow")
    assert (note.name, note.mime, note.data) == ("notes", "text/plain", b"why")
    with pytest.raises(TypeError, match="unexpected keyword argument 'projekt'"):
        wandb.init(projekt="p")


def test_films_that_nobody_records_are_said(
    studio: Studio, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`monitor_gym=True` in a script that changed wandb's import alone: it is told which line is missing."""
    for name in ("filmlab.integrations.gym", "filmlab.integrations.sb3"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    studio.init(monitor_gym=True).finish()
    assert "take RecordEpisodes from filmlab.integrations.gym" in capsys.readouterr().err
    notices._said.clear()
    monkeypatch.setitem(sys.modules, "filmlab.integrations.gym", sys)
    studio.init(monitor_gym=True).finish()
    assert "monitor_gym" not in capsys.readouterr().err


def test_what_a_run_is_called(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read it, and set some of it later: that is said, and the run keeps what it began with."""
    run = studio.init(project="p", name="n", id="theirs", tags=["a"])
    assert (run.path, run.entity, run.resumed, run.disabled, run.offline) == ("p/theirs", "", False, False, False)
    run.name, run.tags, run.notes = "other", ("a",), "why"
    assert (run.name, run.tags) == ("n", ("a",))
    said = [line for line in capsys.readouterr().err.splitlines() if "cannot be set" in line]
    assert [line.split()[1] for line in said] == ["run.name", "run.notes"]


def test_artifacts_and_plots_to_the_end(studio: Studio) -> None:
    """What scripts do with them at the end of a training raises nothing: it would be the end of hours."""
    run = studio.init(strict=False)
    artifact = wandb.Artifact("model", type="model", metadata={"a": 1})
    artifact.add_file("model.pt")
    with artifact.new_file("notes.txt") as file:
        file.write("text")
    with artifact.new_file("model.bin", mode="wb") as file:
        file.write(b"bytes")
    assert wandb.log_artifact(artifact, aliases=["latest"]) is artifact
    run.log_artifact("model.pt", type="model").wait()
    run.link_artifact(artifact, "registry/model")
    run._label(repo="a library's")
    wandb.log_model("model.pt")
    table = wandb.Table(data=[[1, 2]], columns=["x", "y"])
    with pytest.warns(FilmlabWarning, match="'curve' is dropped: a Plot is not recorded here"):
        wandb.log({"curve": wandb.plot.line(table, "x", "y", title="t"), "loss": 1.0})
    wandb.join()
    assert [values for _, values in studio.points()] == [{"loss": 1.0}]


def test_what_would_be_gone_on_with_is_refused(studio: Studio) -> None:
    """A script that reads back what is not there is told at once, and where to look instead."""
    run = studio.init()
    for call in (wandb.use_artifact, wandb.use_model, wandb.restore, wandb.sweep, wandb.agent, wandb.Api, run.restore):
        with pytest.raises(BadInput, match="here"):
            call("anything")
    assert len({wandb.util.generate_id() for _ in range(9)}) == 9
    assert len(wandb.util.generate_id(16)) == 16


def test_config_is_a_mapping_with_attributes(studio: Studio) -> None:
    """Also after `init`: what is set travels at once."""
    run = studio.init(config={"lr": 0.5})
    assert (wandb.config.lr, wandb.config["lr"], dict(run.config)) == (0.5, 0.5, {"lr": 0.5})
    assert (wandb.config.get("gamma", 1), "lr" in wandb.config, hasattr(wandb.config, "gamma")) == (1, True, False)
    wandb.config.gamma = 0.99
    wandb.config["seed"] = np.int64(3)
    wandb.config.update(Namespace(lr=0.25), allow_val_change=True)
    wandb.config.update({"seed": 4}, steps=10)
    wandb.config.setdefaults({"lr": 9, "tau": 1})
    with pytest.raises(AttributeError):
        wandb.config.nothing  # noqa: B018  # the access is what is tested
    assert wandb.config.as_dict() == {"lr": 0.25, "gamma": 0.99, "seed": 4, "steps": 10, "tau": 1}
    run.finish()
    told = [entry.config for entry in studio.entries(RunUpdate)]
    assert told == [{"gamma": 0.99}, {"seed": 3}, {"lr": 0.25}, {"seed": 4, "steps": 10}, {"tau": 1}]


def test_the_summary_takes_what_scripts_set(studio: Studio) -> None:
    """Numbers of other libraries are numbers; what is no mapping is said, and ends nothing."""
    run = studio.init(strict=False)
    wandb.summary["best"] = torch.tensor(2.5)
    wandb.summary.update({"at": np.float32(0.5)})
    assert run.summary.best == 2.5
    with pytest.warns(FilmlabWarning, match="summary should be a mapping, got int"):
        run.summary.update(5)
    run.finish()
    assert [entry.summary for entry in studio.entries(RunUpdate)] == [{"best": 2.5}, {"at": 0.5}]


def test_without_a_run() -> None:
    """Reading finds nothing, writing and logging say what is missing, finishing is fine."""
    assert (wandb.run, dict(wandb.config), dict(wandb.summary)) == (None, {}, {})
    for call in (lambda: wandb.log({}), lambda: wandb.define_metric("a"), lambda: wandb.config.update(a=1)):
        with pytest.raises(BadInput, match=r"no run is open; begin one with filmlab.init\(\)"):
            call()
    wandb.finish()


def test_nested_numbers_are_called_by_their_path(studio: Studio) -> None:
    """With dots, as wandb calls them."""
    run = studio.init()
    wandb.log({"train": {"loss": 0.5, "by": {"layer": 1}}, "lr": 0.1}, step=3)
    run.finish()
    assert studio.points() == [(3, {"train.loss": 0.5, "train.by.layer": 1.0, "lr": 0.1})]


def test_a_loss_with_its_gradient(studio: Studio) -> None:
    """`log({"loss": loss})` before `backward`, each time: its value, without torch's warning about it."""
    studio.init()
    was = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        for step in range(3):
            wandb.log({"loss": torch.tensor([step + 0.5], requires_grad=True).sum()}, step=step)
    finally:
        torch.set_warn_always(was)
    wandb.finish()
    assert studio.points() == [(step, {"loss": step + 0.5}) for step in range(3)]


def test_what_is_not_committed_goes_with_the_next_row(studio: Studio) -> None:
    """One step for all of it; the rest goes when the run is finished; with a step there is nothing to wait for."""
    run = studio.init()
    wandb.log({"a": 1}, commit=False)
    wandb.log({"a": 2, "b": 3}, commit=False)
    wandb.log({"c": 4})
    wandb.log({"d": 5}, step=9, commit=False)
    wandb.log({"e": 6}, commit=False)
    run.finish()
    assert studio.points() == [(NO_STEP, {"a": 2.0, "b": 3.0, "c": 4.0}), (9, {"d": 5.0}), (NO_STEP, {"e": 6.0})]


def test_a_metric_on_the_axis_of_another(studio: Studio) -> None:
    """Its step is that metric's last whole value, also of an earlier row; the run's own step stays its own."""
    run = studio.init(strict=False)
    epoch = wandb.define_metric("epoch")
    wandb.define_metric("val/*", step_metric=epoch, summary="max")
    wandb.log({"val/acc": 0.1, "loss": 9}, step=90)
    wandb.log({"epoch": 2, "val/acc": 0.5, "loss": 1}, step=100)
    wandb.log({"val/acc": 0.6, "loss": 2}, step=101)
    with pytest.warns(FilmlabWarning, match="'epoch' is an x axis, and 2.5 is no whole number"):
        wandb.log({"epoch": 2.5}, step=102)
    wandb.log({"epoch": 2.75, "val/acc": 0.7}, step=103)
    run.finish()
    on_axis = {(entry.step, entry.values) for entry in studio.entries(AxisSnapshot)}
    assert studio.points() == [
        (90, {"loss": 9.0}), (90, {"val/acc": 0.1}), (100, {"epoch": 2.0, "loss": 1.0}), (2, {"val/acc": 0.5}),
        (101, {"loss": 2.0}), (2, {"val/acc": 0.6}), (102, {"epoch": 2.5}),
        (103, {"epoch": 2.75}), (2, {"val/acc": 0.7}),
    ]  # fmt: skip
    assert on_axis == {(2, np.float64(value).tobytes()) for value in (0.5, 0.6, 0.7)}
    sent = {name: fields for entry in studio.entries(RunUpdate) for name, fields in entry.metrics.items()}
    assert sent["val/*"] == {"step_metric": "epoch", "summary": ["max"], "goal": "minimize"}


def test_a_bad_definition_does_not_end_the_training(studio: Studio) -> None:
    """It is said, and the metric is as any other."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="summary is some of"):
        run.define_metric("loss", summary="copy that")
    run.log({"loss": 1}, step=1)
    run.finish()
    assert studio.points() == [(1, {"loss": 1.0})]


def test_media_of_every_kind(studio: Studio) -> None:
    """Also lists of them; what is no film is in its entry."""
    run = studio.init()
    image = np.zeros((3, 8, 9), np.uint8)
    wandb.log(
        {
            "view": [wandb.Image(image, caption="a"), wandb.Image(image[0])],
            "clip": wandb.Video(np.zeros((4, 3, 8, 9), np.uint8), fps=4, format="gif"),
            "weights": wandb.Histogram([1.0, 2.0]), "page": wandb.Html("<p>"), "said": wandb.Text("hi"), "loss": 1,
        },
        step=5,
    )  # fmt: skip
    run.finish()
    found = [(medium.name, medium.mime, medium.step) for medium in studio.entries(Media)]
    assert sorted(found) == [
        ("clip", "video/frames", 5), ("page", "text/html", 5), ("said", "text/plain", 5), ("view", "image/frames", 5),
        ("view", "image/frames", 5), ("weights", wandb.Histogram.MIME, 5),
    ]  # fmt: skip
    assert len({medium.film for medium in studio.entries(Media)}) == len(found)
    assert studio.points() == [(5, {"loss": 1.0})]


def test_what_is_not_recorded_says_so_once(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that fills and logs a table, watches a model or saves a file goes on."""
    run = studio.init(strict=False)
    assert wandb.login(key="k")
    wandb.watch(torch.nn.Linear(1, 1), log="all")
    wandb.save("model.pt")
    wandb.alert(title="t", text="x")
    run.log_artifact("model.pt", type="model")
    table = wandb.Table(columns=["a"])
    table.add_data(1)
    with pytest.warns(FilmlabWarning, match="'samples' is dropped: a Table is not recorded here"):
        wandb.log({"samples": table, "loss": 1}, step=1)
    wandb.log({"samples": wandb.Table(columns=["a"]), "loss": 2}, step=2)
    wandb.Image(np.zeros((4, 4)), boxes={"a": 1})
    run.finish()
    said = [line.split(": ", 1)[1] for line in capsys.readouterr().err.splitlines() if "default/" not in line]
    assert [line.split(":")[0].split(" ")[0] for line in said] == [
        "watch",
        "save",
        "alert",
        "log_artifact",
        "Table",
        "Image",
    ]
    assert len(studio.points()) == 2


@pytest.mark.parametrize(("exit_code", "status"), [(None, "finished"), (0, "finished"), (1, "crashed")])
def test_an_exit_code_says_how_it_ended(studio: Studio, exit_code: int | None, status: str) -> None:
    """Of the module's function and of the run's own."""
    studio.init()
    wandb.finish(exit_code=exit_code)
    studio.init().finish(exit_code)  # type: ignore[arg-type]  # None as well
    assert [entry.status for entry in studio.entries(RunFinish)] == [status, status]


def test_begun_again(studio: Studio) -> None:
    """`reinit` finishes the run before, or gives it back."""
    first = studio.init()
    assert studio.init(reinit="return_previous") is first
    second = studio.init(reinit=True)
    assert first._seat.finished
    assert not second._seat.finished


DISABLED = """
import filmlab as wandb, numpy as np
run = wandb.init(project="p", config={"lr": 1})
wandb.define_metric("loss", step_metric="epoch", summary="min")
wandb.log({"loss": 1, "view": wandb.Image(np.zeros((4, 4))), "h": wandb.Histogram([1])}, commit=False)
wandb.log({"loss": 2})
wandb.config.update({"a": 1}); wandb.summary["b"] = 2
print(wandb.config.lr, wandb.config.a, wandb.summary["b"], run.url)
wandb.finish()
"""


def test_disabled_leaves_nothing(tmp_path: Path) -> None:
    """`FILMLAB_MODE=disabled`: the script runs, and no file or process is there."""
    environ = {"PYTHONPATH": ":".join(sys.path), "FILMLAB_MODE": "disabled", "FILMLAB_STATE_DIR": str(tmp_path / "s")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DISABLED], cwd=tmp_path, env=environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 1 2 file:///")
    assert list(tmp_path.iterdir()) == []


WANDB = {
    "init": (
        "entity project dir id name notes tags config config_exclude_keys config_include_keys allow_val_change group "
        "job_type mode force reinit resume resume_from fork_from save_code tensorboard sync_tensorboard monitor_gym "
        "settings anonymous"
    ),
    "Image": "data_or_path mode caption grouping classes boxes masks file_type",
    "Video": "data_or_path caption fps format",
    "Histogram": "sequence np_histogram num_bins",
    "Html": "data inject data_is_not_path",
    "log": "data step commit",
    "finish": "exit_code",
    "define_metric": "name step_metric step_sync hidden summary overwrite",
}
"""The arguments of wandb 0.31.0, in their order."""


@pytest.mark.parametrize("name", WANDB)
def test_the_arguments_are_wandbs(name: str) -> None:
    """By name all of them; by place those of what is called so (`init` is called by names)."""
    parameters = inspect.signature(getattr(wandb, name)).parameters
    theirs = WANDB[name].split()
    ours = [key for key, item in parameters.items() if item.kind is item.POSITIONAL_OR_KEYWORD]
    taken = {*parameters, *(INIT_OPTIONS if name == "init" else ()), *(IMAGE_OPTIONS if name == "Image" else ())}
    assert set(theirs) <= taken or any(item.kind is item.VAR_KEYWORD for item in parameters.values())
    if name != "init":
        assert ours[: len(theirs)] == theirs[: len(ours)]


def test_a_script_saves_where_its_run_is(studio: Studio) -> None:
    """`torch.save(…, run.dir / "model.pt")` right after `init`, before anything is printed there."""
    run = studio.init()
    (run.dir / "model.pt").write_bytes(b"weights")
    run.finish()


def test_a_figure_that_is_logged_as_it_is(studio: Studio) -> None:
    """Also `pyplot` itself, which means the current one."""
    needed("matplotlib").use("agg")
    pyplot = needed("matplotlib.pyplot")
    run = studio.init(strict=False)
    figure = pyplot.figure(figsize=(2, 1))
    wandb.log({"plot": figure, "current": pyplot, "loss": 1}, step=3)
    pyplot.close(figure)
    run.finish()
    assert sorted(medium.name for medium in studio.entries(Media)) == ["current", "plot"]
    assert studio.points() == [(3, {"loss": 1.0})]


def test_a_page_out_of_a_file(tmp_path: Path) -> None:
    """By its name, open, or as text."""
    (tmp_path / "a.html").write_text("<p>größer</p>", "utf-8")
    with (tmp_path / "a.html").open(encoding="utf-8") as file:
        pages = [wandb.Html(str(tmp_path / "a.html")), wandb.Html(file), wandb.Html("<p>größer</p>")]
    assert {page.data for page in pages} == {"<p>größer</p>".encode()}
    assert wandb.Html("no.html", data_is_not_path=True).data == b"no.html"
    with pytest.raises(BadInput, match="No such file"):
        wandb.Html("no.html")
