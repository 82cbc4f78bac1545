"""Rows 26, 28, 29 and 31 of the fault table: mute, garbled, endless, flooding and fuzzed connections.

Beside each an honest trainer goes on. FILMLAB_SEED replays.
"""

import contextlib
import os
import random
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.house import House, until
from faults import zmtp
from faults.pusher import Pusher
from filmlab.wire import messages
from filmlab.wire.frame import HEADER_BYTES, PAYLOAD_MAX_BYTES, Kind, seal
from patience import PATIENCE_S

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
MUTE = 250
FUZZED = int(os.environ.get("FILMLAB_FUZZED", "10000"))


def connections(pid: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(path.readlink()).startswith("socket:")
    return found


def resident_mib(pid: int) -> float:
    """A process's memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


# `last:1`: taken and kept, and nothing to develop meanwhile; it is the way to the disk that is flooded.
FLOODER = """
    import os, threading
    import numpy as np
    import filmlab

    noise = np.random.default_rng(0).integers(0, 256, (8, 240, 240, 3), np.uint8)
    run = filmlab.init(project="faults", name="flood", id=os.environ["RUN"], memory_bytes=64 << 20, schedule="last:1")
    pause = threading.Event()
    while not pause.wait(0.02):
        with run.episode() as episode:
            for step in range(100):
                episode.step(action=0, reward=1.0, frame=noise[step % 8])
"""
FLUSHER = """
    import filmlab

    run = filmlab.init(project="faults", name="honest", id="honest")
    answered = 0
    for step in range(20):
        run.log({"n": step}, step=step)
        answered += run.flush(60)
    run.finish()
    print("answered", answered, flush=True)
"""


def is_closed(end: socket.socket) -> bool:
    """Has the other side hung up?"""
    try:
        return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


class Besieged:
    """A daemon, and an honest trainer that must not notice anything."""

    def __init__(self, house: House, *flags: str) -> None:
        self.house = house
        self.rng = random.Random(SEED)
        self.pid = house.daemon(*flags).pid
        self.socket = house.paths.ingest_socket
        self.trainer = Pusher(house, "honest", random.Random(SEED), records=10**9)
        until(lambda: self.trainer.link.status().durable_c > 10, "the honest trainer to be heard")
        self.connections = connections(self.pid)
        self.memory_mib = resident_mib(self.pid)

    def relieved(self) -> None:
        """The siege is over: same process, all of the honest trainer's records, memory as before."""
        self.trainer.stop()
        self.trainer.wait_durable()
        until(lambda: self.trainer.link.status().state == "online", "the honest trainer to be online")
        self.trainer.check_kept(self.house)
        assert self.house.daemon_pid() == self.pid
        grown = resident_mib(self.pid) - self.memory_mib
        print(f"FILMLAB_SEED={SEED}: the daemon's memory has grown by {grown:.0f} MiB")
        assert grown < 200, f"{grown:.0f} MiB more"

    def garbage(self) -> int:
        """How many messages the daemon has counted as none of ours."""
        return sum(self.house.ask("status")["garbage"].values())

    def end(self) -> None:
        """Let go of the trainer."""
        self.trainer.link.close(5.0)


@pytest.fixture
def besieged(house: House):  # type: ignore[no-untyped-def]
    made = Besieged(house)
    yield made
    made.end()


def test_row_26_mute_and_garbled_connections_are_closed(besieged: Besieged) -> None:
    """Hundreds that connect and say nothing, or nonsense, are hung up on after the handshake's time; nobody else is."""
    rng = besieged.rng
    mute = [zmtp.connect(besieged.socket) for _ in range(MUTE)]
    for _ in range(MUTE):
        garbled = zmtp.connect(besieged.socket)
        garbled.sendall(rng.randbytes(rng.randint(1, 200)))
        mute.append(garbled)
    for end in mute:
        end.settimeout(PATIENCE_S)
        try:
            while end.recv(4096):
                pass
        except ConnectionError:
            pass
        end.close()
    until(lambda: connections(besieged.pid) <= besieged.connections + 5, "the connections to be given back")
    print(f"{len(mute)} connections tried / 0 left")
    besieged.relieved()


def test_row_28_messages_beyond_every_limit_cost_nobody_else_anything(besieged: Besieged) -> None:
    """A part over 8 MiB ends its connection; hundreds of parts, or one that never ends, are refused and forgotten."""
    oversize = zmtp.greet(besieged.socket)
    with pytest.raises((ConnectionError, TimeoutError)):
        oversize.sendall(zmtp.frame(b"", claims=PAYLOAD_MAX_BYTES + 1))
        for _ in range(1000):
            oversize.sendall(bytes(16 * 1024))
            oversize.settimeout(PATIENCE_S)
    oversize.close()
    before = besieged.garbage()
    many = zmtp.greet(besieged.socket)
    for count in (1, 4, 5, 400):
        many.sendall(zmtp.message([b"x"] * count))
    until(lambda: besieged.garbage() >= before + 4, "four messages to be refused")
    many.close()
    unended = zmtp.greet(besieged.socket)
    for _ in range(200):
        unended.sendall(zmtp.frame(bytes(64 * 1024), more=True))
    unended.close()
    until(lambda: connections(besieged.pid) <= besieged.connections + 3, "the connections to be given back")
    besieged.relieved()


def test_row_28_a_message_without_end_costs_one_hanging_up(house: House) -> None:
    """Its memory comes back when all connections are closed; the honest trainer calls again and goes on."""
    besieged = Besieged(house, "--runaway-bytes", "64MiB")
    unended = zmtp.greet(besieged.socket)
    piece = zmtp.frame(bytes(256 * 1024), more=True)
    with pytest.raises(ConnectionError):
        for _ in range(100_000):
            unended.sendall(piece)
            # So that it is seen before it has taken all there is.
            until(lambda: resident_mib(besieged.pid) < besieged.memory_mib + 400 or is_closed(unended), "an end of it")
    unended.close()
    until(lambda: house.ask("status")["runaways"] == 1, "the daemon to notice")
    until(lambda: resident_mib(besieged.pid) < besieged.memory_mib + 100, "the memory to come back")
    until(lambda: house.ask("status")["sessions"], "the honest trainer to be back")
    besieged.relieved()
    besieged.end()


def test_row_29_every_flush_is_answered_beside_a_flood(house: House) -> None:
    """Three processes hand over noise as fast as they can; another one's flushes are all answered meanwhile."""
    house.daemon()
    flooders = [house.trainer(FLOODER, RUN=f"flood{number}") for number in range(3)]
    until(lambda: house.ask("status")["ingested_bytes"] > 50_000_000, "a flood")
    output = house.train(FLUSHER)
    assert output.splitlines()[-1] == "answered 20", output
    assert all(flooder.poll() is None for flooder in flooders)


def test_row_31_fuzzed_records_are_refused_and_counted(besieged: Besieged) -> None:
    """Records whose bytes are wrong behind a right CRC: refused or taken for what they say, never the daemon's end."""
    rng = besieged.rng
    end = zmtp.greet(besieged.socket)
    session, seqs = 0, {Kind.DATA_C: 0, Kind.DATA_B: 0}
    for number in range(FUZZED):
        if not session:
            session = rng.randrange(1, 2**63)
            seqs = dict.fromkeys(seqs, 0)
            hello = messages.Hello(pid=os.getpid(), host="node")
            end.sendall(zmtp.message(_parts(messages.encode(hello, session))))
        kind = rng.choice([Kind.DATA_C, Kind.DATA_C, Kind.DATA_B, rng.choice(list(Kind))])
        parts = _parts(_record(rng, kind, session, seqs.get(kind, number) + 1))
        if rng.random() < 0.1:
            parts = _bent(rng, parts)
        elif kind in seqs:
            # One that was bent may have been taken all the same; then this number comes again and is passed over.
            seqs[kind] += 1
        end.sendall(zmtp.message(parts))
        _swallow(end)
        if kind is Kind.BYE or number % 1000 == 999:
            # The session ends as soon as the daemon has a moment for it. (One that was bent may be a BYE as well.)
            session = 0
    until(lambda: besieged.house.ask("status")["refused_records"] > FUZZED // 3, "most of them to be refused")
    end.close()
    status = besieged.house.ask("status")
    print(f"{FUZZED} fuzzed records tried / 0 bad: {status['refused_records']} refused, garbage {status['garbage']}")
    besieged.relieved()


def _record(rng: random.Random, kind: Kind, session: int, seq: int):  # type: ignore[no-untyped-def]
    makers: list[Callable[[], bytes]] = [
        lambda: rng.randbytes(rng.randint(0, 300)),
        lambda: bytes([0x80 | rng.randint(0, 15)]) + rng.randbytes(rng.randint(0, 100)),
        lambda: b"\x91" * rng.randint(1, 1000),
        lambda: b"\x80",
        lambda: (
            struct.pack("<BBHIqqdI", rng.randint(0, 20), 0, 0, rng.randint(0, 3), -1, -1, 1.0, rng.randint(0, 40))
            + rng.randbytes(rng.randint(0, 40))
        ),
    ]
    return seal(kind, session, seq, rng.choice(makers)(), rng.choice(makers)())


def _parts(envelope) -> list[bytes]:  # type: ignore[no-untyped-def]
    return [bytes(part) for part in envelope.parts]


def _bent(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    """A header that lies, with a CRC that is right for it."""
    header = bytearray(parts[0])
    header[rng.randrange(HEADER_BYTES - 4)] ^= 1 << rng.randrange(8)
    body = b"".join(parts[1:])
    header[-4:] = struct.pack("<I", zlib.crc32(body, zlib.crc32(bytes(header[:-4]))))
    return [bytes(header), *parts[1:]]


def _swallow(end: socket.socket) -> None:
    """What the daemon answers, so that it never waits for us."""
    end.setblocking(False)
    try:
        end.recv(65536)
    except BlockingIOError:
        pass
    finally:
        end.settimeout(PATIENCE_S)
