"""How is the daemon set up? One table, from which its file, environment, flags and docs/settings.md derive."""

import argparse
import difflib
import math
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import filmlab
from filmlab.errors import BadInput

ENVIRON_PREFIX = "FILMLABD_"
BACKGROUND_IDLE_EXIT_S = 300.0
WORKERS_MOST = 4
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|B|)", re.ASCII)
_SIZE_BYTES = {"": 1, "B": 1} | {
    prefix + end: base**power
    for power, prefix in enumerate("KMG", 1)
    for end, base in (("B", 1000), ("iB", 1024))
}  # fmt: skip


class Kind(Enum):
    """How the value of a setting is read from a text."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    BYTES = auto()
    FLAG = auto()


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` None: it depends on something else, and `default_text` says on what."""

    name: str
    kind: Kind
    default: Any
    help: str
    unit: str = ""
    default_text: str = ""
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRON_PREFIX + self.name.upper()

    @property
    def shown_default(self) -> str:
        if self.default_text:
            return self.default_text
        if self.kind is Kind.BYTES:
            return f"{self.default // 2**20}MiB"
        return str(self.default).lower() if self.kind is Kind.FLAG else str(self.default)


SETTINGS = (
    Setting(
        "state_dir", Kind.TEXT, "",
        "Directory for the journal, the films and the index; on a local disk. Not set: as FILMLAB_STATE_DIR says, "
        "else the first usable of $XDG_STATE_HOME/filmlab, ~/.local/state/filmlab and /var/tmp/filmlab-$UID.",
        default_text="chosen",
    ),
    Setting(
        "endpoint", Kind.TEXT, "",
        "Where trainers connect, as ipc:///some/path in a directory of mode 0700. Not set: as FILMLAB_ENDPOINT says, "
        "else ingest.sock in the runtime directory.",
        default_text="chosen",
    ),
    Setting(
        "control_endpoint", Kind.TEXT, "",
        "Where the command line asks, as ipc:///some/path. Not set: control.sock in the runtime directory.",
        default_text="chosen",
    ),
    Setting(
        "workers", Kind.WHOLE, None,
        "How many worker processes develop prints.",
        default_text=f"the cores of this process, at most {WORKERS_MOST}", least=1, most=256,
    ),
    Setting(
        "worker_nice", Kind.WHOLE, 19,
        "How far workers step back behind everything else on the machine. 19: trainers keep the cores, and on a full "
        "machine prints may come late; 0: not at all, for a machine that only develops.",
        least=0, most=19,
    ),
    Setting(
        "idle_exit_s", Kind.NUMBER, None,
        "End after so long with no session and nothing to develop. 0: never.",
        unit="s", default_text=f"{BACKGROUND_IDLE_EXIT_S:g} in the background, else 0", least=0, most=1e9,
    ),
    Setting(
        "background", Kind.FLAG, False,
        "Detach from the terminal and write to the log file in the state directory. What a trainer that starts a "
        "daemon by itself uses.",
    ),
    Setting(
        "log_level", Kind.TEXT, "info", "The least important lines that are logged.",
        choices=("debug", "info", "warning", "error"),
    ),
    Setting(
        "memory_bytes", Kind.BYTES, 16 * 2**20,
        "What all trainers together may have in flight: film that was received and is not on disk yet. Each has 1 MiB "
        "at least. With more, whoever flushes beside them waits longer.",
        unit="bytes", least=2**20, most=2**40,
    ),
    Setting(
        "runaway_bytes", Kind.BYTES, 2**30,
        "With so much more memory than it had at rest and has granted, the daemon closes all connections and listens "
        "anew: a peer never ends its message. Trainers call again and go on.",
        unit="bytes", least=2**20, most=2**40,
    ),
    Setting(
        "keep_free_bytes", Kind.BYTES, None,
        "How much of the state directory's disk is kept free. With less than that no film is taken: trainers keep it, "
        "or spool it, and metrics go on alone until there is room again. 0: film may fill the disk.",
        unit="bytes", default_text="2GiB or 5 % of the disk, whichever is less", least=0, most=2**60,
    ),
    Setting(
        "film_bytes", Kind.BYTES, 20 * 2**30,
        "How much film is kept after its prints are made. Over it the daemon deletes films, never prints, and none that"
        " is not printed yet: what stays is spread over each training, its best and last film longest. 0: all is kept.",
        unit="bytes", least=0, most=2**60,
    ),
    Setting(
        "film_files", Kind.WHOLE, 100_000,
        "The same as a number of films: each is a file. 0: any number.",
        unit="films", least=0, most=1e9,
    ),
    Setting(
        "sync_idle_s", Kind.NUMBER, 0.25,
        "How long records may wait for company before they are written and acknowledged, while nobody waits for them.",
        unit="s", least=0, most=10,
    ),
    Setting(
        "job_deadline_s", Kind.NUMBER, 600.0,
        "A worker that needs longer for one print is killed, and the print tried again.",
        unit="s", least=1, most=1e6,
    ),
    Setting(
        "live_share", Kind.NUMBER, 0.25,
        "How much of one core the redraws of living runs may take, all together.",
        unit="cores", least=0.001, most=256,
    ),
    Setting(
        "live_gap_s", Kind.NUMBER, 2.0, "The shortest time between two redraws of one panel of a living run.",
        unit="s", least=0, most=1e6,
    ),
    Setting(
        "live_cost_factor", Kind.NUMBER, 50.0,
        "A panel of a living run is drawn again after this many times what drawing it cost last, at the earliest.",
        unit="×", least=0, most=1e6,
    ),
    Setting(
        "stop_grace_s", Kind.NUMBER, 10.0, "How long workers may finish what they are at when the daemon ends.",
        unit="s", least=0, most=1e4,
    ),
)  # fmt: skip
"""The table. A row's name is a field of `Settings`, a key of the file, a flag and a variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force: built once at the start, and passed down."""

    state_dir: str
    endpoint: str
    control_endpoint: str
    workers: int
    worker_nice: int
    idle_exit_s: float
    background: bool
    log_level: str
    memory_bytes: int
    runaway_bytes: int
    keep_free_bytes: int | None
    """None: it depends on the size of the disk."""
    film_bytes: int
    film_files: int
    sync_idle_s: float
    job_deadline_s: float
    live_share: float
    live_gap_s: float
    live_cost_factor: float
    stop_grace_s: float
    notes: tuple[str, ...] = ()
    """Sentences to be logged once, such as a variable that means nothing."""


