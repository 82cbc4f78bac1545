"""The strip under a picture: what it says, that it stands still, and that it costs the clip no colours."""

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlabd.render.gif import encode_gif
from filmlabd.render.overlay import FIELDS, Overlay
from render.decoded import by_pillow, psnr_db, recorded


def counting(number: int) -> dict[str, str]:
    """The texts of one frame of an episode."""
    return {"episode": "7", "step": str(number), "return": f"−{number / 2}", "action": "left"}


@pytest.mark.parametrize("shape", ((400, 600, 3), (84, 84), (210, 160, 3), (20, 9, 3), (1, 1)))
def test_the_picture_is_not_covered(shape: tuple[int, ...]) -> None:
    """The strip is below the picture, as wide, in the same form, and adds four shades at most."""
    picture = np.full(shape, 85, np.uint8)
    framed = Overlay(FIELDS, counting).under(picture, 3)
    assert framed.shape[1:] == picture.shape[1:]
    assert np.array_equal(framed[: shape[0]], picture)
    assert set(np.unique(framed[shape[0] :])) <= {0, 85, 170, 255}


def test_every_frame_is_equally_high() -> None:
    """Long and missing texts change nothing of the layout."""
    texts = [{}, {"step": "1"}, {"step": "9" * 500, "action": "[0.1, −0.25, 3.5]"}]
    overlay = Overlay(FIELDS, lambda number: texts[number])
    assert len({overlay.under(np.zeros((60, 160), np.uint8), number).shape for number in range(3)}) == 1


def test_columns_stand_still() -> None:
    """While one field changes, the pixels of the others stay."""
    overlay = Overlay(("episode", "step"), counting)
    before, after = (overlay.under(np.zeros((100, 400), np.uint8), number) for number in (8, 9))
    assert np.array_equal(before[:, :200], after[:, :200])
    assert not np.array_equal(before[:, 200:], after[:, 200:])


def test_digits_are_equally_wide() -> None:
    """A counter does not shiver: what follows a digit stands at the same place, whichever digit it is."""
    overlay = Overlay(("return",), lambda number: {"return": f"{number}5"})
    pictures = [overlay.under(np.zeros((100, 300), np.uint8), number) for number in (1, 8)]
    columns = [np.flatnonzero(picture[100:].any(axis=0))[-1] for picture in pictures]
    assert columns[0] == columns[1]


def test_a_clip_with_overlay_stays_exact() -> None:
    """Text adds so few colours that a clip of few colours is still lossless, and is told by the picture's height."""
    frames = recorded("breakout")
    clip = encode_gif(frames, 30, overlay=Overlay(FIELDS, counting))
    assert clip.height_px > 210
    reference = Overlay(FIELDS, counting)
    wanted = [reference.under(frame, number) for number, frame in enumerate(frames)]
    assert psnr_db(wanted, by_pillow(clip.data).at_frames(len(frames), 30)) == float("inf")


@pytest.mark.parametrize("fields", ((), ("episode", "reward")))
def test_unknown_fields_are_bad_input(fields: tuple[str, ...]) -> None:
    """An overlay names fields that exist, and at least one."""
    with pytest.raises(BadInput, match=r"episode, step, return, action, got (none|reward)"):
        Overlay(fields, counting)
