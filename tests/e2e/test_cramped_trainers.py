"""Trainers at the limits of their process (row 25), with the real thing: no descriptor, no thread, little memory."""

import pytest

from e2e.house import House

TRAINER = """
    import resource, sys, warnings
    import numpy as np
    import zmq
    import filmlab
    filmlab.init, filmlab.Run

    frame = np.random.default_rng(1).integers(0, 256, (512, 512, 3), np.uint8)
    warned = []
    warnings.showwarning = lambda message, *_: warned.append(str(message))
    {before}
    run = filmlab.init(project="play", name="cramped", id="cramped", schedule="always", close_timeout_s=3.0)
    {after}
    for index in range(3):
        with run.episode() as episode:
            for step in range(120):
                frame[0, 0, 0] = step
                episode.step(action=step, reward=1.0, frame=frame)
        run.log({{"loss": 1.0 / (index + 1)}}, step=index)
    run.finish()
    print("trained", len(warned), *sorted(set(warned)), sep="\\n")
"""
NO_DESCRIPTOR = """
    import os
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    held = []
    try:
        while True: held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError: pass
"""
NO_THREAD = """
    import threading
    def refuse(self): raise RuntimeError("can't start new thread")
    threading.Thread.start = refuse
"""
LITTLE_MEMORY = """
    {first}
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ({mebibytes} << 20), used + ({mebibytes} << 20)))
"""


def program(before: str = "pass", after: str = "pass") -> str:
    return TRAINER.format(before=before.strip(), after=after.strip())


@pytest.mark.parametrize("limit", [NO_DESCRIPTOR, NO_THREAD], ids=["descriptors", "threads"])
def test_row_25_without_means_it_trains_and_is_told_once(house: House, limit: str) -> None:
    """Nothing can be recorded: one warning says so, no call raises, and the program comes to its end."""
    output = house.train(program(before=limit))
    trained = output[output.index("trained") :].splitlines()
    assert len([line for line in trained if "nothing more is recorded by this process" in line]) == 1, output
    assert "finished: 0 prints made" in output and "the rest was not recorded and is lost" in output, output
    assert "kept on disk" not in output and house.runs() == [], output


def test_row_25_what_neither_daemon_nor_spool_could_take_is_called_lost(house: House) -> None:
    """No daemon, and no descriptor for a spool: the last line counts what is lost, says why, and promises nothing."""
    output = house.train(program(after=NO_DESCRIPTOR), FILMLAB_MODE="online")
    (last,) = [line for line in output.splitlines() if "finished: 0 prints made" in line]
    assert "records lost (no daemon is there" in last and "cannot be written: Too many open files" in last, output
    assert "kept on disk" not in last and "developing" not in last, output
    assert not [path for path in house.paths.spool.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("first", "mebibytes"), [("pass", 24), ("run.log({'loss': 9.0}, step=0); assert run.flush(30)", 48)],
    ids=["before it connects", "once connected"],
)  # fmt: skip
def test_row_25_with_little_memory_it_trains_on(house: House, first: str, mebibytes: int) -> None:
    """For 270 MB of noise: nothing raises, libzmq does not abort the process, and what is not recorded is told."""
    house.daemon()
    output = house.train(program(after=LITTLE_MEMORY.format(first=first, mebibytes=mebibytes)))
    trained = output[output.index("trained") :].splitlines()
    assert int(trained[1]) > 0, output
    assert house.ask("status")["stopping"] == ""
