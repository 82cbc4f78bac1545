"""The shutter and the reordering of what it took."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.frames import Frame, Shutter, Snapshot, in_c_order, is_unshared


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


def test_an_array_that_nobody_else_names_is_unshared() -> None:
    """New ones, and views of new ones, as renderers give them; not one whose array or memory somebody keeps."""
    kept = np.zeros((4, 6, 3), np.uint8)
    made = {
        "new": lambda: np.zeros((4, 6, 3), np.uint8),
        "turned": lambda: np.transpose(np.array(kept), (1, 0, 2)),
        "flipped": lambda: np.zeros((4, 6, 3), np.uint8)[::-1],
        "kept": lambda: kept,
        "a view of what is kept": lambda: kept[:2],
        "turned, of what is kept": lambda: kept.transpose(1, 0, 2),
        "of a buffer": lambda: np.frombuffer(bytearray(72), np.uint8).reshape(4, 6, 3),
        "no array": lambda: [1, 2],
    }
    found = set()
    for name, make in made.items():
        frame = make()
        if is_unshared(frame):
            found.add(name)
        del frame
    assert found == {"new", "turned", "flipped"}


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2)])
def test_a_frame_may_be_kept_as_it_is(axes: tuple[int, ...]) -> None:
    """In memory order, like a copy; where it is not one block it is copied all the same."""
    frame = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8).transpose(axes)
    shutter = Shutter()
    taken = shutter.take(frame, keep_it=True)
    assert isinstance(taken.data, np.ndarray)
    assert np.shares_memory(taken.data, frame)
    assert taken.nbytes == frame.nbytes
    assert np.array_equal(np.frombuffer(bytes(in_c_order([taken])[0]), np.uint8).reshape(frame.shape), frame)
    parts = shutter.take(frame[::-1], keep_it=True)
    assert not np.shares_memory(np.asarray(parts.data), frame)
