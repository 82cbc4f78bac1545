"""How do the bytes of results come back out of their film? Piece by piece, in order, up to the first that lacks."""

import os
from collections.abc import Iterator
from pathlib import Path

from filmlab.errors import Corrupt, WireError
from filmlab.wire.chunks import blobs, decode_film
from filmlab.wire.head import FilmKind
from filmlabd.journal.film_frames import in_order, open_film


class ParcelReader:
    """The bytes of one parcel, in order. A context manager.

    Raises:
        BadInput: there is no such film.
    """

    def __init__(self, path: Path) -> None:
        self._fd = open_film(path)
        self._pieces = _pieces(self._fd)
        self._left = memoryview(b"")

    def __enter__(self) -> "ParcelReader":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def take(self, size_bytes: int) -> Iterator[bytes]:
        """The next so many bytes, in pieces.

        Raises:
            Corrupt: they are not all there.
        """
        while size_bytes:
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    raise Corrupt(f"{size_bytes} bytes of it are missing")
                self._left = piece
            taken, self._left = self._left[:size_bytes], self._left[size_bytes:]
            size_bytes -= len(taken)
            yield bytes(taken)


def _pieces(fd: int) -> Iterator[memoryview]:
    expected = 0
    for envelope in in_order(fd):
        try:
            film = decode_film(envelope)
            piece = blobs(film, envelope.payload)[0]
        except WireError as error:
            raise Corrupt(f"piece {expected}: {error}") from None
        if film.kind != FilmKind.PARCEL or film.first > expected:
            raise Corrupt(f"piece {expected} is missing")
        if film.first == expected:
            expected += 1
            yield piece