def from_command_line(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings of `filmlabd ARGUMENTS`. Ends the process with 2 and a message on misuse, as argparse does."""
    parser = argparse.ArgumentParser(
        "filmlabd",
        description="The filmlab daemon: keeps what trainers hand over and develops it into GIFs, curves and pages. "
        "Trainers start one by themselves; run it by hand, or as a service, to keep it.",
        epilog="Flags win over variables (FILMLABD_WORKERS=2), and these over the file. See docs/settings.md.",
    )
    parser.add_argument("--config", metavar="FILE", help=f"settings file, TOML (default: {default_file(environ)})")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    for row in SETTINGS:
        action = (
            {"action": argparse.BooleanOptionalAction}
            if row.kind is Kind.FLAG
            else {"metavar": row.unit.upper() if row.unit.isalpha() else "X"}
        )
        shown = f"{row.help} (default: {row.shown_default})".replace("%", "%%")
        parser.add_argument(row.flag, dest=row.name, default=None, help=shown, **action)
    given = vars(parser.parse_args(arguments))
    if given.pop("version"):
        sys.stdout.write(f"filmlabd {filmlab.__version__}\n")
        parser.exit(0)
    try:
        return load(environ, given.pop("config"), {name: value for name, value in given.items() if value is not None})
    except BadInput as error:
        parser.error(str(error))


def load(environ: Mapping[str, str], file: str | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings from all places: flags win over the environment, the environment over the file.

    Args:
        file: one that must exist; None: the user's own, if there is one.

    Raises:
        BadInput: a value is none, or the file cannot be read or has a key that does not exist.
    """
    rows = {row.name: row for row in SETTINGS}
    values = {name: row.default for name, row in rows.items()}
    for name, raw in _read_file(environ, file).items():
        values[name] = check(rows[name], raw, f"{file or default_file(environ)}: {name}")
    for row in SETTINGS:
        # Set to nothing is as good as not set, as for most variables.
        if environ.get(row.variable):
            values[row.name] = check(row, environ[row.variable], row.variable)
    for name, raw in (flags or {}).items():
        values[name] = check(rows[name], raw, rows[name].flag)
    if values["workers"] is None:
        values["workers"] = max(1, min(WORKERS_MOST, len(os.sched_getaffinity(0))))
    if values["idle_exit_s"] is None:
        values["idle_exit_s"] = BACKGROUND_IDLE_EXIT_S if values["background"] else 0.0
    known = {row.variable for row in SETTINGS}
    unknown = sorted(name for name in environ if name.startswith(ENVIRON_PREFIX) and name not in known)
    return Settings(
        **values, notes=tuple(f"the variable {name} means nothing{_similar(name, known)}" for name in unknown)
    )


def default_file(environ: Mapping[str, str]) -> Path:
    """The user's own settings file, whether it is there or not."""
    base = environ.get("XDG_CONFIG_HOME", "")
    directory = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "/nonexistent") / ".config"
    return directory / "filmlab" / "filmlabd.toml"


