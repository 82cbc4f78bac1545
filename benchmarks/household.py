"""Where do the benchmarks run? In the household of the end-to-end tests: real processes on a state of their own."""

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))

from e2e.house import PATIENCE_S, House, until  # noqa: E402  # the tests are no installed package

__all__ = ["PATIENCE_S", "Household", "until"]

RESULT = "RESULT "


class Household(House):
    """A house whose trainers measure. Everything that it started ends with `close`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        # Trainers have other working directories: the source roots must not be relative.
        roots = [str(Path(entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        if roots:
            self.environ["PYTHONPATH"] = os.pathsep.join(roots)
        self.environ |= {"TMPDIR": str(root), "TRACKIO_DIR": str(root / "trackio"), "HF_HUB_OFFLINE": "1"}

    def measure(self, program: str, **args: Any) -> dict[str, Any]:
        """What one of the programs in `trainer.py` found, in a process of its own."""
        process = self._start([sys.executable, str(HERE / "trainer.py"), program, json.dumps(args)], {})
        output, _ = process.communicate(timeout=10 * PATIENCE_S)
        found = [line for line in output.splitlines() if line.startswith(RESULT)]
        if process.returncode != 0 or not found:
            raise RuntimeError(f"{program} ended with status {process.returncode}:\n{output}")
        result: dict[str, Any] = json.loads(found[-1].removeprefix(RESULT))
        return result

    def close(self) -> None:
        """The youngest first: a trainer that is left without its daemon starts another one."""
        self._processes.reverse()
        super().close()

    def daemon_peak_mb(self) -> float:
        """The largest resident size that the daemon's process has had, in 10^6 bytes."""
        return status_kib(self.daemon_pid(), "VmHWM") * 1024 / 1e6


def status_kib(pid: int | str, field: str) -> int:
    """A size of a process as the kernel counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"the kernel says no {field}")
