"""filmlab.results: what is saved is loaded, by name and by value, and errors say which file and why."""

import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from filmlab.errors import BadInput, Corrupt
from filmlab.results import (
    Config,
    EvaluationMetrics,
    EvaluationResults,
    RunMetadata,
    TrainingMetrics,
    TrainingResults,
    load_run,
)
from filmlab.results.metadata import git_hash
from patience import PATIENCE_S
from results import samples

FILES = [".hydra/config.yaml", "results.msgpack", "run_metadata.yaml"]


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_training_results_come_back(tmp_path: Path) -> None:
    """Metrics are lists again, NaN included; the configuration has attributes; the agent is loaded when asked for."""
    results = samples.training(tmp_path)
    results.save(tmp_path, save_checkpoint=True)
    assert files(tmp_path) == sorted([*FILES, "checkpoints/final.msgpack"])
    found = TrainingResults.load(tmp_path)
    assert found.agent_state is None and found.run_dir == tmp_path
    assert repr(found.training_metrics) == repr(results.training_metrics)
    assert found.eval_metrics is not None and results.eval_metrics is not None
    assert repr(found.eval_metrics) == repr(results.eval_metrics)
    assert found.eval_metrics.episode_lengths[1].dtype == np.int64
    assert found.summary() == results.summary()
    assert found.config == samples.CONFIG
    assert found.config.agent.layers == [64, 64] and found.config.tags[0].a is None and found.config.note == "1e-3"
    agent = TrainingResults.load_agent(tmp_path / "checkpoints" / "final.msgpack")
    assert agent["opt"] == {"0": np.int32(4), "1": {"0": pytest.approx([0, 0])}}


def test_evaluation_results_come_back(tmp_path: Path) -> None:
    """Numbers, arrays and episodes; without a checkpoint unless it is asked for."""
    results = samples.evaluation(tmp_path)
    results.save(tmp_path)
    assert files(tmp_path) == sorted(FILES)
    found = EvaluationResults.load(tmp_path)
    assert found.summary() == results.summary() and found.seed == 11
    assert np.array_equal(found.episode_returns, results.episode_returns)
    assert np.array_equal(found.episodes.observations, results.episodes["observations"])
    assert found.episodes["dones"].dtype == bool


def test_the_words_for_a_person(tmp_path: Path) -> None:
    """`repr` has the return as mean ± std and thousands separators."""
    assert repr(samples.training(Path("runs/a"))) == (
        "TrainingResults(return=1,234.50 ± 12.25, steps_per_env=20, global_steps=2,000, "
        "evaluations=2, run_dir='runs/a')"
    )
    assert repr(samples.evaluation(Path("runs/b"))) == (
        "EvaluationResults(return=4.00 ± 1.00 [3.00, 5.00], length=4.0, episodes=2, seed=11, run_dir='runs/b')"
    )


def test_a_summary_without_numbers() -> None:
    """Where nothing was evaluated the summary has zeros, not holes."""
    empty = TrainingResults(None, TrainingMetrics(), None, {}, "runs/a")
    assert empty.summary() == {
        "final_eval_return_mean": 0.0, "final_eval_return_std": 0.0, "training_steps_per_env": 0,
        "training_global_steps": 0, "num_eval_checkpoints": 0,
    }  # fmt: skip
    assert TrainingResults(None, None, None, {}, "runs/a").summary() == empty.summary()


def test_metadata_says_when_and_with_what(tmp_path: Path) -> None:
    """The YAML has PARITY's keys; the device is `cpu` unless it is given."""
    samples.training(tmp_path).save(tmp_path)
    found = yaml.safe_load((tmp_path / "run_metadata.yaml").read_text("utf-8"))
    assert found["run_type"] == "training" and found["device"] == "cpu"
    assert found["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert str(found["timestamp"]).endswith("+00:00") and found["duration_seconds"] >= 0
    metadata = RunMetadata.gather("evaluation", device="cuda:0", duration_seconds=12.5, directory=tmp_path)
    samples.evaluation(tmp_path).save(tmp_path, metadata=metadata)
    assert load_run(tmp_path).metadata == metadata and metadata.git_hash is None


def test_the_revision_is_read_from_git_itself(tmp_path: Path) -> None:
    """The checked-out revision: on a branch, packed, detached, in a worktree, and none outside of a repository."""

    def git(*words: str, at: Path = tmp_path) -> str:
        named = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *named, *words], cwd=at, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert git_hash(tmp_path / "nowhere") in (None, git_hash(tmp_path.parent))
    git("init", "-q")
    assert git_hash(tmp_path) is None
    git("commit", "-q", "--allow-empty", "-m", "one")
    revision = git("rev-parse", "HEAD")
    assert git_hash(tmp_path / "deep" / "er") == revision
    git("pack-refs", "--all")
    assert git_hash(tmp_path) == revision
    git("worktree", "add", "-q", "-b", "other", "tree")
    assert git_hash(tmp_path / "tree") == revision
    git("checkout", "-q", "--detach")
    assert git_hash(tmp_path) == revision


