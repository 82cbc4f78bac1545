"""The sender's thread on real sockets: hand-over, waiting, faults, forks and the end."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client.lab import CREDIT_BYTES, WAIT_S, LabDaemon, ModelDaemon, ipc, paths_below
from filmlab.delivery import Acked, Event, Limits, LinkOptions, NewBoot, Printed, StateChanged
from filmlab.errors import BadInput
from filmlab.link import Link
from filmlab.outbox import Outbox
from filmlab.spool import owner_alive, read_session
from filmlab.wire import messages
from filmlab.wire.chunks import Film
from filmlab.wire.messages import Stream

FILM = Film(run=0, film=1, first=0, count=1, height=2, width=2, channels=3)


class Loop:
    """A training loop: what it hands over becomes one record each; what happened is kept to be waited for."""

    def __init__(self) -> None:
        self.items: list[bytes] = []
        self.films: list[bytes] = []
        self.events: list[Event] = []
        self.changed = threading.Condition()

    def drain(self, outbox: Outbox, now: float) -> bool:
        moved = bool(self.items or self.films)
        while self.items and outbox.control_room(len(self.items[0])):
            outbox.push_c([self.items.pop(0)])
        while self.films and outbox.film_room(len(self.films[0])):
            outbox.push_b(FILM, [self.films.pop(0)])
        return moved

    def handle(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def next_at(self) -> float | None:
        return None

    def wait_for(self, predicate: Callable[[list[Event]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: predicate(self.events), WAIT_S), self.events

    def wait_state(self, state: str) -> None:
        self.wait_for(lambda events: any(isinstance(item, StateChanged) and item.state == state for item in events))


class Rig:
    """A loop and its link, to an endpoint of the test."""

    def __init__(self, directory: Path, mode: str = "online", limits: Limits | None = None, endpoint: str = "") -> None:
        self.loop = Loop()
        self.warned: list[str] = []
        self.paths = paths_below(directory)
        self.options = LinkOptions(
            self.paths,
            mode,  # type: ignore[arg-type]  # one of Mode, as text
            endpoint or ipc(directory),
            limits if limits is not None else Limits(offline_after_s=0.1, hello_after_s=0.2, reconnect_after_s=0.6),
            warn=self.warn,
        )
        self.link = Link(self.loop, self.options)

    def warn(self, kind: str, message: str) -> None:
        with self.loop.changed:
            self.warned.append(f"{kind}: {message}")
            self.loop.changed.notify_all()

    def log(self, *items: bytes) -> None:
        self.loop.items += items
        self.link.wake()

    def spooled(self) -> list[bytes]:
        return [bytes(item.payload) for item in read_session(self.paths.spool, self.link.session)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.link.close(0.0)


def stored(link: Link, count: int, stream: Stream = Stream.C) -> Callable[[ModelDaemon], bool]:
    return lambda model: len(model.durable[link.session, stream]) >= count


def test_what_is_handed_over_becomes_durable(rig: Rig, tmp_path: Path) -> None:
    """Records arrive once and in order, are acknowledged, and closing says that all is durable."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(*(b"%d" % number for number in range(100)))
        assert rig.link.wait_safe(WAIT_S)
        closing = rig.link.close(WAIT_S)
        assert (closing.durable, closing.safe, closing.lost_records, closing.why) == (True, True, 0, "")
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"%d" % number for number in range(100)]
        daemon.wait_for(lambda model: rig.link.session in model.byes)
    assert rig.link.status().durable_c == 100
    assert rig.warned == []
    assert not rig.paths.spool_dir(rig.link.session).exists()


