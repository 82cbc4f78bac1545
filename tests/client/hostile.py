"""What a training hands over by mistake: of no use, of another type, far too large, or raising at every touch."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np


class Angry(Exception):
    """What a stranger's object raises; its own text raises, too."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Untouchable:
    """Raises at whatever is asked of it."""

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise Angry

    __repr__ = __str__ = __len__ = __iter__ = __float__ = __int__ = __index__ = __bool__ = _raise
    __call__ = __getitem__ = __contains__ = __array__ = __eq__ = __lt__ = __add__ = __radd__ = _raise
    __hash__ = __fspath__ = __format__ = keys = items = _raise

    def __getattr__(self, name: str) -> Any:
        raise Angry


class Poisonous(dict[str, Any]):
    """A mapping that raises when it is read."""

    def _raise(self, *_: Any) -> Any:
        raise Angry

    __iter__ = items = keys = values = get = __getitem__ = __len__ = __repr__ = __bool__ = _raise


class FalseImage:
    """Has the names that an image of Pillow has, and nothing behind them."""

    mode, size, nbytes = "RGB", (4, 5), 60
    __array_interface__ = None

    def copy(self) -> "FalseImage":
        return self

    def convert(self, mode: str) -> Any:
        raise Angry


def _breaking() -> Iterator[Any]:
    yield 1
    raise Angry


def _endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


MAKERS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "a truth": lambda: True,
    "minus one": lambda: -1,
    "a half": lambda: 0.5,
    "nan": lambda: float("nan"),
    "minus infinity": lambda: float("-inf"),
    "over 64 bits": lambda: 2**70,
    "over all floats": lambda: 10**5000,
    "a complex number": lambda: 1j,
    "no text": lambda: "",
    "a text": lambda: "text",
    "a long text": lambda: "x" * 300_000,
    "control characters": lambda: "a\0b\x1b[31m\n/../",
    "half a surrogate": lambda: "\ud800",
    "bytes": lambda: b"\xff\0",
    "a list": lambda: [1, "a", None],
    "an empty list": list,
    "a list in itself": _endless,
    "a mapping": lambda: {"a": 1, 2: object(), None: [Untouchable()]},
    "an empty mapping": dict,
    "a set": lambda: {1, 2},
    "a broken generator": _breaking,
    "an object": object,
    "a class": lambda: int,
    "a function": lambda: _breaking,
    "a namespace": lambda: SimpleNamespace(shape=None, dtype="x", ndim=0, item=3, name=5),
    "untouchable": Untouchable,
    "a poisonous mapping": Poisonous,
    "a false image": FalseImage,
    "an array of objects": lambda: np.array([object(), None], object),
    "an array of texts": lambda: np.array(["a", "b"]),
    "an array of nothing": lambda: np.zeros((0, 3, 0)),
    "an array of nan": lambda: np.full((2, 3, 4), np.nan),
    "an array of many dimensions": lambda: np.zeros((1,) * 9, np.uint8),
    "a date": lambda: np.datetime64("NaT"),
    "more than there is memory": lambda: np.broadcast_to(np.float32(0), (2**22, 2**22, 3)),
}
"""By what it is: makes a new one each time, since some can be read only once."""
