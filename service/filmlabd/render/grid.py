"""How do several environments become one picture? Tiles side by side, in rows, in the order they came."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from filmlab.errors import BadInput
from filmlabd.render.frames import Frame, as_rgb, shrunk

SIDE_MAX_PX = 1920
"""Of a whole grid: the tiles of a larger one are shrunk by a whole number."""
GAP_PX = 2
GROUND = 112
"""What is between the tiles, and in cells that no tile fills: told apart from white and from black."""


def grid(frames: Iterable[Frame], tiles: int, aspect: float) -> Iterator[Frame]:
    """One picture for each `tiles` frames: rows of tiles with grey between them, at most 1920 px a side.

    Frames behind the last whole picture are left out: their moment was not over.

    Args:
        frames: uint8 (H, W), (H, W, 1) or (H, W, 3), all alike.
        tiles: > 0.
        aspect: width by height that the picture should come near.

    Raises:
        BadInput: frames differ in shape.
    """
    moments = iter(frames)
    while len(moment := list(itertools.islice(moments, tiles))) == tiles:
        yield _compose(moment, aspect)


def layout(tiles: int, height_px: int, width_px: int, aspect: float) -> tuple[int, int]:
    """(rows, columns) that show the tiles largest in a frame of this aspect; of equals the wider."""

    def waste(columns: int) -> tuple[float, int]:
        rows = -(-tiles // columns)
        ratio = columns * width_px / (rows * height_px) / aspect
        return max(ratio, 1 / ratio) * rows * columns, -columns

    columns = min(range(1, tiles + 1), key=waste)
    return -(-tiles // columns), columns


def _compose(moment: list[Frame], aspect: float) -> Frame:
    if len({frame.shape for frame in moment}) > 1:
        raise BadInput(f"tiles of different shapes: {sorted({frame.shape for frame in moment})}")
    height_px, width_px = moment[0].shape[:2]
    rows, columns = layout(len(moment), height_px, width_px, aspect)
    factor = -(-max(rows * (height_px + GAP_PX), columns * (width_px + GAP_PX)) // SIDE_MAX_PX)
    small = [as_rgb(shrunk(np.ascontiguousarray(_flat(frame)), factor)) for frame in moment]
    height_px, width_px = small[0].shape[:2]
    down_px, right_px = height_px + GAP_PX, width_px + GAP_PX
    picture = np.full((rows * down_px - GAP_PX, columns * right_px - GAP_PX, 3), GROUND, np.uint8)
    for number, tile in enumerate(small):
        top, left = number // columns * down_px, number % columns * right_px
        picture[top : top + height_px, left : left + width_px] = tile
    return picture


def _flat(frame: Frame) -> Frame:
    return frame[:, :, 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame
