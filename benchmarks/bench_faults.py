"""What does a daemon in trouble cost the training thread, and what does a flood cost the other runs? Rows 9 and 29."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from figures import Figure, promise, said
from household import Household, until

STEP_P99_MS = 2.0
STEP_MAX_MS = 20.0
FLUSH_P99_MS = 250.0
KILL_EVERY_S = 0.4
WARM_S = 2.0
FLOODERS = 4


def bench_faults(house: Household, short: bool) -> list[Figure]:
    """The hand-over with the daemon healthy, killed again and again, stopped, and not there."""
    seconds = 4.0 if short else 20.0
    rows: list[Figure] = []
    for name, trouble in (("healthy", _healthy), ("killed every 0.4 s", _killed), ("stopped", _stopped)):
        with trouble(house):
            rows += _rows(name, house.measure("handover", seconds=seconds, warm_s=WARM_S, mode="auto"))
    house.ask("shutdown")
    until(lambda: not house.daemon_pid(), "the daemon to end")
    # `online`: a trainer that would start a daemon if it could not be kept from it.
    rows += _rows("absent", house.measure("handover", seconds=seconds, warm_s=WARM_S, mode="online"))
    return rows


def bench_flush(house: Household, short: bool) -> list[Figure]:
    """How long a run waits until its numbers are durable, beside runs that flood the daemon."""
    found = house.measure("flush", flooders=FLOODERS, rounds=50 if short else 300)
    wait = found["ms"]
    return [
        Figure(
            f"log, durable beside {FLOODERS} flooders: p50 / p99 / p99.9 / max",
            f"p99 ≤ {FLUSH_P99_MS:.0f} ms",
            said(wait, "ms"),
            wait["p99"] <= FLUSH_P99_MS,
        ),
        Figure("  a file of 4 KiB, written and synced, in turn", "reported", said(found["plain_ms"], "ms")),
        promise("  answered", "all", f"{found['answered']} of {found['rounds']}", found["answered"] == found["rounds"]),
    ]


def _rows(name: str, found: dict) -> list[Figure]:  # type: ignore[type-arg]  # what a trainer prints
    step, dropped = found["step_ms"], found["dropped"]
    fine = step["p99"] <= STEP_P99_MS and step["max"] <= STEP_MAX_MS
    return [
        Figure(
            f"step with a frame, daemon {name}: p50 / p99 / p99.9 / max",
            f"p99 ≤ {STEP_P99_MS:.0f}, max ≤ {STEP_MAX_MS:.0f} ms",
            said(step, "ms"),
            fine,
        ),
        Figure("  log, 10 keys", "reported", said(found["log_ms"], "ms")),
        Figure("  a plain copy of the frame, in the same loop", "reported", said(found["copy_ms"], "ms")),
        promise(f"  dropped in {found['steps']} steps", "0", str(dropped), dropped == 0),
    ]


@contextlib.contextmanager
def _healthy(_: Household) -> Iterator[None]:
    yield


@contextlib.contextmanager
def _killed(house: Household) -> Iterator[None]:
    with _meanwhile(lambda over: _kill_again(house, over)):
        yield
    # The last kill may have come when no trainer was left to start another one.
    house.command("sync")


@contextlib.contextmanager
def _stopped(house: Household) -> Iterator[None]:
    """From the middle of the warming up to the end."""
    stopped: list[int] = []

    def stop(over: threading.Event) -> None:
        until(lambda: house.ask("status")["sessions"], "a session")
        over.wait(WARM_S / 2)
        stopped.append(house.daemon_pid())
        os.kill(stopped[0], signal.SIGSTOP)

    with _meanwhile(stop):
        yield
    os.kill(stopped[0], signal.SIGCONT)


def _kill_again(house: Household, over: threading.Event) -> None:
    while not over.wait(KILL_EVERY_S):
        pid = house.daemon_pid()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """In a thread, until the body is over."""
    over = threading.Event()
    thread = threading.Thread(target=act, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
