"""Where does this program run? What a child of the lab needs to call a function of it later, and elsewhere."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filmlab.wire.results_entries import SURROUNDINGS_PATHS_MAX, Surroundings


@dataclass(frozen=True, slots=True)
class Here:
    """Interpreter, module path and working directory at one moment."""

    python: str
    path: tuple[str, ...]
    directory: str

    def entry(self, run: int) -> Surroundings:
        """As it is sent. Raises WireError where it cannot be used: there is no interpreter, or no directory."""
        return Surroundings(run=run, wall=time.time(), python=self.python, path=self.path, directory=self.directory)


def surroundings() -> Here:
    """As they are now."""
    path = tuple(entry for entry in sys.path if isinstance(entry, str))
    try:
        directory = os.fspath(Path.cwd())
    except FileNotFoundError:
        directory = "/"
    return Here(sys.executable or "", path[:SURROUNDINGS_PATHS_MAX], directory)
