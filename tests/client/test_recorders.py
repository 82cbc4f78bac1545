"""The drop-in recorders by themselves: signatures, schedules, names, variables, values and pixels."""

import inspect
import json
import math
import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from filmlab import recorders
from filmlab.errors import BadInput
from filmlab.frames import BadFrame, Shutter, Snapshot
from filmlab.recorders import (
    EpisodeAnimationRecorder,
    EpisodeCaptureSchedule,
    TrainingCurveRecorder,
    animation_recorder_from_env,
    curve_recorder_from_env,
    environment,
)
from filmlab.recorders.curves import metric_name, training_metrics
from filmlab.recorders.pixels import Darkroom, Still, snapshot, to_rgb
from filmlab.recorders.stems import episode_stem, file_part, rounded
from filmlab.recorders.values import plain, to_text
from filmlab.wire.names import check_metric, check_text

PARITY = Path(__file__).with_name("parity")
SCHEDULES = json.loads((PARITY / "schedule.json").read_text())
STEMS = json.loads((PARITY / "stems.json").read_text())


def parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


# --- signatures -----------------------------------------------------------------------------------------------------


def test_the_recorders_take_what_the_original_ones_take_in_their_order() -> None:
    """Position by position, with the same defaults."""
    assert {name: item.default for name, item in parameters(EpisodeCaptureSchedule).items()} == {
        "episode_indices": (), "every_n_episodes": None, "last_n_episodes": 0,
    }  # fmt: skip
    animation = parameters(EpisodeAnimationRecorder)
    assert list(animation) == ["output_dir", "schedule", "prefix", "fps", "max_frames", "save_metadata"]
    assert [animation[name].default for name in list(animation)[2:]] == ["training", 30, None, True]
    curves = parameters(TrainingCurveRecorder)
    assert list(curves) == [
        "output_dir", "prefix", "average_window", "reward_color", "average_color", "epsilon_color", "option_color",
        "reward_history", "average_history", "epsilon_history", "option_history", "metric_histories",
        "checkpoint_every", "metric_colors",
    ]  # fmt: skip
    assert [curves[name].default for name in list(curves)[1:7]] == [
        "training", 100, "#264653", "#2a9d8f", "#e76f51", "#457b9d",
    ]  # fmt: skip
    assert curves["checkpoint_every"].default == 0
    positional = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    assert {item.kind for item in [*animation.values(), *curves.values()]} == set(positional)


def test_the_methods_take_what_the_original_ones_take() -> None:
    """Names and kinds."""
    assert list(parameters(EpisodeAnimationRecorder.should_capture)) == ["self", "episode", "total_episodes"]
    assert list(parameters(EpisodeAnimationRecorder.__call__)) == ["self", "trace"]
    assert list(parameters(TrainingCurveRecorder.log_episode)) == ["self", "episode", "reward", "avg_reward", "agent"]
    assert list(parameters(TrainingCurveRecorder.save)) == ["self"]
    assert list(parameters(animation_recorder_from_env)) == ["mode"]
    from_env = parameters(curve_recorder_from_env)
    assert list(from_env) == ["mode", "average_window"]
    assert from_env["average_window"].kind is inspect.Parameter.KEYWORD_ONLY


def test_the_default_colours_are_the_original_ones() -> None:
    """Of the metrics, and over them what the caller gives."""
    recorder = TrainingCurveRecorder("x", metric_colors={"model_loss": "#000000", "own": "#ffffff"})
    assert recorder.metric_colors == {
        "perception_encoder_loss": "#8a5cf6", "value_q_omega_loss": "#c0392b", "value_gvf_loss": "#d35400",
        "policy_q_loss": "#2980b9", "policy_termination_loss": "#16a085", "model_loss": "#000000",
        "model_done_loss": "#34495e", "own": "#ffffff",
    }  # fmt: skip
    assert TrainingCurveRecorder("x").metric_colors["model_loss"] == "#7f8c8d"


def test_everything_is_in_the_package() -> None:
    """A program imports from `filmlab.recorders` alone."""
    assert {"EpisodeAnimationRecorder", "EpisodeCaptureSchedule", "TrainingCurveRecorder"} < set(recorders.__all__)