def test_a_run_as_a_whole(tmp_path: Path) -> None:
    """`load_run` gives configuration, results, metadata and checkpoints by name."""
    results = samples.training(tmp_path)
    results.save(tmp_path, save_checkpoint=True)
    results.save_agent(tmp_path / "checkpoints" / "step_10.msgpack")
    run = load_run(tmp_path)
    assert isinstance(run.results, TrainingResults) and run.config.env.name == "CartPole-v1"
    assert run.load_checkpoint()["step"] == run.load_checkpoint("step_10")["step"] == 9
    with pytest.raises(FileNotFoundError, match=r"^Agent checkpoint not found: .*/step_11\.msgpack$"):
        run.load_checkpoint("step_11")
    with pytest.raises(BadInput, match="a checkpoint's name is that of a file"):
        run.load_checkpoint("../../etc/passwd")


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    """A file that is not there is said with its path and what it is for."""
    samples.training(tmp_path).save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name.replace('.', '[.]')} is not there: \w+"):
        load_run(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere is not there: the directory of the run"):
        load_run(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("results.msgpack", b"\x80", "these are no results"),
        ("results.msgpack", b"\xc1", "a byte that msgpack does not have"),
        ("results.msgpack", b"\x82\xa4type\xa8training\xa6format\x09", "is of format 9"),
        ("results.msgpack", b"\x82\xa4type\xa8training\xa6format\x01", "its results lack|no attribute"),
        (".hydra/config.yaml", b"a: [1", "no YAML of plain values"),
        (".hydra/config.yaml", b"a: !!python/object/apply:os.system ['true']", "no YAML of plain values"),
        (".hydra/config.yaml", b"- 1", "a configuration is a mapping"),
        (".hydra/config.yaml", b"\xff\xfe\x00", "no YAML of plain values"),
        (".hydra/config.yaml", b"a: &a {b: *a}", "holds itself|over 500000 items"),
        (".hydra/config.yaml", b"\n".join([b"x0: &x0 [1,1,1,1,1,1,1,1,1]"] + [
            f"x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 9)}]".encode() for n in range(1, 12)]), "over 500000 items"),
        ("run_metadata.yaml", b"run_type: [1]", "are texts"),
        ("run_metadata.yaml", b"run_type: training", "missing"),
        ("run_metadata.yaml", b"7", "metadata is a mapping"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    """One clear error, whatever stands in the files; nothing in them is run, nothing small becomes large."""
    samples.training(tmp_path).save(tmp_path)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Corrupt, match=message):
        load_run(tmp_path)


def test_results_of_the_other_kind_are_told_apart(tmp_path: Path) -> None:
    """The error says which class reads them."""
    samples.evaluation(tmp_path).save(tmp_path)
    with pytest.raises(BadInput, match=r"of type evaluation: EvaluationResults\.load reads them"):
        TrainingResults.load(tmp_path)


def test_an_agent_that_cannot_be_saved_leaves_the_directory_as_it_was(tmp_path: Path) -> None:
    """The error names the leaf, and neither new results nor parts of files are there."""
    samples.training(tmp_path).save(tmp_path, save_checkpoint=True)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    broken = samples.training(tmp_path, {"params": {"w": np.zeros(3), "f": print}}, scale=2.0)
    with pytest.raises(RuntimeError, match=r"^Failed to serialize agent state: params/f: "):
        broken.save(tmp_path, save_checkpoint=True)
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_a_refused_state_leaves_nothing_behind(tmp_path: Path) -> None:
    """No directory is made for what is not written; one that was there stays."""
    broken = samples.training(tmp_path, {"f": print})
    for directory in (tmp_path / "deep" / "er", tmp_path):
        with pytest.raises(RuntimeError, match="Failed to serialize agent state: f: "):
            broken.save(directory, save_checkpoint=True)
    assert tmp_path.is_dir() and not list(tmp_path.iterdir())


def test_what_these_results_do_not_have_stays(tmp_path: Path) -> None:
    """A save without its agent keeps the agent of an earlier one, as the lab does: nobody's work is deleted."""
    samples.training(tmp_path).save(tmp_path, save_checkpoint=True)
    samples.training(tmp_path, {"other": 1}, scale=2.0).save(tmp_path)
    run = load_run(tmp_path)
    assert run.load_checkpoint()["step"] == 9
    assert run.results.summary()["final_eval_return_mean"] == 2469.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training_metrics": {"loss": [1.0]}}, "training_metrics: TrainingMetrics, got dict"),
        ({"training_metrics": TrainingMetrics(loss=[None])}, "training_metrics: float"),  # type: ignore[list-item]
        ({"training_metrics": TrainingMetrics(global_steps=5)}, "training_metrics: 'int'"),  # type: ignore[arg-type]
        ({"training_metrics": TrainingMetrics(agent_metrics=[1])}, "training_metrics: 'list'"),  # type: ignore[arg-type]
        ({"training_metrics": TrainingMetrics([2**70])}, "training_metrics: Python int too large"),
        ({"eval_metrics": 5}, "eval_metrics: EvaluationMetrics, got int"),
        ({"eval_metrics": EvaluationMetrics(episode_returns=[[1], [[1], 2]])}, "eval_metrics: "),  # type: ignore[list-item]
        ({"eval_metrics": EvaluationMetrics(mean_return="ab")}, "eval_metrics: could not"),  # type: ignore[arg-type]
        ({"run_dir": None}, "run_dir: a path, got NoneType"),
        ({"config": 5}, "config: a mapping"),
    ],
)
def test_wrong_results_are_bad_input(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    """Whatever is wrong in them, it is said by its name before anything is written, and `repr` shows what there is."""
    wrong = replace(samples.training(tmp_path / "run"), **changes)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=message):
        wrong.save(tmp_path / "run", save_checkpoint=True)
    assert not (tmp_path / "run").exists()
    assert repr(wrong).startswith("TrainingResults(")
    with pytest.raises(BadInput, match="metadata: a RunMetadata, got dict"):
        samples.training(tmp_path).save(tmp_path, metadata={})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mean_return", None, "EvaluationResults: float"),
        ("episode_returns", [[1], [1, 2]], "EvaluationResults: "),
        ("num_episodes", "many", "EvaluationResults: invalid literal"),
        ("seed", None, "EvaluationResults: int"),
        ("run_dir", None, "run_dir: a path, got NoneType"),
        ("episodes", 5, "observations is missing"),
    ],
)
def test_a_wrong_evaluation_is_bad_input(tmp_path: Path, name: str, value: object, message: str) -> None:
    """Likewise."""
    wrong = replace(samples.evaluation(tmp_path / "run"), **{name: value})  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=message):
        wrong.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert repr(wrong).startswith("EvaluationResults(")


