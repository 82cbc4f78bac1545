"""The sender's thread on real sockets: hand-over, waiting, faults and the end."""

import fcntl
import os
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.lab import CREDIT_BYTES, LabDaemon, ModelDaemon, ipc, paths_below
from client.loop import Loop, Rig, stored
from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.errors import BadInput
from filmlab.link.delivery import Acked, Limits, LinkOptions, NewBoot, Printed
from filmlab.link.link import Link
from filmlab.spool import owner_alive
from filmlab.wire import messages
from filmlab.wire.messages import Stream
from patience import PATIENCE_S


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.link.close(0.0)


def test_what_is_handed_over_becomes_durable(rig: Rig, tmp_path: Path) -> None:
    """Records arrive once and in order, are acknowledged, and closing says that all is durable."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.link.start()
        rig.log(*(b"%d" % number for number in range(100)))
        assert rig.link.wait_safe(PATIENCE_S)
        closing = rig.link.close(PATIENCE_S)
        assert (closing.durable, closing.safe, closing.lost_records, closing.why) == (True, True, 0, "")
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"%d" % number for number in range(100)]
        daemon.wait_for(lambda model: rig.link.session in model.byes)
    assert rig.link.status().durable_c == 100
    assert rig.warned == []
    assert not (rig.paths.spool / f"{rig.link.session:016x}").exists()


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
        # Not `wait_safe`: where the daemon's thread is slow to answer, what waits is safe in the spool.
        daemon.wait_for(stored(rig.link, len(films), Stream.B))
        daemon.wait_for(stored(rig.link, 1))
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
        for _ in range(int(PATIENCE_S * 100)):
            if sender.sleeping or asleep.wait(0.01):
                break
        assert sender.sleeping
        rig.log(b"y")
        daemon.wait_for(stored(rig.link, 2))
        rig.link.close(PATIENCE_S)


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
    assert rig.link.wait_safe(PATIENCE_S)
    assert rig.spooled()[:2] == [b"1", b"2"]
    assert rig.link.status().spooled_bytes > 0
    assert not rig.link.status().durable_c
    with LabDaemon(ipc(tmp_path)) as daemon:
        rig.log(b"3")
        daemon.wait_for(stored(rig.link, 3))
        daemon.wait_for(stored(rig.link, 1, Stream.B))
        assert daemon.model.payloads(rig.link.session, Stream.C) == [b"1", b"2", b"3"]
        rig.loop.wait_for(lambda events: Acked(3, 1) in events)
        rig.link.close(PATIENCE_S)
    assert not (rig.paths.spool / f"{rig.link.session:016x}").exists()


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


def test_a_daemon_that_dies_before_it_opens_the_door_is_not_waited_for(tmp_path: Path) -> None:
    """Called and gone before any handshake: no connection broke, and the next daemon is found all the same."""
    never = Limits(hello_after_s=1e6, reconnect_after_s=1e6)
    paths = paths_below(tmp_path)
    paths.make()
    loop = Loop()
    link = Link(loop, LinkOptions(paths, "online", limits=never))
    with socket.socket(socket.AF_UNIX) as mute, paths.daemon_lock.open("w") as lock:
        # Bound, and deaf: whoever connects is refused, and libzmq tries again for ever without a word.
        mute.bind(ipc(tmp_path / "mute").removeprefix("ipc://"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_endpoint(paths.endpoint, Endpoint(ipc(tmp_path / "mute"), "", 1, "0", 1))
        loop.items.append(b"1")
        link.start()
        pause = threading.Event()
        for _ in range(int(PATIENCE_S * 100)):
            sender = link._sender
            if sender is not None and sender.dealer is not None and sender.dealer.is_open:
                break
            pause.wait(0.01)
    with LabDaemon(ipc(tmp_path / "next")) as daemon, paths.daemon_lock.open("w") as lock:
        write_endpoint(paths.endpoint, Endpoint(daemon.endpoint, "", 2, "0", 2))
        fcntl.flock(lock, fcntl.LOCK_EX)
        daemon.wait_for(stored(link, 1))
        link.close(PATIENCE_S)


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
        assert rig.link.wait_safe(PATIENCE_S)
        assert rig.link.close(PATIENCE_S).safe
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
        rig.link.close(PATIENCE_S)
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
        rig.link._thread.join(PATIENCE_S)
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
        assert rig.link.wait_safe(PATIENCE_S)
        assert daemon.model.hellos == []
    assert len(rig.warned) == 1
    assert "open to others" in rig.warned[0]


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
