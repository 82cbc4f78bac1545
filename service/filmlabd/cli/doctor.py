"""`filmlab doctor`: one line for each thing that could go wrong, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from filmlab.errors import BadInput
from filmlab.paths import StatePaths, choose_state
from filmlab.words import plural
from filmlabd.cli import checks
from filmlabd.cli import checks_here as here
from filmlabd.cli.checks import Finding, Level
from filmlabd.cli.format import dump, printable
from filmlabd.cli.presence import look_for_daemon


def run(environ: Mapping[str, str], *, as_json: bool) -> tuple[list[str], bool]:
    """All findings; trouble when one of them is bad."""
    findings = examine(environ)
    trouble = any(finding.level is Level.BAD for finding in findings)
    if as_json:
        return [dump({"fine": not trouble, "findings": [asdict(finding) for finding in findings]})], trouble
    return show(findings), trouble


def show(findings: Sequence[Finding]) -> list[str]:
    """A line for each, what to do below it, and how many of them are bad at the end."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level.value.ljust(4)}  {finding.name.ljust(width)}  {printable(finding.text)}")
        if finding.advice:
            lines.append(f"{'':4}  {'':{width}}  → {printable(finding.advice)}")
    bad, warned = (sum(finding.level is level for finding in findings) for level in (Level.BAD, Level.WARN))
    lines.append(f"{bad} bad, {plural(warned, 'warning')}" if bad or warned else "all is well")
    return lines


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Every check, those of the machine first. Looks only, and asks the daemon; changes nothing."""
    findings = [
        here.check_python(),
        *here.check_libraries(),
        here.check_msgpack(),
        here.check_shared_memory(),
    ]
    try:
        choice = choose_state(environ)
        paths = StatePaths.find(environ)
    except BadInput as error:
        findings.append(
            Finding("state directory", Level.BAD, str(error), "give it a place: export FILMLAB_STATE_DIR=…")
        )
        return findings
    return [
        *findings,
        here.check_autostart(environ, paths),
        checks.check_settings(environ, paths),
        checks.check_state(choice, environ),
        checks.check_permissions(paths),
        checks.check_space(paths, environ),
        checks.check_sockets(paths, environ),
        checks.check_daemon(paths, look_for_daemon(paths)),
        checks.check_index(paths),
        checks.check_damage(paths),
        checks.check_spool(paths),
    ]