# --- schedules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SCHEDULES, ids=lambda case: json.dumps(list(case.values())[:4]))
def test_a_schedule_captures_what_callers_are_used_to(case: dict[str, Any]) -> None:
    """The episodes of the case, and no others."""
    schedule = EpisodeCaptureSchedule(
        tuple(case["episode_indices"]), case["every_n_episodes"], case["last_n_episodes"]
    )  # fmt: skip
    total = case["total_episodes"]
    assert [episode for episode in range(total) if schedule.should_capture(episode, total)] == case["captured"]


def test_a_schedule_says_why_and_cannot_be_changed() -> None:
    """All its reasons at once."""
    schedule = EpisodeCaptureSchedule((100,), 50, 2)
    assert schedule.reason(100, 101) == "episode 100, every 50, last 2"
    assert schedule.reason(99, 1000) == ""
    with pytest.raises(FrozenInstanceError):
        schedule.last_n_episodes = 3  # type: ignore[misc]


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", STEMS, ids=lambda case: case["stem"])
def test_a_stem_is_what_callers_are_used_to(case: dict[str, Any]) -> None:
    """Rounded half to even, negative kept."""
    assert episode_stem(case["prefix"], case["episode"], case["episode_reward"], case["avg_reward"]) == case["stem"]


def test_what_is_not_finite_has_a_name_too() -> None:
    """In place of an exception; and a number without end has an end."""
    assert episode_stem("t", 3, math.nan, -math.inf) == "t_episode_0003_reward_nan_avg_-inf"
    assert rounded(math.inf) == "inf"
    assert rounded(np.float32(2.5)) == "2"
    assert rounded(1e300) == "1.000000e+300"


@given(st.text())
def test_any_prefix_is_a_part_of_a_file_name(prefix: str) -> None:
    """It travels, names one file, and leaves room for the rest of the name."""
    part = file_part(prefix)
    assert check_text(part, "prefix") == part
    assert "/" not in part
    assert "\0" not in part
    assert len(part.encode()) < 150


def test_a_plain_prefix_stays_as_it_is() -> None:
    """Also one with spaces and accents, which the original wrote as they were."""
    for prefix in ("training", "my run", "größe", ".hidden", "a%b", "CartPole-v1"):
        assert file_part(prefix) == prefix
    assert file_part("a/b") == "a%2Fb"


@given(st.text(min_size=1))
def test_any_metric_has_a_name_on_the_wire(name: str) -> None:
    """Within the limits, and two long ones stay apart."""
    if name.isprintable():
        assert check_metric(metric_name("training", f"metrics/{name}"))
    long = [metric_name("t", f"metrics/{'x' * 300}{end}") for end in ("a", "b")]
    assert long[0] != long[1]


