"""Film files: one per film, whole up to a number, and bounded in descriptors."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlab.errors import Transient
from filmlab.wire.frame import Envelope
from filmlabd.journal.films import FilmStore
from filmlabd.journal.records import NoDescriptors
from service.keeping import SESSION, chunk, flip, frames, no_descriptors, raw, record, same

SHOTS = frames(12)


def chunks_of(*seqs: int) -> list[Envelope]:
    """Chunk n holds frame n - 1."""
    return [chunk(seq, [SHOTS[(seq - 1) % len(SHOTS)]], seq - 1) for seq in seqs]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FilmStore]:
    films = FilmStore(tmp_path / "film")
    yield films
    films.close()


def seqs(films: FilmStore, film: int = 1) -> list[int]:
    return [envelope.seq for envelope in films.scan(SESSION, film)]


def test_a_film_comes_back_as_it_went_in(store: FilmStore) -> None:
    """The same bytes, in order; a film that is not there is empty."""
    told = chunks_of(1, 2, 3)
    store.append(SESSION, 1, told[:2])
    store.append(SESSION, 1, told[2:])
    store.sync()
    assert all(same(one, other) for one, other in zip(store.scan(SESSION, 1), told, strict=True))
    assert seqs(store, film=2) == []
    assert store.path(SESSION, 1).relative_to(store.path(0, 0).parents[1]) == Path("fffffffffffffffb/00000001.film")


def test_numbers_come_in_order_and_once(store: FilmStore) -> None:
    """Whatever order chunks were written in, and however often."""
    store.append(SESSION, 1, chunks_of(3, 1, 2, 2, 5, 1))
    assert seqs(store) == [1, 2, 3, 5]


def test_a_damaged_chunk_gives_way_to_a_whole_one_of_its_number(store: FilmStore) -> None:
    """A chunk that was sent again after damage is found."""
    store.append(SESSION, 1, chunks_of(1, 2))
    flip(store.path(SESSION, 1), chunks_of(1)[0].size_bytes - 1)
    assert seqs(store) == [2]
    store.append(SESSION, 1, chunks_of(1))
    assert seqs(store) == [1, 2]


def test_every_torn_tail_is_cut_before_the_next_chunk(tmp_path: Path) -> None:
    """Cut at whatever byte of the last chunk: it is as if that had never been written."""
    told = chunks_of(1, 2)
    whole = b"".join(map(raw, told))
    for cut in range(told[0].size_bytes, len(whole)):
        films = FilmStore(tmp_path)
        path = films.path(SESSION, 1)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(whole[:cut])
        assert seqs(films) == [1]
        assert films.durable_b(SESSION, 0) == 1
        films.append(SESSION, 1, told[1:])
        assert path.read_bytes() == whole
        films.close()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=15),
    st.integers(0, 4),
    st.sets(st.integers(1, 9)),
)
def test_durable_is_what_lies_there_without_a_gap(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, int]], mark: int, refused: set[int]
) -> None:
    """The number up to which every number is in some film of the session, or refused, from the mark on."""
    films = FilmStore(tmp_path_factory.mktemp("film"))
    for film, seq in written:
        films.append(SESSION, film, [record(seq, b"x")])
    films.append(SESSION + 1, 1, [record(seq, b"x") for seq in range(1, 10)])
    held = {seq for _, seq in written} | refused
    expected = mark
    while expected + 1 in held:
        expected += 1
    assert films.durable_b(SESSION, mark, refused) == expected
    films.close()


def test_durable_stops_at_damage(store: FilmStore) -> None:
    """A chunk with a flipped bit is not durable, nor is what follows it."""
    store.append(SESSION, 1, chunks_of(1, 2, 3))
    flip(store.path(SESSION, 1), chunks_of(1)[0].size_bytes + 50)
    assert store.durable_b(SESSION, 0) == 1


def test_what_counts_as_durable_at_the_start_is_synced(store: FilmStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed daemon leaves chunks that are written and not synced: they are synced before they are acknowledged."""
    store.append(SESSION, 1, chunks_of(1))
    synced: set[str] = set()
    for call in ("fdatasync", "fsync"):
        monkeypatch.setattr(os, call, lambda fd: synced.add(os.fspath(Path(f"/proc/self/fd/{fd}").readlink())))
    assert store.durable_b(SESSION, 0) == 1
    path = store.path(SESSION, 1)
    assert synced == {str(path), str(path.parent), str(path.parent.parent)}


