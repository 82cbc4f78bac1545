"""A program written for the original recorders, with only its import changed, against the real daemon."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from e2e.house import House, until
from e2e.recorder_program import PROGRAM
from patience import PATIENCE_S

REWARDS = (0.5, 1.5, -2.5, 3.0)
MAIN = f"\ntrain(10, {REWARDS!r})\n"
VARIABLES = {
    "OAK_EXAMPLE_ANIMATION_DIR": "out/animations",
    "OAK_EXAMPLE_ANIMATION_EVERY": "4",
    "OAK_EXAMPLE_ANIMATION_EPISODES": "2",
    "OAK_EXAMPLE_ANIMATION_MAX_FRAMES": "10",
    "OAK_EXAMPLE_PLOT_DIR": "out/curves",
    "OAK_EXAMPLE_CURVE_CHECKPOINT_EVERY": "4",
}
EPISODES = {
    "train_episode_0000_reward_0_avg_0": 10,
    "train_episode_0002_reward_-2_avg_0": 10,
    "train_episode_0004_reward_0_avg_0": 10,
    "train_episode_0008_reward_0_avg_0": 0,
    "train_episode_0009_reward_2_avg_2": 10,
}
"""stem -> frames of its GIF; 0: none."""
CURVES = ("reward_curve", "training_state", "policy_q_loss", "model_loss")


@pytest.fixture
def home(house: House) -> Iterator[House]:
    """A household whose programs leave their files in `out`."""
    house.environ |= VARIABLES
    yield house


def files(house: House) -> list[str]:
    out = house.root / "out"
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def expected() -> list[str]:
    """The set of files that the original leaves."""
    names = [f"animations/train/{stem}.json" for stem in EPISODES]
    names += [f"animations/train/{stem}.gif" for stem, count in EPISODES.items() if count]
    names += [f"curves/train/train_{name}.{kind}" for name in CURVES for kind in ("svg", "png")]
    names += [f"curves/train/train_reward_history{end}.json" for end in ("", "_checkpoint")]
    return sorted(names)


def read(house: House, name: str) -> Any:
    return json.loads((house.root / "out" / name).read_text())


def test_the_program_leaves_exactly_the_files_of_the_original(home: House) -> None:
    """Same names, same contents, nothing beside them; its own run keeps to the state directory."""
    output = home.train(PROGRAM + MAIN)
    home.wait_printed()
    assert files(home) == expected(), output
    _check_episodes(home)
    _check_history(home)
    _check_curves(home)
    (run,) = home.runs()
    assert run.project == "default"
    assert Path(run.directory) == home.paths.root / "runs" / run.run_id
    assert (Path(run.directory) / "index.html").exists()
    assert not (home.root / "films").exists()
    assert "FilmlabWarning" not in output


def _check_episodes(house: House) -> None:
    for stem, count in EPISODES.items():
        document = read(house, f"animations/train/{stem}.json")
        episode = document["episode"]
        keys = ["episode", "episode_reward", "avg_reward", "step_count", "solved", "frame_count", "actions",
                "active_option_ids", "metadata"]  # fmt: skip
        assert list(document) == keys + ["warning"] * (not count)
        assert document["episode_reward"] == REWARDS[episode % 4]
        assert document["actions"] == [0, 1] * 6
        assert document["active_option_ids"] == [1, None, None] * 4
        assert (document["frame_count"], document["metadata"]) == (12 if count else 0, {"seed": episode})
        text = (house.root / f"out/animations/train/{stem}.json").read_text()
        assert text == json.dumps(document, indent=2) + "\n"
        if count:
            with Image.open(house.root / f"out/animations/train/{stem}.gif") as clip:
                durations = [clip.info["duration"] for number in range(clip.n_frames) if clip.seek(number) is None]
                # 30 fps in real time, in hundredths of a second.
                assert (clip.size, clip.n_frames, clip.info["loop"]) == ((40, 30), count, 0)
                assert abs(sum(durations) - 1000 * count / 30) <= 10


def _check_history(house: House) -> None:
    found = read(house, "curves/train/train_reward_history.json")
    rewards = [REWARDS[episode % 4] for episode in range(10)]
    assert list(found) == [
        "average_window", "episodes", "reward_history", "average_history", "epsilon_history", "option_history",
        "metric_histories", "best_reward", "final_reward", "final_average",
    ]  # fmt: skip
    assert (found["average_window"], found["episodes"], found["reward_history"]) == (3, 10, rewards)
    assert (found["epsilon_history"], found["option_history"]) == ([0.25] * 10, [2] * 10)
    assert found["metric_histories"] == {
        "policy_q_loss": [0.5] * 10, "model_loss": [None, None] + [1 / count for count in range(3, 11)],
    }  # fmt: skip
    assert (found["best_reward"], found["final_reward"]) == (3.0, rewards[-1])
    assert found["final_average"] == found["average_history"][-1] == sum(rewards[-3:]) / 3
    checkpoint = read(house, "curves/train/train_reward_history_checkpoint.json")
    assert (checkpoint["episodes"], checkpoint["checkpoint"]) == (8, True)
    assert checkpoint["reward_history"] == rewards[:8]


def _check_curves(house: House) -> None:
    titles = {
        "reward_curve": ("train reward over episodes", "Episode", "Reward", "reward", "avg3"),
        "training_state": ("train exploration and option count", "Episode", "Value", "epsilon", "options"),
        "model_loss": ("train model loss over episodes", "Episode", "model loss", "model loss raw", "model loss avg3"),
    }
    for name, words in titles.items():
        svg = (house.root / f"out/curves/train/train_{name}.svg").read_text()
        assert set(words) <= set(re.findall(r">([^<>]*)</text>", svg))
        for tick in ("0", "2", "4", "5", "7", "9"):
            assert f">{tick}</text>" in svg
        with Image.open(house.root / f"out/curves/train/train_{name}.png") as image:
            assert image.size == (960, 540)
    reward = (house.root / "out/curves/train/train_reward_curve.svg").read_text()
    assert ">3.00</text>" in reward
    assert ">-2.50</text>" in reward


def test_save_and_flush_wait_for_their_files(home: House) -> None:
    """Whoever calls them finds the files when they return; a checkpoint that is asked for is there as well."""
    home.train(
        PROGRAM
        + """
