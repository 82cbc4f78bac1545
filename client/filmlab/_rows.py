"""How does one call of `log` become bytes? Its keys are looked up once, its values packed in one step."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from filmlab._foreign import NotRecorded
from filmlab.errors import BadInput
from filmlab.media import Image, Medium
from filmlab.steps import has_gradient, plain_number
from filmlab.wire.entries import METRIC_NAME_MAX_BYTES
from filmlab.wire.names import clean_text, file_name

ROWS_MAX = 1024
"""Sets of keys that are remembered; a loop that makes up new ones all the time is slow, not large."""
METRICS_MAX = 2000
"""In one call."""
DEPTH_MAX = 8
"""Of mappings within mappings."""


@dataclass(frozen=True, slots=True)
class Row:
    """One set of keys: the session's numbers of these metrics, and what packs as many float64."""

    ids: bytes
    pack: Callable[..., bytes]

    @classmethod
    def of(cls, numbers: list[int]) -> "Row":
        count = len(numbers)
        return cls(struct.pack(f"<{count}I", *numbers), struct.Struct(f"<{count}d").pack)


@dataclass(slots=True)
class Sorted:
    """What one call of `log` had in it, sorted out."""

    numbers: dict[str, float]
    media: list[tuple[str, Medium]]
    complaints: list[tuple[str, str]]
    """(kind, sentence) of what could not be taken as it was."""
    gradients: bool = False
    """A tensor with its gradient is among the numbers: each must be looked at by itself."""


def sort_out(values: Mapping[Any, Any]) -> Sorted:
    """Look at each pair by itself: numbers, media, what is neither, and mappings, whose names follow a dot."""
    out = Sorted({}, [], [])
    _sort_into(out, values, "", 0)
    return out


def _sort_into(out: Sorted, values: Mapping[Any, Any], prefix: str, depth: int) -> None:
    for key, value in values.items():
        name = _name(f"{prefix}{key}" if prefix else key, out)
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            _sort_into(out, value, f"{name}.", depth + 1)
            continue
        if name in out.numbers:
            out.complaints.append((f"twice {name}", f"metric {name!r} came twice in one call; the first one is kept"))
        elif not name:
            out.complaints.append(("name", "a metric without a name is left out"))
        elif isinstance(value, Medium):
            out.media.append((clean_text(name), value))
        elif _are_media(value):
            out.media += [(clean_text(name), item) for item in value]
        elif isinstance(value, NotRecorded):
            out.complaints.append(
                (f"dropped {value.what}", f"{name!r} is dropped: a {value.what} is not recorded here")
            )
        elif callable(getattr(value, "savefig", None)):
            _figure(name, value, out)
        elif len(out.numbers) >= METRICS_MAX:
            out.complaints.append(("many", f"over {METRICS_MAX} metrics in one call; the rest is left out"))
        else:
            _number(name, value, out)


def _figure(name: str, figure: Any, out: Sorted) -> None:
    """A figure of matplotlib, or `pyplot`, as scripts log it; drawn now."""
    try:
        out.media.append((clean_text(name), Image(figure)))
    except BadInput as error:
        out.complaints.append((f"figure {name}", f"{name!r} is left out: {error}"))


def _are_media(value: Any) -> bool:
    """A list of images, as trackers take it."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Medium) for item in value)


def _number(name: str, value: Any, out: Sorted) -> None:
    try:
        if isinstance(value, str | bytes):
            raise TypeError("a text is no number")
        number = plain_number(value)
        out.gradients = out.gradients or has_gradient(value)
    except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
        kind = f"not a number: {name}"
        out.complaints.append((kind, f"metric {name!r} is no number but {type(value).__name__}; it is left out"))
    else:
        out.numbers[name] = number


def _name(key: Any, out: Sorted) -> str:
    """A metric's name that can travel; what had to be changed is said."""
    text = key if isinstance(key, str) else str(key)
    if "\0" not in text and text.isprintable() and len(text.encode("utf-8", "replace")) <= METRIC_NAME_MAX_BYTES:
        if isinstance(key, str) and _encodes(text):
            return text
        text = text.encode("utf-8", "replace").decode()
    else:
        text = _shorten("".join(char if char.isprintable() else "?" for char in text))
    out.complaints.append((f"name {text}", f"metric {str(key)[:60]!r} is recorded as {text[:60]!r}"))
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shorten(text: str) -> str:
    """At most 200 bytes; a longer one is cut and ends in a hash, so that two of them stay apart."""
    data = text.encode("utf-8", "replace")
    if len(data) <= METRIC_NAME_MAX_BYTES:
        return data.decode()
    digest = file_name(text)[-9:]
    return data[: METRIC_NAME_MAX_BYTES - 9].decode("utf-8", "ignore") + digest
