"""`filmlab show`: where can the runs be looked at in a browser? Serves the page until it is ended."""

import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlabd.asker import login
from filmlabd.cli.look_up import Misuse, run_named

if TYPE_CHECKING:
    from filmlabd.web.serve import Address

MISSING = "needs more than what filmlab brings: pip install 'filmlab[ui]'"


def run(paths: StatePaths, name: str | None, port: int, *, as_json: bool) -> tuple[list[str], bool]:
    """Serve. Comes back when it was ended.

    Args:
        name: a run to show at once: its id, the beginning of its id, or its name.
        port: 0 for the first that is free.

    Raises:
        Misuse: there is no such run, the port is taken or none, or a library is missing.
    """
    try:
        from filmlabd.web.serve import serve
    except ModuleNotFoundError as error:
        raise Misuse(f"`filmlab show` {MISSING} (there is no {error.name})") from None
    path = f"/runs/{_find(paths, name)}" if name else "/"

    def told(address: "Address") -> None:
        lines = [json.dumps(_document(address, path))] if as_json else _lines(paths, address, path)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(paths, port, told)
    except BadInput as error:
        raise Misuse(str(error)) from None
    except KeyboardInterrupt:
        # The usual way to end it.
        return [], False
    return [], False


def _find(paths: StatePaths, name: str) -> str:
    with run_named(paths, name) as (_, found):
        return found.run_id


def _document(address: "Address", path: str) -> dict[str, object]:
    return {"url": address.url(path), "port": address.port, "ssh": _ssh(address)}


def _lines(paths: StatePaths, address: "Address", path: str) -> list[str]:
    return [
        f"The runs of {paths.state}, until Ctrl-C:",
        "",
        f"  {address.url(path)}",
        "",
        f"From another machine, first:  {_ssh(address)}",
    ]


def _ssh(address: "Address") -> str:
    """What makes the same link work elsewhere."""
    user = f"{login()}@".removeprefix("@")
    return f"ssh -L {address.port}:127.0.0.1:{address.port} {user}{socket.gethostname() or os.uname().nodename}"
