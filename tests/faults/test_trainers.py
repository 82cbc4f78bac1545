"""Rows 24 and 25 of the fault table: trainers that start processes in every way there is, and that have no memory."""

import subprocess
import sys

import numpy as np
import pytest

from e2e.house import House

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

POOR_TRAINER = """
    import os, resource, warnings
    import numpy as np
    import filmlab, filmlab.sender

    def allow(more_mib):
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (more_mib << 20),) * 2)

    frames = np.random.default_rng(0).integers(0, 256, (8, 240, 240, 3), np.uint8)
    when, more_mib = os.environ["WHEN"], int(os.environ["MORE_MIB"])
    if when == "before":
        allow(more_mib)
    run = filmlab.init(project="faults", name="poor", id="poor")
    if when == "after":
        run.log({"n": -1}, step=0)
        run.flush(60)
        allow(more_mib)
    steps = 0
    for episode_number in range(10):
        with run.episode(capture=True) as episode:
            for _ in range(50):
                run.log({"n": steps}, step=steps)
                episode.step(action=0, reward=1.0, frame=frames[steps % 8])
                steps += 1
    print("trained", steps, flush=True)
    run.finish()
    print("finished", flush=True)
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
        env=house.environ, cwd=house.root, capture_output=True, text=True, timeout=120, check=False,
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


@pytest.mark.parametrize(("when", "more_mib"), [("before", 4), ("after", 0)])
def test_row_25_a_trainer_without_memory_trains_on(house: House, when: str, more_mib: int) -> None:
    """With no address space left the training comes to its end; what was durable before that stays, and no gap."""
    trainer = house.trainer(POOR_TRAINER, WHEN=when, MORE_MIB=str(more_mib))
    output, _ = trainer.communicate(timeout=120)
    assert trainer.returncode == 0, output
    assert "trained 500\n" in output and "finished\n" in output, output
    assert "Traceback" not in output, output
    if when == "after":
        with house.read() as index:
            (points,) = index.points("poor", "n")
        assert points.value[0] == -1.0
        assert np.array_equal(points.value[1:], np.arange(len(points.value) - 1.0)), output
