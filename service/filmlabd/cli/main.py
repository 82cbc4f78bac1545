"""The `filmlab` command: how does each of its commands begin and end?"""

import argparse
import io
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.paths import StatePaths
from filmlabd.cli import doctor
from filmlabd.cli.commands import Answer, make_parser
from filmlabd.cli.look_up import Misuse

FINE, TROUBLE, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0 fine, 1 it found trouble, 2 it was called wrongly."""
    parser = make_parser()
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.command is None:
        parser.print_help()
        return USAGE
    _make_encodable(as_json=options.json)
    try:
        lines, trouble = _run(options)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Misuse as error:
        print(f"filmlab: {error}", file=sys.stderr)
        return USAGE
    except (BadInput, Transient, Corrupt, OSError, sqlite3.Error) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read on has had enough (`filmlab ls | head`); the interpreter would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FINE
        print(f"filmlab: {error}", file=sys.stderr)
        return TROUBLE
    return TROUBLE if trouble else FINE


def _make_encodable(*, as_json: bool) -> None:
    """A terminal of another encoding shows `?` for what it lacks; JSON is UTF-8 wherever it goes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if as_json:
            sys.stdout.reconfigure(encoding="utf-8")
        else:
            sys.stdout.reconfigure(errors="replace")


def _run(options: argparse.Namespace) -> Answer:
    environ = dict(os.environ)
    if options.state_dir:
        environ["FILMLAB_STATE_DIR"] = options.state_dir
        given = Path(options.state_dir)
        if options.command != "doctor" and not given.is_dir():
            raise Misuse(f"--state-dir: {given} is no directory")
    if options.command == "doctor" and options.run is None:
        # It also looks at a state directory that cannot be used.
        return doctor.run(environ, as_json=options.json)
    paths = StatePaths.at(given.absolute(), environ) if options.state_dir else StatePaths.find(environ)
    answer: Answer = options.act(options, paths, environ)
    return answer


if __name__ == "__main__":
    sys.exit(main())