@dataclass
class Nested:
    lr: float
    path: Path


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        (None, {}),
        (Namespace(a=1, b=(1, 2)), {"a": 1, "b": [1, 2]}),
        ({"n": Nested(1e-5, Path("x"))}, {"n": {"lr": 1e-5, "path": "x"}}),
        ({"f": np.float32(0.5), "i": np.int64(3), "a": np.arange(2)}, {"f": 0.5, "i": 3, "a": [0, 1]}),
        ({"yes": "yes", "on": "on", "no": "1e5", "null": "null", "day": "2026-11-21", "x": "${a.b}", "": "~"},) * 2,
        ({"inf": float("inf"), "small": -1e-300, "large": 1e22, "text": "a: b # c\n\t'\"ä🎬"},) * 2,
    ],
)  # fmt: skip
def test_configurations_of_any_kind(tmp_path: Path, config: object, plain: dict[str, object]) -> None:
    """Whatever it was made of, it comes back as plain values; a text that looks like something else stays a text."""
    TrainingResults(None, None, None, config, tmp_path).save(tmp_path)
    assert TrainingResults.load(tmp_path).config == plain


def test_a_configuration_by_hand(tmp_path: Path) -> None:
    """What a person writes is read as OmegaConf reads it: `1e-3` is a number."""
    TrainingResults(None, None, None, {}, tmp_path).save(tmp_path)
    (tmp_path / ".hydra" / "config.yaml").write_text("lr: 1e-3\nday: 2026-11-21\nitems: 4\n", "utf-8")
    config = load_run(tmp_path).config
    assert config == {"lr": 0.001, "day": "2026-11-21", "items": 4}
    config.lr = 2
    assert config["lr"] == 2 and json.dumps(config) and isinstance(config, Config)
    with pytest.raises(AttributeError, match="the configuration has no 'absent'"):
        _ = config.absent


def test_importing_results_loads_no_yaml() -> None:
    """Thin at import: neither PyYAML nor a daemon nor an array library but numpy."""
    code = (
        "import sys, filmlab.results; "
        "print([name for name in ('yaml', 'filmlabd', 'zmq', 'PIL', 'ml_dtypes', 'zstandard') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.strip() == "[]"
