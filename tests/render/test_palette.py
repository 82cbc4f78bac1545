"""Few colours for many: counting, quantising, finding the nearest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from filmlabd.render import palette
from filmlabd.render.gif_tables import ROOM, ColourTable

packed = arrays(np.uint32, st.integers(1, 200), elements=st.integers(0, (1 << 24) - 1))


@given(colours=packed)
def test_packing_is_undone(colours: np.ndarray) -> None:
    """Packed colours and RGB triples hold the same."""
    assert np.array_equal(palette.pack(palette.unpack(colours)), colours)


@given(colours=packed)
def test_each_colour_once(colours: np.ndarray) -> None:
    """Distinct colours and their counts are those that numpy's `unique` gives."""
    wanted, counts = np.unique(colours, return_counts=True)
    assert np.array_equal(palette.distinct(np.repeat(colours, 2)), wanted)
    found, found_counts = palette.counted(colours)
    assert np.array_equal(found, wanted) and np.array_equal(found_counts, counts)


def test_nothing_is_no_colour() -> None:
    """Of no pixels there are no colours."""
    nothing = np.empty(0, np.uint32)
    assert palette.distinct(nothing).size == palette.counted(nothing)[0].size == 0


def test_the_commonest_come_first() -> None:
    """When there is room for few, those that occur most often get it."""
    colours = np.array([7, 7, 7, 5, 9, 9], np.uint32)
    assert sorted(palette.commonest(colours, 2)) == [7, 9]
    assert sorted(palette.commonest(colours, 3)) == [5, 7, 9]


@given(colours=packed, entries=packed)
def test_nearest_is_the_nearest(colours: np.ndarray, entries: np.ndarray) -> None:
    """No entry is closer than the one that is found."""
    shown = entries[palette.nearest(colours, entries)]
    everything = [palette.squared_error(colours, np.full_like(colours, entry)) for entry in entries]
    assert np.array_equal(palette.squared_error(colours, shown), np.min(everything, axis=0))


@given(colours=packed, limit=st.integers(1, 256))
def test_the_quantiser_keeps_its_limit(colours: np.ndarray, limit: int) -> None:
    """There are never more entries than asked for; when all colours fit, they are the entries."""
    needed, counts = palette.counted(colours)
    entries = palette.quantise(needed, counts, limit)
    assert 1 <= entries.size <= limit
    if needed.size <= limit:
        assert np.array_equal(entries, needed)


def test_the_quantiser_beats_median_cut() -> None:
    """On shaded objects the divisive quantiser is closer than Pillow's median cut, and one refinement helps."""
    y, x = np.mgrid[-1:1:120j, -1:1:160j]
    light = np.sqrt(np.clip(1 - x * x - y * y, 0, None))[..., None]
    picture = (light * (250, 150, 60) + (x * y)[..., None] ** 2 * (0, 60, 180)).astype(np.uint8)
    colours = palette.pack(picture.reshape(-1, 3))
    needed, counts = palette.counted(colours)
    entries = palette.quantise(needed, counts, 256)
    ours = palette.squared_error(colours, entries[palette.nearest(colours, entries)]).mean()
    cut = np.asarray(Image.fromarray(picture).quantize(256).convert("RGB")).reshape(-1, 3)
    assert ours < palette.squared_error(colours, palette.pack(cut)).mean()
    entries = palette.refined(entries, needed, counts)
    assert palette.squared_error(colours, entries[palette.nearest(colours, entries)]).mean() < ours


def test_good_enough_leaves_room() -> None:
    """The quantiser stops as soon as the error is as small as asked."""
    colours = np.arange(0, 200, dtype=np.uint32)
    entries = palette.quantise(colours, np.ones(200, np.intp), 255, good_enough=10)
    error = palette.squared_error(colours, entries[palette.nearest(colours, entries)]).mean()
    assert entries.size < 60 and error <= 10


def test_a_table_fills_up_and_then_refuses() -> None:
    """Colours are appended while there is room; one that does not fit changes nothing."""
    table = ColourTable(0)
    many = np.arange(ROOM, dtype=np.uint32)
    assert table.indices(many) is not None
    assert table.room == 0 and table.indices(np.array([999], np.uint32)) is None
    assert table.lookup(np.array([999, 0], np.uint32)).tolist() == [0, 1]


def test_a_restarted_table_knows_nothing() -> None:
    """Neither its old colours nor those that it showed as others are left; what it gave away stays as it was."""
    table = ColourTable(0)
    table.append(np.array([5, 6], np.uint32))
    table.approximate(np.array([7], np.uint32), np.array([2], np.uint8))
    before = table.colours
    table.restart(1)
    assert not table.lookup(np.array([0, 5, 6, 7], np.uint32)).any()
    assert before[1:].tolist() == [5, 6] and table.number == 1
