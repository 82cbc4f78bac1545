"""Where frames wait: a copy is one, maps are used again, and no more than a few are kept."""

import mmap
from collections.abc import Iterator

import numpy as np
import pytest

from filmlab import spares
from filmlab.spares import KEEP_BYTES, MAP_LEAST_BYTES, give_back, keep


@pytest.fixture(autouse=True)
def _no_spares() -> Iterator[None]:
    spares._free.clear()
    yield
    spares._free.clear()


def picture(size_bytes: int, value: int) -> np.ndarray:
    return np.full((size_bytes // 4, 4), value, np.uint8)


@pytest.mark.parametrize("size_bytes", [4, MAP_LEAST_BYTES - 4, MAP_LEAST_BYTES, 3 * MAP_LEAST_BYTES])
def test_a_kept_frame_is_a_copy(size_bytes: int) -> None:
    """What is drawn afterwards does not show."""
    frame = picture(size_bytes, 7)
    kept = keep(frame)
    frame[:] = 9
    assert bytes(kept[:]) == b"\x07" * size_bytes


def test_a_map_is_used_again() -> None:
    """What was given back is what the next frame of that size gets, and it shows that frame only."""
    first = keep(picture(MAP_LEAST_BYTES, 1))
    give_back(first)
    second = keep(picture(MAP_LEAST_BYTES, 2))
    assert second is first
    assert bytes(second[:]) == b"\x02" * MAP_LEAST_BYTES


def test_two_frames_never_share_a_map() -> None:
    """A map that is in use is not given out."""
    first, second = keep(picture(MAP_LEAST_BYTES, 1)), keep(picture(MAP_LEAST_BYTES, 2))
    assert (first[0], second[0]) == (1, 2)


def test_a_map_of_another_size_is_let_go() -> None:
    """A film of other frames does not get the old one's maps, and does not keep them either."""
    give_back(keep(picture(MAP_LEAST_BYTES, 1)))
    assert len(keep(picture(2 * MAP_LEAST_BYTES, 2))) == 2 * MAP_LEAST_BYTES
    assert not spares._free


def test_few_maps_are_kept() -> None:
    """What lies unused is bounded, however many frames were waiting."""
    frames = [keep(picture(MAP_LEAST_BYTES, 1)) for _ in range(2 * KEEP_BYTES // MAP_LEAST_BYTES)]
    for frame in frames:
        give_back(frame)
    assert sum(map(len, spares._free)) == KEEP_BYTES


def test_only_maps_are_taken_back() -> None:
    """Frames that lie on the heap stay their owner's."""
    give_back(b"\x01" * MAP_LEAST_BYTES)
    give_back(np.zeros(MAP_LEAST_BYTES, np.uint8))
    assert not spares._free


def test_without_maps_the_heap_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may have no more maps still records."""

    def refuse(*_: object, **__: object) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    class Refusing(mmap.mmap):
        __new__ = refuse  # type: ignore[assignment]

    monkeypatch.setattr(spares.mmap, "mmap", Refusing)
    assert keep(picture(MAP_LEAST_BYTES, 5)) == b"\x05" * MAP_LEAST_BYTES
