"""The bytes of a parcel come back in order, and what lacks is said."""

from pathlib import Path

import pytest

from filmlab.errors import BadInput, Corrupt
from filmlab.wire.chunks import Film, seal_chunk
from filmlab.wire.frame import Envelope
from filmlab.wire.head import FilmKind
from filmlabd.journal.film_parcel import ParcelReader
from filmlabd.journal.films import FilmStore


def piece(seq: int, first: int, data: bytes, kind: int = FilmKind.PARCEL) -> Envelope:
    film = Film(run=0, film=1, first=first, count=1, height=1, width=1, channels=1, kind=kind, codec=0)
    return seal_chunk(5, seq, film, [data])


def stored(tmp_path: Path, *pieces: Envelope) -> Path:
    store = FilmStore(tmp_path)
    store.append(5, 1, pieces)
    store.sync()
    store.close()
    return store.path(5, 1)


def test_bytes_come_back_in_portions_of_any_size(tmp_path: Path) -> None:
    """Records that came twice or in another order are read once and in order."""
    path = stored(tmp_path, piece(2, 1, b"defg"), piece(1, 0, b"abc"), piece(3, 1, b"defg"), piece(4, 2, b"h"))
    with ParcelReader(path) as parcel:
        assert [b"".join(parcel.take(size)) for size in (2, 0, 4, 2)] == [b"ab", b"", b"cdef", b"gh"]
        with pytest.raises(Corrupt, match="1 bytes of it are missing"):
            b"".join(parcel.take(1))


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([piece(1, 0, b"abc"), piece(3, 2, b"x")], "piece 1 is missing"),
        ([piece(1, 1, b"abc")], "piece 0 is missing"),
        ([piece(1, 0, b"abc", FilmKind.FRAMES)], "piece 0 is missing"),
    ],
)
def test_what_lacks_is_said(tmp_path: Path, pieces: list[Envelope], message: str) -> None:
    """A gap, or something else than a parcel."""
    with ParcelReader(stored(tmp_path, *pieces)) as parcel, pytest.raises(Corrupt, match=message):
        b"".join(parcel.take(10))


def test_a_film_that_is_gone_is_said(tmp_path: Path) -> None:
    """No retry will bring it back."""
    with pytest.raises(BadInput, match=r"00000001\.film .* is gone"):
        ParcelReader(FilmStore(tmp_path).path(5, 1))
