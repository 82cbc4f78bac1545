"""`filmlab gc`: what takes room in the state directory, what of it is not needed, and away with that."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filmlab import spool
from filmlab.control import Control, NoDaemon
from filmlab.errors import Transient
from filmlab.launch import ensure_daemon
from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlab.words import plural, size
from filmlabd import config
from filmlabd.cli.format import dump, pairs, printable
from filmlabd.cli.strays import find_strays, remove_half_made
from filmlabd.core.events import Survey
from filmlabd.core.retention import Quota
from filmlabd.survey import survey

START_TIMEOUT_S = 15.0
LOOK_TIMEOUT_S = 5.0
"""A look needs no daemon: one that hangs is not waited for."""
ASK_TIMEOUT_S = 120.0
"""A daemon answers when everything is gone, which takes a while with many films."""


@dataclass(frozen=True, slots=True)
class Store:
    """One thing that takes room."""

    name: str
    files: int
    size_bytes: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for beside the usual."""

    dry: bool = False
    """Only say what would go."""
    failed: bool = False
    """The films whose prints were given up as well."""


def run(paths: StatePaths, environ: Mapping[str, str], wish: Wish, *, as_json: bool) -> tuple[list[str], bool]:
    """What is there, and what went or would go. The daemon deletes; one is started where none runs.

    Raises:
        Transient: no daemon can be started, or the index cannot be read.
    """
    before = look(paths)
    aside, strays = _set_aside(paths), find_strays(paths)
    half_made = [stray for stray in strays if stray.what == "half-made"]
    found = {
        "indexes": len(aside), "index_bytes": sum(_files(aside)),
        "half_made": len(half_made), "half_made_bytes": sum(stray.size_bytes for stray in half_made),
    }  # fmt: skip
    going = (_dry(paths, environ) if wish.dry else _clear(paths, environ, wish)) | found
    if not wish.dry:
        for path in aside:
            path.unlink(missing_ok=True)
        remove_half_made(strays)
    if as_json:
        document = {
            "state_dir": str(paths.state), "dry_run": wish.dry, "there": [asdict(store) for store in before],
            "gone": going, "strays": [asdict(stray) | {"path": str(stray.path)} for stray in strays],
        }  # fmt: skip
        return [dump(document)], False
    rows = [(store.name, f"{plural(store.files, 'file')}, {size(store.size_bytes)}{store.note}") for store in before]
    unknown = [f"not filmlab's, left alone: {stray.path}" for stray in strays if stray.what == "unknown"]
    return [*pairs(rows), *_words(going, wish), *map(printable, unknown)], False


def look(paths: StatePaths) -> list[Store]:
    """Everything in the state directory by what it is; prints are elsewhere, and the user's."""
    films = _files(paths.film.glob("*/*.film"))
    segments = _files(paths.journal.glob("*.seg"))
    quarantine = _files((paths.journal / "quarantine").glob("*.bin"))
    index = _files(paths.root.glob(f"{paths.index.name}*"))
    spools = spool.sessions(paths.spool)
    living = sum(spool.owner_alive(paths.spool, session) for session in spools)
    spooled = _files(path for path in paths.spool.glob("*/*.seg"))
    whose = f", of {plural(len(spools), 'session')}, {living} alive" if spools else ""
    return [
        _store("films", films),
        _store("journal", segments),
        _store("quarantine", quarantine),
        _store("index", index),
        _store("spools", spooled, whose),
        _store("pages of recorders", _files(path for path in (paths.root / "runs").rglob("*") if path.is_file())),
        _store("reserve", _files([paths.root / "ballast"])),
        _store("log", _files(paths.log.parent.glob("*"))),
    ]


def _store(name: str, files: list[int], note: str = "") -> Store:
    return Store(name, len(files), sum(files), note)


def _files(found: Iterable[Path]) -> list[int]:
    """Their sizes on disk; of a segment that is being written that is more than what it holds."""
    out = []
    for path in found:
        try:
            out.append(os.lstat(path).st_blocks * 512)
        except FileNotFoundError:
            continue
    return out


def _dry(paths: StatePaths, environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        return Control(paths, LOOK_TIMEOUT_S).ask("gc", dry=True)
    except NoDaemon:
        settings = config.load(environ)
        seen = survey(paths, Survey(Quota(settings.film_bytes, settings.film_files), thorough=True))
        if seen.trouble:
            raise Transient(seen.trouble) from None
        return seen.words()


def _clear(paths: StatePaths, environ: Mapping[str, str], wish: Wish) -> dict[str, Any]:
    # A daemon that is started here sweeps at once, by itself: what it finds is seen before.
    swept = {} if is_locked(paths.daemon_lock) else _dry(paths, environ)
    ensure_daemon(paths, START_TIMEOUT_S)
    gone = Control(paths, ASK_TIMEOUT_S).ask("gc", failed=wish.failed)
    return {name: max(value, swept.get(name, 0)) for name, value in gone.items()}


def _set_aside(paths: StatePaths) -> list[Path]:
    """Indexes that were damaged: another was made of the journal since."""
    return sorted(paths.root.glob(f"{paths.index.name}.corrupt-*"))


def _words(going: Mapping[str, Any], wish: Wish) -> list[str]:
    verb, lines, kept = "would go" if wish.dry else "gone", [], []
    if going["films"]:
        lines.append(f"{verb}: {plural(going['films'], 'film')} over what is kept ({size(going['film_bytes'])})")
    if going["orphans"]:
        lines.append(f"{verb}: {plural(going['orphans'], 'file')} of no film ({size(going['orphan_bytes'])})")
    if going["indexes"]:
        lines.append(f"{verb}: {going['indexes']} of the index that were damaged ({size(going['index_bytes'])})")
    if going["half_made"]:
        files = f"{plural(going['half_made'], 'file')} that a killed process left half-made"
        lines.append(f"{verb}: {files} ({size(going['half_made_bytes'])})")
    if going["failed"]:
        films = f"{plural(going['failed'], 'film')} whose prints were given up ({size(going['failed_bytes'])})"
        if wish.failed:
            lines.append(f"{verb}: {films}")
        else:
            kept.append(f"kept: {films}; `filmlab develop RUN` tries again, `filmlab gc --failed` lets go")
    return [*(lines or [f"nothing {'to delete' if wish.dry else 'was to be deleted'}"]), *kept]
