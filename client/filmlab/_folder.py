"""How is a film printed where it differs from its run? At a rate of its own, and into a folder of the program's."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filmlab.errors import BadInput
from filmlab.jsonable import as_text
from filmlab.reel import Reel
from filmlab.wire.entries import Recorder, Trace, encode_entry
from filmlab.wire.names import clean_text
from filmlab.wire.run_entries import check_directory

if TYPE_CHECKING:
    from filmlab._process import Process
    from filmlab._seat import Seat


class Folder:
    """Where the clips of one program go, and nothing else: `<stem>.mp4` and `<stem>.gif`. Belongs to one thread.

    Args:
        directory: becomes absolute, without symbolic links: the daemon follows none that it did not make.

    Raises:
        BadInput: it cannot be a path in UTF-8, or is too long for one.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        try:
            self.directory = os.path.realpath(directory)
            check_directory(self.directory)
        except Exception as error:  # noqa: BLE001  # a stranger's path may raise anything: then it is none
            raise BadInput(f"a folder for films: {as_text(error)}") from None
        self._process: Process | None = None
        self._run = self._number = 0

    def tell(self, seat: "Seat", process: "Process", reel: Reel, stem: str) -> None:
        """Say that the film goes here. Comes before the film's beginning, so it is known whatever happens to it."""
        trace = Trace(
            run=reel.run, wall=reel.wall, episode=reel.episode, film=reel.number,
            recorder=self._place_in(seat, process), stem=stem,
        )  # fmt: skip
        seat.put(encode_entry(trace))

    def _place_in(self, seat: "Seat", process: "Process") -> int:
        """The number that stands for this folder in a session and a run, declared there at its first use."""
        if process is not self._process or self._run != seat.tally.number:
            self._process, self._run = process, seat.tally.number
            self._number = process.declare_recorder(
                Recorder(
                    run=self._run, wall=time.time(), number=1, kind="video", directory=self.directory, prefix="",
                    title=clean_text(self.directory),
                )
            )  # fmt: skip
        return self._number


@dataclass(frozen=True, slots=True)
class Printing:
    """How one film is printed: at `fps` (0: its run's), and as `<stem>.mp4` and `.gif` in `folder`, if there is one."""

    fps: float = 0.0
    folder: Folder | None = None
    stem: str = ""


AS_ITS_RUN = Printing()
