"""How does an agent's state get to disk and back? Whole or not at all, never twice in memory."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.read import read
from filmlab.pytree.write import Piece, pieces


def save_state(state: Any, path: str | os.PathLike[str]) -> None:
    """Write an agent's state as flax would (`flax.serialization.to_bytes`), atomically.

    Raises:
        RuntimeError: something in it cannot be written; names the leaf.
        OSError: the file cannot be written.
    """
    try:
        replace_file(path, pieces(state))
    except BadTree as error:
        raise RuntimeError(f"Failed to serialize agent state: {error}") from error


def load_state(path: str | os.PathLike[str]) -> Any:
    """An agent's state as nested dicts, as `flax.serialization.msgpack_restore` gives it (lists as dicts by index).

    Raises:
        FileNotFoundError: there is none.
        RuntimeError: the file is damaged, or no such state.
        OSError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return read(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise FileNotFoundError(f"Agent checkpoint not found: {os.fspath(path)}") from None
    except BadTree as error:
        raise RuntimeError(f"Failed to deserialize agent state: {os.fspath(path)}: {error}") from error


def replace_file(path: str | os.PathLike[str], contents: Iterable[Piece]) -> None:
    """Put a file in place of what is there: whoever looks sees the old one or the new one, whole, also after a crash.

    Directories that are missing are made; where the contents raise, they are gone again.

    Raises:
        OSError: it cannot be written.
    """
    final = Path(path)
    made = [parent for parent in final.parents if not parent.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    # Of this call alone: threads, and processes in other pid namespaces, may write the same file.
    part = final.with_name(f".{final.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb", buffering=0) as file:
            for piece in contents:
                _write_all(file.fileno(), piece)
            os.fsync(file.fileno())
        part.replace(final)
    except BaseException:
        part.unlink(missing_ok=True)
        with suppress(OSError):
            # Somebody else may have put something there meanwhile: then it stays.
            for directory in made:
                directory.rmdir()
        raise
    parent = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _write_all(descriptor: int, piece: Piece) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]
