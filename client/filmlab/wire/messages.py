"""What do client and daemon say to each other besides data? One small frozen type for each kind, all of it in meta."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, TypeAlias

from filmlab.errors import WireError
from filmlab.wire.frame import PROTOCOL, Envelope, Kind, seal
from filmlab.wire.meta import pack_fields, read_fields


class Stream(IntEnum):
    """The two streams of a session. C goes first and has memory of its own."""

    C = 0
    B = 1


@dataclass(frozen=True, slots=True)
class Hello:
    """c→d: who is there, and what it knows to be durable. Sent first, and again whenever acks stop."""

    KIND: ClassVar = Kind.HELLO
    pid: int
    host: str
    started: int = 0
    """When the process began, in clock ticks since boot (field 22 of /proc/PID/stat): tells a pid from its reuse."""
    min_protocol: int = PROTOCOL
    max_protocol: int = PROTOCOL
    client_version: str = ""
    parent_session: int = 0
    """The session of the process that this one was forked from, 0 if none."""
    umask: int = 0o077
    acked_c: int = 0
    acked_b: int = 0


@dataclass(frozen=True, slots=True)
class Welcome:
    """d→c: per stream what is durable, and what is expected next (received, though maybe not yet durable)."""

    KIND: ClassVar = Kind.WELCOME
    boot: int
    """Random per life of the daemon: another value means that it has been restarted."""
    durable_c: int
    next_c: int
    durable_b: int
    next_b: int
    credit_bytes: int
    """How many sent and not yet acknowledged bytes stream B may have in flight."""
    protocol: int = PROTOCOL
    daemon_version: str = ""
    lease_s: float = 0.0
    """Not 0: the daemon cannot watch this process, and takes it for dead when it hears nothing for so long."""


@dataclass(frozen=True, slots=True)
class Plan:
    """d→c: the capture schedule in force for one run of this session, evaluated by the client."""

    KIND: ClassVar = Kind.PLAN
    run: int
    version: int
    schedule: str
    """As `CaptureSchedule.parse` reads it."""
    wanted: str = ""
    """Episodes that somebody asked for: ranges such as `12,40-45`, empty for none."""
    next_episodes: int = 0
    """How many of the next episodes were asked for, from the one that begins after this plan arrives."""
    asked_by: str = ""
    counted: int = 0
    """How many episodes of this writer, in this session, that were asked for are used up in what stands here."""


@dataclass(frozen=True, slots=True)
class Ack:
    """d→c: everything up to these numbers is durable. Cumulative, so a lost one does no harm."""

    KIND: ClassVar = Kind.ACK
    durable_c: int
    durable_b: int
    credit_bytes: int


@dataclass(frozen=True, slots=True)
class Print:
    """d→c: a print is there, or has failed for good; or (with a token) everything that a flush waited for."""

    KIND: ClassVar = Kind.PRINT
    run: int
    what: str
    """`episode`, `curve`, `page`, `media`, `recorder`, or `flush`."""
    ok: bool
    episode: int = -1
    path: str = ""
    reason: str = ""
    token: int = 0
    film: int = 0
    """Of an episode or a medium: the session's own number, which tells two of the same episode apart."""


@dataclass(frozen=True, slots=True)
class Busy:
    """d→c: send nothing more in stream B for a while."""

    KIND: ClassVar = Kind.BUSY
    reason: str
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Resync:
    """d→c: a gap was seen; go on from `next_seq`."""

    KIND: ClassVar = Kind.RESYNC
    stream: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Ping:
    """c→d: answered through the journal path, so that a daemon whose disk hangs does not look alive."""

    KIND: ClassVar = Kind.PING
    nonce: int


@dataclass(frozen=True, slots=True)
class Pong:
    """d→c: the answer, once the disk has been synced."""

    KIND: ClassVar = Kind.PONG
    nonce: int


@dataclass(frozen=True, slots=True)
class Error:
    """d→c: a final refusal. With a seq, of that record, which counts as consumed; without, of the session."""

    KIND: ClassVar = Kind.ERROR
    code: str
    """`bad-input`, `version`, `not-yours`, `run-taken`, `quota`."""
    message: str
    stream: int = 0
    seq: int = 0
    run: int = -1


@dataclass(frozen=True, slots=True)
class Bye:
    """c→d: this process is done; its session ends once what it sent is durable. d→c: that has been heard."""

    KIND: ClassVar = Kind.BYE


@dataclass(frozen=True, slots=True)
class Drain:
    """d→c: the daemon is going down; keep what is queued and expect another."""

    KIND: ClassVar = Kind.DRAIN
    reason: str = ""


Message: TypeAlias = (
    Hello | Welcome | Plan | Ack | Print | Busy | Resync | Ping | Pong | Error | Bye | Drain
)  # fmt: skip
_TYPES: dict[Kind, type[Any]] = {
    cls.KIND: cls for cls in (Hello, Welcome, Plan, Ack, Print, Busy, Resync, Ping, Pong, Error, Bye, Drain)
}


def encode(message: Message, session: int, seq: int = 0) -> Envelope:
    """Frame a message of this module. They are not numbered: `seq` is 0 unless a test says otherwise.

    Raises:
        WireError: a field is outside its limits, so that `decode` would refuse it.
    """
    return seal(message.KIND, session, seq, pack_fields(message))


def decode(envelope: Envelope) -> Message:
    """The message that an envelope carries.

    Raises:
        WireError: its kind has no message here (data records have `entries` and `chunks`), or a field is missing or of
            another type than it should be. Fields that this version does not know are passed over.
    """
    cls = _TYPES.get(envelope.kind)
    if cls is None:
        raise WireError(f"{envelope.kind.name} is not a message")
    return read_fields(cls, envelope.meta)  # type: ignore[no-any-return]  # one of Message, by _TYPES


__all__ = [
    "Ack", "Busy", "Bye", "Drain", "Error", "Hello", "Message", "Ping", "Plan", "Pong", "Print", "Resync", "Stream",
    "Welcome", "decode", "encode",
]  # fmt: skip
