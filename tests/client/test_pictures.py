"""Whatever programs call an image: pixels come out, or a message that says what was expected."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from client.tools import needed
from filmlab import BadInput, Image, Video
from filmlab.pictures import FILE_MAX_BYTES

RED = (200, 30, 10)


def pixels(value: object, **options: object) -> np.ndarray:
    return Image(value, **options).frames[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_an_image_of_pillow(mode: str) -> None:
    """Colours stay colours, also where the file has a palette."""
    found = pixels(Pillow.new("RGB", (6, 4), RED).convert(mode))
    assert found.shape == (4, 6, 3)
    assert np.abs(found[0, 0].astype(int) - RED).max() <= 60


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_grey_image_of_pillow(mode: str) -> None:
    """Stays grey; `mode` is what it is converted to."""
    assert pixels(Pillow.new(mode, (6, 4), 1 if mode == "1" else 255)).tolist() == [[255] * 6] * 4
    assert pixels(Pillow.new(mode, (6, 4)), mode="RGB").shape == (4, 6, 3)


def test_a_tensor_with_its_channels_first() -> None:
    """Also one that takes part in training."""
    tensor = torch.rand(3, 8, 9, requires_grad=True)
    assert np.array_equal(pixels(tensor), np.rint(np.moveaxis(tensor.detach().numpy(), 0, 2) * 255).astype(np.uint8))
    assert Video(torch.zeros(5, 3, 8, 9, dtype=torch.uint8)).frames[0].shape == (8, 9, 3)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([[0.0, 0.5, 1.0]], [[0, 128, 255]]),
        ([[0, 7, 255]], [[0, 7, 255]]),
        ([[0.0, 7.4, 255.0]], [[0, 7, 255]]),
        ([[-1.0, 0.0, 1.0]], [[0, 128, 255]]),
        ([[0, 1000, 500]], [[0, 255, 128]]),
        ([[float("nan"), 0.0, 1.0]], [[0, 0, 255]]),
        ([[float("inf"), float("-inf"), 0.5]], [[255, 0, 128]]),
        ([[-5, -5, -5]], [[0, 0, 0]]),
    ],
)
def test_numbers_of_any_range(values: list[list[float]], kept: list[list[int]]) -> None:
    """0 to 1 and 0 to 255 are what they seem; everything else is stretched, unless that is not wanted."""
    assert pixels(np.array(values)).tolist() == kept


def test_stretching_can_be_refused() -> None:
    """A clip is never stretched: each of its frames would be by itself."""
    wide = np.array([[-1.0, 0.0, 1.0]])
    with pytest.raises(BadInput, match="got -1 to 1"):
        Image(wide, normalize=False)
    with pytest.raises(BadInput, match="got -1 to 1"):
        Video(np.stack([wide, wide]))


def test_a_layout_that_could_be_either_is_asked_for() -> None:
    """And `layout=` says it."""
    both = np.zeros((3, 5, 3), np.uint8)
    with pytest.raises(BadInput, match="say layout="):
        Image(both)
    assert pixels(both, layout="HWC").shape == (3, 5, 3)
    assert pixels(both, layout="CHW").shape == (5, 3, 3)


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    """Nothing is decoded in the training."""
    Pillow.new("RGB", (6, 4), RED).save(tmp_path / "view.PNG", "PNG")
    image = Image(str(tmp_path / "view.PNG"), caption="red")
    assert (image.mime, image.data, image.frames) == ("image/png", (tmp_path / "view.PNG").read_bytes(), [])
    (tmp_path / "clip.mp4").write_bytes(b"film")
    assert (Video(tmp_path / "clip.mp4").mime, Video(tmp_path / "clip.mp4").data) == ("video/mp4", b"film")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """The message says the limit, and what to do."""
    (tmp_path / "clip.mp4").write_bytes(bytes(FILE_MAX_BYTES + 1))
    with pytest.raises(BadInput, match="give its frames"):
        Video(tmp_path / "clip.mp4")


class _Odd:
    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("on another planet")


def test_what_raises_by_itself_is_no_image() -> None:
    """Whatever a stranger's object does, the complaint is ours."""
    with pytest.raises(BadInput, match="on another planet"):
        Image(_Odd())


def test_a_figure_is_drawn_at_once() -> None:
    """Figure, axes and pyplot itself; the figure's own canvas stays what it was."""
    figures = needed("matplotlib.figure")
    figure = figures.Figure(figsize=(2, 1), dpi=50, facecolor="red")
    axes, canvas = figure.subplots(), figure.canvas
    for given in (figure, axes):
        assert pixels(given).shape == (50, 100, 3)
        assert pixels(given)[0, 0].tolist() == [255, 0, 0]
    assert figure.canvas is canvas
