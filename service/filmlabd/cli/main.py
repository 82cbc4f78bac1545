"""The `filmlab` command: which commands are there, and how does each one end?"""

import argparse
import io
import math
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import filmlab
from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.paths import StatePaths
from filmlabd.cli import (
    develop,
    doctor,
    doctor_run,
    export,
    gc,
    ls,
    record,
    results,
    rm,
    show,
    status,
    sync,
    top,
    wait,
    why,
)
from filmlabd.cli.export import Wish
from filmlabd.cli.look_up import Misuse
from filmlabd.config import parse_size

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


def make_parser() -> argparse.ArgumentParser:
    """Every command with its options; docs/cli.md has all of them."""
    parser = argparse.ArgumentParser("filmlab", description="What was recorded, and how the lab is doing.")
    parser.add_argument("--version", action="version", version=f"filmlab {filmlab.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    ls = commands.add_parser("ls", help="list the runs, or the episodes of one run")
    ls.add_argument("run", metavar="RUN", nargs="?", help="a run's id, the beginning of its id, or its name")
    ls.add_argument("--project", metavar="NAME", help="only the runs of this project")
    ls.add_argument(
        "--last", metavar="N", type=_whole, default=50, help="how many lines at most, the last ones; 0: all"
    )

    record = commands.add_parser(
        "record", help="change what a living run captures, or say what it does",
        description="Without an option: what is in force, and which episodes that means.",
    )  # fmt: skip
    record.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    record.add_argument("--next", metavar="N", type=_whole, help="the N episodes that begin next; 0: none of them")
    record.add_argument(
        "--episode", metavar="K[-L]", help="these episodes, such as 12 or 12,40-45, beside earlier ones"
    )
    record.add_argument("--schedule", metavar="SPEC", help="another schedule, such as every:100+last:1&max:3/h")
    record.add_argument("--cancel", action="store_true", help="forget first what was asked for and is not recorded yet")

    show = commands.add_parser("show", help="look at the runs in a browser, while they live")
    show.add_argument(
        "run", metavar="RUN", nargs="?", help="a run to show at once: its id, the beginning of it, or its name"
    )
    show.add_argument("--port", metavar="N", type=_whole, default=0, help="this port; if not given, the first free one")

    why = commands.add_parser("why", help="why an episode was kept, or not")
    why.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    why.add_argument("episode", metavar="EPISODE", type=_whole, help="its number, from 0")

    wait = commands.add_parser("wait", help="come back when a run is over and all its prints are there")
    wait.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    wait.add_argument("--timeout", metavar="S", type=_seconds, help="give up after so many seconds")

    develop = commands.add_parser("develop", help="make prints again that were given up, or whose files are gone")
    develop.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    develop.add_argument("episode", metavar="EPISODE", type=_whole, nargs="*", help="only these, there or not")

    sync = commands.add_parser("sync", help="hand over what trainers left on disk while no daemon took it")
    sync.add_argument(
        "--wait", metavar="S", type=_seconds, help="for the prints, at most so many seconds; 0: only until all is safe"
    )

    export_parser = commands.add_parser(
        "export", help="write a run as one HTML file, or its metrics as CSV or JSON",
        description="One HTML file with the run's page, clips and curves inside: it needs no network, no other file.",
    )  # fmt: skip
    export_parser.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    export_parser.add_argument("-o", "--output", metavar="FILE", help="where to; `-`: standard output")
    export_parser.add_argument(
        "--clips", metavar="N", type=_clips, default=export.CLIPS, help="how many at most, or `all`"
    )
    export_parser.add_argument(
        "--max-bytes", metavar="SIZE", type=_size, default=export.MAX_BYTES, help="of the HTML file, such as 8MiB"
    )
    form = export_parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="the metrics instead, a line for each point")
    form.add_argument("--json", action="store_true", help="the metrics instead, as history.json has them")

    results = commands.add_parser("results", help="what a training or an evaluation came to")
    results.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")

    compare = commands.add_parser("compare", help="runs side by side, with what they came to")
    compare.add_argument("run", metavar="RUN", nargs="+", help="their ids, the beginnings of them, or their names")

    top = commands.add_parser("top", help="all runs and the daemon, live on the terminal")
    top.add_argument("--once", action="store_true", help="only one picture, for scripts")

    gc = commands.add_parser("gc", help="what takes room, and delete what is not needed")
    gc.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    gc.add_argument("--failed", action="store_true", help="the films whose prints were given up as well")

    rm = commands.add_parser("rm", help="remove a run that is over")
    rm.add_argument("run", metavar="RUN", help="a run's id, the beginning of its id, or its name")
    rm.add_argument("--prints", action="store_true", help="its prints in its directory as well")
    rm.add_argument("--yes", action="store_true", help="do not ask")

    commands.add_parser("status", help="what the daemon is doing")
    doctor = commands.add_parser("doctor", help="look for what could go wrong, and say what to do")
    doctor.add_argument("run", metavar="RUN", nargs="?", help="why clips of this run are missing, instead")
    for command in commands.choices.values():
        if command is not export_parser:
            command.add_argument("--json", action="store_true", help="print JSON, for programs")
        command.add_argument("--state-dir", metavar="DIR", help="another state directory than the one in force")
    return parser


