"""Images and clips: which arrays they take, what becomes of them, and what is refused."""

import numpy as np
import pytest

from filmlab import BadInput, Image, Video


def test_an_image_is_copied() -> None:
    """The array may be drawn on afterwards."""
    array = np.zeros((4, 5, 3), np.uint8)
    image = Image(array, caption="a\nb")
    array[:] = 9
    assert not image.frames[0].any()
    assert image.caption == "ab"


@pytest.mark.parametrize(
    ("given", "kept"), [((4, 5), (4, 5)), ((4, 5, 1), (4, 5)), ((4, 5, 3), (4, 5, 3)), ((4, 5, 4), (4, 5, 3))]
)
def test_shapes_of_an_image(given: tuple[int, ...], kept: tuple[int, ...]) -> None:
    """Grey, grey with its channel, RGB, and RGBA without its alpha."""
    assert Image(np.zeros(given, np.uint8)).frames[0].shape == kept


def test_floats_and_bools_become_bytes() -> None:
    """0 to 1 is 0 to 255."""
    assert Image(np.array([[0.0, 0.5, 1.0]])).frames[0].tolist() == [[0, 128, 255]]
    assert Image(np.array([[False, True]])).frames[0].tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)"),
        (np.zeros((0, 5, 3), np.uint8), "sides are 1 to 8192"),
        (np.full((2, 2), np.nan), "no number in it"),
        (np.zeros((2, 2), np.complex64), "real numbers are wanted; this ndarray holds complex64"),
        (np.zeros((3, 5, 3), np.uint8), "say layout="),
        (np.zeros((5,), np.uint8), r"shape \(5,\)"),
        ("view.txt", "a file is .png, .jpg"),
        ("missing.png", "No such file"),
        (["a"], "Image: real numbers are wanted; this list holds texts"),
        (None, "Image"),
    ],
)
def test_what_is_no_image(array: object, says: str) -> None:
    """The constructor raises: that is misuse that the call itself can see."""
    with pytest.raises(BadInput, match=says):
        Image(array)


@pytest.mark.parametrize(
    ("shape", "layout", "kept"),
    [
        ((7, 6, 5, 3), None, (6, 5, 3)),
        ((7, 3, 6, 5), None, (6, 5, 3)),
        ((7, 6, 5), None, (6, 5)),
        ((7, 1, 6, 5), None, (6, 5)),
        ((7, 3, 5, 3), "THWC", (3, 5, 3)),
        ((7, 3, 5, 3), "TCHW", (5, 3, 3)),
    ],
)
def test_layouts_of_a_clip(shape: tuple[int, ...], layout: str | None, kept: tuple[int, ...]) -> None:
    """The shape tells, or `layout` does."""
    clip = Video(np.zeros(shape, np.uint8), layout=layout)  # type: ignore[arg-type]
    assert [frame.shape for frame in clip.frames] == [kept] * 7


def test_channels_first_keeps_the_pixels() -> None:
    """The axes are moved, not reshaped."""
    array = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5), dtype=np.uint8)
    assert np.array_equal(np.stack(Video(array).frames), np.moveaxis(array, 1, 3))


def test_a_clip_of_single_frames() -> None:
    """A list or generator of arrays, as loops collect them."""
    assert len(Video(np.zeros((4, 5, 3), np.uint8) for _ in range(3)).frames) == 3


@pytest.mark.parametrize(
    ("frames", "options", "says"),
    [
        (np.zeros((7, 3, 5, 3), np.uint8), {}, "say layout="),
        (np.zeros((7, 4, 5, 3), np.uint8), {"layout": "HWC"}, "layout is THWC"),
        (np.zeros((7, 4, 5), np.uint8), {"layout": "THWC"}, "got shape"),
        (np.zeros((7, 4, 5, 3), np.uint8), {"fps": 0}, "fps: above 0"),
        (np.zeros((7, 4, 5, 3), np.uint8), {"fps": "x"}, "fps: a number"),
        ([], {}, "got 0"),
        ([np.zeros((4, 5), np.uint8), np.zeros((5, 5), np.uint8)], {}, "different shapes"),
        (np.zeros((4,), np.uint8), {}, "got shape"),
        (5, {}, "got shape"),
    ],
)
def test_what_is_no_clip(frames: object, options: dict[str, object], says: str) -> None:
    """The message says what is expected."""
    with pytest.raises(BadInput, match=says):
        Video(frames, **options)  # type: ignore[arg-type]
