"""Row 24 of the fault table: trainers that start other processes, in every way there is."""

import subprocess
import sys

import numpy as np
import pytest

from e2e.house import House
from patience import PATIENCE_S

# A module, so that a process that is spawned can import what it shall do.
FAMILY = """
import multiprocessing, os, sys
import filmlab

STEPS = 20

def train(run_id, how="finish"):
    run = filmlab.init(project="faults", name="family", id=run_id)
    for step in range(STEPS):
        run.log({"n": step}, step=step)
    if how == "finish":
        run.finish()
        return
    assert run.flush(60)
    if how == "exec":
        os.execv(sys.executable, [sys.executable, "-c", "pass"])
    os._exit(0)

def child(method):
    if method in ("fork", "spawn", "forkserver"):
        process = multiprocessing.get_context(method).Process(target=train, args=("child",))
        process.start()
        process.join(100)
        return process.exitcode
    pid = os.fork()
    if not pid:
        train("child", method)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def main():
    method, when = sys.argv[1:]
    early = child(method) if when == "before" else 0
    run = filmlab.init(project="faults", name="family", id="parent")
    run.log({"n": 0}, step=0)
    assert run.flush(60)
    late = child(method) if when == "after" else 0
    for step in range(1, STEPS):
        run.log({"n": step}, step=step)
    run.finish()
    print("codes", early, late, flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("fork", "before"),
        ("fork", "after"),
        ("spawn", "after"),
        ("forkserver", "after"),
        ("_exit", "after"),
        ("exec", "after"),
    ],
)
def test_row_24_children_of_every_kind_record_for_themselves(house: House, method: str, when: str) -> None:
    """Started before or after its parent has connected: a child has its own run, neither hangs, nothing is lost."""
    (house.root / "family.py").write_text(FAMILY)
    done = subprocess.run(
        [sys.executable, "family.py", method, when],
        env=house.environ, cwd=house.root, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert "codes 0 0" in done.stdout, done
    for run_id in ("parent", "child"):
        house.wait_printed(run_id)
        with house.read() as index:
            (points,) = index.points(run_id, "n")
            run = index.run(run_id)
        assert np.array_equal(points.value, np.arange(20.0)), run_id
        # One that ends without a word has crashed; what it had flushed is there all the same.
        assert run.status == ("crashed" if run_id == "child" and method in ("_exit", "exec") else "finished")
