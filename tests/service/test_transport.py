"""Records in and out over a real socket, and who is let in."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zmq

from filmlab.link.outgoing import IN_FLIGHT_MOST
from filmlab.wire import messages
from filmlab.wire.frame import Kind, open_parts, seal
from filmlabd.core.events import Garbage, Received
from filmlabd.transport import RECEIVE_MOST, Admission, Transport, admits
from patience import PATIENCE_S


class Bench:
    """A transport that listens, and one client."""

    def __init__(self, path: Path) -> None:
        self.events: asyncio.Queue[Received | Garbage] = asyncio.Queue()
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.admission = Admission(self.context)
        self.transport = Transport(self.context, self.events.put_nowait)
        self.endpoint = f"ipc://{path}/i.sock"
        self.transport.bind(self.endpoint)
        self.client_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.client = self.dealer()

    def dealer(self) -> "zmq.Socket[bytes]":
        made = self.client_context.socket(zmq.DEALER)
        made.linger = 0
        made.connect(self.endpoint)
        return made

    async def next(self) -> Received | Garbage:
        return await asyncio.wait_for(self.events.get(), PATIENCE_S)

    def close(self) -> None:
        self.client_context.destroy(linger=0)
        self.transport.close()
        self.admission.close()
        self.context.destroy(linger=0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


async def test_a_record_arrives_with_the_kernels_word_on_its_sender(bench: Bench) -> None:
    """The pid is the kernel's, not the client's own."""
    sent = messages.encode(messages.Ping(5), session=9)
    bench.client.send_multipart(sent.parts)
    got = await bench.next()
    assert isinstance(got, Received)
    assert got.pid == os.getpid()
    assert messages.decode(got.envelope) == messages.Ping(5)


async def test_many_messages_at_once_all_arrive_in_order(bench: Bench) -> None:
    """The edge-triggered descriptor is read until nothing is left, however much comes at once."""
    for nonce in range(500):
        bench.client.send_multipart(messages.encode(messages.Ping(nonce), 9).parts)
    got = [await bench.next() for _ in range(500)]
    assert [messages.decode(item.envelope) for item in got if isinstance(item, Received)] == [
        messages.Ping(nonce) for nonce in range(500)
    ]


async def test_what_a_peer_sent_before_it_went_away_arrives(bench: Bench) -> None:
    """Nobody reads for a while, as when a daemon hangs: no bound on records holds a connection up, since libzmq loses
    what has not been read of such a one, or aborts, when its peer goes away."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    leaver = context.socket(zmq.DEALER)
    leaver.connect(bench.endpoint)
    leaver.send_multipart(messages.encode(messages.Ping(900), 9).parts)
    await bench.next()
    for nonce in range(900):
        leaver.send_multipart(messages.encode(messages.Ping(nonce), 9).parts)
    context.destroy(linger=int(PATIENCE_S * 1000))
    got = [await bench.next() for _ in range(900)]
    assert len({messages.decode(item.envelope) for item in got if isinstance(item, Received)}) == 900


def test_a_socket_holds_more_records_than_a_client_has_on_their_way() -> None:
    """Two streams, and what is said beside them: twice of it, so that an honest peer is never held up."""
    assert RECEIVE_MOST >= 2 * 2 * IN_FLIGHT_MOST


async def test_an_answer_reaches_the_peer_and_a_stranger_none(bench: Bench) -> None:
    """Sending to a peer that is not there is told, not raised."""
    bench.client.send_multipart(messages.encode(messages.Ping(5), 9).parts)
    got = await bench.next()
    pong = messages.encode(messages.Pong(5), 9)
    assert bench.transport.send(got.peer, pong)
    assert not bench.transport.send(b"nobody", pong)
    assert bench.client.poll(int(PATIENCE_S * 1000))
    assert messages.decode(open_parts(bench.client.recv_multipart())) == messages.Pong(5)


@pytest.mark.parametrize(
    "parts",
    [
        [b"one part"],
        [b"x" * 36, b""],
        [b"", b"", b"", b""],
        [messages.encode(messages.Ping(5), 9).header[:-1] + b"\0", b"\x80"],
    ],
    ids=["one part", "no magic", "four parts", "altered"],
)
async def test_what_is_no_record_is_garbage(bench: Bench, parts: list[bytes]) -> None:
    """Nothing that a peer sends raises; it becomes an event with a reason."""
    bench.client.send_multipart(parts)
    got = await bench.next()
    assert isinstance(got, Garbage)
    assert got.reason


async def test_a_record_of_another_version_says_so(bench: Bench) -> None:
    """The version can be answered even where nothing else is understood."""
    record = seal(Kind.DATA_C, 9, 1, b"\x80")
    newer = record.header[:4] + b"\x02" + record.header[5:]
    bench.client.send_multipart([newer, record.meta])
    got = await bench.next()
    assert isinstance(got, Garbage)
    assert got.version == 2


async def test_a_wiped_socket_is_noticed_and_bound_again(bench: Bench) -> None:
    """A logout may wipe the runtime directory under a living daemon."""
    assert not bench.transport.gone()
    Path(bench.endpoint.removeprefix("ipc://")).unlink()
    assert bench.transport.gone()
    bench.transport.bind_again(bench.endpoint)
    assert not bench.transport.gone()
    bench.client.close()
    bench.client = bench.dealer()
    bench.client.send_multipart(messages.encode(messages.Ping(6), 9).parts)
    assert isinstance(await bench.next(), Received)


@pytest.mark.parametrize(
    ("address", "let_in"),
    [
        (f"localhost:{os.getuid()}:1:1", True),
        (f"localhost:{os.getuid() + 1}:1:1", False),
        ("127.0.0.1", False),
        ("", False),
        ("::1:0:0:0:0", False),
    ],
)
def test_only_our_own_user_is_let_in(address: str, let_in: bool) -> None:
    """The socket's directory is the lock; the kernel's word on the peer is the second one."""
    assert admits(address) is let_in