def test_hello_says_who_is_there(rig: Rig, tmp_path: Path) -> None:
    """The daemon learns the process, when it began, and its umask."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        daemon.wait_for(lambda model: bool(model.hellos))
        hello = daemon.model.hellos[0]
    assert hello.pid == os.getpid()
    assert hello.started > 0
    before = os.umask(0)
    os.umask(before)
    assert hello.umask == before


def test_film_larger_than_the_credit_gets_through(rig: Rig, tmp_path: Path) -> None:
    """More film than may be in flight is sent in turns, while control goes on."""
    films = [bytes([number]) * (CREDIT_BYTES // 3) for number in range(12)]
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.loop.films += films
        rig.log(b"metric")
        assert rig.link.wait_safe(WAIT_S)
        assert [payload[4:] for payload in daemon.model.payloads(rig.link.session, Stream.B)] == films
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"metric"]


def test_a_sleeping_thread_is_woken_only_when_it_sleeps(tmp_path: Path) -> None:
    """After a second of nothing the thread sleeps; a record handed over then wakes it at once."""
    rig = Rig(tmp_path, limits=Limits())
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"x")
        daemon.wait_for(stored(rig.link, 1))
        asleep = threading.Event()
        sender = rig.link._sender
        assert sender is not None
        for _ in range(int(WAIT_S * 100)):
            if sender.sleeping or asleep.wait(0.01):
                break
        assert sender.sleeping
        rig.log(b"y")
        daemon.wait_for(stored(rig.link, 2))
        rig.link.close(WAIT_S)


def test_a_killed_daemon_costs_nothing(rig: Rig, tmp_path: Path) -> None:
    """Records that were not durable when the daemon died are sent to the next one, none twice."""
    rig.link.start()
    model = ModelDaemon()
    with LabDaemon(ipc(tmp_path), model) as daemon:
        rig.log(b"1", b"2")
        daemon.wait_for(stored(rig.link, 2))
        daemon.syncs = False
        rig.log(b"3", b"4")
        daemon.wait_for(lambda model: len(model.received[rig.link.session, Stream.C]) == 2)
    model.crash()
    with LabDaemon(ipc(tmp_path), model) as daemon:
        rig.log(b"5")
        daemon.wait_for(stored(rig.link, 5))
        assert model.payloads(rig.link.session, Stream.C) == [b"1", b"2", b"3", b"4", b"5"]
        rig.loop.wait_for(lambda events: NewBoot(2) in events)


def test_without_a_daemon_records_go_to_disk_and_come_back(rig: Rig, tmp_path: Path) -> None:
    """The spool takes what comes while nobody answers, and gives it back in order; then it is gone."""
    rig.link.start()
    rig.loop.wait_state("spooling")
    rig.log(b"1", b"2")
    rig.loop.films += [b"film"]
    assert rig.link.wait_safe(WAIT_S)
    assert rig.spooled()[:2] == [b"1", b"2"]
    assert rig.link.status().spooled_bytes > 0
    assert not rig.link.status().durable_c
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.log(b"3")
        daemon.wait_for(stored(rig.link, 3))
        daemon.wait_for(stored(rig.link, 1, Stream.B))
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"1", b"2", b"3"]
        rig.loop.wait_for(lambda events: Acked(3, 1) in events)
        rig.link.close(WAIT_S)
    assert not rig.paths.spool_dir(rig.link.session).exists()


def test_a_daemon_that_hangs_is_asked_left_and_found_again(rig: Rig, tmp_path: Path) -> None:
    """Silence after an open connection: records are spooled, the socket is renewed, and all arrives when it wakes."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"1")
        daemon.wait_for(stored(rig.link, 1))
        daemon.silent = True
        rig.log(b"2")
        rig.loop.wait_state("spooling")
        daemon.wait_for(lambda model: len(model.hellos) >= 3)
        daemon.silent = False
        rig.log(b"3")
        daemon.wait_for(stored(rig.link, 3))
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"1", b"2", b"3"]


def test_closing_without_a_daemon_spools_and_lets_go(tmp_path: Path) -> None:
    """When time runs out the rest is on disk, its lock is free for a daemon to adopt it, and the reason is given."""
    rig = Rig(tmp_path, limits=Limits(offline_after_s=1000.0))
    rig.link.start()
    rig.log(b"1", b"2")
    closing = rig.link.close(0.05)
    assert (closing.durable, closing.safe, closing.lost_records) == (False, True, 0)
    assert closing.why
    assert rig.spooled() == [b"1", b"2"]
    assert not owner_alive(rig.paths.spool, rig.link.session)
    assert rig.link.close(0.05) is closing
    assert rig.link.ended == "closed"


def test_closing_counts_what_neither_daemon_nor_disk_took(tmp_path: Path) -> None:
    """Without daemon and spool the records are lost, and their number is told."""
    rig = Rig(tmp_path, limits=Limits(spool_bytes=0))
    rig.link.start()
    rig.log(b"1", b"2")
    closing = rig.link.close(0.05)
    assert (closing.safe, closing.lost_records) == (False, 2)


def test_waiting_in_vain_spools(tmp_path: Path) -> None:
    """Who waits too long for a daemon still gets the records to disk."""
    rig = Rig(tmp_path, limits=Limits(offline_after_s=1000.0))
    rig.link.start()
    rig.log(b"1")
    assert rig.link.wait_safe(0.05)
    assert rig.spooled() == [b"1"]
    rig.link.close(0.0)


def test_offline_spools_and_never_connects(tmp_path: Path) -> None:
    """Mode offline writes to disk even when a daemon is there."""
    rig = Rig(tmp_path, "offline")
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"1")
        assert rig.link.wait_safe(WAIT_S)
        assert rig.link.close(WAIT_S).safe
        assert daemon.model.hellos == []
    assert rig.spooled() == [b"1"]