def check(row: Setting, raw: Any, where: str) -> Any:
    """The value that a text, or a value of the file, means for this setting.

    Raises:
        BadInput: it means none; `where` begins the message.
    """
    value = _typed(row, raw)
    if value is None:
        raise BadInput(f"{where}: expected {_expected(row)}, got {str(raw)[:60]!r}")
    if row.kind is not Kind.TEXT and not row.least <= value <= row.most:
        raise BadInput(
            f"{where}: expected {row.least:g} to {row.most:g}{f' {row.unit}' * bool(row.unit)}, got {value:g}"
        )
    return value


def markdown() -> str:
    """What docs/settings.md holds."""
    lines = [
        "# Settings of the daemon",
        "",
        "Written by `python -m filmlabd.config > docs/settings.md`; the table is in `service/filmlabd/config.py`.",
        "",
        "Each setting can stand in the file `~/.config/filmlab/filmlabd.toml` (`$XDG_CONFIG_HOME` is honoured; another",
        "file by `--config FILE`), in a variable, and on the command line; the later wins. A daemon that a trainer",
        "starts by itself reads the file too. Sizes are written `256MiB`, `1GB` or in bytes. A key that does not exist",
        "is an error; a variable that does not is logged. `filmlab doctor` says what is in force.",
        "",
        "| key in the file | variable | flag | default | unit |",
        "|---|---|---|---|---|",
    ]
    for row in SETTINGS:
        lines.append(f"| `{row.name}` | `{row.variable}` | `{row.flag}` | {row.shown_default} | {row.unit or '–'} |")
    for row in SETTINGS:
        lines += ["", f"**`{row.name}`**: {row.help}" + (f" One of {', '.join(row.choices)}." if row.choices else "")]
    return "\n".join(lines) + "\n"


def _read_file(environ: Mapping[str, str], file: str | None) -> dict[str, Any]:
    path = Path(file) if file else default_file(environ)
    try:
        with path.open("rb") as opened:
            values = tomllib.load(opened)
    except (FileNotFoundError, NotADirectoryError):
        if file:
            raise BadInput(f"{path}: there is no such settings file") from None
        return {}
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None
    known = {row.name for row in SETTINGS}
    for name in values.keys() - known:
        raise BadInput(f"{path}: there is no setting {name!r}{_similar(name, known)}")
    return values


def _similar(name: str, known: "set[str]") -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _typed(row: Setting, raw: Any) -> Any:
    """The value, or None where `raw` is of another kind."""
    match row.kind:
        case Kind.TEXT:
            return raw if isinstance(raw, str) and (not row.choices or raw in row.choices) else None
        case Kind.FLAG:
            words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
            return raw if isinstance(raw, bool) else words.get(str(raw).lower())
        case Kind.BYTES:
            return None if isinstance(raw, float) else parse_size(str(raw))
        case _:
            return _number(row, raw)


def parse_size(text: str) -> int | None:
    """Bytes that are written `256MiB`, `1GB` or as a number; None for anything else."""
    match = _SIZE.fullmatch(text.strip())
    return int(float(match[1]) * _SIZE_BYTES[match[2]]) if match else None


def _number(row: Setting, raw: Any) -> float | int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    if row.kind is Kind.NUMBER:
        return value
    return int(value) if value.is_integer() else None


def _expected(row: Setting) -> str:
    if row.choices:
        return f"one of {', '.join(row.choices)}"
    return {
        Kind.TEXT: "a text",
        Kind.WHOLE: "a whole number",
        Kind.NUMBER: f"a number of {row.unit}" if row.unit.isalpha() else "a number",
        Kind.BYTES: "a size such as 256MiB",
        Kind.FLAG: "true or false",
    }[row.kind]


if __name__ == "__main__":
    sys.stdout.write(markdown())
