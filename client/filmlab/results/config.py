"""How is a configuration kept? As plain dicts and lists on disk, and with attributes in the hand."""

import sys
from collections.abc import Mapping
from typing import Any

from filmlab.errors import BadInput
from filmlab.jsonable import jsonable

ITEMS_MAX = 500_000


class Config(dict[str, Any]):
    """A configuration whose keys are attributes too: `config.optimizer.lr` is `config["optimizer"]["lr"]`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the configuration has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the configuration has no {name!r}") from None

    def __repr__(self) -> str:
        return f"Config({super().__repr__()})"


def plain(config: Any) -> dict[str, Any]:
    """A configuration as dicts, lists, texts and numbers: of a mapping, a dataclass, a namespace, or OmegaConf's.

    Of OmegaConf's, interpolations (`${seed}`) and missing values (`???`) stay as they were written.

    Raises:
        BadInput: it is none of these, or there is no end to it.
    """
    if config is None:
        return {}
    if type(config).__module__.split(".")[0] == "omegaconf":
        config = sys.modules["omegaconf"].OmegaConf.to_container(config, resolve=False)
    try:
        found = jsonable(config, finite=False)
    except ValueError as error:
        raise BadInput(f"config: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"config: a mapping, a dataclass or a namespace, got {type(config).__name__}")
    return found


def with_attributes(value: Any) -> Config:
    """Plain dicts and lists as `Config`s, all the way down.

    Raises:
        BadInput: it is no mapping, or there is no end to it.
    """
    if not isinstance(value, Mapping):
        raise BadInput(f"a configuration is a mapping, got {type(value).__name__}")
    items = 0

    def wrap(item: Any) -> Any:
        nonlocal items
        items += 1
        # YAML can say one thing in many places: what is small on disk may have no end here.
        if items > ITEMS_MAX:
            raise BadInput(f"a configuration of over {ITEMS_MAX} items")
        if isinstance(item, Mapping):
            return Config({str(key): wrap(inner) for key, inner in item.items()})
        return [wrap(inner) for inner in item] if isinstance(item, list | tuple) else item

    try:
        return wrap(value)  # type: ignore[no-any-return]  # a mapping, so a Config
    except RecursionError:
        raise BadInput("a configuration that holds itself") from None