# --- variables ------------------------------------------------------------------------------------------------------


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of the variables."""
    for prefix in ("FILMLAB_", "OAK_EXAMPLE_"):
        for name in ("DISABLE_ANIMATIONS", "ANIMATION_DIR", "ANIMATION_EPISODES", "ANIMATION_EVERY", "ANIMATION_LAST",
                     "ANIMATION_FPS", "ANIMATION_MAX_FRAMES", "DISABLE_CURVES", "CURVE_DIR", "PLOT_DIR",
                     "CURVE_CHECKPOINT_EVERY"):  # fmt: skip
            monkeypatch.delenv(prefix + name, raising=False)
    return monkeypatch


def test_the_defaults_of_the_variables(clean: pytest.MonkeyPatch) -> None:
    """Nothing is set, or blank, which is the same."""
    clean.setenv("OAK_EXAMPLE_ANIMATION_EVERY", "  ")
    animation = animation_recorder_from_env("train")
    assert animation is not None
    assert animation.output_dir == Path("tests/results/animations/train")
    assert animation.schedule == EpisodeCaptureSchedule((), 100, 1)
    assert (animation.prefix, animation.fps, animation.max_frames, animation.save_metadata) == ("train", 30, 400, True)
    curves = curve_recorder_from_env("eval", average_window=7)
    assert curves is not None
    assert curves.output_dir == Path("tests/results/training_curves/eval")
    assert (curves.prefix, curves.average_window, curves.checkpoint_every) == ("eval", 7, 10)


def test_every_variable_is_obeyed_and_ours_wins(clean: pytest.MonkeyPatch) -> None:
    """Under both names; 0 turns a rule or a limit off."""
    old = {
        "ANIMATION_DIR": "/a", "ANIMATION_EPISODES": " 1, ,5 ,", "ANIMATION_EVERY": "0", "ANIMATION_LAST": "0",
        "ANIMATION_FPS": "12.5", "ANIMATION_MAX_FRAMES": "0", "PLOT_DIR": "/p", "CURVE_CHECKPOINT_EVERY": "0",
    }  # fmt: skip
    for name, value in old.items():
        clean.setenv(f"OAK_EXAMPLE_{name}", value)
    animation, curves = animation_recorder_from_env("m"), curve_recorder_from_env("m", average_window=1)
    assert animation is not None
    assert curves is not None
    assert (animation.output_dir, animation.fps, animation.max_frames) == (Path("/a/m"), 12.5, None)
    assert [n for n in range(200) if animation.schedule.should_capture(n, 200)] == [1, 5]
    assert (curves.output_dir, curves.checkpoint_every) == (Path("/p/m"), 0)
    clean.setenv("FILMLAB_ANIMATION_EVERY", "50")
    clean.setenv("OAK_EXAMPLE_CURVE_DIR", "/c")
    animation, curves = animation_recorder_from_env("m"), curve_recorder_from_env("m", average_window=1)
    assert animation is not None
    assert curves is not None
    assert animation.schedule.every_n_episodes == 50
    assert curves.output_dir == Path("/c/m")


@pytest.mark.parametrize("word", ["1", "true", "YES", " On "])
def test_recorders_are_disabled_by_a_word(clean: pytest.MonkeyPatch, word: str) -> None:
    """In any case; any other word does not."""
    clean.setenv("OAK_EXAMPLE_DISABLE_ANIMATIONS", word)
    clean.setenv("FILMLAB_DISABLE_CURVES", word)
    assert animation_recorder_from_env("m") is None
    assert curve_recorder_from_env("m", average_window=1) is None
    clean.setenv("FILMLAB_DISABLE_ANIMATIONS", "0")
    assert animation_recorder_from_env("m") is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [("ANIMATION_EVERY", "ten"), ("ANIMATION_EPISODES", "1,x"), ("ANIMATION_FPS", "0"), ("ANIMATION_LAST", "1.5")],
)
def test_a_value_that_does_not_parse_is_named(clean: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The variable and the value; the mistake is never passed over."""
    clean.setenv(f"OAK_EXAMPLE_{name}", value)
    with pytest.raises(BadInput, match=f"OAK_EXAMPLE_{name}='{value}'"):
        animation_recorder_from_env("m")


# --- values ---------------------------------------------------------------------------------------------------------


class Stranger:
    def __repr__(self) -> str:
        return "<a stranger>"


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_values_of_any_kind_become_json() -> None:
    """Numpy becomes numbers and lists, None stays, a stranger its repr, and what JSON has no word for is null."""
    value = [
        None, True, 3, 2.5, "left", [1, (2, 3)], {"a": np.int64(1), 4: np.float32(0.5)}, np.bool_(True), np.int8(-3),
        np.array([[1.5, 2.0]]), np.array(7), Stranger(), Rude(), 1j,
    ]  # fmt: skip
    expected = [
        None, True, 3, 2.5, "left", [1, [2, 3]], {"a": 1, "4": 0.5}, True, -3, [[1.5, 2.0]], 7, "<a stranger>",
        "<Rude>", "1j",
    ]  # fmt: skip
    assert json.loads(to_text(value)) == expected
    assert plain(value) == expected
    odd = {"x": [math.nan, -math.inf, np.float32("nan"), np.array([math.inf, 1.0])], (1, 2): "a tuple"}
    assert json.loads(to_text(odd)) == {"x": [None, None, None, [None, 1.0]], "(1, 2)": "a tuple"}


