"""Clips in the formats that a run asked for, what stands under their pictures, and whose an error is."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.artifact_names import episode_stem
from filmlabd.develop import clip as develop_clip
from filmlabd.develop.overlay import UNPAIRED, action_text, overlay_of
from filmlabd.model import StepsRow
from filmlabd.render.overlay import Overlay
from service.studio import Studio, moving
from service.test_artifacts import row as episode_row

STEM = "episodes/episode_000003"


@pytest.fixture
def formats() -> tuple[str, ...]:
    return ("webp", "gif")


@pytest.fixture
def overlay() -> tuple[str, ...]:
    return ()


@pytest.fixture
def studio(tmp_path: Path, formats: tuple[str, ...], overlay: tuple[str, ...]) -> Iterator[Studio]:
    made = Studio(tmp_path, name="walk", fps=20.0, formats=formats, overlay=overlay)
    yield made
    made.close()


def shown(studio: Studio, path: str) -> list[np.ndarray[Any, Any]]:
    """The frames of a GIF or WebP."""
    with Image.open(studio.prints / path) as image:
        return [_frame(image, index) for index in range(getattr(image, "n_frames", 1))]


def _frame(image: Image.Image, index: int) -> np.ndarray[Any, Any]:
    image.seek(index)
    return np.asarray(image.convert("RGB"))


def test_every_format_has_its_file(studio: Studio) -> None:
    """In the order asked for, of the same frames; then the poster, which is the first of them, and the JSON."""
    frames = moving(6)
    paths, notes = studio.develop(studio.episode(3, frames, [1.0] * 6))
    assert paths == (f"{STEM}.webp", f"{STEM}.gif", f"{STEM}.poster.webp", f"{STEM}.json")
    assert notes == ()
    for path in paths[:2]:
        assert all((one == other).all() for one, other in zip(shown(studio, path), frames, strict=True))
    (poster,) = shown(studio, paths[2])
    assert (poster == frames[0]).all()


@pytest.mark.parametrize("overlay", [("episode",)])
def test_lean_clips_have_half_of_everything_but_time(studio: Studio) -> None:
    """Every other frame at half its size, in one format, without overlay; the JSON tells, the clip lasts as long."""
    frames = moving(6)
    job = replace(studio.episode(3, frames, [1.0] * 6), lean=True)
    paths, notes = studio.develop(job)
    assert paths == (f"{STEM}.gif", f"{STEM}.poster.webp", f"{STEM}.json")
    assert notes == (develop_clip.LEAN,)
    halves = [frame[::2, ::2] for frame in frames[::2]]
    assert all((one == other).all() for one, other in zip(shown(studio, paths[0]), halves, strict=True))
    with Image.open(studio.prints / paths[0]) as gif:
        assert gif.info["duration"] == 100
    assert json.loads((studio.prints / paths[2]).read_text())["note"] == develop_clip.LEAN


@pytest.mark.parametrize("formats", [("mp4",)])
def test_mp4(studio: Studio) -> None:
    """Where PyAV is installed, MP4 alone is made of a run that wants that alone, of episodes and of media."""
    av = pytest.importorskip("av")
    paths, notes = studio.develop(studio.episode(3, moving(6), [1.0] * 6))
    assert (paths, notes) == ((f"{STEM}.mp4", f"{STEM}.poster.webp", f"{STEM}.json"), ())
    with av.open(io.BytesIO((studio.prints / paths[0]).read_bytes())) as clip:
        assert len(list(clip.decode(video=0))) == 6
    assert studio.develop(studio.medium("walk", moving(2)))[0] == ("media/walk_7.mp4", "media/walk_7.poster.webp")


@pytest.mark.parametrize(
    ("formats", "clips", "also"), [(("mp4",), ("gif",), "; it is a GIF instead"), (("mp4", "webp"), ("webp",), "")]
)
def test_mp4_without_pyav(studio: Studio, monkeypatch: pytest.MonkeyPatch, clips: tuple[str, ...], also: str) -> None:
    """A clip is made all the same, and one note says what to install."""
    monkeypatch.setitem(sys.modules, "av", None)
    paths, notes = studio.develop(studio.episode(3, moving(6), [1.0] * 6))
    assert paths == (*(f"{STEM}.{kind}" for kind in clips), f"{STEM}.poster.webp", f"{STEM}.json")
    assert notes == (f"no mp4: MP4 needs PyAV, which is not installed: pip install 'filmlab[video]'{also}",)
    assert json.loads((studio.prints / paths[-1]).read_text())["note"] == notes[0]


@pytest.mark.parametrize("formats", [("gif",)])
def test_errors_name_run_episode_and_frame(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an encoder refuses is told with all that is needed to find it."""
    odd = [*moving(3), np.zeros((4, 4, 3), np.uint8)]
    # The film's reader ends a film before such a frame; an encoder's own check must be understood as well.
    monkeypatch.setattr(develop_clip, "read_frames", lambda path, notes: iter(odd))
    expected = r"run run-a, episode 3: frame 3 has shape \(4, 4, 3\); the clip began with \(40, 60, 3\)"
    with pytest.raises(BadInput, match=expected):
        studio.develop(studio.episode(3, odd, [0.0] * 4))
    expected = r"run run-a, medium 'walk', step 7: frame 3 has shape \(4, 4, 3\); the clip began with"
    with pytest.raises(BadInput, match=expected):
        studio.develop(studio.medium("walk", odd))