def test_descriptors_are_bounded_and_nothing_unsynced_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More films than may be open: each is synced when it is closed, or by `sync`."""
    films = FilmStore(tmp_path, open_max=3)
    before = len(list(Path("/proc/self/fd").iterdir()))
    synced: list[str] = []
    real = os.fdatasync

    def spy(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", spy)
    for film in range(1, 9):
        films.append(SESSION, film, chunks_of(1))
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3
    films.sync()
    assert sorted(synced) == [f"{film:08d}.film" for film in range(1, 9)]
    films.append(SESSION, 1, chunks_of(2))
    assert seqs(films) == [1, 2]
    films.close()


def test_new_names_are_synced(store: FilmStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new film's name and a new session's name are durable after `sync`, and are not synced again."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fspath(Path(f"/proc/self/fd/{fd}").readlink())))
    path = store.path(SESSION, 1)
    store.append(SESSION, 1, chunks_of(1))
    store.sync()
    assert synced == [str(path.parent.parent), str(path.parent)]
    store.append(SESSION, 1, chunks_of(2))
    store.sync()
    assert len(synced) == 2


def test_delete_takes_the_film_and_the_last_ones_directory(store: FilmStore) -> None:
    """Films go one by one, their session's directory with the last; deleting twice is no error."""
    for film in (1, 2):
        store.append(SESSION, film, chunks_of(1))
    used = store.bytes_used()
    store.delete(SESSION, 1)
    store.delete(SESSION, 1)
    assert (store.bytes_used(), seqs(store), seqs(store, film=2)) == (used // 2, [], [1])
    store.delete(SESSION, 2)
    assert store.bytes_used() == 0
    assert not store.path(SESSION, 1).parent.exists()
    store.append(SESSION, 3, chunks_of(1))
    store.sync()
    assert seqs(store, film=3) == [1]


def test_bytes_used_counts_what_was_there_before(tmp_path: Path) -> None:
    """After a restart the store knows what it holds."""
    films = FilmStore(tmp_path)
    films.append(SESSION, 1, chunks_of(1, 2))
    used = films.bytes_used()
    films.close()
    assert FilmStore(tmp_path).bytes_used() == used == sum(one.size_bytes for one in chunks_of(1, 2))


def test_a_full_disk_leaves_the_film_as_it_was(store: FilmStore) -> None:
    """Chunks that do not fit are refused whole, as transient, and go in once there is room."""
    store.append(SESSION, 1, chunks_of(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(Transient, match="bytes of film"):
            store.append(SESSION, 1, chunks_of(2, 3))
        assert (seqs(store), store.path(SESSION, 1).stat().st_size) == ([1], store.bytes_used())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store.append(SESSION, 1, chunks_of(2, 3))
    assert seqs(store) == [1, 2, 3]


@pytest.mark.parametrize("closed_by", ["sync", "another film"])
def test_a_failed_sync_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_by: str) -> None:
    """After an error of a sync, a full disk's too, the store takes nothing more. (The disk here is ours.)"""
    films = FilmStore(tmp_path, open_max=1)
    films.append(SESSION, 1, chunks_of(1))

    def broken(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(OSError, match="No space left"):
            films.sync() if closed_by == "sync" else films.append(SESSION, 2, chunks_of(2))
    for action in (films.sync, lambda: films.append(SESSION, 2, chunks_of(2))):
        with pytest.raises(OSError, match="take nothing more"):
            action()
    films.close()


def test_empty_directories_of_a_crash_go_at_the_start(tmp_path: Path) -> None:
    """One with a film in it stays, as it was."""
    first = FilmStore(tmp_path / "film")
    first.append(SESSION, 1, chunks_of(1))
    first.sync()
    first.close()
    (tmp_path / "film" / f"{7:016x}").mkdir()
    again = FilmStore(tmp_path / "film")
    assert [path.name for path in (tmp_path / "film").iterdir()] == [f"{SESSION:016x}"]
    assert seqs(again) == [1]
    again.close()


def test_without_descriptors_a_film_takes_that_of_another_one(store: FilmStore) -> None:
    """What it had is durable by then; where it has none to give, and for a directory, the next try does the rest."""
    with no_descriptors(), pytest.raises(NoDescriptors):
        store.append(SESSION, 1, chunks_of(1))
    store.append(SESSION, 1, chunks_of(1))
    with no_descriptors():
        store.append(SESSION, 2, chunks_of(2))
        with pytest.raises(NoDescriptors):
            store.sync()
    store.append(SESSION, 1, chunks_of(3))
    store.sync()
    assert (seqs(store, 1), seqs(store, 2), store.count()) == ([1, 3], [2], 2)
    with no_descriptors():
        store.delete(SESSION, 2)
        store.delete(SESSION, 1)
    assert store.count() == 0 and not store.path(SESSION, 1).parent.exists()
