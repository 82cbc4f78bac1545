"""Results through the lab: what a user's program hands over is a directory that `load_run` reads, whoever dies."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from e2e.house import House, until
from filmlab.results import EvaluationResults, TrainingResults, load_run
from filmlab.spool import sessions
from filmlabd.index.results import latest
from filmlabd.model import ResultsRow
from patience import PATIENCE_S

TRAINER = """
    import os, sys, time
    sys.path.insert(0, os.environ["TESTS"])
    import numpy as np
    import filmlab
    import filmlab.results
    from results import samples

    run = filmlab.init(project="play", id="r1", **eval(os.environ.get("OPTIONS", "{}"), {}))
    results = samples.training(run.dir, None)
"""
# So many that they take a while, and each of another value.
LARGE = """
    SIZE = int(os.environ["MIB"]) * 2**17
    results.agent_state["params"]["large"] = np.arange(SIZE, dtype=np.float64)
"""
TESTS = str(Path(__file__).parents[1])


def train(house: House, program: str, **variables: str) -> str:
    return house.train(TRAINER + program, TESTS=TESTS, **variables)


def rows(house: House, run_id: str = "r1") -> list[ResultsRow]:
    with house.read() as index:
        return index.results(run_id)


def directory(house: House) -> Path:
    (row,) = house.runs()
    return Path(row.directory)


def is_large(state: object, mib: int) -> bool:
    """Whether the agent's large array is there, to the last number."""
    assert isinstance(state, dict)
    return bool(np.array_equal(state["params"]["large"], np.arange(mib * 2**17, dtype=np.float64)))


def test_results_become_a_directory(house: House) -> None:
    """Training and evaluation, with their agents: `load_run` gives back what was handed over, and no film is left."""
    output = train(
        house,
        """
    run.log_results(results, save_checkpoint=True)
    evaluation = samples.evaluation(run.dir)
    run.log_results(evaluation, metadata=filmlab.results.RunMetadata.gather("evaluation", device="cuda:1"))
    results.training_metrics.loss[:] = [9.0, 9.0]
    results.agent_state["params"]["w"][:] = -1
    print("flushed", run.flush(), os.path.exists(run.dir / "results.msgpack"))
    run.finish()
    """,
    )
    assert "flushed True True" in output, output
    house.wait_printed()
    run = load_run(directory(house))
    assert isinstance(run.results, TrainingResults) and run.results.training_metrics is not None
    assert run.results.training_metrics.loss is not None and run.results.training_metrics.loss[0] == 0.5
    assert run.config.agent.clip == float("inf") and run.config.tags[1] is True and run.metadata.device == "cpu"
    assert np.array_equal(run.load_checkpoint()["params"]["w"], [[0, 1, 2], [3, 4, 5]])
    other = load_run(directory(house) / "evaluation")
    assert isinstance(other.results, EvaluationResults) and other.metadata.device == "cuda:1"
    assert other.results.summary()["num_episodes"] == 2 and other.config.seed == 7
    with pytest.raises(FileNotFoundError, match="Agent checkpoint not found"):
        other.load_checkpoint()
    assert [(row.state, row.run_type, row.place) for row in rows(house)] == [
        ("done", "training", ""), ("done", "evaluation", "evaluation"),
    ]  # fmt: skip
    until(lambda: not list(house.paths.film.rglob("*.film")), "the films of written results to go")


def test_episodes_become_files_and_videos(house: House) -> None:
    """Drawn by a function of the program's own module, found where the program was started."""
    (house.root / "maze_draw.py").write_text(
        "import numpy as np\n"
        "def frame(observation):\n"
        "    return np.full((16, 16, 3), int(observation[0]) % 256, np.uint8)\n"
    )
    train(
        house,
        """
    from filmlab.results import EpisodeFiles
    files = EpisodeFiles(steps_per_env=500, global_step=8000, render="maze_draw:frame", fps=10)
    run.log_results(samples.evaluation(run.dir), episodes=files)
    gone = EpisodeFiles(steps_per_env=600, global_step=9000, render="maze_draw:gone", videos=1)
    print("flushed", run.flush())
    run.log_results(samples.evaluation(run.dir), episodes=gone)
    run.finish()
    """,
    )
    house.wait_printed()
    found = directory(house) / "episodes"
    kinds = ("gif", "npz", "poster.webp")
    names = [f"step_00000500/episode_000{index}.{kind}" for index in (0, 1) for kind in kinds]
    names += [f"step_00000600/episode_000{index}.npz" for index in (0, 1)]
    assert sorted(str(path.relative_to(found)) for path in found.rglob("*.*")) == sorted(names)
    first, second = rows(house)
    assert first.problem == "" and len(first.paths) == 9
    assert second.problem == (
        "videos: maze_draw:gone: AttributeError: module 'maze_draw' has no attribute 'gone'; 0 videos were made before"
    )


def test_the_latest_results_win(house: House) -> None:
    """Handed over again and again, the last ones are what is there, and a flush waits for them."""
    output = train(
        house,
        """
    for step in range(12):
        results.agent_state["step"] = step
        run.log_results(results, save_checkpoint=True)
        run.log({"loss": step}, step=step)
    print("flushed", run.flush(), results.load_agent(run.dir / "checkpoints" / "final.msgpack")["step"])
    run.finish()
    """,
    )
    assert "flushed True 11" in output, output
    house.wait_printed()
    assert load_run(directory(house)).load_checkpoint()["step"] == 11
    assert {row.state for row in rows(house)} <= {"done", "dropped"} and rows(house)[-1].state == "done"
    assert len(latest(rows(house))) == 1
    until(lambda: not list(house.paths.film.rglob("*.film")), "all their films to go")


