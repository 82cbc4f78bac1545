"""Which run does a command name? By its id, the beginning of its id, or its name."""

from collections.abc import Iterator
from contextlib import contextmanager

from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlabd.index.read import NoIndex, Reader
from filmlabd.model import RunRow


class Misuse(BadInput):
    """The command names something that is not there, or asks for what cannot be."""


@contextmanager
def run_named(paths: StatePaths, name: str) -> Iterator[tuple[Reader, RunRow]]:
    """The index, and the run.

    Raises:
        Misuse: no run is called that, or several are; in place of any BadInput, too, that comes up meanwhile.
        BadInput: the index is of another version.
    """
    try:
        reader = Reader(paths.index)
    except NoIndex:
        raise Misuse(f"no run is called {name!r}: nothing has been recorded in {paths.state}") from None
    with reader:
        try:
            yield reader, reader.run(name)
        except BadInput as error:
            raise Misuse(str(error)) from None
