"""The shutter and the reordering of what it took."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filmlab.frames import Frame, Shutter, Snapshot, in_c_order


def pixels(snapshots: list[Snapshot]) -> list[Frame]:
    """The frames as the compressor sees them."""
    found = in_c_order(snapshots)
    return [np.frombuffer(data, np.uint8).reshape(item.shape) for data, item in zip(found, snapshots, strict=True)]


@given(st.permutations(range(3)), st.integers(1, 9), st.booleans(), st.data())
def test_reordering_in_blocks_changes_no_pixel(axes: list[int], count: int, flip: bool, data: st.DataObject) -> None:
    """For every memory order, and whichever part of the frames is asked for at a time."""
    rng, shutter = np.random.default_rng(0), Shutter()
    in_memory = [(4, 5, 3)[axis] for axis in axes]
    frames = [rng.integers(0, 255, in_memory, dtype=np.uint8).transpose(np.argsort(axes)) for _ in range(count)]
    frames = [frame[::-1] if flip else frame for frame in frames]
    taken = [shutter.take(frame) for frame in frames]
    first = data.draw(st.integers(0, count - 1))
    assert all(np.array_equal(*pair) for pair in zip(frames[first:], pixels(taken[first:]), strict=True))


def test_frames_of_films_mixed() -> None:
    """Each keeps its own shape and order, in the order in which they came."""
    shutters = [Shutter(), Shutter(), Shutter()]
    pictures = [
        np.full(shape, index, np.uint8).transpose(1, 0, 2) if index % 3 else np.full(shape, index, np.uint8)
        for index, shape in enumerate([(5, 4, 3), (5, 4, 3), (6, 2, 3)] * 3)
    ]
    taken = [shutters[index % 3].take(picture) for index, picture in enumerate(pictures)]
    assert [frame.shape for frame in pixels(taken)] == [picture.shape for picture in pictures]
    assert [int(frame[0, 0, 0]) for frame in pixels(taken)] == list(range(9))


def test_the_order_in_memory_may_change_within_a_film() -> None:
    """The shape is what a film holds on to, not how its frames lie."""
    shutter, frame = Shutter(), np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    taken = [shutter.take(frame), shutter.take(np.asfortranarray(frame)), shutter.take(frame)]
    assert all(np.array_equal(frame, other) for other in pixels(taken))
