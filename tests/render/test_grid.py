"""Several environments in one picture: where each tile lies, how large the whole is, and which moments are shown."""

import numpy as np
import pytest

from filmlab.errors import BadInput
from filmlabd.render.grid import GAP_PX, GROUND, SIDE_MAX_PX, grid, layout


def tile(value: int, shape: tuple[int, ...] = (4, 6, 3)) -> np.ndarray:
    return np.full(shape, value, np.uint8)


def test_tiles_lie_in_rows_in_their_order() -> None:
    """With grey between them, and in cells that no tile fills."""
    (picture,) = grid([tile(value) for value in (10, 20, 30, 40, 50)], 5, 1.5)
    assert picture.shape == (8 + GAP_PX, 18 + 2 * GAP_PX, 3)
    assert picture[:: 4 + GAP_PX, :: 6 + GAP_PX, 0].tolist() == [[10, 20, 30], [40, 50, GROUND]]
    assert (picture[4 : 4 + GAP_PX] == GROUND).all()


def test_a_moment_that_is_not_whole_is_left_out() -> None:
    """Its trainer died between two tiles."""
    pictures = list(grid([tile(value) for value in range(5)], 2, 1.0))
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 2]


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1)])
def test_grey_tiles_become_rgb(shape: tuple[int, ...]) -> None:
    """As a clip has it."""
    (picture,) = grid([tile(7, shape)] * 2, 2, 3.0)
    assert picture.shape == (4, 12 + GAP_PX, 3)
    assert (picture[:, :6] == 7).all()


@pytest.mark.parametrize(
    ("tiles", "aspect", "expected"),
    [(1, 1.0, (1, 1)), (4, 1.0, (2, 2)), (5, 1.0, (2, 3)), (6, 16 / 9, (2, 3)), (7, 100.0, (1, 7)), (7, 0.01, (7, 1))],
)
def test_the_layout_comes_near_the_aspect(tiles: int, aspect: float, expected: tuple[int, int]) -> None:
    """Of square tiles."""
    assert layout(tiles, 100, 100, aspect) == expected


def test_a_large_grid_is_shrunk_by_a_whole_number() -> None:
    """So that sixteen windows fit a screen, and no tile is blurred unevenly."""
    (picture,) = grid([tile(value, (400, 600, 3)) for value in range(16)], 16, 1.0)
    assert max(picture.shape) <= SIDE_MAX_PX
    rows, columns = layout(16, 400, 600, 1.0)
    assert picture.shape == (rows * (200 + GAP_PX) - GAP_PX, columns * (300 + GAP_PX) - GAP_PX, 3)


def test_tiles_of_two_sizes_are_refused() -> None:
    """The film's sender is at fault."""
    with pytest.raises(BadInput, match="tiles of different shapes"):
        list(grid([tile(1), tile(2, (5, 6, 3))], 2, 1.0))
