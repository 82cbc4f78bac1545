"""Frames out of a film: as they were filmed, and nothing that a hostile chunk could make of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.wire.chunks import CODEC_RAW, seal_chunk
from filmlab.wire.frame import Envelope
from filmlabd.journal.film_frames import read_frames
from filmlabd.journal.films import FilmStore
from service.keeping import SESSION, blob, chunk, film_meta, flip, frames


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FilmStore]:
    films = FilmStore(tmp_path / "film")
    yield films
    films.close()


def shown(films: FilmStore, *told: Envelope) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """The frames and the notes that a film of these chunks gives."""
    films.append(SESSION, 1, told)
    notes: list[str] = []
    out = list(read_frames(films.path(SESSION, 1), notes))
    return out, notes


@settings(max_examples=30)
@given(st.lists(st.integers(1, 4), max_size=5), st.sampled_from([(4, 6, 3), (5, 3), (1, 1, 3)]), st.booleans())
def test_frames_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], shape: tuple[int, ...], raw: bool
) -> None:
    """Any split into chunks, RGB or grey, compressed or not: the same frames."""
    films = FilmStore(tmp_path_factory.mktemp("film"))
    shots = frames(sum(counts), shape)
    told, first = [], 0
    for seq, count in enumerate(counts, 1):
        taken = shots[first : first + count]
        if raw:
            meta = film_meta(taken[0], first, count, codec=CODEC_RAW)
            told.append(seal_chunk(SESSION, seq, meta, [shot.tobytes() for shot in taken]))
        else:
            told.append(chunk(seq, taken, first))
        first += count
    out, notes = shown(films, *told)
    assert len(out) == len(shots)
    assert all(np.array_equal(one, other) and one.shape == shape for one, other in zip(out, shots, strict=True))
    assert notes == []
    films.close()


def test_equal_frames_are_the_same_object(store: FilmStore) -> None:
    """A still scene is decompressed once, and whoever draws it can tell by identity."""
    still, other = frames(2)
    out, _ = shown(store, chunk(1, [still, still], 0), chunk(2, [still, other], 2))
    assert out[0] is out[1] is out[2] is not out[3]


def test_parts_of_a_large_frame_are_joined(store: FilmStore) -> None:
    """A blob over several records is one frame."""
    shots = frames(3)
    data = blob(shots[1])
    parts = [
        seal_chunk(SESSION, 2 + part, film_meta(shots[1], 1, part=part, parts=3), [data[part * 30 : part * 30 + 30]])
        for part in range(2)
    ]
    parts.append(seal_chunk(SESSION, 4, film_meta(shots[1], 1, part=2, parts=3), [data[60:]]))
    out, notes = shown(store, chunk(1, shots[:1], 0), *parts, chunk(5, shots[2:], 2))
    assert all(np.array_equal(one, other) for one, other in zip(out, shots, strict=True))
    assert notes == []


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_part_ends_the_film(store: FilmStore, missing: int) -> None:
    """Whichever part is missing: the frames before it, and a note."""
    shots = frames(3)
    data = blob(shots[1])
    told = [chunk(1, shots[:1], 0)]
    for part in range(3):
        told.append(seal_chunk(SESSION, 2 + part, film_meta(shots[1], 1, part=part, parts=3), [data[:9]]))
    del told[1 + missing]
    out, notes = shown(store, *told, chunk(5, shots[2:], 2))
    assert len(out) == 1
    assert notes == ["film ends at frame 1: a part of it is missing"]


def test_a_gap_ends_the_film(store: FilmStore) -> None:
    """Frames behind a missing chunk are not shown as if they followed."""
    shots = frames(9)
    out, notes = shown(store, chunk(1, shots[:3], 0), chunk(3, shots[6:], 6))
    assert (len(out), notes) == (3, ["film ends at frame 3: frames 3 to 5 are missing"])


def test_a_damaged_chunk_is_a_gap(store: FilmStore) -> None:
    """A flipped bit costs the film from there on, never a wrong picture."""
    shots = frames(3)
    told = [chunk(seq, [shots[seq - 1]], seq - 1) for seq in (1, 2, 3)]
    store.append(SESSION, 1, told)
    flip(store.path(SESSION, 1), told[0].size_bytes + told[1].size_bytes - 1)
    notes: list[str] = []
    assert len(list(read_frames(store.path(SESSION, 1), notes))) == 1
    assert notes == ["film ends at frame 1: frames 1 to 1 are missing"]


def test_chunks_that_overlap_show_each_frame_once(store: FilmStore) -> None:
    """A client that sent a frame again under another number does not double it."""
    shots = frames(5)
    out, notes = shown(store, chunk(1, shots[:3], 0), chunk(2, shots[1:], 1))
    assert all(np.array_equal(one, other) for one, other in zip(out, shots, strict=True))
    assert notes == []


def test_another_shape_ends_the_film(store: FilmStore) -> None:
    """Frames of a film are all alike; the note says which was not, and how."""
    out, notes = shown(store, chunk(1, frames(2), 0), chunk(2, frames(1, (4, 5)), 2))
    assert (len(out), notes) == (2, ["film ends at frame 2: shape (4, 5), began with (4, 6, 3)"])


def test_a_bomb_is_not_decompressed(store: FilmStore) -> None:
    """A blob that states another size than its frame, a larger one most of all, is refused before it is opened."""
    shot = frames(1)[0]
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(300_000_000))
    told = seal_chunk(SESSION, 1, film_meta(shot, 0), [bomb])
    out, notes = shown(store, told)
    assert (out, notes) == ([], ["film ends at frame 0: its blob states 300000000 bytes, its shape needs 72"])


def test_a_blob_that_lies_about_its_size_ends_the_film(store: FilmStore) -> None:
    """No stated size, a cut blob, or bytes that are no zstd: a note, never an exception into the worker."""
    shot = frames(1)[0]
    unsized = zstandard.ZstdCompressor(level=1, write_content_size=False).compress(shot.tobytes())
    for seq, bad in enumerate([unsized, blob(shot)[:-5], b"no zstd", b""], 1):
        films = FilmStore(store.path(SESSION, 1).parents[1] / f"store-{seq}")
        out, notes = shown(films, seal_chunk(SESSION, 1, film_meta(shot, 0), [bad]))
        assert out == []
        assert len(notes) == 1 and notes[0].startswith("film ends at frame 0: ")
        films.close()


def test_a_blob_far_over_its_frame_is_refused(store: FilmStore) -> None:
    """Parts cannot add up to more memory than their frame could need."""
    shot = frames(1)[0]
    told = [
        seal_chunk(SESSION, 1 + part, film_meta(shot, 0, part=part, parts=64), [bytes(40_000)]) for part in range(3)
    ]
    out, notes = shown(store, *told)
    assert (out, notes) == ([], ["film ends at frame 0: 80000 bytes for a frame of 72"])


def test_a_film_that_is_gone_is_said_so(tmp_path: Path) -> None:
    """A deleted film is no reason to try again."""
    with pytest.raises(BadInput, match=r"the film 00000001\.film of session 0a is gone"):
        next(read_frames(tmp_path / "0a" / "00000001.film"))
