"""A trainer in a process of its own that does as it is told, line by line."""

import subprocess
import textwrap
from typing import Any

from e2e.house import House
from patience import PATIENCE_S

_LOOP = """
import sys
import numpy as np
import filmlab

run = filmlab.init(**OPTIONS)
run.flush()
print("ready", flush=True)
for line in sys.stdin:
    # The answer to a flush comes after every plan that was sent before it.
    run.flush()
    for _ in range(int(line)):
        play(run)
    run.flush()
    print("played", flush=True)
run.finish()
"""


class Told:
    """A training that plays as many episodes as it is told, once it has heard what was asked for.

    Args:
        options: for `filmlab.init`.
        play: the source of `play(run)`, which plays one episode.
    """

    def __init__(self, house: House, options: dict[str, Any], play: str) -> None:
        program = f"OPTIONS = {options!r}\n{textwrap.dedent(play)}\n{_LOOP}"
        self.process: subprocess.Popen[str] = house.trainer(program)
        self._until("ready")

    def play(self, episodes: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{episodes}\n")
        self.process.stdin.flush()
        self._until("played")

    def finish(self) -> None:
        output, _ = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, output

    def _until(self, word: str) -> None:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if line.strip() == word:
                return
        raise AssertionError("".join(seen))
