"""What do both recorders do alike? They take a place in the session, wait for their prints, and say what failed."""

import os
from collections.abc import Callable
from pathlib import Path

from filmlab._process import Process
from filmlab.jsonable import as_text
from filmlab.notices import say
from filmlab.recorders.implicit import Answer, ImplicitRun, implicit_run
from filmlab.wire.entries import Recorder, Wish

FILMS_KEPT = 10_000


class Place:
    """One recorder's place. Belongs to the thread that uses the recorder.

    Of the last `FILMS_KEPT` films it is remembered which episode each is of. A wait tells of failures among these, and
    among the last `FAILURES_KEPT` of the session; what failed before them is counted in `stats.failures` alone.

    Args:
        describe: what the recorder is at this moment; numbers, run and time are filled in here.
    """

    def __init__(self, describe: Callable[[], Recorder]) -> None:
        self._films: dict[int, int] = {}
        """film -> episode, of what was handed over to this session, the last ones."""
        self._describe = describe
        self._process: Process | None = None
        self._declared: Recorder | None = None
        self._number = 0
        self._reported: set[int] = set()

    def enter(self, what: str) -> tuple[ImplicitRun, Process] | None:
        """The run and the session to record to; None where nothing is recorded.

        Raises:
            BadInput: as `implicit_run` does.
        """
        run = implicit_run()
        process = run.enter(what)
        if process is None:
            return None
        if process is not self._process:
            self._process, self._declared = process, None
            self._films.clear()
            self._reported.clear()
        return run, process

    def number(self, run: ImplicitRun, process: Process) -> int:
        """The recorder's number in this session, declared anew where it is not what it was."""
        described = self._describe()
        if described != self._declared:
            self._number = run.declare(process, described)
            self._declared = described
        return self._number

    def handed_over(self, film: int, episode: int) -> None:
        """From here on a failed print of this film is one of this recorder's."""
        self._films[film] = episode
        if len(self._films) > FILMS_KEPT:
            del self._films[next(iter(self._films))]

    def wait(self, run: ImplicitRun, process: Process, wish: Wish, rows: int, timeout_s: float) -> bool:
        """Wait for files; False where some are not there, which is warned of."""
        answer = run.wait(process, self.number(run, process), wish, rows, timeout_s)
        failed = self._failed(run)
        self._complain(run, answer, failed)
        return answer.ok and not failed

    def _failed(self, run: ImplicitRun) -> list[str]:
        """The recorder's films that have no print, each once."""
        failures = dict(run.seat.tally.failed_films)
        fresh = [film for film in failures if film in self._films and film not in self._reported]
        # What is not among the failures any more does not come back there.
        self._reported = {*(self._reported & failures.keys()), *fresh}
        return [f"episode {self._films[film]}: {failures[film]}" for film in fresh]

    def _complain(self, run: ImplicitRun, answer: Answer, failed: list[str]) -> None:
        notices = run.seat.notices
        if answer.unanswered:
            kept = "what was recorded is kept, and printed once a daemon has it"
            notices.warn("no-lab", f"recorders: the prints are not there yet ({answer.unanswered}); {kept}")
        for reason in failed or ([answer.failures] if answer.failures else []):
            notices.warn(f"print {reason}", f"recorders: a print failed: {reason}")


def failed(what: str, error: Exception) -> None:
    """Something of ours went wrong in a call of the training: say so once; with FILMLAB_STRICT raise it."""
    try:
        run = implicit_run()
    except Exception:  # noqa: BLE001  # there is not even a run to complain to: `error` says why
        if what not in _said:
            _said.add(what)
            say(f"{what} failed: {as_text(error)}")
        return
    run.seat.failed(what, error)


def directory_of(output_dir: Path) -> str:
    """Absolute, without symbolic links: the daemon follows none that it did not make."""
    return os.path.realpath(output_dir)


_said: set[str] = set()
