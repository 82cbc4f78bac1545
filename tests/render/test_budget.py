"""The byte budget: it is met, by rate first and by size then, and the clip says how."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import BadInput
from filmlabd.render import budget
from filmlabd.render.budget import Rung
from filmlabd.render.gif import encode_gif
from render.decoded import by_pillow, recorded


@pytest.mark.parametrize("share", (1.0, 0.7, 0.4, 0.2, 0.05))
def test_the_budget_is_met(share: float) -> None:
    """The file is no larger than asked, as long as the episode, and its notes say what was given up."""
    frames = np.concatenate([recorded("halfcheetah")] * 8)
    whole = encode_gif(frames, 30)
    clip = encode_gif(frames, 30, max_bytes=int(share * len(whole.data)))
    assert len(clip.data) <= share * len(whole.data)
    assert by_pillow(clip.data).total_ms == pytest.approx(1000 * len(frames) / 30, abs=5)
    assert clip.frames == len(frames)
    assert bool(clip.notes) == (share < 1)


def test_rate_goes_before_size() -> None:
    """A clip that fits at half its rate keeps its size."""
    frames = np.random.default_rng(0).integers(0, 2, (24, 50, 60), np.uint8) * 255
    whole = encode_gif(frames, 30)
    clip = encode_gif(frames, 30, max_bytes=len(whole.data) * 6 // 10)
    assert (clip.width_px, clip.height_px) == (60, 50)
    assert clip.notes == (f"rate lowered to 15 fps to fit {len(whole.data) * 6 // 10 / 1000:.4g} kB",)


def test_every_other_frame_is_the_frame_of_its_time() -> None:
    """With a lower rate each picture shown is the one with which its time begins."""
    frames = [np.full((40, 50), 10 * number, np.uint8) for number in range(20)]
    tight = encode_gif(frames, 20, max_bytes=len(encode_gif(frames, 20).data) - 1)
    shown = [int(picture[0, 0, 0]) for picture in by_pillow(tight.data).at_frames(20, 20)]
    assert shown == [10 * (number - number % 2) for number in range(20)]


def test_frames_may_come_from_a_function() -> None:
    """What gives the frames anew each time is read as often as it takes; an iterator is refused, being used up."""
    reads = []

    def frames() -> Iterator[np.ndarray]:
        reads.append(1)
        yield from recorded("pong")

    clip = encode_gif(frames, 30, max_bytes=2000)
    assert len(clip.data) <= 2000 and len(reads) > 1
    with pytest.raises(TypeError, match="read again"):
        encode_gif(frames(), 30, max_bytes=2000)


def test_a_budget_that_nothing_fits_is_bad_input() -> None:
    """A GIF has a least size."""
    with pytest.raises(BadInput, match="no clip of these frames fits in 20 bytes"):
        encode_gif(recorded("pong"), 30, max_bytes=20)


@given(fps=st.floats(0.1, 1000))
def test_rungs_only_go_down(fps: float) -> None:
    """Each step shows no more frames and no more pixels than the one before; the first gives up nothing."""
    steps = list(budget.rungs(fps))
    assert steps[0] == Rung(1, 1)
    assert all(a.every <= b.every and a.shrink <= b.shrink and a != b for a, b in itertools.pairwise(steps))


def test_notes_are_plain() -> None:
    """The notes name the rate, the size and the budget."""
    assert Rung(3, 2).notes(30, 1_000_000) == ("rate lowered to 10 fps, size halved to fit 1 MB",)
    assert Rung(1, 3).notes(30, 250_000) == ("size cut to 1/3 to fit 250 kB",)
    assert Rung().notes(30, 1) == ()
