"""The sender's thread and its process: forks, kills, and limits of the system."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.lab import LabDaemon, ipc, paths_below
from client.loop import Rig, stored
from filmlab.spool import owner_alive, read_session
from filmlab.wire.messages import Stream
from patience import PATIENCE_S


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.link.close(0.0)


def test_a_forked_child_is_dead_and_harmless(rig: Rig, tmp_path: Path) -> None:
    """In a child the link is over at once; its end, by exit or collection, disturbs neither parent nor daemon."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"1")
        daemon.wait_for(stored(rig.link, 1))
        child = os.fork()
        if child == 0:
            rig.link.wake()
            rig.link.hurry()
            fine = rig.link.ended == "forked" and rig.link.dead and not rig.link.wait_safe(0.0)
            fine = fine and rig.link.close(1.0).lost_records == 0
            os._exit(0 if fine else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        rig.log(b"2")
        daemon.wait_for(stored(rig.link, 2))
        assert not rig.link.dead
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"1", b"2"]


def test_a_forked_child_does_not_keep_the_spool(rig: Rig) -> None:
    """The spool's lock ends with the process that wrote it, though a child of it lives on."""
    rig.link.start()
    rig.loop.wait_state("spooling")
    rig.log(b"1")
    assert rig.link.wait_safe(PATIENCE_S)
    reader, writer = os.pipe()
    began, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.write(begin, b"!")
        os.read(reader, 1)
        os._exit(0)
    try:
        assert os.read(began, 1) == b"!"
        assert owner_alive(rig.paths.spool, rig.link.session)
        rig.link.close(0.0)
        assert not owner_alive(rig.paths.spool, rig.link.session)
    finally:
        for descriptor in (writer, reader, began, begin):
            os.close(descriptor)
        os.waitpid(child, 0)


def test_without_a_thread_the_link_does_nothing_and_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that can have no thread goes on without filmlab, after one sentence."""

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    rig.link.start()
    monkeypatch.undo()
    rig.log(b"1")
    rig.link.hurry()
    assert rig.link.ended == "failed"
    assert not rig.link.wait_safe(0.0)
    assert not rig.link.close(0.0).durable
    assert rig.warned == ["link: nothing more is recorded by this process: RuntimeError: can't start new thread"]


def run_script(tmp_path: Path, body: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """A process of its own with `link` in it, connected to the endpoint of the test."""
    head = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from client.loop import Rig\n"
        "rig = Rig(Path(sys.argv[2])); link = rig.link\n"
    )
    tests = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", head + body, tests, str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options)  # type: ignore[call-overload, no-any-return]  # options of subprocess.run


def test_a_process_that_never_closes_still_ends(tmp_path: Path) -> None:
    """Neither a connection nor the want of one holds up the end of the interpreter."""
    body = "link.start(); rig.log(b'1'); print(link.wait_safe(150)); print('end', flush=True)\n"
    alone = run_script(tmp_path, body)
    with LabDaemon(ipc(tmp_path)):
        together = run_script(tmp_path, body)
    for result in (alone, together):
        assert (result.returncode, result.stdout, result.stderr) == (0, "True\nend\n", "")


def test_too_few_descriptors_do_not_end_a_training(tmp_path: Path) -> None:
    """At the limit of its open files a process is told once, and goes on."""
    body = (
        "import resource, errno\n"
        "import zmq\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\n"
        "held = []\n"
        "try:\n"
        "    while True: held.append(os.open('/dev/null', os.O_RDONLY))\n"
        "except OSError: pass\n"
        "link.start(); rig.log(b'1'); link.wait_safe(0.2); link.close(0.2)\n"
        "print(len(rig.warned), 'alive', flush=True)\n"
    )
    result = run_script(tmp_path, body)
    assert (result.returncode, result.stdout, result.stderr) == (0, "1 alive\n", ""), result


def test_a_killed_trainer_leaves_its_spool_to_be_adopted(tmp_path: Path) -> None:
    """What was spooled survives SIGKILL, and its lock does not."""
    body = (
        "link.start(); rig.loop.wait_state('spooling'); rig.log(b'1', b'2')\n"
        "assert link.wait_safe(150); print(link.session, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    result = run_script(tmp_path, body)
    assert result.returncode == -signal.SIGKILL
    spool = paths_below(tmp_path).spool
    session = int(result.stdout)
    assert not owner_alive(spool, session)
    assert [bytes(item.payload) for item in read_session(spool, session)] == [b"1", b"2"]
