"""`make mutants`: can the tests fail? Removes seven safeguards, one at a time, and shows which test turns red for each.

Each mutation is applied to a copy of the source tree in a temporary directory; the tests named beside it run against
that copy. First they all run on an unchanged copy, where they must be green. Exit status 0: seven of seven turned red.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
MEMORY_BYTES = 6 * 2**30


@dataclass(frozen=True)
class Mutant:
    """One safeguard, and what is left without it."""

    name: str
    path: str
    before: str
    after: str
    tests: str
    variables: tuple[tuple[str, str], ...] = ()


MUTANTS = (
    Mutant(
        "the sync before the acknowledgement",
        "service/filmlabd/disk.py",
        "        self._write()\n        self._sync(films=not command.control_only)\n        waiting = {",
        "        self._write()\n        waiting = {",
        "tests/faults/test_shim.py",
        (("FILMLAB_POINTS", "60"),),
    ),
    Mutant(
        "the CRC",
        "client/filmlab/wire/frame.py",
        "    if _checksum(head.raw, meta, payload) != head.crc:\n",
        "    if False:\n",
        "tests/service/test_journal.py tests/wire/test_frame.py",
    ),
    Mutant(
        "the RESYNC",
        "service/filmlabd/core/core.py",
        "            self._desk.tell(session, messages.Resync(stream, session.streams[stream].next_seq), out)\n",
        "            pass\n",
        "tests/service/test_core.py",
    ),
    Mutant(
        "the split between durable and next",
        "service/filmlabd/core/session.py",
        "boot, self.durable_c, self.next_c, self.durable_b, self.next_b, credit",
        "boot, self.next_c - 1, self.next_c, self.next_b - 1, self.next_b, credit",
        "tests/faults/test_simulation.py::test_no_story_loses_or_doubles_anything",
        (("FILMLAB_SEEDS", "300"),),
    ),
    Mutant(
        "the rename of a finished print",
        "service/filmlabd/artifacts.py",
        '            part = f".{name}.part"\n',
        "            part = name\n",
        "tests/service/test_artifacts.py",
    ),
    Mutant(
        "the bound on the sender's memory",
        "client/filmlab/link/outbox.py",
        "        return self._b.memory_bytes + lent + chunk_cost_bytes(size_bytes) <= self.limits.memory_bytes\n",
        "        return True\n",
        "tests/faults/test_simulation.py::test_no_story_loses_or_doubles_anything",
        (("FILMLAB_SEEDS", "600"),),
    ),
    Mutant(
        "the count of a job's strikes",
        "service/filmlabd/core/jobs.py",
        "        given_up = story.strikes >= STRIKES or outcome.memory",
        "        given_up = outcome.memory",
        "tests/service/test_jobs.py",
    ),
)


def copy_tree(where: Path) -> None:
    """What the tests need of this checkout."""
    for name in ("client", "service", "tests"):
        shutil.copytree(ROOT / name, where / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, where / name)


def run(tree: Path, mutant: Mutant) -> subprocess.CompletedProcess[str]:
    """The mutant's tests against a tree."""
    # Before what is installed, so that the copy is what is tested.
    path = os.pathsep.join(str(tree / name) for name in ("client", "service"))
    environ = os.environ | dict(mutant.variables) | {"PYTHONPATH": path, "FILMLAB_SEED": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests.split()]
    return subprocess.run(
        command, cwd=tree, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        preexec_fn=_bound,
    )  # fmt: skip


def _bound() -> None:
    """A mutant without its bound must not take the machine's memory with it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def apply(tree: Path, mutant: Mutant) -> None:
    """Take the safeguard away; it must be there exactly once."""
    path = tree / mutant.path
    text = path.read_text()
    assert text.count(mutant.before) == 1, f"{mutant.name}: {mutant.path} has changed, and this list must follow"
    path.write_text(text.replace(mutant.before, mutant.after))


def main() -> int:
    """Tries them all and prints a line for each."""
    bad = 0
    for mutant in MUTANTS:
        with tempfile.TemporaryDirectory(prefix="filmlab-mutant-") as name:
            tree = Path(name)
            copy_tree(tree)
            whole = run(tree, mutant)
            apply(tree, mutant)
            broken = run(tree, mutant)
        red = re.findall(r"^(?:FAILED|ERROR) (\S+)", broken.stdout, re.MULTILINE)
        fine = whole.returncode == 0 and broken.returncode == 1 and bool(red)
        bad += not fine
        print(
            f"{'red ' if fine else 'BAD '} without {mutant.name}: {', '.join(red) or 'no test turned red'}", flush=True
        )
        if whole.returncode != 0:
            print(f"     its tests are not green to begin with:\n{whole.stdout[-3000:]}", flush=True)
    print(f"{len(MUTANTS) - bad} of {len(MUTANTS)} mutants were found out")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
