"""How do the benchmarks run several programs at a time? Each a function in a process of its own, told by lines.

`processes.py MODULE FUNCTION JSON-ARGUMENTS` is what such a process runs.
"""

import argparse
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import Figure, table

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@contextmanager
def told(
    what: Callable[..., None], *args: Any, environ: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """A function of a module in here, in a process and a session of its own, as a shell would start it."""
    module = Path(inspect.getfile(what)).stem
    process = subprocess.Popen(
        [sys.executable, __file__, module, what.__name__, json.dumps(args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env=(os.environ if environ is None else environ) | _ONE_THREAD,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(processes: "list[subprocess.Popen[str]]", line: str = "") -> list[float]:
    """What each of them answers to a line, said to all before the first is heard."""
    for process in processes:
        if process.stdin is not None:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
    return [heard(process) for process in processes]


def heard(process: "subprocess.Popen[str]") -> float:
    """The next number that it says."""
    return float(process.stdout.readline()) if process.stdout is not None else 0.0


def cpu_s(pid: int) -> float:
    """What a process has spent so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def rss_mb(pid: int) -> float:
    """What a process holds in memory, in 10^6 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def main(about: str, benchmarks: dict[str, Callable[[bool], list[Figure]]]) -> None:
    """A benchmark's command line: all of its parts, or some, and a table."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few rounds of each")
    parser.add_argument("--only", nargs="+", choices=benchmarks, default=list(benchmarks), metavar="NAME")
    options = parser.parse_args()
    # What was started is ended on the way out, also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    rows: list[Figure] = []
    for name in options.only:
        before = os.getloadavg()[0]
        rows += benchmarks[name](options.short)
        rows.append(Figure("  load before / after", "–", f"{before:.1f} / {os.getloadavg()[0]:.1f}"))
    print(table(rows))


if __name__ == "__main__":
    getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(*json.loads(sys.argv[3]))