def test_metrics_go_on_while_a_state_is_on_its_way(house: House) -> None:
    """With 32 MiB on their way, numbers are durable before the state is: stream C goes first."""
    train(
        house,
        LARGE
        + """
    run.log_results(results, save_checkpoint=True)
    for step in range(200):
        run.log({"loss": step}, step=step)
        time.sleep(0.002)
    print("flushed", run.flush())
    run.finish()
    """,
        MIB="32",
    )
    house.wait_printed()
    assert is_large(load_run(directory(house)).load_checkpoint(), 32)
    with house.read() as index:
        (points,) = index.points("r1", "loss")
        assert points.value.tolist() == list(range(200)) and not index.drops("r1")


def test_a_state_over_its_bound_is_left_out(house: House) -> None:
    """Past `results_bytes` the agent's state is dropped and said; the results are kept, and the loop goes on."""
    output = train(
        house,
        LARGE
        + """
    run.log_results(results, save_checkpoint=True)
    print("stats", run.stats.dropped_reasons)
    run.finish()
    """,
        MIB="8",
        OPTIONS="dict(results_bytes=2**20)",
    )
    assert "the agent state was dropped: its 8388" in output and "over results_bytes" in output
    house.wait_printed()
    run = load_run(directory(house))
    assert run.results.summary()["num_eval_checkpoints"] == 2
    assert not (directory(house) / "checkpoints" / "final.msgpack").exists()
    assert "over results_bytes" in rows(house)[0].problem


def test_what_cannot_be_saved_never_ends_the_loop(house: House) -> None:
    """A state with a function in it, things that are no results: warned of by name; the results are kept."""
    output = train(
        house,
        """
    results.agent_state["f"] = print
    run.log_results(results, save_checkpoint=True)
    run.log_results({"no": "results"})
    run.log_results(results, episodes="all")
    run.log_results(None)
    print("goes on", run.flush())
    run.finish()
    """,
    )
    assert "Failed to serialize agent state: f: builtins.builtin_function_or_method" in output
    assert "log_results: TrainingResults or EvaluationResults, got dict" in output and "goes on True" in output
    house.wait_printed()
    assert load_run(directory(house)).results.summary()["num_eval_checkpoints"] == 2


def test_without_a_daemon_results_go_to_the_spool(house: House) -> None:
    """Offline: everything is on disk when the program ends, and a daemon makes the directory of it later."""
    output = train(
        house,
        LARGE
        + """
    run.log_results(results, save_checkpoint=True)
    run.finish()
    """,
        MIB="32",
        OPTIONS="dict(mode='offline', spool_bytes=2**20)",
    )
    assert "lost" not in output and len(sessions(house.paths.spool)) == 1
    house.daemon()
    house.wait_printed()
    assert is_large(load_run(directory(house)).load_checkpoint(), 32)


@pytest.mark.parametrize("victim", ["trainer", "daemon", "worker"])
def test_killed_in_the_middle(house: House, victim: str) -> None:
    """Whoever is killed while a state is on its way: results are whole, a state is whole or is said to be missing."""
    # A worker that steps back is seen at its work, however seldom this process can look.
    daemon = house.daemon("--worker-nice", "19")
    trainer = house.trainer(
        TRAINER
        + LARGE
        + """
    run.log({"loss": 1.0}, step=0)
    run.flush()
    run.log_results(results, save_checkpoint=True)
    print("handed over", flush=True)
    sys.stdin.readline()
    print("flushed", run.flush())
    run.finish()
    """,
        TESTS=TESTS,
        MIB="64",
    )
    assert _said(trainer, "handed over")
    if victim == "trainer":
        until(lambda: bool(rows(house)), "the results to begin")
        trainer.kill()
    elif victim == "daemon":
        until(lambda: bool(rows(house)), "the results to begin")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()  # the trainer starts another one
    else:
        until(lambda: _kill_a_writer(house), "a worker to be at it")
    if victim != "trainer":
        output, _ = trainer.communicate("\n", timeout=PATIENCE_S)
        assert "flushed True" in output, output
    house.wait_printed()
    run = load_run(directory(house))
    assert run.results.summary()["num_eval_checkpoints"] == 2 and run.config.seed == 7
    (row,) = rows(house)
    assert row.state == "done"
    if victim != "trainer" or not row.problem:
        assert is_large(run.load_checkpoint(), 64)
    else:
        assert "did not come whole" in row.problem and not (directory(house) / "checkpoints" / "final.msgpack").exists()
    assert not list(directory(house).rglob("*.part"))


def _said(process: object, words: str) -> bool:
    """Whether a program says these words; reads on until it does."""
    lines = iter(process.stdout.readline, "")  # type: ignore[attr-defined]
    return any(words in line for line in lines)


def _kill_a_writer(house: House) -> bool:
    """Kill the worker that writes results now, if there is one."""
    workers = house.ask("status")["workers"]
    for pid, key in workers.items():
        if key.startswith("results:"):
            os.kill(int(pid), signal.SIGKILL)
            return True
    return False


def test_results_that_could_not_be_written_are_tried_again(house: House) -> None:
    """A directory that stands in the way is said; once it is gone, `filmlab develop` writes them from their film."""
    train(
        house,
        """
    os.makedirs(run.dir / "results.msgpack" / "in the way")
    run.log_results(results)
    run.finish()
    """,
    )
    house.wait_printed()
    said = house.command("results", "r1", status=1)
    assert "training: could not be written" in said and "results.msgpack cannot be written" in said
    shutil.rmtree(directory(house) / "results.msgpack")
    assert "asked for 1 print" in house.command("develop", "r1")
    until(lambda: rows(house)[0].state == "done", "the results to be written")
    assert load_run(directory(house)).config.seed == 7
    until(lambda: not list(house.paths.film.rglob("*.film")), "their film to go")
