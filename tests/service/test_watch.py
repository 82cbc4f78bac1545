"""Processes are noticed when they end."""

import asyncio
import os
import subprocess
import sys

import pytest

from filmlab.private import started_ticks
from filmlabd.watch import Watches
from patience import PATIENCE_S
from service.keeping import no_descriptors


async def test_the_end_of_a_process_is_told_once() -> None:
    """A killed trainer is noticed by its pidfd."""
    died: asyncio.Queue[int] = asyncio.Queue()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watches = Watches(died.put_nowait, died.put_nowait)
    watches.add(7, process.pid, started_ticks(process.pid))
    process.kill()
    assert await asyncio.wait_for(died.get(), PATIENCE_S) == 7
    process.communicate()
    assert died.empty()
    watches.close()


async def test_a_process_that_is_gone_already_is_told_at_once() -> None:
    """After a restart of the daemon, trainers may have died meanwhile."""
    died: asyncio.Queue[int] = asyncio.Queue()
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    watches = Watches(died.put_nowait, died.put_nowait)
    watches.add(7, process.pid, 0)
    assert await asyncio.wait_for(died.get(), PATIENCE_S) == 7


async def test_a_pid_that_another_process_has_by_now_is_not_taken_for_the_trainer() -> None:
    """Pids are used again: the time at which the process began tells them apart."""
    died: asyncio.Queue[int] = asyncio.Queue()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watches = Watches(died.put_nowait, died.put_nowait)
    watches.add(7, process.pid, started_ticks(process.pid) + 1)
    assert await asyncio.wait_for(died.get(), PATIENCE_S) == 7
    process.kill()
    process.communicate()


async def test_who_is_not_watched_any_more_is_not_told_of() -> None:
    """A session that said BYE ends by that, not by the death of its process."""
    died: asyncio.Queue[int] = asyncio.Queue()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watches = Watches(died.put_nowait, died.put_nowait)
    watches.add(7, process.pid, 0)
    watches.remove(7)
    process.kill()
    process.communicate()
    await asyncio.sleep(0)
    assert died.empty()


async def test_a_process_that_cannot_be_watched_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no pidfd for us, or there are no descriptors, that is told, and nothing ends by it."""

    def refuse(pid: int, flags: int = 0) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    died: asyncio.Queue[int] = asyncio.Queue()
    failed: asyncio.Queue[int] = asyncio.Queue()
    Watches(died.put_nowait, failed.put_nowait).add(7, os.getpid(), 0)
    assert await asyncio.wait_for(failed.get(), PATIENCE_S) == 7
    assert died.empty()


async def test_a_look_that_finds_no_descriptor_takes_nobody_for_dead() -> None:
    """The last one went to the watch itself: when the process began cannot be asked, and it lives."""
    told: asyncio.Queue[int] = asyncio.Queue()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watches = Watches(told.put_nowait, told.put_nowait)
    with no_descriptors(spare=1):
        watches.add(7, process.pid, started_ticks(process.pid))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told.empty()
    process.kill()
    assert await asyncio.wait_for(told.get(), PATIENCE_S) == 7
    process.communicate()
    watches.close()