from pathlib import Path
curves, animations = TrainingCurveRecorder("c", "p"), EpisodeAnimationRecorder("a", prefix="p", save_metadata=False)
curves.log_episode(0, 1.0, 1.0, Agent())
curves.save_checkpoint()
assert [path.name for path in Path("c").iterdir()] == ["p_reward_history_checkpoint.json"]
curves.save()
assert len(list(Path("c").iterdir())) == 8, list(Path("c").iterdir())
animations(EpisodeTrace(0, float("nan"), float("inf"), 12, False, rendered(0, 12), []))
assert animations.flush(60)
assert [path.name for path in Path("a").iterdir()] == ["p_episode_0000_reward_nan_avg_inf.gif"]
"""
    )


def test_a_program_goes_on_when_its_daemon_is_killed(home: House) -> None:
    """In mid-run: another one is started, and the files are the same."""
    program = PROGRAM + (
        """
def moment(episode):
    if episode == 5:
        print("now", flush=True)
        sys.stdin.readline()
"""
        + MAIN
    )
    trainer = home.trainer(program)
    assert trainer.stdout is not None
    assert trainer.stdin is not None
    until(lambda: "now" in trainer.stdout.readline(), "the middle of the training")
    until(home.daemon_pid, "a daemon")
    os.kill(home.daemon_pid(), signal.SIGKILL)
    output, _ = trainer.communicate("go on\n", timeout=PATIENCE_S)
    assert trainer.returncode == 0, output
    home.wait_printed()
    assert files(home) == expected(), output
    _check_episodes(home)
    _check_history(home)


def test_a_program_that_ends_at_once_loses_no_frame(home: House) -> None:
    """Nothing was waited for: large records leave while the interpreter is ending, and pyzmq must not end before."""
    output = home.train(
        PROGRAM
        + """
recorder = EpisodeAnimationRecorder("a", prefix="p")
noise = np.random.default_rng(0).integers(0, 2, (40, 300, 400, 3), np.uint8) * np.uint8(255)
recorder(EpisodeTrace(0, 1.0, 1.0, 5, False, list(noise[:5]), []))
assert recorder.flush(60)
recorder(EpisodeTrace(1, 1.0, 1.0, 40, False, list(noise), []))
"""
    )
    assert "lost" not in output
    home.wait_printed()
    with Image.open(home.root / "a/p_episode_0001_reward_1_avg_1.gif") as clip:
        assert clip.n_frames == 40


def test_without_a_daemon_everything_is_made_later(home: House) -> None:
    """Mode offline: `save` returns at once and warns once; the next daemon makes every file."""
    output = home.train(PROGRAM + MAIN, FILMLAB_MODE="offline")
    assert output.count("FilmlabWarning") == 1
    assert "printed once a daemon has it" in output
    assert not (home.root / "out").exists()
    home.daemon()
    home.wait_printed()
    assert files(home) == expected()
    _check_episodes(home)
    _check_history(home)


def test_a_crash_leaves_all_curves_up_to_that_moment(home: House) -> None:
    """The process is killed right after a call: no `save` came, and yet they are there, and the episode too."""
    program = PROGRAM + (
        """
