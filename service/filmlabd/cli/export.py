"""`filmlab export`: a run as one file that can be given away, or its metrics as CSV or JSON."""

import contextlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filmlab.paths import StatePaths
from filmlab.progress import Display, Stage
from filmlab.words import plural, size
from filmlabd.artifacts import Printed
from filmlabd.cli.format import printable
from filmlabd.cli.look_up import Misuse, run_named
from filmlabd.develop.history import history
from filmlabd.model import RunRow
from filmlabd.takeaway import metrics_csv

if TYPE_CHECKING:
    from filmlabd.export import Export

STDOUT = "-"
CLIPS = 13
"""The best, and twelve that fill their rows beside each other."""
MAX_BYTES = 16 * 2**20
"""What still goes through most mail servers, once their encoding has made it larger by a third."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to take away."""

    form: str
    """`html`, `csv` or `json`."""
    output: str | None
    """A path, or `-`; None: a file in the working directory, named after the run."""
    clips_max: int | None = CLIPS
    max_bytes: int = MAX_BYTES


def run(paths: StatePaths, name: str, wish: Wish) -> tuple[list[str], bool]:
    """Write it, and say where and how large it is; nothing where it goes to standard output.

    Raises:
        Misuse: there is no such run, or the file cannot be so small.
        OSError: it cannot be written there.
    """
    # It brings what draws and encodes, for which no other command should wait.
    from filmlabd.export import make_export

    with run_named(paths, name) as (reader, found):
        target = _target(found, wish)
        with closing(_display(target)) as display:
            if wish.form == "html":
                with Printed(Path(found.directory)) as directory:
                    made = make_export(
                        found, reader, directory, wish.clips_max, wish.max_bytes,
                        lambda done, left: display.show(Stage("drawing", "curves", done, left)),
                    )  # fmt: skip
                    written_bytes = write(target, _shown(made.pieces(directory), display, made.size_bytes))
                said = _contents(made)
            else:
                pieces = (metrics_csv if wish.form == "csv" else history)(found.run_id, reader)
                written_bytes = write(target, _shown(pieces, display, None))
                said = [plural(sum(row.count for row in reader.metrics(found.run_id)), "point")]
    if target is None:
        return [], False
    return [printable(f"{target}: {', '.join([size(written_bytes), *said])}")], False


def write(target: Path | None, pieces: Iterable[bytes]) -> int:
    """Put a file in place of what is there, whole or not at all; None is standard output. How many bytes it has.

    Raises:
        OSError: it cannot be written. What was there is there still.
    """
    if target is None:
        sys.stdout.flush()
        return _write(sys.stdout.buffer, pieces)
    real = Path(os.path.realpath(target))
    if real.exists() and not stat.S_ISREG(real.stat().st_mode):
        # A pipe or a device: nothing can take its place.
        with real.open("wb") as file:
            return _write(file, pieces)
    part = real.with_name(f".{real.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            written_bytes = _write(file, pieces)
            os.fsync(file.fileno())
        part.replace(real)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename == str(part):
            # What was asked for, not what stands in its place meanwhile.
            error.filename = str(target)
        raise
    return written_bytes


def _display(target: Path | None) -> Display:
    """What shows how far it is: nothing where the file itself goes to the terminal."""
    to_terminal = target is None and sys.stdout.isatty()
    return Display(environ={"TERM": "dumb"}) if to_terminal else Display()


def _shown(pieces: Iterable[bytes], display: Display, total_bytes: int | None) -> Iterator[bytes]:
    """The same pieces; on a terminal is seen how far it is. `total_bytes`: None, where nobody knows."""
    done_bytes = 0
    for piece in pieces:
        yield piece
        done_bytes += len(piece)
        left = None if total_bytes is None else max(0, total_bytes - done_bytes) // 1024
        display.show(Stage("writing", "KiB", done_bytes // 1024, left))


def _write(file: BinaryIO, pieces: Iterable[bytes]) -> int:
    written_bytes = 0
    for piece in pieces:
        file.write(piece)
        written_bytes += len(piece)
    file.flush()
    return written_bytes


def _target(found: RunRow, wish: Wish) -> Path | None:
    if wish.output == STDOUT:
        return None
    if wish.output is None:
        # Readable rather than exact: the id tells runs of one name apart.
        name = re.sub("[^A-Za-z0-9._]+", "-", found.name)[:60].strip("-.")
        return Path(f"{name or 'run'}-{found.run_id}.{wish.form}")
    path = Path(wish.output)
    if path.is_dir():
        raise Misuse(f"-o: {path} is a directory")
    return path


def _contents(made: "Export") -> list[str]:
    clips = (
        plural(made.clips, "clip") if made.clips == made.clips_in_all else f"{made.clips} of {made.clips_in_all} clips"
    )
    drawn, in_all = made.curves, made.curves_in_all
    return [clips, plural(drawn, "curve") if drawn == in_all else f"{drawn} of {in_all} curves"]
