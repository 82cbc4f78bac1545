"""When something has changed, everybody who listens is told once, and nothing is looked at when nobody does."""

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from filmlabd.web import pulse
from filmlabd.web.pulse import Pulse, version_of
from patience import PATIENCE_S


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.005)


def run(story: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: the browser's driver holds a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, story).result(PATIENCE_S)


def write(path: Path, text: str) -> None:
    """Another file in its place, so that nothing depends on how finely the clock of the disk ticks."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.replace(part, path)  # noqa: PTH105  # as publishing does it


def test_a_version_for_every_state_of_the_index(tmp_path: Path) -> None:
    """None yet, one, another one, one with a log."""
    index = tmp_path / "index"
    seen = [version_of(index)]
    for path, text in ((index, "a"), (index, "ab"), (tmp_path / "index-wal", "c")):
        write(path, text)
        seen.append(version_of(index))
    assert len(set(seen)) == 4


def test_all_who_listen_are_told(tmp_path: Path) -> None:
    """Each change counts once; who asks after it was there has it at once."""
    run(_told(tmp_path / "index"))


async def _told(index: Path) -> None:
    beat = Pulse(index)
    assert beat.enter() and beat.enter()
    number = await beat.after(0, 5.0)
    number = await beat.after(number, 5.0) if number == 1 else number
    waiting = [asyncio.create_task(beat.after(number, PATIENCE_S)) for _ in range(3)]
    write(index, "changed")
    assert await asyncio.gather(*waiting) == [number + 1] * 3
    assert await beat.after(number, PATIENCE_S) == number + 1
    assert await beat.after(number + 1, 0.01) == number + 1, "nothing new: patience has an end"
    assert beat.version() == number + 1
    beat.leave()
    beat.leave()
    while beat._task is not None:
        await asyncio.sleep(0.001)
    assert beat.version() == version_of(index), "nobody listens: every commit counts"


def test_no_more_listeners_than_there_may_be(tmp_path: Path) -> None:
    """The rest is told to come back."""
    run(_crowded(tmp_path / "index"))


async def _crowded(index: Path) -> None:
    beat = Pulse(index)
    assert [beat.enter() for _ in range(pulse.LISTENERS_MAX)] == [True] * pulse.LISTENERS_MAX
    assert beat.enter() is False
    beat.leave()
    assert beat.enter() is True
    for _ in range(pulse.LISTENERS_MAX):
        beat.leave()
    while beat._task is not None:
        await asyncio.sleep(0.001)