def test_a_full_spool_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    """When the spool's bound is reached records stay in memory, one sentence says so, and all arrive later."""
    limits = Limits(offline_after_s=0.05, spool_bytes=3000, spool_retry_s=0.05)
    rig = Rig(tmp_path, limits=limits)
    rig.link.start()
    items = [bytes([number]) * 1000 for number in range(10)]
    rig.log(*items)
    rig.loop.wait_for(lambda _: bool(rig.warned))
    with LabDaemon(ipc(tmp_path)) as daemon:
        daemon.wait_for(stored(rig.link, 10))
        assert daemon.model.payloads(rig.link.session, Stream.C) == items
        rig.link.close(WAIT_S)
    assert len(rig.warned) == 1
    assert "the spool is full" in rig.warned[0]


def test_prints_reach_the_loop(rig: Rig, tmp_path: Path) -> None:
    """What the daemon tells of prints comes to the source."""
    told = messages.Print(0, "episode", True, 3, "episodes/episode_000003.gif")
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"1")
        daemon.wait_for(stored(rig.link, 1))
        daemon.tell(told)
        rig.loop.wait_for(lambda events: Printed(told) in events)


def test_a_daemon_whose_state_is_gone_ends_the_session(rig: Rig, tmp_path: Path) -> None:
    """A daemon that has forgotten acknowledged records is noticed: the link is over, and says why."""
    rig.link.start()
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.log(b"1")
        daemon.wait_for(stored(rig.link, 1))
        rig.loop.wait_for(lambda events: Acked(1, 0) in events)
    other = ModelDaemon()
    other.boot = 99
    with LabDaemon(ipc(tmp_path), other):
        rig.loop.wait_state("lost")
        assert rig.link._thread is not None
        rig.link._thread.join(WAIT_S)
    assert rig.link.ended == "lost"
    assert "its state is gone" in rig.warned[0]
    assert rig.link.close(0.0).why == rig.link.why_ended


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:1234", "ipc://@abstract", "ipc:///" + "x" * 110])
def test_a_wrong_endpoint_is_refused_at_the_start(tmp_path: Path, endpoint: str) -> None:
    """An endpoint that others could reach, or that cannot be, raises in `start`, where the caller can see it."""
    with pytest.raises(BadInput):
        Rig(tmp_path, endpoint=endpoint).link.start()


def test_a_socket_in_an_open_directory_is_not_used(rig: Rig, tmp_path: Path) -> None:
    """Where others could have put the socket nothing is sent: it is said once, and records are spooled."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        tmp_path.chmod(0o755)
        rig.link.start()
        rig.loop.wait_state("spooling")
        rig.log(b"1")
        assert rig.link.wait_safe(WAIT_S)
        assert daemon.model.hellos == []
    assert len(rig.warned) == 1
    assert "open to others" in rig.warned[0]


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
        assert rig.link.wait_safe(WAIT_S)
        assert not rig.link.dead
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"1", b"2"]


def test_a_forked_child_does_not_keep_the_spool(rig: Rig) -> None:
    """The spool's lock ends with the process that wrote it, though a child of it lives on."""
    rig.link.start()
    rig.loop.wait_state("spooling")
    rig.log(b"1")
    assert rig.link.wait_safe(WAIT_S)
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
        "from client.test_link import Rig\n"
        "rig = Rig(Path(sys.argv[2])); link = rig.link\n"
    )
    tests = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", head + body, tests, str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]  # options of subprocess.run


def test_a_process_that_never_closes_still_ends(tmp_path: Path) -> None:
    """Neither a connection nor the want of one holds up the end of the interpreter."""
    body = "link.start(); rig.log(b'1'); print(link.wait_safe(20)); print('end', flush=True)\n"
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
        "assert link.wait_safe(20); print(link.session, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    result = run_script(tmp_path, body)
    assert result.returncode == -signal.SIGKILL
    spool = paths_below(tmp_path).spool
    session = int(result.stdout)
    assert not owner_alive(spool, session)
    assert [bytes(item.payload) for item in read_session(spool, session)] == [b"1", b"2"]


def test_an_idle_link_costs_no_processor_time(rig: Rig, tmp_path: Path) -> None:
    """With nothing to do the thread sleeps without a limit: no timer is running."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(b"1")
        daemon.wait_for(stored(rig.link, 1))
        rig.loop.wait_for(lambda events: Acked(1, 0) in events)
        sender = rig.link._sender
        assert sender is not None
        sender.sleeping = True
        assert sender._pause(resource.getrusage(resource.RUSAGE_SELF).ru_utime) is None
        sender.sleeping = False