def test_a_value_without_end_comes_to_an_end() -> None:
    """One that holds itself is described where it is too deep."""
    endless: list[Any] = []
    endless.append(endless)
    assert json.loads(to_text({"metadata": endless}))["metadata"]


# --- pixels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (np.full((2, 3), 7, np.uint8), 7),
        (np.full((2, 3, 1), 7, np.uint8), 7),
        (np.full((2, 3, 3), 250.9), 250),
        (np.full((2, 3, 4), 300, np.int32), 255),
        (np.full((2, 3), -5, np.int8), 0),
        (np.full((2, 3), 100, np.int8), 100),
        (np.full((2, 3), math.nan, np.float32), 0),
        (np.full((2, 3), math.inf, np.float16), 255),
        (np.full((2, 3), 70_000, np.uint64), 255),
        (np.ones((2, 3), np.bool_), 1),
        ([[1, 2, 3], [1, 2, 3]], None),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_any_array_becomes_rgb(frame: Any, expected: int | None) -> None:
    """Clipped to 0…255 and truncated; grey in all three channels; alpha dropped."""
    found = to_rgb(frame)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((2, 3, 3), np.uint8, True)
    if expected is not None:
        assert (found == expected).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_any_image_becomes_rgb(mode: str) -> None:
    """Known by what it can do: this package never imports Pillow."""
    image = Image.new("RGB", (3, 2), (255, 0, 255) if mode != "L" else (9, 9, 9)).convert(mode)
    taken = snapshot(image)
    assert isinstance(taken, Still)
    assert taken.taken is not image
    assert (to_rgb(taken.taken) == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 2), np.uint8), np.zeros(5), np.zeros((2, 2), complex)])
def test_what_is_no_frame_is_refused(bad: Any) -> None:
    """By its shape or its dtype."""
    with pytest.raises(BadFrame):
        to_rgb(bad)
    with pytest.raises(BadFrame):
        snapshot(np.array([[None]]))


def test_a_snapshot_is_a_copy() -> None:
    """Whatever the layout: the program goes on drawing on its array."""
    base = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    for frame in (base.copy(), base[:, ::2], base.astype(np.float32), np.asfortranarray(base)):
        before = frame.astype(np.uint8).copy()
        taken = snapshot(frame)
        frame[:] = 0
        shutter = Shutter()
        developed = Darkroom(shutter).develop(taken)
        pixels = np.frombuffer(bytes(developed.data), np.uint8).reshape(developed.shape)
        assert (pixels == before).all()
        assert (shutter.height, shutter.width, shutter.channels) == before.shape


def test_frames_of_one_film_are_of_one_size() -> None:
    """Grey and colour may mix, sizes may not; the message says both."""
    darkroom = Darkroom(Shutter())
    darkroom.develop(Snapshot(bytes(2 * 3 * 3), (2, 3, 3)))
    assert darkroom.develop(Still(np.zeros((2, 3)), 48)).shape == (2, 3, 3)
    with pytest.raises(BadFrame, match="3×4; the film began with 3×2"):
        darkroom.develop(Still(np.zeros((4, 3)), 96))


# --- what an agent says ---------------------------------------------------------------------------------------------


class Part:
    def __init__(self, said: Any) -> None:
        self.said = said

    def training_metrics(self) -> Any:
        return self.said


def test_only_finite_metrics_count() -> None:
    """Of the four parts that may have them, each optional."""

    class Agent:
        perception = Part({"a": 1, "b": math.nan})
        value_function = Part(None)
        reactive_policy = object()
        other = Part({"never": 1.0})

    assert training_metrics(Agent()) == {"a": 1.0}
    assert training_metrics(object()) == {}


# --- docs -----------------------------------------------------------------------------------------------------------


def test_every_variable_is_in_the_docs_and_no_other() -> None:
    """With its default."""
    text = (Path(__file__).parents[2] / "docs" / "recorders.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `FILMLAB_")]
    documented = {name for row in rows for name in re.findall(r"FILMLAB_(\w+)", row[0])}
    source = inspect.getsource(environment)
    assert documented == set(re.findall(r"given\.\w+\(\"(\w+)\"", source))
    assert all(default in text for default in (environment.ANIMATION_DIR, environment.CURVE_DIR))