import os, signal
def moment(episode):
    if episode == 6:
        # What is handed over is with the daemon in 20 ms; this only makes sure that there is one.
        implicit_run().wait_safe()
        os.kill(os.getpid(), signal.SIGKILL)
from filmlab.recorders import implicit
def implicit_run():
    class Safe:
        def wait_safe(self):
            implicit.implicit_run().seat.process.link.wait_safe(30)
    return Safe()
"""
        + MAIN
    )
    trainer = home.trainer(program)
    trainer.communicate(timeout=PATIENCE_S)
    assert trainer.returncode == -signal.SIGKILL
    home.wait_printed()
    found = files(home)
    assert [name for name in found if name.startswith("curves")] == [
        name for name in expected() if name.startswith("curves")
    ]
    assert read(home, "curves/train/train_reward_history.json")["episodes"] == 7
    assert read(home, "curves/train/train_reward_history_checkpoint.json")["episodes"] == 4
    assert "animations/train/train_episode_0004_reward_0_avg_0.gif" in found
    assert home.runs()[0].status == "crashed"


def test_an_exception_leaves_all_curves_up_to_that_moment(home: House) -> None:
    """Nobody caught it, nothing was saved, nothing was waited for."""
    program = (
        PROGRAM
        + """
def moment(episode):
    if episode == 6:
        raise RuntimeError("the training diverged")
"""
    )
    trainer = home.trainer(program + MAIN)
    output, _ = trainer.communicate(timeout=PATIENCE_S)
    assert trainer.returncode == 1
    assert "the training diverged" in output
    home.wait_printed()
    assert [name for name in files(home) if name.startswith("curves")] == [
        name for name in expected() if name.startswith("curves")
    ]
    assert read(home, "curves/train/train_reward_history.json")["episodes"] == 7
    assert "animations/train/train_episode_0004_reward_0_avg_0.json" in files(home)


def test_a_good_end_without_save_leaves_no_curves(home: House) -> None:
    """As in the original: the same set of files."""
    home.train(PROGRAM.replace("        curves.save()", "        pass") + MAIN)
    home.wait_printed()
    assert [name for name in files(home) if name.startswith("curves")] == [
        "curves/train/train_reward_history_checkpoint.json"
    ]


def test_recorders_that_are_disabled_leave_nothing(home: House) -> None:
    """No file, no run, no daemon."""
    variables = {"FILMLAB_DISABLE_ANIMATIONS": "yes", "OAK_EXAMPLE_DISABLE_CURVES": "1"}
    home.train(PROGRAM + MAIN, **variables)
    assert not (home.root / "out").exists()
    assert not home.runs()


def test_a_print_that_fails_is_named_with_its_reason(home: House) -> None:
    """The directory is in the way: `flush` says which, and the other recorder's prints are there."""
    (home.root / "a").write_text("in the way")
    output = home.train(
        PROGRAM
        + """
bad, good = EpisodeAnimationRecorder("a/b", prefix="p"), EpisodeAnimationRecorder("g", prefix="p")
for recorder in (bad, good):
    recorder(EpisodeTrace(3, 1.0, 1.0, 12, False, rendered(0, 3), []))
print("flushed", bad.flush(60), good.flush(60))
"""
    )
    assert "flushed False True" in output
    assert re.search(r"FilmlabWarning: .*episode 3: .*a/b cannot be made", output)
    shutil.rmtree(home.root / "g")


def test_somebody_asks_for_an_episode(home: House) -> None:
    """`filmlab record` reaches `should_capture` of a living program, and the reason stands in `filmlab ls`."""
    program = (
        PROGRAM
        + """
recorder = EpisodeAnimationRecorder("a", EpisodeCaptureSchedule(), prefix="p")
print("asked", recorder.should_capture(0, 10), flush=True)
sys.stdin.readline()
import time
for episode in range(1, 15_000):
    if recorder.should_capture(episode, 15_000):
        recorder(EpisodeTrace(episode, 1.0, 1.0, 12, False, rendered(0, 3), []))
        break
    time.sleep(0.01)
print("flushed", recorder.flush(60), episode)
"""
    )
    trainer = home.trainer(program)
    assert trainer.stdout is not None
    until(lambda: "asked False" in trainer.stdout.readline(), "the first episode")
    until(home.runs, "the run")
    (run,) = home.runs()
    home.command("record", run.run_id, "--next", "1")
    output, _ = trainer.communicate("go on\n", timeout=PATIENCE_S)
    assert "flushed True" in output, output
    assert "asked for" in home.command("ls", run.run_id)
