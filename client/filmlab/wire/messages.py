"""What do client and daemon say to each other besides data? One small frozen type for each kind, all of it in meta."""

from dataclasses import MISSING, dataclass, fields
from enum import IntEnum
from typing import Any, ClassVar, TypeAlias

import msgpack

from filmlab.errors import WireError
from filmlab.wire.frame import PROTOCOL, Envelope, Kind, seal

TEXT_MAX_CHARS = 4096
INT_MAX = 2**64 - 1


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
    """`episode`, `curve`, `page`, `media`, or `flush`."""
    ok: bool
    episode: int = -1
    path: str = ""
    reason: str = ""
    token: int = 0


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
    """d→c: the answer, with the wall time of the last sync."""

    KIND: ClassVar = Kind.PONG
    nonce: int
    synced_wall: float = 0.0


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
    """c→d: this process is done; its session ends once what it sent is durable."""

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
    """Frame a message of this module. They are not numbered: `seq` is 0 unless a test says otherwise."""
    meta = msgpack.packb({f.name: getattr(message, f.name) for f in fields(message)})
    return seal(message.KIND, session, seq, meta)


def decode(envelope: Envelope) -> Message:
    """The message that an envelope carries.

    Raises:
        WireError: its kind has no message here (data records have `entries` and `chunks`), or a field is missing or of
            another type than it should be. Fields that this version does not know are passed over.
    """
    cls = _TYPES.get(envelope.kind)
    if cls is None:
        raise WireError(f"{envelope.kind.name} is not a message")
    return cls(**typed_fields(cls, unpack_map(envelope.meta)))  # type: ignore[no-any-return]  # one of Message, by _TYPES


def unpack_map(meta: bytes | memoryview) -> dict[str, Any]:
    """A msgpack map with string keys, small by every measure.

    Raises:
        WireError: it is something else.
    """
    try:
        value = msgpack.unpackb(
            meta,
            raw=False,
            strict_map_key=True,
            max_array_len=4096,
            max_map_len=1024,
            max_str_len=TEXT_MAX_CHARS * 4,
            max_bin_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException, UnicodeDecodeError) as error:
        raise WireError(f"meta is no msgpack map: {type(error).__name__}") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise WireError("meta is no map with text keys")
    return value


def typed_fields(cls: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a dataclass whose fields are int, float, bool or str, checked.

    Raises:
        WireError: a field is missing, or is no such value.
    """
    out: dict[str, Any] = {}
    for item in fields(cls):
        if item.name in values:
            out[item.name] = _checked(cls.__name__, item.name, str(item.type), values[item.name])
        elif item.default is MISSING:
            raise WireError(f"{cls.__name__} lacks {item.name}")
    return out


def _checked(owner: str, name: str, kind: str, value: Any) -> Any:
    """`value`, if it is of the annotated type. Never shows the value: its repr may be a bomb."""
    kind = {"<class 'int'>": "int", "<class 'str'>": "str", "<class 'float'>": "float", "<class 'bool'>": "bool"}.get(
        kind, kind
    )
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value <= INT_MAX:
        return value
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "str" and isinstance(value, str) and len(value) <= TEXT_MAX_CHARS:
        return value
    raise WireError(f"{owner}.{name} should be {kind}, got {type(value).__name__}")


__all__ = [
    "Ack", "Busy", "Bye", "Drain", "Error", "Hello", "Message", "Ping", "Plan", "Pong", "Print", "Resync", "Stream",
    "Welcome", "decode", "encode",
]  # fmt: skip
