"""Scripts that were written for other trackers, run as their users run them: what they leave on disk."""

import json
from pathlib import Path
from typing import Any

from e2e.house import House, until
from patience import PATIENCE_S

WRITE = """
    import os, sys
    from filmlab.integrations.tensorboard import SummaryWriter
    writer = SummaryWriter("runs/ppo__1")
    for step in {steps}:
        writer.add_scalar("losses/value_loss", step, step)
    {more}
"""


def values(house: House, metric: str) -> dict[tuple[str, int], list[int]]:
    """The steps of a metric as they came, by writer and attempt; each value is its step."""
    found = house.json("history.json")["metrics"][metric]
    for series in found:
        assert series["step"] == series["value"]
    return {(series["writer"], series["attempt"]): series["step"] for series in found}


def test_two_writers_of_a_directory_are_one_run(house: House) -> None:
    """Steps out of order are kept as they came; a process that ends without `close` loses nothing."""
    house.train(
        WRITE.format(
            steps=[3, 1, 2],
            more='SummaryWriter("runs/ppo__1").add_scalar("losses/value_loss", 7, 7); '
            'SummaryWriter("runs/other").add_scalar("x", 1, 1); writer.add_text("note", "hi", 3); '
            "writer.add_histogram('w', [1, 2, 3], 3)",
        )
    )
    house.wait_printed()
    first, second = sorted(house.runs(), key=lambda row: row.name)
    assert [(row.name, row.status) for row in (first, second)] == [("other", "finished"), ("ppo__1", "finished")]
    directory = Path(second.directory)
    found = json.loads((directory / "history.json").read_text())["metrics"]["losses/value_loss"]
    assert [series["step"] for series in found] == [[3, 1, 2, 7]]
    assert (directory / "media" / "note_3.md").read_text() == "hi"
    assert {path.suffix for path in (directory / "media").glob("w_3.*")} == {".svg", ".png", ".json"}
    assert (house.root / "runs" / "ppo__1").is_dir()


def test_a_writer_is_used_on_after_it_was_closed(house: House) -> None:
    """As PyTorch's own tutorial does, also for a directory that was made up: a further attempt of the same run."""
    for name in ("", '"runs/ppo__1"'):
        house.train(
            WRITE.replace('"runs/ppo__1"', name).format(
                steps=range(2),
                more="writer.close(); writer.add_graph(None); writer.close(); "
                "writer.add_scalar('losses/value_loss', 5, 5); writer.close(); writer.add_text('note', 'hi', 7)",
            )
        )
    house.wait_printed()
    assert len(house.runs()) == 2
    for row in house.runs():
        found = json.loads((Path(row.directory) / "history.json").read_text())["metrics"]["losses/value_loss"]
        assert [(series["attempt"], series["step"]) for series in found] == [(1, [0, 1]), (2, [5])]
        assert [path.name for path in (Path(row.directory) / "media").iterdir()] == ["note_7_a3.md"]


def test_two_processes_write_to_one_directory(house: House) -> None:
    """A second one beside the first goes by a name of its own, a rank by its rank; later comes another attempt."""
    first = house.trainer(WRITE.format(steps=range(3), more="print('open', flush=True); sys.stdin.readline()"))
    assert first.stdout is not None
    while "open" not in first.stdout.readline():
        continue
    until(lambda: house.runs(), "the run")
    pid = house.train(WRITE.format(steps=range(2), more="print(os.getpid())")).split("\n")
    house.train(WRITE.format(steps=range(2), more=""), RANK="1")
    first.communicate("\n", timeout=PATIENCE_S)
    house.wait_printed()
    second = next(line for line in pid if line.isdigit())
    assert values(house, "losses/value_loss") == {
        ("main", 1): [0, 1, 2], (f"main-{second}", 1): [0, 1], ("rank1", 1): [0, 1],
    }  # fmt: skip
    house.train(WRITE.format(steps=[2, 3], more="writer.close()"))
    house.wait_printed()
    assert values(house, "losses/value_loss")["main", 2] == [2, 3]
    assert house.json("run.json")["attempt"] == 2


TRACKED = """
    import numpy as np
    import filmlab as wandb
    from filmlab.integrations.tensorboard import SummaryWriter

    wandb.init(project="p", name="n", config={"lr": 0.5}, sync_tensorboard=True)
    wandb.define_metric("val.*", step_metric="epoch")
    wandb.define_metric("loss", summary="min,best,last,mean")
    writer = SummaryWriter("runs/n")
    for epoch in range(3):
        for step in range(4):
            wandb.log({"loss": 4 - step})
        wandb.log({"epoch": epoch, "val": {"acc": epoch / 2}})
        writer.add_scalar("charts/SPS", epoch, 100 * epoch)
    wandb.config.update({"seed": 1})
    wandb.summary["best"] = 3
    wandb.log({"clip": wandb.Video(np.zeros((3, 3, 16, 16), np.uint8), fps=5), "view": wandb.Image(np.eye(8))})
    writer.close()
    print(wandb.run.url)
"""


