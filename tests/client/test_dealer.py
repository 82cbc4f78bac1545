"""The sender's socket against a real one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.lab import LabDaemon, ipc
from filmlab.errors import BadInput, Transient
from filmlab.link.dealer import Dealer
from filmlab.wire import messages
from filmlab.wire.frame import Envelope, Kind, seal
from filmlab.wire.messages import Stream
from patience import PATIENCE_S

READS_THE_LAST_WORDS = """
import os, sys, zmq
from filmlab.link.dealer import Dealer
from filmlab.wire.frame import Kind, seal
endpoint, before = sys.argv[1], int(sys.argv[2])
context, dealer, wake_fd = zmq.Context(), Dealer(), os.eventfd(0, os.EFD_NONBLOCK)
record = seal(Kind.DATA_C, 7, 1, b"\\x80", b"...")
assert len(record.parts) == 3
daemon = context.socket(zmq.ROUTER)
daemon.bind(endpoint)
os.chmod(endpoint.removeprefix("ipc://"), 0o600)
dealer.open(endpoint)
while not dealer.changes():
    dealer.wait(wake_fd, None)
dealer.send([record])
peer = daemon.recv_multipart()[0]
for _ in range(before):
    daemon.send_multipart([peer, b"of one part"])
for _ in range(300):
    daemon.send_multipart([peer, *record.parts])
dealer.wait(wake_fd, None)
context.destroy(linger=5000)
# Not `wait`: libzmq would look at its commands there, and not while a message is read.
while not dealer._monitor.poll(1000):
    pass
found = []
while not found or found[-1]:
    found.append(len(dealer.receive()))
print([sum(found), found[-1]])
"""
HELLO = messages.encode(messages.Hello(1, "host"), 7)


@pytest.fixture
def dealer() -> Iterator[Dealer]:
    dealer = Dealer()
    yield dealer
    dealer.end()


@pytest.fixture
def wake_fd() -> Iterator[int]:
    descriptor = os.eventfd(0, os.EFD_NONBLOCK)
    yield descriptor
    os.close(descriptor)


def wait_change(dealer: Dealer, wake_fd: int) -> list[bool]:
    for _ in range(int(PATIENCE_S)):
        # What is not taken would end every wait at once.
        while dealer.receive():
            pass
        if changes := dealer.changes():
            return changes
        dealer.wait(wake_fd, 1.0)
    raise AssertionError("nothing happened")


def wait_message(dealer: Dealer, wake_fd: int) -> list[Envelope]:
    for _ in range(int(PATIENCE_S)):
        if came := dealer.receive():
            return came
        dealer.wait(wake_fd, 1.0)
    raise AssertionError("nothing came")


def test_the_connection_is_told_and_carries_records(dealer: Dealer, wake_fd: int, tmp_path: Path) -> None:
    """It comes up, carries records both ways, whole, and its end is told."""
    with LabDaemon(ipc(tmp_path)) as daemon:
        dealer.open(ipc(tmp_path))
        assert wait_change(dealer, wake_fd) == [True]
        assert dealer.changes() == []
        large = seal(Kind.DATA_B, 7, 1, b"\x80", bytes(8 * 1024 * 1024))
        dealer.send([HELLO, large])
        assert wait_message(dealer, wake_fd)[0].kind is Kind.WELCOME
        daemon.wait_for(lambda model: len(model.durable[7, Stream.B]) == 1)
    assert wait_change(dealer, wake_fd) == [False]


def test_what_cannot_leave_waits_and_is_forgotten_with_the_connection(dealer: Dealer, tmp_path: Path) -> None:
    """Without a peer nothing is accepted: records stay, in order, until the connection is given up."""
    with LabDaemon(ipc(tmp_path)):
        pass
    # The daemon is gone, its socket's file is still there.
    dealer.open(ipc(tmp_path))
    dealer.send([HELLO, HELLO])
    assert dealer.backlog
    dealer.close()
    assert not dealer.backlog
    assert not dealer.is_open


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_peer_that_goes_away_while_it_is_read_ends_no_training(before: int, tmp_path: Path) -> None:
    """Everything that it has said arrives, whichever part of it libzmq is at when it looks at its own commands."""
    done = subprocess.run(
        [sys.executable, "-c", READS_THE_LAST_WORDS, ipc(tmp_path), str(before)],
        text=True, capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[300, 0]\n"), done.stderr


def test_a_missing_or_foreign_socket_is_not_opened(dealer: Dealer, tmp_path: Path) -> None:
    """A missing socket is for later, one in an open directory is refused; neither leaves anything open."""
    with pytest.raises(Transient):
        dealer.open(ipc(tmp_path))
    with LabDaemon(ipc(tmp_path)):
        tmp_path.chmod(0o777)
        with pytest.raises(BadInput):
            dealer.open(f"ipc://{tmp_path}/lab.sock")
    assert not dealer.is_open


def test_waiting_ends_when_it_is_rung(dealer: Dealer, wake_fd: int) -> None:
    """Without a connection the thread sleeps on its bell alone."""
    os.eventfd_write(wake_fd, 1)
    dealer.wait(wake_fd, None)
    assert os.eventfd_read(wake_fd) == 1
    dealer.wait(wake_fd, 0.001)
