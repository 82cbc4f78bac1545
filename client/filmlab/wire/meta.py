"""How does a frozen dataclass of plain fields lie in a record's meta? As a msgpack map, checked by name and type."""

import sys
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, TypeVar

import msgpack

from filmlab.errors import WireError

TEXT_MAX_CHARS = 4096
WHOLE_MAX = 2**63 - 1
"""Of every whole number that `RANGES` does not name, from 0: the largest that a database takes."""
FLOAT_MAX = sys.float_info.max
RANGES: dict[str, tuple[int, int]] = {
    "boot": (0, 2**64 - 1),
    "nonce": (0, 2**64 - 1),
    "token": (0, 2**64 - 1),
    "parent_session": (0, 2**64 - 1),
    "episode": (-1, WHOLE_MAX),
    "run": (-1, 2**32 - 1),
    "pid": (0, 2**31 - 1),
    "umask": (0, 0o777),
    "stream": (0, 1),
    "min_protocol": (0, 255),
    "max_protocol": (0, 255),
    "protocol": (0, 255),
}
"""Both ends of what a whole number of this name may be. Each is what some call of the system or library takes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    kind: type
    needed: bool
    low: int
    high: int


def pack_fields(value: Any) -> bytes:
    """A dataclass whose fields are int, float, bool or str, as a msgpack map.

    Raises:
        WireError: `read_fields` would refuse it.
    """
    cls = type(value)
    checked = {rule.name: _checked(cls, rule, getattr(value, rule.name)) for rule in _rules(cls)}  # type: ignore[arg-type]  # a class can be hashed
    return msgpack.packb(checked)  # type: ignore[no-any-return]  # msgpack has no types


def read_fields(cls: type[T], meta: bytes | memoryview) -> T:
    """The dataclass that `pack_fields` packed. Fields that it does not have are passed over.

    Raises:
        WireError: this is no such map, or a field is missing, of another type, or outside its limits.
    """
    values = unpack_map(meta)
    arguments: dict[str, Any] = {}
    for rule in _rules(cls):  # type: ignore[arg-type]  # a class can be hashed
        if rule.name in values:
            arguments[rule.name] = _checked(cls, rule, values[rule.name])
        elif rule.needed:
            raise WireError(f"{cls.__name__} lacks {rule.name}")
    return cls(**arguments)


def unpack_map(meta: bytes | memoryview) -> dict[str, Any]:
    """A msgpack map with text keys, small by every measure. Its values may nest: never `repr` one that is not checked.

    Raises:
        WireError: it is something else.
    """
    try:
        value = msgpack.unpackb(
            meta,
            raw=False,
            strict_map_key=True,
            use_list=False,
            max_array_len=4096,
            max_map_len=1024,
            max_str_len=TEXT_MAX_CHARS * 4,
            max_bin_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"meta is no msgpack map: {type(error).__name__}") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise WireError("meta is no map with text keys")
    return value


@cache
def _rules(cls: type[Any]) -> tuple[_Rule, ...]:
    out = []
    for item in fields(cls):
        assert isinstance(item.type, type), "annotations are types here, not texts"
        low, high = RANGES.get(item.name, (0, WHOLE_MAX))
        out.append(_Rule(item.name, item.type, item.default is MISSING, low, high))
    return tuple(out)


def _checked(cls: type[Any], rule: _Rule, value: Any) -> Any:
    """`value`, if it is of the annotated type. Never shows the value: its repr may be a bomb."""
    kind = rule.kind
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        if rule.low <= value <= rule.high:
            return int(value)
        raise WireError(f"{cls.__name__}.{rule.name} is not from {rule.low} to {rule.high}")
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        # Infinities and NaN have no place in a time or a wait; metrics do not travel here.
        if -FLOAT_MAX <= value <= FLOAT_MAX:
            return float(value)
        raise WireError(f"{cls.__name__}.{rule.name} is not finite")
    if kind is str and isinstance(value, str):
        if len(value) <= TEXT_MAX_CHARS and not _has_surrogates(value):
            return value
        raise WireError(f"{cls.__name__}.{rule.name} is no text of at most {TEXT_MAX_CHARS} characters")
    if kind is bool and isinstance(value, bool):
        return value
    raise WireError(f"{cls.__name__}.{rule.name} should be {kind.__name__}, got {type(value).__name__}")


def _has_surrogates(text: str) -> bool:
    """Whether a text cannot be UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
