"""`filmlab doctor RUN`: why is my GIF missing? Everything that its way from the program to the disk depends on."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filmlab import spool
from filmlab.errors import BadInput
from filmlab.paths import StatePaths
from filmlabd.cli import checks
from filmlabd.cli import checks_run as of_run
from filmlabd.cli.checks import Finding, Level
from filmlabd.cli.doctor import show
from filmlabd.cli.format import dump, printable
from filmlabd.cli.look_up import Misuse
from filmlabd.cli.missing import Missing, Scene, find_missing, sum_up, uncaptured
from filmlabd.cli.presence import Seen, look_for_daemon
from filmlabd.index.read import NoIndex, Reader
from filmlabd.model import RunRow


def run(paths: StatePaths, name: str, *, as_json: bool) -> tuple[list[str], bool]:
    """All findings of one run; trouble when one of them is bad.

    Raises:
        Misuse: no run is called that, neither in the index nor in a spool.
    """
    seen = look_for_daemon(paths)
    try:
        with Reader(paths.index) as reader:
            found = reader.run(name)
            findings, missing = _examine(paths, reader, found, seen)
    except (NoIndex, BadInput) as error:
        return _only_spooled(paths, name, seen, error, as_json=as_json)
    trouble = any(finding.level is Level.BAD for finding in findings)
    if as_json:
        document: dict[str, Any] = {
            "fine": not trouble, "run_id": found.run_id, "status": found.status, "directory": found.directory,
            "schedule": found.schedule, "findings": [asdict(finding) for finding in findings],
            "missing": [asdict(item) for item in missing],
        }  # fmt: skip
        return [dump(document)], trouble
    head = f"{found.run_id}  {found.name}  ({found.project})"
    return [printable(head), *show(findings)], trouble


def _examine(paths: StatePaths, reader: Reader, found: RunRow, seen: Seen) -> tuple[list[Finding], list[Missing]]:
    rows, prints = reader.episodes(found.run_id), reader.prints(found.run_id)
    living = found.status == "running"
    durable_b = {row.session: row.durable_b for row in reader.sessions()}
    scene = Scene(found.run_id, living, seen, durable_b, lambda path: (Path(found.directory) / path).exists())
    missing = find_missing(rows, prints, scene)
    findings = [
        of_run.check_run(found, seen),
        of_run.check_schedule(found, rows),
        of_run.check_directory(found),
        *of_run.check_recorders(reader.recorders(found.run_id), rows, prints),
        checks.check_daemon(paths, seen),
        checks.check_space(paths, os.environ),
        *of_run.check_spools(paths, found.run_id, seen),
        *of_run.check_prints(found.run_id, prints),
        *of_run.check_drops(reader.drops(found.run_id)),
        *uncaptured(rows, found.schedule, living=living, run_id=found.run_id),
        *sum_up(missing),
    ]
    return findings, missing


def _only_spooled(
    paths: StatePaths, name: str, seen: Seen, error: Exception, *, as_json: bool
) -> tuple[list[str], bool]:
    """Of a run that no daemon has ever seen: its trainer spooled, and nobody has taken that in."""
    for number in spool.sessions(paths.spool):
        for begin in of_run.runs_in_spool(paths, number):
            if name in (begin.run_id, begin.name) or begin.run_id.startswith(name):
                findings = [
                    Finding("run", Level.BAD, "no daemon has seen it yet: all of it lies in a spool", ""),
                    *of_run.check_spools(paths, begin.run_id, seen),
                    checks.check_daemon(paths, seen),
                    checks.check_space(paths, os.environ),
                ]
                if as_json:
                    listed = [asdict(finding) for finding in findings]
                    return [dump({"fine": False, "run_id": begin.run_id, "findings": listed, "missing": []})], True
                return [printable(f"{begin.run_id}  {begin.name}  ({begin.project})"), *show(findings)], True
    raise Misuse(
        f"no run is called {name!r}: nothing has been recorded in {paths.state}"
        if isinstance(error, NoIndex)
        else str(error)
    )
