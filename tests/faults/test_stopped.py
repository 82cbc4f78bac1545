"""Row 9 of the fault table: a daemon that is stopped, and goes on when the trainer has left."""

import signal

from e2e.house import House, until
from patience import PATIENCE_S

EPISODES = 24
TRAIN = f"""
    import numpy as np
    import filmlab
    run = filmlab.init(project="p", name="stopped", id="stopped", schedule="always", close_timeout_s=1.0)
    run.log({{"n": -1}})
    print("flushed", run.flush(), flush=True)
    input()
    for index in range({EPISODES}):
        with run.episode(index) as episode:
            episode.step(reward=1.0, frame=np.full((24, 32, 3), index, np.uint8))
        run.log({{"n": index}})
    run.finish()
"""


def test_row_9_a_daemon_that_was_stopped_while_its_trainer_left_goes_on(house: House) -> None:
    """Many records wait in its socket, of a peer that has gone: libzmq does not abort, and all is durable."""
    daemon = house.daemon()
    trainer = house.trainer(TRAIN)
    assert trainer.stdin is not None
    assert trainer.stdout is not None
    until(lambda: "flushed True" in trainer.stdout.readline(), "the trainer to be heard")  # type: ignore[union-attr]
    daemon.send_signal(signal.SIGSTOP)
    try:
        trainer.stdin.write("\n")
        trainer.stdin.flush()
        trainer.wait(timeout=PATIENCE_S)
    finally:
        daemon.send_signal(signal.SIGCONT)
    until(lambda: daemon.poll() is not None or all(run.printed for run in house.runs()), "the prints, or its death")
    assert daemon.poll() is None
    until(lambda: not house.ask("status")["sessions"], "the session to end")
    with house.read() as index:
        assert index.points("stopped", "n")[0].value.tolist() == [-1.0, *map(float, range(EPISODES))]
        assert len(list((house.run_dir() / "episodes").glob("*.gif"))) == EPISODES
