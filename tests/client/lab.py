"""A small daemon for the tests of the client: the protocol as DELIVERY tells it, first pure, then on a real socket."""

import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import zmq

from filmlab.errors import WireError
from filmlab.paths import StatePaths
from filmlab.wire import messages
from filmlab.wire.frame import Envelope, Kind, open_parts
from filmlab.wire.messages import Stream
from patience import PATIENCE_S

CREDIT_BYTES = 1024 * 1024


class ModelDaemon:
    """Receives, stores in order, makes durable when told, acknowledges what is durable. No socket, no clock.

    Unrealistic: it never refuses a record, and its disk is a dictionary.
    """

    def __init__(self, credit_bytes: int = CREDIT_BYTES) -> None:
        self.boot = 1
        self.credit_bytes = credit_bytes
        self.durable: dict[tuple[int, Stream], list[Envelope]] = defaultdict(list)
        self.received: dict[tuple[int, Stream], list[Envelope]] = defaultdict(list)
        self.known: set[int] = set()
        self.hellos: list[messages.Hello] = []
        self.byes: set[int] = set()

    def handle(self, envelope: Envelope) -> list[Envelope]:
        """What it answers."""
        session = envelope.session
        match envelope.kind:
            case Kind.HELLO:
                hello = messages.decode(envelope)
                assert isinstance(hello, messages.Hello)
                self.hellos.append(hello)
                self.known.add(session)
                return [self.welcome(session)]
            case Kind.BYE:
                self.byes.add(session)
                return [messages.encode(messages.Bye(), session)]
            case Kind.DATA_C | Kind.DATA_B:
                return self._data(envelope)
            case _:
                raise WireError(envelope.kind.name)

    def sync(self) -> list[Envelope]:
        """Everything that was received is durable from here on; the acks for it."""
        moved = {session for (session, _), records in self.received.items() if records}
        for key, records in self.received.items():
            self.durable[key] += records
            records.clear()
        return [self.ack(session) for session in sorted(moved)]

    def crash(self) -> None:
        """Another boot: what was not durable is gone."""
        self.boot += 1
        self.received.clear()
        self.known.clear()

    def next_seq(self, session: int, stream: Stream) -> int:
        return len(self.durable[session, stream]) + len(self.received[session, stream]) + 1

    def welcome(self, session: int) -> Envelope:
        c, b = (session, Stream.C), (session, Stream.B)
        message = messages.Welcome(
            self.boot, len(self.durable[c]), self.next_seq(*c), len(self.durable[b]), self.next_seq(*b),
            self.credit_bytes,
        )  # fmt: skip
        return messages.encode(message, session)

    def ack(self, session: int) -> Envelope:
        durable = [len(self.durable[session, stream]) for stream in Stream]
        return messages.encode(messages.Ack(*durable, self.credit_bytes), session)

    def payloads(self, session: int, stream: Stream) -> list[bytes]:
        """What is durable."""
        return [bytes(envelope.payload) for envelope in self.durable[session, stream]]

    def _data(self, envelope: Envelope) -> list[Envelope]:
        session = envelope.session
        if session not in self.known:
            return [messages.encode(messages.Error("no-session", "say HELLO first"), session)]
        stream = Stream.C if envelope.kind is Kind.DATA_C else Stream.B
        expected = self.next_seq(session, stream)
        if envelope.seq > expected:
            return [messages.encode(messages.Resync(stream, expected), session)]
        if envelope.seq == expected:
            self.received[session, stream].append(envelope)
            return []
        return [self.ack(session)]


class LabDaemon:
    """The model on a ROUTER socket with a thread of its own. `silent`: it receives and answers nothing at all."""

    def __init__(self, endpoint: str, model: ModelDaemon | None = None) -> None:
        self.endpoint = endpoint
        self.model = model if model is not None else ModelDaemon()
        self.silent = False
        self.syncs = True
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.maxmsgsize = 8 * 1024 * 1024
        self._socket.bind(endpoint)
        self._outside: list[messages.Message] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "LabDaemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Gone at once, with everything that was not durable."""
        self._stop.set()
        self._thread.join()
        self._socket.close(0)
        self._context.term()

    def tell(self, message: messages.Message) -> None:
        """Send a message to every session that it knows."""
        with self._changed:
            self._outside.append(message)

    def wait_for(self, predicate: Callable[[ModelDaemon], bool]) -> None:
        """Until it is true of the model; fails after a long time."""
        with self._changed:
            assert self._changed.wait_for(lambda: predicate(self.model), PATIENCE_S), "the daemon waited in vain"

    def _serve(self) -> None:
        peers: dict[int, bytes] = {}
        while not self._stop.is_set():
            came = self._socket.poll(5)
            with self._changed:
                answers = self._receive(peers) if came else []
                for message in self._outside:
                    answers += [messages.encode(message, session) for session in peers]
                self._outside.clear()
                if self.syncs:
                    answers += self.model.sync()
                for answer in answers:
                    if not self.silent and answer.session in peers:
                        self._socket.send_multipart([peers[answer.session], *answer.parts])
                self._changed.notify_all()

    def _receive(self, peers: dict[int, bytes]) -> list[Envelope]:
        answers: list[Envelope] = []
        for _ in range(64):
            try:
                peer, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            envelope = open_parts(parts)
            peers[envelope.session] = peer
            answers += self.model.handle(envelope)
        return answers


def ipc(directory: Path, name: str = "lab.sock") -> str:
    """An endpoint in a private directory."""
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    return f"ipc://{directory / name}"


def paths_below(directory: Path) -> StatePaths:
    """State and sockets below one directory of a test."""
    run = directory / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    return StatePaths.at(directory / "state", {"XDG_RUNTIME_DIR": str(run)})
