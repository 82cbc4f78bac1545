"""What is a run called? What `init` was given, and what else scripts for trackers ask of it; set once and for all."""

from typing import Any

from filmlab.notices import say_once
from filmlab.options import RunOptions


class Named:
    """The properties of a run that come from its options."""

    _options: RunOptions

    @property
    def id(self) -> str:
        """Its id."""
        return self._options.run_id

    @property
    def project(self) -> str:
        """What it belongs to."""
        return self._options.project

    @property
    def group(self) -> str:
        """The runs that it belongs with; empty for none."""
        return self._options.group

    @property
    def name(self) -> str:
        """Free text. Setting it is said, and changes nothing."""
        return self._options.name

    @name.setter
    def name(self, value: Any) -> None:
        _fixed("name", value, self.name)

    @property
    def tags(self) -> tuple[str, ...]:
        """Likewise."""
        return self._options.tags

    @tags.setter
    def tags(self, value: Any) -> None:
        _fixed("tags", value, self.tags)

    def _set_notes(self, value: Any) -> None:
        _fixed("notes", value, None)

    notes = property(None, _set_notes, None, "Cannot be read here; setting them is said, and changes nothing.")

    @property
    def resumed(self) -> bool:
        """Whether its id was known before: this is a further attempt, or another writer."""
        return self._options.resumed

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self._options.mode == "disabled"

    @property
    def offline(self) -> bool:
        """Whether all is kept on disk until somebody hands it over."""
        return self._options.mode == "offline"

    @property
    def path(self) -> str:
        """`project/id`."""
        return f"{self.project}/{self.id}"

    entity = job_type = ""
    """wandb's own; left out by `init`."""
    sweep_id: str | None = None
    """There are no sweeps."""


def _fixed(what: str, value: Any, now: Any) -> None:
    if value != now:
        say_once(f"run.{what} cannot be set: a run keeps what it began with; say init({what}=…)")
