"""Rows 2 and 12 to 16 of the fault table: calls to the disk that fail, come short, or are the daemon's last.

Households of one daemon after the other on the same state directory, each life with faults at calls drawn by a seed,
and one trainer that lives through all of them. FILMLAB_SEED replays, FILMLAB_POINTS makes it longer.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from e2e.house import House, until
from faults.pusher import Pusher, counted

SEED = int(os.environ.get("FILMLAB_SEED", random.SystemRandom().randrange(2**31)))
POINTS = int(os.environ.get("FILMLAB_POINTS", "100"))
SURVIVED = ("short", "short", "enospc")
LAST = ("eio", "kill", "after", "power", "power")
"""What a daemon does not survive: after a failed call it ends by itself, so that a fresh start finds what is there."""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled shim."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        assert "CI" not in os.environ, "no C compiler in CI"
        pytest.skip("no C compiler here")
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


def plan(rng: random.Random, points: int) -> list[tuple[int, str]]:
    """The faults of one life: some that it survives, and one that it does not."""
    at, faults = 0, []
    for _ in range(min(points - 1, rng.choice([0, 0, 1, 1, 2]))):
        at += rng.randint(1, 90)
        faults.append((at, rng.choice(SURVIVED)))
    return [*faults, (at + rng.randint(1, 140), rng.choice(LAST))]


class Life:
    """A daemon with faults to come."""

    def __init__(self, house: House, shim: Path, faults: list[tuple[int, str]]) -> None:
        self.faults = faults
        self._counter = house.root / "calls"
        self._counter.unlink(missing_ok=True)
        environ = house.environ | {
            "LD_PRELOAD": str(shim),
            "PYTHONFAULTHANDLER": "1",
            "FAULT_DIR": str(house.paths.root),
            "FAULT_COUNT": str(self._counter),
            "FAULTS": ",".join(f"{at}:{kind}" for at, kind in faults),
        }
        self.log = (house.root / "daemon.out").open("ab")
        # One worker: what is rendered is not the matter here.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "filmlabd", "--workers", "1"],
            env=environ, cwd=house.root, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def calls(self) -> int:
        try:
            return int.from_bytes(self._counter.read_bytes(), "little")
        except FileNotFoundError:
            return 0

    def end(self) -> list[str]:
        """Wait for the end; the kinds of the faults that it met."""
        try:
            until(lambda: self.process.poll() is not None or self._is_past(), f"the end of a daemon with {self.faults}")
        except AssertionError:
            # Where does it hang? Every thread says so in its log.
            self.process.send_signal(signal.SIGABRT)
            print(f"{self.calls} calls were made")
            raise
        if self.process.poll() is None:
            # An error that may be survived, such as a directory that could not be synced twice: end it by hand.
            self.process.kill()
        self.process.wait()
        self.log.close()
        assert self.calls, "the daemon did nothing at all"
        return [kind for at, kind in self.faults if at <= self.calls]

    def _is_past(self) -> bool:
        """It went on for long after its last fault."""
        return self.calls > self.faults[-1][0] + 400


def play(house: House, shim: Path, rng: random.Random, points: int, run_id: str) -> tuple[list[str], tuple[int, int]]:
    """One trainer and daemons until so many faults have struck; then a daemon without; what struck, what was kept."""
    trainer = Pusher(house, run_id, rng, records=10**9)
    struck: list[str] = []
    try:
        while len(struck) < points:
            struck += Life(house, shim, plan(rng, points - len(struck))).end()
            assert not trainer.trouble and not trainer.link.dead, (trainer.trouble, trainer.link.why_ended)
        trainer.stop()
        house.daemon()
        trainer.wait_durable()
        kept = trainer.check_kept(house)
    finally:
        trainer.link.close(5.0)
    return struck, kept


def test_rows_12_to_16_a_disk_that_fails_at_any_call_costs_nothing_acknowledged(tmp_path: Path, shim: Path) -> None:
    """Whatever call fails, comes short or is the last: the next daemon has all that was acknowledged."""
    houses = [House(tmp_path / name) for name in ("a", "b")]
    results: dict[int, tuple[list[str], tuple[int, int]]] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            rng = random.Random(SEED + number)
            results[number] = play(houses[number], shim, rng, POINTS // 2, f"struck{number}")
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(houses))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for house in houses:
            house.close()
    print(f"FILMLAB_SEED={SEED}")
    if errors:
        print(*(f"{house.root.name}: {(house.root / 'daemon.out').read_text()[-3000:]}" for house in houses), sep="\n")
        raise errors[0]
    struck = [kind for kinds, _ in results.values() for kind in kinds]
    print(
        f"{len(struck)} points tried / 0 bad: {counted(struck)}; records kept: {[kept for _, kept in results.values()]}"
    )
    assert len(struck) >= POINTS // 2 * 2
