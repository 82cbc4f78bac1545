"""Workers that run out of memory, in a real daemon (row 6): a second try with less, then given up with the reason.

One worker, as little nice as others: at nice 19 two seconds of work take a minute beside busy neighbours.
"""

from PIL import Image

from e2e.house import House, until

DAEMON = """
    import functools, sys
    import filmlabd.daemon
    from filmlabd.pool.worker_wire import WorkerSpec
    filmlabd.daemon.WorkerSpec = functools.partial(WorkerSpec, address_space_bytes={} << 20, nice=0)
    from filmlabd.__main__ import main
    sys.exit(main(["--workers", "1"]))
"""
TRAINER = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="large", id="r1", schedule="always", fps=10)
    side = np.arange(2048)
    with run.episode() as episode:
        for step in range(4):
            frame = np.zeros((2048, 2048, 3), np.uint8)
            frame[..., 0], frame[..., 1], frame[..., 2] = (side[:, None] + 3 * step) % 256, 2 * side % 256, 20 * step
            episode.step(action=step, reward=1.0, frame=frame)
    with run.episode() as episode:
        episode.step(action=0, reward=1.0, frame=np.zeros((8, 8, 3), np.uint8))
    run.finish()
"""


def with_memory(house: House, mebibytes: int) -> None:
    """A daemon whose workers have so much address space, and a run of one large and one small episode."""
    daemon = house.trainer(DAEMON.format(mebibytes))
    until(lambda: house.daemon_pid() == daemon.pid or daemon.poll() is not None, "the daemon to serve")
    house.train(TRAINER)
    house.wait_printed()


def test_row_6_the_second_try_is_made_with_less(house: House) -> None:
    """Half the size and every other frame, in the same time; its JSON says why. Others are as they should be."""
    with_memory(house, 430)
    said = house.json("episodes/episode_000000.json")
    assert "at full size its worker ran out of memory" in said["note"]
    with Image.open(house.run_dir() / "episodes/episode_000000.gif") as gif:
        assert (gif.size, gif.n_frames, gif.info["duration"]) == ((1024, 1024), 2, 200)
    assert "note" not in house.json("episodes/episode_000001.json")


def test_row_6_what_needs_more_than_there_is_is_given_up_with_the_reason(house: House) -> None:
    """After the second try: a third would be the same. Nothing else is touched by it."""
    with_memory(house, 240)
    with house.read() as index:
        large, small = index.episodes("r1")
    assert (large.job_state, large.job_reason) == ("failed", "not enough memory")
    assert small.job_state == "done"
    (failed,) = house.ask("status")["quarantined"]
    assert failed["reason"] == "not enough memory"
