"""Questions to the daemon: the bytes, and asking over a real socket."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from client.control_server import Answer, serving
from filmlab.control import (
    REPLY_MAX_BYTES,
    REQUEST_MAX_BYTES,
    Control,
    NoDaemon,
    Refused,
    Request,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from filmlab.endpoint import Endpoint, write_endpoint
from filmlab.errors import BadInput, WireError
from filmlab.paths import StatePaths

Serve: TypeAlias = Callable[[Answer], str]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state directory of its own, with its sockets in a short place."""
    (tmp_path / "run").mkdir(mode=0o700)
    found = StatePaths.at(tmp_path / "state", {"XDG_RUNTIME_DIR": str(tmp_path / "run")})
    found.make()
    found.make_runtime()
    return found


@pytest.fixture
def serve(paths: StatePaths) -> Iterator[Serve]:
    """Start a ROUTER at the control socket that answers each request with what a function gives; its endpoint."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(f"ipc://{paths.control_socket}", answer))


@given(st.from_regex(r"[a-z][a-z-]{0,39}", fullmatch=True), st.dictionaries(st.text(max_size=20), scalars, max_size=5))
def test_request_round_trip(verb: str, args: dict[str, object]) -> None:
    """What is asked is what the daemon reads."""
    request = Request(verb, args)
    assert decode_request(encode_request(request)) == request


@given(st.binary(max_size=200))
def test_garbage_raises_wire_errors_only(data: bytes) -> None:
    """Whatever comes in, it is a request or a WireError."""
    with pytest.raises(WireError):
        decode_request(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 60_000,
        b'{"v":1,"ask":"status","args":{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
        b'{"v":2,"ask":"status"}',
        b'{"v":1,"ask":"STATUS"}',
        b'{"v":1,"ask":"a b"}',
        b'{"v":1,"ask":["status"]}',
        b'{"v":1,"ask":"status","args":[]}',
        b'{"v":1,"ask":"status","args":{"a":{"b":1}}}',
        b'{"v":1,"ask":"status","args":{"a":NaN}}',
        b'{"v":1,"ask":"status","args":{"a":' + b"9" * 5000 + b"}}",
        b'{"v":1,"ask":"status"}' + b" " * REQUEST_MAX_BYTES,
        b"\xff",
    ],
)
def test_bad_requests(data: bytes) -> None:
    """Deep, long, foreign, nested and non-finite requests are refused before anything is done with them."""
    with pytest.raises(WireError):
        decode_request(data)


def test_a_request_without_arguments() -> None:
    """Arguments may be left out, and unknown fields are passed over."""
    assert decode_request(b'{"v":1,"ask":"status","later":[1]}') == Request("status", {})


def test_sizes_are_bounded() -> None:
    """A question that is too long is not sent; an answer that is too long becomes a refusal."""
    with pytest.raises(BadInput, match="at most 65536 bytes"):
        encode_request(Request("claim", {"run_id": "x" * REQUEST_MAX_BYTES}))
    with pytest.raises(Refused, match="over 4194304 bytes"):
        decode_reply(encode_reply({"ok": True, "runs": "x" * REPLY_MAX_BYTES}))


def test_replies() -> None:
    """A reply is what the daemon said; a no is an error with the daemon's own words; anything else is no reply."""
    assert decode_reply(encode_reply({"ok": True, "known": False})) == {"known": False}
    with pytest.raises(Refused, match="no such run"):
        decode_reply(encode_reply({"ok": False, "error": "no such run"}))
    with pytest.raises(Refused):
        decode_reply(b"{}")
    with pytest.raises(WireError):
        decode_reply(b"[1]")


def test_asking(serve: Serve) -> None:
    """A question gets its own answer, one after the other."""
    control = Control(serve(lambda request: [encode_reply({"ok": True, "verb": request.verb, **request.args})]))
    assert control.ask("claim", run_id="ab", writer="main") == {"verb": "claim", "run_id": "ab", "writer": "main"}
    assert control.ask("status") == {"verb": "status"}


def test_a_refusal(serve: Serve) -> None:
    """When the daemon says no, its words arrive."""
    with pytest.raises(Refused, match="run x is taken"):
        Control(serve(lambda _: [encode_reply({"ok": False, "error": "run x is taken"})])).ask("claim", run_id="x")


def test_a_daemon_that_hangs(serve: Serve) -> None:
    """Nobody waits longer than the time-out."""
    with pytest.raises(NoDaemon, match=r"did not answer within 0\.05 s"):
        Control(serve(lambda _: []), timeout_s=0.05).ask("status")


def test_a_reply_that_is_too_long_is_not_taken(serve: Serve) -> None:
    """A reply over the limit ends the connection instead of filling memory."""
    with pytest.raises(NoDaemon):
        Control(serve(lambda _: [b"x" * (REPLY_MAX_BYTES + 1)]), timeout_s=0.2).ask("status")


def test_no_daemon(paths: StatePaths) -> None:
    """Without a daemon it is said at once, and which state directory was looked at."""
    with pytest.raises(NoDaemon, match=f"no daemon is running for {paths.state}"):
        Control(paths, timeout_s=60).ask("status")
    with pytest.raises(NoDaemon, match="is not there"):
        Control(f"ipc://{paths.control_socket}", timeout_s=60).ask("status")


def test_a_socket_that_a_dead_daemon_left(paths: StatePaths) -> None:
    """A socket file that nobody listens at is no daemon, and is told at once."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{paths.control_socket}")
    kept = paths.control_socket.with_name("kept.sock")
    paths.control_socket.rename(kept)
    router.close()
    context.destroy(linger=0)
    with pytest.raises(NoDaemon, match="nobody listens"):
        Control(f"ipc://{kept}", timeout_s=60).ask("status")


def test_the_daemon_of_a_state_directory(paths: StatePaths, serve: Serve) -> None:
    """The lock says whether it lives, the endpoint file where; a damaged or missing one is a daemon not found yet."""
    endpoint = serve(lambda _: [encode_reply({"ok": True})])
    holder = os.open(paths.daemon_lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(NoDaemon, match="still starting"):
            Control(paths).ask("status")
        paths.endpoint.write_bytes(b"{")
        with pytest.raises(NoDaemon, match="cannot be found"):
            Control(paths).ask("status")
        write_endpoint(paths.endpoint, Endpoint("ipc:///x", endpoint, os.getpid(), "0", 1))
        assert Control(paths).ask("status") == {}
    finally:
        os.close(holder)


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:1", "ipc://@abstract", "ipc://relative", "ipc:///" + "x" * 110])
def test_endpoints_that_are_not_ours(endpoint: str) -> None:
    """Only a socket with a path that fits is asked."""
    with pytest.raises(BadInput):
        Control(endpoint).ask("status")


def test_a_socket_in_an_open_directory(paths: StatePaths, serve: Serve) -> None:
    """A socket that somebody else could have put there is not connected to."""
    endpoint = serve(lambda _: [encode_reply({"ok": True})])
    paths.runtime.chmod(0o755)
    with pytest.raises(BadInput, match="open to others"):
        Control(endpoint).ask("status")
