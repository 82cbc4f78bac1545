"""Workers that always die, in a real daemon (row 8): rendering pauses, all else goes on, and it comes back."""

import json
from pathlib import Path

from e2e.house import House, until
from patience import PATIENCE_S

DAEMON = f"""
    import functools, sys
    sys.path[:0] = {[str(Path(__file__).parents[1])]!r}
    import filmlabd.daemon
    from filmlabd.pool.worker_wire import WorkerSpec
    filmlabd.daemon.WorkerSpec = functools.partial(WorkerSpec, entry="service.poison:fragile")
    from filmlabd.__main__ import main
    sys.exit(main(["--workers", "2"]))
"""
TRAINER = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="unlucky", id="r1", schedule="always", mode="online")
    for index in range(6):
        with run.episode() as episode:
            for step in range(3):
                episode.step(action=step, reward=1.0, frame=np.full((8, 8, 3), 60 * step, np.uint8))
        run.log({"loss": 1.0 / (index + 1)}, step=index)
    closing = run.finish()
"""


def test_row_8_workers_that_always_die_pause_rendering_and_nothing_else(house: House) -> None:
    """Everything is taken in and durable meanwhile; no job is given up; when workers live again all is printed."""
    house.paths.make()
    broken = house.paths.index.with_name("broken")
    broken.touch()
    daemon = house.trainer(DAEMON)
    until(lambda: house.daemon_pid() == daemon.pid or daemon.poll() is not None, "the daemon to serve")
    house.train(TRAINER)
    until(lambda: house.ask("status")["paused"], "rendering to be paused")
    status = house.ask("status")
    assert "workers keep dying whatever they do (the last: worker ended with status 1)" in status["paused"]
    assert status["quarantined"] == []
    shown = json.loads(house.command("status", "--json", status=1))
    assert any("rendering is paused" in item for item in shown["trouble"])
    with house.read() as index:
        assert index.run("r1").status == "finished"
        assert [row.job_state for row in index.episodes("r1")] == ["ready"] * 6
        assert list(index.points("r1", "loss")[0].step) == [0, 1, 2, 3, 4, 5]
    broken.unlink()
    house.wait_printed()
    assert house.ask("status")["paused"] == ""
    assert house.ask("status")["quarantined"] == []
    assert len(list(house.run_dir().glob("episodes/*.gif"))) == 6
    house.ask("shutdown")
    log = daemon.communicate(timeout=PATIENCE_S)[0]
    assert "rendering is paused" in log
    assert "workers work again" in log