def test_a_wandb_script(house: House) -> None:
    """One run with a writer's numbers in it; its page is at `run.url`; the summary says what was asked for."""
    output = house.train(TRACKED)
    house.wait_printed()
    (url,) = [line for line in output.splitlines() if line.startswith("file://")]
    assert url == (house.run_dir() / "index.html").as_uri()
    facts: dict[str, Any] = house.json("run.json")
    assert facts["config"] == {"lr": 0.5, "seed": 1}
    assert facts["summary"] == {"loss.min": 1.0, "loss.best": 1.0, "loss.last": 1.0, "loss.mean": 2.5, "best": 3}
    found = house.json("history.json")["metrics"]
    assert found["val.acc"][0]["step"] == [0, 1, 2]
    assert found["charts/SPS"][0]["step"] == [0, 100, 200]
    # On an axis of its own, a metric moves nobody else's step; a writer of TensorBoard does, by its own steps.
    assert found["loss"][0]["step"][:5] == [0, 1, 2, 3, 1]
    assert ">epoch<" in (house.run_dir() / "curves" / "val.acc.svg").read_text()
    names = {path.name for path in (house.run_dir() / "media").iterdir()}
    assert names == {"clip_200.gif", "clip_200.poster.webp", "view_200.png"}


EXAMPLES = Path(__file__).parents[2] / "examples"
RUN = """
    import runpy, sys
    sys.argv = [{path!r}, *{arguments!r}]
    runpy.run_path({path!r}, run_name="__main__")
"""


def played(house: House, example: str, *arguments: str) -> set[str]:
    """Run an example to its end and until it is printed; what its run has left, below its directory."""
    house.train(RUN.format(path=str(EXAMPLES / example), arguments=arguments), SDL_VIDEODRIVER="dummy")
    house.wait_printed()
    directory = house.run_dir()
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_the_example_in_cleanrls_style(house: House) -> None:
    """It leaves what its docstring says; CleanRL's model is where it was."""
    files = played(house, "ppo.py", "--steps", "1100")
    curves = ("charts/episodic_return", "charts/SPS", "losses/value_loss", "episode/return")
    assert {f"curves/{name.replace('/', '%2F')}.svg" for name in curves} <= files
    assert {"index.html", "episodes/episode_000000.gif", "episodes/episode_000001.gif"} <= files
    assert {"media/hyperparameters_0.md", "media/weights%2Factor_1024.svg"} <= files
    assert house.json("run.json")["config"]["learning_rate"] == 2.5e-4
    assert len(list((house.root / "runs").glob("CartPole-v1__ppo__1__*/ppo.pt"))) == 1


def test_the_example_of_stable_baselines3(house: House) -> None:
    """With environments in processes of their own, normalised and monitored."""
    files = played(house, "sb3_ppo.py", "--steps", "600", "--envs", "2")
    assert {"curves/rollout%2Fep_rew_mean.svg", "curves/eval%2Fmean_reward.svg", "curves/time%2Ffps.svg"} <= files
    assert {"episodes/episode_000000.gif", "media/eval_300.gif", "media/eval_600.gif"} <= files
    facts = house.json("run.json")
    assert (facts["name"], facts["config"]["num_envs"], facts["config"]["gamma"]) == ("PPO-CartPole-v1", 2, 0.99)
    # Normalised rewards would be fractions; an episode of CartPole is worth its length.
    lengths = house.json("history.json")["metrics"]["episode/length"][0]["value"]
    assert house.json("history.json")["metrics"]["episode/return"][0]["value"] == lengths


def test_the_example_in_wandbs_style(house: House) -> None:
    """Media of every kind, a metric on another's axis, a summary."""
    files = played(house, "wandb_style.py", "--steps", "20")
    assert {"curves/score.svg", "curves/search.best.svg", "media/best%20policy_21.gif"} <= files
    assert {"media/scores_10.svg", "media/scores_10.json", "media/policies_10.png"} <= files
    facts = house.json("run.json")
    assert set(facts["summary"]) == {"score.max", "score.mean", "best"}
    assert facts["summary"]["score.max"] == facts["summary"]["best"]
    assert house.json("history.json")["metrics"]["search.best"][0]["step"] == [0, 1]


RESUMED = """
    import gymnasium, torch
    from stable_baselines3 import PPO
    from filmlab.integrations.sb3 import FilmlabCallback
    torch.set_num_threads(1)
    env = gymnasium.make("CartPole-v1")
    options = dict(n_steps=32, batch_size=32, n_epochs=1, device="cpu")
    callback = FilmlabCallback(id="kept", schedule="never")
    PPO("MlpPolicy", env, **options).learn(64, callback=callback).save("model")
    callback.run.finish()
    callback = FilmlabCallback(id="kept", resume="must", schedule="never")
    PPO.load("model", env=env, device="cpu").learn(64, callback=callback, reset_num_timesteps=False)
"""


def test_a_resumed_training_is_another_attempt_that_goes_on(house: House) -> None:
    """Of one run, with the steps of the model; the process ends without `finish`."""
    house.train("import warnings; warnings.filterwarnings('ignore')\n" + RESUMED.replace("\n    ", "\n"))
    house.wait_printed()
    assert {
        (series["writer"], series["attempt"]): series["step"]
        for series in house.json("history.json")["metrics"]["time/fps"]
    } == {("main", 1): [32, 64], ("main", 2): [96, 128]}