@pytest.mark.parametrize("formats", [("gif",)])
@pytest.mark.parametrize("overlay", [("step", "return")])
def test_overlay(studio: Studio) -> None:
    """It stands under the frames, of the poster too; nothing of the picture is covered, and media have none."""
    frames = moving(3, 200, 300)
    paths, notes = studio.develop(studio.episode(3, frames, [1.0, -2.5, 4.0]))
    assert notes == ()
    made = shown(studio, paths[0])
    texts = ({"step": "1", "return": "1"}, {"step": "2", "return": "−1.5"}, {"step": "3", "return": "2.5"})
    expected = Overlay(("step", "return"), lambda number: texts[number])
    assert len(made) == 3
    assert all((made[number] == expected.under(frame, number)).all() for number, frame in enumerate(frames))
    assert (shown(studio, paths[1])[0] == made[0]).all()
    assert shown(studio, studio.develop(studio.medium("walk", frames))[0][0])[0].shape == (200, 300, 3)


@pytest.mark.parametrize("formats", [("gif",)])
@pytest.mark.parametrize("overlay", [("episode", "step")])
def test_overlay_of_frames_without_steps(studio: Studio) -> None:
    """Where nobody can tell which frame is of which step, no step is shown, and it is said."""
    assert studio.develop(studio.episode(3, moving(3), [1.0] * 7))[1] == (UNPAIRED,)


def told(fields: tuple[str, ...], frames: int, steps: StepsRow) -> list[dict[str, str]]:
    """What stands under each frame of an episode."""
    overlay, _ = overlay_of(fields, episode_row(frames=frames, episode=12), steps)
    assert overlay is not None
    return [dict(overlay._texts(number)) for number in range(frames)]


def test_what_stands_under_a_frame() -> None:
    """The step that led to it: a frame before the first step has no action, and a film's late begin no return."""
    fields = ("episode", "step", "return", "action")
    steps = StepsRow([1, None], np.array([0.5, 1.0]))
    after = [
        {"episode": "12", "step": "1", "return": "0.5", "action": "1"},
        {"episode": "12", "step": "2", "return": "1.5"},
    ]
    assert told(fields, 2, steps) == after
    assert told(fields, 3, steps) == [{"episode": "12", "step": "0", "return": "0"}, *after]
    late = StepsRow([], np.array([1.0]), first=40)
    assert told(fields, 1, late) == [{"episode": "12", "step": "41"}]
    assert told(fields, 5, steps) == [{"episode": "12"}] * 5
    assert overlay_of((), episode_row(frames=2), steps) == (None, ())


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (3, "3"), (-1.23456, "−1.23"), (True, "True"), ("left", "left"), ([0.5, -1], "0.5, −1"),
        (list(range(9)), "0, 1, 2, 3, 4, 5, 6, 7, …"), ([[1], [2]], "1, 2"), (float("nan"), "–"),
        ({"a": 1}, "{'a': 1}"), (10**400, "…"),
    ],
)  # fmt: skip
def test_actions_in_words(action: Any, text: str) -> None:
    """Short, whatever JSON can say."""
    assert action_text(action) == text


def test_no_clip_has_the_name_of_a_poster() -> None:
    """A writer who is called like one is marked."""
    clip = f"{episode_stem(episode_row(writer='a.poster'))}.webp"
    poster = f"{episode_stem(episode_row(writer='a'))}{develop_clip.POSTER}"
    assert clip != poster
