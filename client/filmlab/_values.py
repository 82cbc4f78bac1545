"""What does a program read and set of its run's configuration and summary? A mapping, by items or by attributes."""

import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from filmlab.errors import BadInput
from filmlab.jsonable import as_text, document
from filmlab.notices import wording
from filmlab.wire.entries import RunUpdate, encode_entry
from filmlab.wire.jsonbody import Json

if TYPE_CHECKING:
    from filmlab._seat import Seat


class Values(MutableMapping[str, Any]):
    """`values["lr"]`, `values.lr`, `values.update(…)`. What is set is kept as JSON has it, and told on.

    Args:
        what: `config` or `summary`.
        values: those that there are already.
        tell: told what was set; None: there is no run to tell, and setting raises BadInput.
        complain: told what cannot be set, in a sentence.
    """

    def __init__(
        self,
        what: str,
        values: Json,
        tell: Callable[[Json], None] | None = None,
        complain: Callable[[str], None] | None = None,
    ) -> None:
        # By `vars`, since attributes are items here.
        vars(self).update(_what=what, _values=dict(values), _tell=tell, _complain=complain)

    def update(self, values: Any = None, /, *_: Any, allow_val_change: bool | None = None, **more: Any) -> None:
        """Set many: a mapping, pairs, a dataclass, a namespace, or by their names."""
        self._set(self._read(values) | self._read(more))

    def setdefaults(self, values: Any) -> None:
        """Set what is not set yet."""
        self._set({key: value for key, value in self._read(values).items() if key not in self._values})

    def as_dict(self) -> Json:
        """A copy."""
        return dict(self._values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update([(key, value)])

    def __delitem__(self, key: str) -> None:
        """Whoever was told of it is told that it is null."""
        tell = self._teller()
        if isinstance(key, str) and key in self._values:
            del self._values[key]
            tell({key: None})
        else:
            self._refuse(f"{self._what} has no such key to delete")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"no {name!r} in it")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __repr__(self) -> str:
        return f"{self._what}({self._values!r})"

    def _read(self, values: Any) -> Json:
        try:
            found, complaint = document(dict(values) if isinstance(values, list | tuple) else values, self._what)
        except Exception as error:  # noqa: BLE001  # a list of anything, with keys of any kind; here it is no pairs
            found, complaint = {}, f"{self._what} should be a mapping or pairs: {as_text(error)}; it is left out"
        if complaint:
            self._refuse(complaint)
        return found

    def _set(self, values: Json) -> None:
        tell = self._teller()
        if values:
            self._values.update(values)
            tell(values)

    def _teller(self) -> Callable[[Json], None]:
        """Raises BadInput where there is no run."""
        tell: Callable[[Json], None] | None = self._tell
        if tell is None:
            raise BadInput(f"{self._what}: no run is open; begin one with filmlab.init()")
        return tell

    def _refuse(self, complaint: str) -> None:
        if self._complain is not None:
            self._complain(complaint)


def values_of(seat: "Seat") -> tuple[Values, Values]:
    """A run's configuration and its summary."""

    def tell(config: Json, summary: Json) -> None:
        try:
            if seat.ready("update"):
                seat.put(
                    encode_entry(RunUpdate(run=seat.tally.number, wall=time.time(), config=config, summary=summary))
                )
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            seat.failed("update", error)

    def complain(complaint: str) -> None:
        seat.notices.warn(wording(complaint), f"run {seat.id}: {complaint}")

    config = Values("config", seat.options.config, lambda values: tell(values, {}), complain)
    return config, Values("summary", {}, lambda values: tell({}, values), complain)
