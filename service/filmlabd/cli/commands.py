"""Which commands are there, with which options, and what does each of them run? docs/cli.md has them all."""

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import filmlab
from filmlab.paths import StatePaths
from filmlabd.cli import develop, doctor_run, export, gc, ls, record, results, rm, show, status, sync, top, wait, why
from filmlabd.config import parse_size

Answer: TypeAlias = tuple[list[str], bool]
"""The lines to print, and whether there is trouble."""
Act: TypeAlias = Callable[[argparse.Namespace, StatePaths, Mapping[str, str]], Answer]
"""A command as `options.act` has it: it runs with its options, the state directory and the environment."""
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_ONE_RUN = "a run's id, the beginning of its id, or its name"


def make_parser() -> argparse.ArgumentParser:
    """Every command with its options, and with its `Act` as `options.act`."""
    parser = argparse.ArgumentParser("filmlab", description="What was recorded, and how the lab is doing.")
    parser.add_argument("--version", action="version", version=f"filmlab {filmlab.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        _add_ls, _add_record, _add_show, _add_why, _add_wait, _add_develop, _add_sync, _add_export, _add_results,
        _add_compare, _add_top, _add_gc, _add_rm, _add_status, _add_doctor,
    ):  # fmt: skip
        add(commands)
    for name, command in commands.choices.items():
        if name != "export":
            command.add_argument("--json", action="store_true", help="print JSON, for programs")
        command.add_argument("--state-dir", metavar="DIR", help="another state directory than the one in force")
    return parser


def _add(commands: _Commands, name: str, act: Act, what: str, **more: Any) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, **more)
    command.set_defaults(act=act)
    return command


def _add_ls(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        if given.run is None:
            return ls.list_runs(paths, given.project, given.last, as_json=given.json)
        return ls.list_episodes(paths, given.run, given.project, given.last, as_json=given.json)

    command = _add(commands, "ls", act, "list the runs, or the episodes of one run")
    command.add_argument("run", metavar="RUN", nargs="?", help=_ONE_RUN)
    command.add_argument("--project", metavar="NAME", help="only the runs of this project")
    command.add_argument(
        "--last", metavar="N", type=_whole, default=50, help="how many lines at most, the last ones; 0: all"
    )


def _add_record(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        changes = {"next": given.next, "wanted": given.episode, "schedule": given.schedule}
        changes = {name: value for name, value in changes.items() if value is not None}
        changes |= {"cancel": True} if given.cancel else {}
        return record.run(paths, given.run, changes, as_json=given.json)

    command = _add(
        commands, "record", act, "change what a living run captures, or say what it does",
        description="Without an option: what is in force, and which episodes that means.",
    )  # fmt: skip
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("--next", metavar="N", type=_whole, help="the N episodes that begin next; 0: none of them")
    command.add_argument(
        "--episode", metavar="K[-L]", help="these episodes, such as 12 or 12,40-45, beside earlier ones"
    )
    command.add_argument("--schedule", metavar="SPEC", help="another schedule, such as every:100+last:1&max:3/h")
    command.add_argument(
        "--cancel", action="store_true", help="forget first what was asked for and is not recorded yet"
    )


def _add_show(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return show.run(paths, given.run, given.port, as_json=given.json)

    command = _add(commands, "show", act, "look at the runs in a browser, while they live")
    command.add_argument(
        "run", metavar="RUN", nargs="?", help="a run to show at once: its id, the beginning of it, or its name"
    )
    command.add_argument(
        "--port", metavar="N", type=_whole, default=0, help="this port; if not given, the first free one"
    )


def _add_why(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return why.run(paths, given.run, given.episode, as_json=given.json)

    command = _add(commands, "why", act, "why an episode was kept, or not")
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("episode", metavar="EPISODE", type=_whole, help="its number, from 0")


def _add_wait(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return wait.run(paths, given.run, given.timeout, as_json=given.json)

    command = _add(commands, "wait", act, "come back when a run is over and all its prints are there")
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("--timeout", metavar="S", type=_seconds, help="give up after so many seconds")


def _add_develop(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return develop.run(paths, given.run, given.episode, as_json=given.json)

    command = _add(commands, "develop", act, "make prints again that were given up, or whose files are gone")
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("episode", metavar="EPISODE", type=_whole, nargs="*", help="only these, there or not")


def _add_sync(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return sync.run(paths, given.wait, as_json=given.json)

    command = _add(commands, "sync", act, "hand over what trainers left on disk while no daemon took it")
    command.add_argument(
        "--wait", metavar="S", type=_seconds, help="for the prints, at most so many seconds; 0: only until all is safe"
    )


def _add_export(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        form = "csv" if given.csv else "json" if given.json else "html"
        return export.run(paths, given.run, export.Wish(form, given.output, given.clips, given.max_bytes))

    command = _add(
        commands, "export", act, "write a run as one HTML file, or its metrics as CSV or JSON",
        description="One HTML file with the run's page, clips and curves inside: it needs no network, no other file.",
    )  # fmt: skip
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("-o", "--output", metavar="FILE", help="where to; `-`: standard output")
    command.add_argument("--clips", metavar="N", type=_clips, default=export.CLIPS, help="how many at most, or `all`")
    command.add_argument(
        "--max-bytes", metavar="SIZE", type=_size, default=export.MAX_BYTES, help="of the HTML file, such as 8MiB"
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="the metrics instead, a line for each point")
    form.add_argument("--json", action="store_true", help="the metrics instead, as history.json has them")


def _add_results(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return results.results(paths, given.run, as_json=given.json)

    command = _add(commands, "results", act, "what a training or an evaluation came to")
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)


def _add_compare(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return results.compare(paths, given.run, as_json=given.json)

    command = _add(commands, "compare", act, "runs side by side, with what they came to")
    command.add_argument("run", metavar="RUN", nargs="+", help="their ids, the beginnings of them, or their names")


def _add_top(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return top.run(paths, once=given.once, as_json=given.json)

    command = _add(commands, "top", act, "all runs and the daemon, live on the terminal")
    command.add_argument("--once", action="store_true", help="only one picture, for scripts")


def _add_gc(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return gc.run(paths, environ, gc.Wish(given.dry_run, given.failed), as_json=given.json)

    command = _add(commands, "gc", act, "what takes room, and delete what is not needed")
    command.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    command.add_argument("--failed", action="store_true", help="the films whose prints were given up as well")


def _add_rm(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return rm.run(paths, given.run, rm.Wish(given.prints, given.yes), as_json=given.json)

    command = _add(commands, "rm", act, "remove a run that is over")
    command.add_argument("run", metavar="RUN", help=_ONE_RUN)
    command.add_argument("--prints", action="store_true", help="its prints in its directory as well")
    command.add_argument("--yes", action="store_true", help="do not ask")


def _add_status(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return status.run(paths, as_json=given.json)

    _add(commands, "status", act, "what the daemon is doing")


def _add_doctor(commands: _Commands) -> None:
    def act(given: argparse.Namespace, paths: StatePaths, environ: Mapping[str, str]) -> Answer:
        return doctor_run.run(paths, given.run, as_json=given.json)

    command = _add(commands, "doctor", act, "look for what could go wrong, and say what to do")
    command.add_argument("run", metavar="RUN", nargs="?", help="why clips of this run are missing, instead")


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
