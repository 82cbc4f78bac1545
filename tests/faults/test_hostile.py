"""Rows 26, 28 and 31 of the fault table: mute, garbled, oversize and fuzzed connections to a real daemon.

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


class Besieged:
    """A daemon, and an honest trainer that must not notice anything."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rng = random.Random(SEED)
        self.pid = house.daemon().pid
        self.socket = house.paths.ingest_socket
        self.trainer = Pusher(house, "honest", random.Random(SEED), records=10**9)
        until(lambda: self.trainer.link.status().durable_c > 10, "the honest trainer to be heard")
        self.connections = connections(self.pid)
        self.memory_mib = resident_mib(self.pid)

    def relieved(self) -> None:
        """The siege is over: same process, all of the honest trainer's records, memory as before."""
        self.trainer.stop()
        self.trainer.wait_durable()
        assert self.trainer.link.status().state == "online"
        self.trainer.check_kept(self.house)
        assert self.house.daemon_pid() == self.pid
        grown = resident_mib(self.pid) - self.memory_mib
        print(f"FILMLAB_SEED={SEED}: the daemon's memory has grown by {grown:.0f} MiB")
        assert grown < 200, f"{grown:.0f} MiB more"

    def garbage(self) -> int:
        """How many messages the daemon has counted as none of ours."""
        return sum(self.house.ask("status")["garbage"].values())


@pytest.fixture
def besieged(house: House):  # type: ignore[no-untyped-def]
    made = Besieged(house)
    yield made
    made.trainer.link.close(5.0)


def test_row_26_mute_and_garbled_connections_are_closed(besieged: Besieged) -> None:
    """Hundreds that connect and say nothing, or nonsense, are hung up on after the handshake's time; nobody else is."""
    rng = besieged.rng
    mute = [zmtp.connect(besieged.socket) for _ in range(MUTE)]
    for _ in range(MUTE):
        garbled = zmtp.connect(besieged.socket)
        garbled.sendall(rng.randbytes(rng.randint(1, 200)))
        mute.append(garbled)
    for end in mute:
        end.settimeout(30.0)
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
            oversize.settimeout(10.0)
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


def test_row_31_fuzzed_records_are_refused_and_counted(besieged: Besieged) -> None:
    """Records whose bytes are wrong behind a right CRC: refused or taken for what they say, never the daemon's end."""
    rng = besieged.rng
    end = zmtp.greet(besieged.socket)
    session = rng.randrange(1, 2**63)
    hello = messages.Hello(pid=os.getpid(), host="node")
    end.sendall(zmtp.message(_parts(messages.encode(hello, session))))
    seqs = {Kind.DATA_C: 0, Kind.DATA_B: 0}
    for number in range(FUZZED):
        kind = rng.choice([Kind.DATA_C, Kind.DATA_C, Kind.DATA_B, rng.choice(list(Kind))])
        parts = _parts(_record(rng, kind, session, seqs.get(kind, number) + 1))
        if rng.random() < 0.1:
            parts = _bent(rng, parts)
        elif kind in seqs:
            # One that was bent may have been taken all the same; then this number comes again and is passed over.
            seqs[kind] += 1
        end.sendall(zmtp.message(parts))
        _swallow(end)
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
        end.settimeout(10.0)
