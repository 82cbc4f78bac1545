"""Who waits for which prints? A flush, or the end of a run: first for its films and curves, then for the page. Pure."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Waiter:
    """One wait. `token` 0 is the end of the run, anything else a flush of `run` of `session`."""

    run_id: str
    keys: set[str]
    token: int = 0
    session: int = 0
    run: int = 0
    failures: list[str] = field(default_factory=list)
    for_page: bool = False
    """The prints are there; now the page that shows them is waited for."""


@dataclass(slots=True)
class Waiters:
    """All waits, by run."""

    _by_run: dict[str, list[Waiter]] = field(default_factory=dict)

    def add(self, waiter: Waiter) -> None:
        """Begin a wait; one of the same run for its end is replaced."""
        waits = self._by_run.setdefault(waiter.run_id, [])
        if not waiter.token:
            waits[:] = [other for other in waits if other.token]
        waits.append(waiter)

    def settle(self, run_id: str, key: str, failure: str = "") -> None:
        """A job is through, well or (with a reason) not."""
        for waiter in self._by_run.get(run_id, ()):
            if key in waiter.keys:
                waiter.keys.discard(key)
                if failure:
                    waiter.failures.append(failure)

    def drop(self, keys: Collection[str]) -> list[str]:
        """These jobs will never be asked for after all; the runs of which somebody waited for one."""
        waited = [run_id for run_id, waits in self._by_run.items() if any(wait.keys & set(keys) for wait in waits)]
        for run_id in waited:
            for key in keys:
                self.settle(run_id, key)
        return waited

    def take_ready(self, run_id: str, page_key: str, want_page: Callable[[Waiter], None]) -> list[Waiter]:
        """The waits of a run that are over. Those that have their prints go on to wait for the page first."""
        over = []
        for waiter in self._by_run.get(run_id, ()):
            if waiter.keys:
                continue
            if waiter.for_page:
                over.append(waiter)
            else:
                waiter.for_page = True
                waiter.keys = {page_key}
                want_page(waiter)
        self._keep(run_id, (waiter for waiter in self._by_run.get(run_id, ()) if waiter not in over))
        return over

    def cancel_end(self, run_id: str) -> None:
        """The run goes on as a further attempt."""
        self._keep(run_id, (waiter for waiter in self._by_run.get(run_id, ()) if waiter.token))

    def cancel_session(self, session: int) -> None:
        """Nobody is there any more to be told of these flushes."""
        for run_id, waits in list(self._by_run.items()):
            self._keep(run_id, (waiter for waiter in waits if not (waiter.token and waiter.session == session)))

    @property
    def idle(self) -> bool:
        """Nobody waits."""
        return not self._by_run

    def _keep(self, run_id: str, waits: Iterable[Waiter]) -> None:
        kept = list(waits)
        if kept:
            self._by_run[run_id] = kept
        else:
            self._by_run.pop(run_id, None)
