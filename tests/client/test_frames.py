"""The shutter and the reordering of what it took."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filmlab.frames import SLAB_FRAMES, Shutter, in_c_order


@given(st.permutations(range(3)), st.integers(1, 2 * SLAB_FRAMES + 3), st.data())
def test_reordering_in_blocks_changes_no_pixel(axes: list[int], count: int, data: st.DataObject) -> None:
    """For every memory order, and whichever part of the frames is asked for at a time."""
    rng, shutter = np.random.default_rng(0), Shutter()
    in_memory = [(4, 5, 3)[axis] for axis in axes]
    frames = [
        rng.integers(0, 255, in_memory, dtype=np.uint8).transpose(np.argsort(axes)) for _ in range(count)
    ]  # fmt: skip
    taken = [shutter.take(frame) for frame in frames]
    first = data.draw(st.integers(0, count - 1))
    ordered = in_c_order(taken[first:])
    assert all(frame.flags.c_contiguous for frame in ordered)
    assert all(np.array_equal(one, other) for one, other in zip(frames[first:], ordered, strict=True))


def test_frames_of_two_films_mixed() -> None:
    """Groups end where the film changes; what does not lie together is reordered by itself."""
    one, other = Shutter(), Shutter()
    pictures = [np.full((5, 4, 3), index, np.uint8).transpose(1, 0, 2) for index in range(9)]
    taken = [(other if index % 3 == 0 else one).take(picture) for index, picture in enumerate(pictures)]
    del taken[4]
    assert [frame[0, 0, 0] for frame in in_c_order(taken)] == [0, 1, 2, 3, 5, 6, 7, 8]


def test_a_gap_in_a_slab_is_seen() -> None:
    """A frame that was taken and then not handed over leaves one."""
    shutter = Shutter()
    taken = [shutter.take(np.full((5, 4, 3), index, np.uint8).transpose(1, 0, 2)) for index in range(6)]
    assert [frame[0, 0, 0] for frame in in_c_order([taken[0], taken[2], taken[3]])] == [0, 2, 3]
