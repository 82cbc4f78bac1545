"""`filmlab results` and `filmlab compare`: what runs came to, for people and for programs."""

import json
from pathlib import Path

import pytest

from filmlab.paths import StatePaths
from filmlab.wire.entries import Results, ResultsEnd
from filmlabd import facts
from filmlabd.cli import results as cli_results
from filmlabd.cli.look_up import Misuse
from filmlabd.model import JobKind
from service.keeping import RUN, SESSION, Followed, end_episode

SUMMARY = {"final_eval_return_mean": 1234.5, "training_global_steps": 2000, "odd": None}


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A run with a written training and an evaluation that could not be, and one without results."""
    paths = StatePaths.at(tmp_path, {})
    paths.index.parent.mkdir(parents=True, exist_ok=True)
    story = Followed(paths.index)
    story.open()
    for film, kind, summary in ((1, "training", SUMMARY), (2, "evaluation", {"mean_return": float(7)})):
        metadata = {"run_type": kind, "device": "cuda:1"}
        story.say(
            Results(
                run=1, wall=5.0, film=film, run_type=kind, parts=(("results", 2048),), summary=summary,
                metadata=metadata,
            ),
            ResultsEnd(run=1, wall=5.0, film=film, pieces=1, last_seq=1),
        )  # fmt: skip
    files = "results.msgpack\nepisodes/step_00000001/episode_0000.npz"
    story.fact(facts.JobDone(f"results:{RUN}:training:main", RUN, JobKind.RESULTS, SESSION, 1, files, "no state", 0, 1))
    key = f"results:{RUN}:evaluation:main"
    story.fact(facts.JobStruck(key, RUN, JobKind.RESULTS, SESSION, 2, 3, True, "no \x1b[2J room", 1))
    story.open(2, run_id="run-b", directory="/tmp/other")
    story.say(end_episode(run=2, return_=3.0))
    assert story.answers.runs()
    return paths


def test_results_for_a_person(paths: StatePaths) -> None:
    """Summary, circumstances, files and what befell them; nothing that a terminal would obey."""
    lines, trouble = cli_results.results(paths, "run-a", as_json=False)
    assert trouble and lines[1] == "/tmp/there"
    text = "\n".join(lines)
    assert "training: written (2 KiB)" in text and "training_global_steps   2,000" in text
    assert "device                  cuda:1" in text and "odd                     –" in text
    assert "files: results.msgpack, and 1 file of episodes\n  no state" in text
    assert "evaluation in evaluation/: could not be written (2 KiB)" in text and "no �[2J room" in text


def test_results_for_a_program(paths: StatePaths) -> None:
    """Everything that is known, as JSON."""
    (text,), _ = cli_results.results(paths, "run-a", as_json=True)
    document = json.loads(text)
    training, evaluation = document["results"]
    assert training["summary"] == SUMMARY and training["state"] == "done" and training["problem"] == "no state"
    assert (evaluation["place"], evaluation["state"]) == ("evaluation", "failed")


def test_a_run_without_results_is_no_trouble(paths: StatePaths) -> None:
    """It says so."""
    lines, trouble = cli_results.results(paths, "run-b", as_json=False)
    assert not trouble and lines[-1] == "no results have been handed over (run.log_results)"


def test_runs_side_by_side(paths: StatePaths) -> None:
    """A column for each of the results, and one for the run that has none; asked for twice it stands there once."""
    lines, trouble = cli_results.compare(paths, ["run-a", "run-b", "run-a"], as_json=False)
    assert not trouble
    assert lines[0].split() == ["run-a:training", "run-a:evaluation", "run-b"]
    cells = {line.split("  ")[0]: line.split()[-3:] for line in lines[1:]}
    assert cells["final_eval_return_mean"] == ["1234.5", "–", "–"] and cells["mean_return"] == ["–", "7", "–"]
    assert cells["best return"] == ["–", "–", "3"]
    (text,), _ = cli_results.compare(paths, ["run-a", "run-b"], as_json=True)
    assert [len(run["results"]) for run in json.loads(text)["runs"]] == [2, 0]


def test_runs_that_are_not_there(paths: StatePaths, tmp_path: Path) -> None:
    """By name; also where nothing has ever been recorded."""
    with pytest.raises(Misuse, match="no run is called 'run-x'"):
        cli_results.compare(paths, ["run-a", "run-x"], as_json=False)
    with pytest.raises(Misuse, match="nothing has been recorded"):
        cli_results.results(StatePaths.at(tmp_path / "none", {}), "r", as_json=False)