def _run(options: argparse.Namespace) -> tuple[list[str], bool]:
    """The lines to print, and whether there is trouble."""
    environ = dict(os.environ)
    if options.state_dir:
        environ["FILMLAB_STATE_DIR"] = options.state_dir
        given = Path(options.state_dir)
        if options.command != "doctor" and not given.is_dir():
            raise Misuse(f"--state-dir: {given} is no directory")
    if options.command == "doctor" and options.run is None:
        return doctor.run(environ, as_json=options.json)
    paths = StatePaths.at(given.absolute(), environ) if options.state_dir else StatePaths.find(environ)
    if options.command == "doctor":
        return doctor_run.run(paths, options.run, as_json=options.json)
    if options.command == "status":
        return status.run(paths, as_json=options.json)
    if options.command == "record":
        changes = {"next": options.next, "wanted": options.episode, "schedule": options.schedule}
        changes = {name: value for name, value in changes.items() if value is not None}
        changes |= {"cancel": True} if options.cancel else {}
        return record.run(paths, options.run, changes, as_json=options.json)
    if options.command == "develop":
        return develop.run(paths, options.run, options.episode, as_json=options.json)
    if options.command == "gc":
        return gc.run(paths, environ, gc.Wish(options.dry_run, options.failed), as_json=options.json)
    if options.command == "rm":
        wish = rm.Wish(options.prints, options.yes)
        return rm.run(paths, options.run, wish, as_json=options.json)
    if options.command == "sync":
        return sync.run(paths, options.wait, as_json=options.json)
    if options.command == "show":
        return show.run(paths, options.run, options.port, as_json=options.json)
    if options.command == "why":
        return why.run(paths, options.run, options.episode, as_json=options.json)
    if options.command == "results":
        return results.results(paths, options.run, as_json=options.json)
    if options.command == "compare":
        return results.compare(paths, options.run, as_json=options.json)
    if options.command == "top":
        return top.run(paths, once=options.once, as_json=options.json)
    if options.command == "export":
        form = "csv" if options.csv else "json" if options.json else "html"
        return export.run(paths, options.run, Wish(form, options.output, options.clips, options.max_bytes))
    if options.command == "wait":
        return wait.run(paths, options.run, options.timeout, as_json=options.json)
    if options.run is None:
        return ls.list_runs(paths, options.project, options.last, as_json=options.json)
    return ls.list_episodes(paths, options.run, options.project, options.last, as_json=options.json)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("expected a whole number from 0")
    return int(text)


def _clips(text: str) -> int | None:
    return None if text == "all" else _whole(text)


def _size(text: str) -> int:
    size_bytes = parse_size(text)
    if size_bytes is None:
        raise argparse.ArgumentTypeError("expected a size such as 8MiB")
    return size_bytes


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("expected a number of seconds from 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
