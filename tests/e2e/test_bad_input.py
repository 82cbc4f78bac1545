"""Bad input: a clear message, and nothing else is lost. Each test says what the user sees."""

import shutil
from pathlib import Path

from e2e.house import PATIENT, House
from patience import PATIENCE_S

START = """
    import warnings
    import numpy as np
    import filmlab
    warnings.simplefilter("always")
    run = filmlab.init(project="bad", name="input", id="r1", schedule="always")
    black = np.zeros((24, 32, 3), np.uint8)
"""
END = """
    print("flushed", run.flush())
    run.finish()
"""


def trained(house: House, program: str, **variables: str) -> str:
    output = house.train(START + program + END, **variables)
    assert "flushed True" in output, output
    house.wait_printed()
    return output


FRAMES = {
    "np.zeros((12, 32, 3), np.uint8)": "(12, 32, 3)",
    "np.zeros((24, 32, 3), np.float32)": "float32",
    "np.zeros((24, 32), np.uint8)": "(24, 32)",
    "'no frame'": "str",
}


def test_a_frame_of_another_kind_ends_the_film_and_nothing_else(house: House) -> None:
    """The film ends before it, is developed and says why, with run, episode and frame; the metrics go on."""
    output = trained(
        house,
        f"""
    for index, bad in enumerate([{", ".join(FRAMES)}]):
        with run.episode(index) as episode:
            for step in range(6):
                episode.step(reward=1.0, frame=black if step != 4 else bad)
                run.log({{"n": step + 6 * index}}, step=step + 6 * index)
    """,
    )
    for index, says in enumerate(FRAMES.values()):
        document = house.json(f"episodes/episode_{index:06d}.json")
        assert (document["frame_count"], document["length"]) == (4, 6)
        assert "frame 4" in document["note"]
        assert says in document["note"]
        assert (house.run_dir() / f"episodes/episode_{index:06d}.gif").exists()
    assert "episode 0" in output
    with house.read() as index:
        assert list(index.points("r1", "n")[0].value) == list(range(24))


def test_a_step_after_the_end_is_said_once_and_ignored(house: House) -> None:
    """The episode keeps its totals."""
    output = trained(
        house,
        """
    with run.episode(0) as episode:
        episode.step(reward=1.0, frame=black)
        episode.end()
        episode.step(reward=5.0, frame=black)
        episode.step(reward=5.0, frame=black)
    """,
    )
    assert output.count("FilmlabWarning") == 1
    assert house.json("episodes/episode_000000.json")["return"] == 1.0


def test_a_metric_that_is_no_number_is_named_and_the_others_are_kept(house: House) -> None:
    """The warning names the metric and its type, once."""
    output = trained(
        house,
        """
    for step in range(3):
        run.log({"good": step, "bad": object(), "none": None}, step=step)
    """,
    )
    assert "'bad'" in output
    assert "object" in output
    with house.read() as index:
        assert {row.name for row in index.metrics("r1")} == {"good"}
        assert list(index.points("r1", "good")[0].value) == [0, 1, 2]


NAMES = ["a/b", "../../etc/passwd", "..", ".hidden", "tab\tnewline\n", "x" * 300, "ünï©ode", "<b>&'\"", " "]


def test_names_of_runs_and_metrics_never_leave_their_directory(house: House) -> None:
    """Whatever a run or a metric is called: its files lie where they belong, and the page shows it as text."""
    house.train(
        f"""
        import filmlab
        for number, name in enumerate({NAMES!r}):
            run = filmlab.init(project=name, name=name, id=f"r{{number}}")
            run.log({{name: 1.0, "plain": 2.0}}, step=0)
            run.finish()
        """
    )
    house.wait_printed()
    pages = sorted((house.root / "films").glob("*/*/index.html"))
    assert len(pages) == len(NAMES)
    for page in pages:
        inside = page.parent.resolve()
        assert inside.parent.parent == (house.root / "films").resolve()
        assert len(list((inside / "curves").glob("*.svg"))) == 2
        assert all(len(path.name) <= 100 for path in inside.rglob("*"))
        assert "<b>&'" not in page.read_text()
    assert not (house.root / "etc").exists()


def test_a_directory_that_cannot_be_written_is_named(house: House) -> None:
    """The user sees the directory and why; the data is kept in the state directory."""
    (house.root / "file").write_text("in the way")
    process = house.trainer(START + "\n    run.log({'n': 1.0}, step=0)" + END, FILMLAB_DIR=str(house.root / "file/x"))
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert str(house.root / "file") in output
    if process.returncode == 0:
        with house.read() as index:
            assert list(index.points("r1", "n")[0].value) == [1.0]


MISUSES = {
    "id='../x'": "run id",
    "writer='a/b'": "writer",
    "resume='perhaps'": "resume",
    "mode='fast'": "mode",
    "schedule='every:banana'": "banana",
    "fps=0": "fps",
    "memory_bytes=-1": "memory_bytes",
    "total_episodes=-2": "total_episodes",
}


def test_misuse_of_init_raises_with_a_clear_message(house: House) -> None:
    """What the call itself can see is said at once."""
    tries = [f"lambda: filmlab.init(project='bad', {arguments})" for arguments in MISUSES]
    output = house.train(
        f"""
        import filmlab
        for number, misuse in enumerate([{", ".join(tries)}]):
            try:
                misuse()
            except filmlab.BadInput as error:
                print(f"refused {{number}}:", str(error).replace(chr(10), " "))
        """
    )
    for number, says in enumerate(MISUSES.values()):
        line = next(line for line in output.splitlines() if line.startswith(f"refused {number}:"))
        assert says in line


def test_resume_must_and_never(house: House) -> None:
    """`must` raises for a run that nobody knows, `never` for one that somebody does."""
    output = house.train(
        f"""
        {PATIENT}
        import filmlab
        try:
            filmlab.init(project="bad", id="unknown", resume="must")
        except filmlab.BadInput as error:
            print("must:", error)
        run = filmlab.init(project="bad", id="known")
        assert run.flush()
        run.finish()
        try:
            filmlab.init(project="bad", id="known", resume="never")
        except filmlab.BadInput as error:
            print("never:", error)
        """
    )
    assert "must: " in output
    assert "never: " in output
    assert "unknown" in output


def test_a_full_queue_drops_whole_episodes_and_says_so(house: House) -> None:
    """Over the bound the episode's film goes, never a metric; the count and the reason are on the page."""
    output = trained(
        house,
        """
    run2 = filmlab.init(project="bad", name="flood", id="flood", schedule="always", memory_bytes=8 * 2**20)
    noise = np.random.default_rng(0).integers(0, 255, (480, 480, 3), np.uint8)
    for index in range(3):
        with run2.episode(index) as episode:
            for step in range(60):
                episode.step(reward=1.0, frame=noise)
                run2.log({"n": step + 60 * index}, step=step + 60 * index)
    stats = run2.stats
    print("dropped", stats.dropped_films, stats.dropped_metrics, stats.dropped_reasons)
    run2.flush()
    run2.finish()
    """,
    )
    line = next(line for line in output.splitlines() if line.startswith("dropped"))
    assert int(line.split()[1]) >= 1
    assert int(line.split()[2]) == 0
    house.wait_printed("flood")
    with house.read() as index:
        assert sum(row.count for row in index.drops("flood") if row.what == "film") == int(line.split()[1])
        assert list(index.points("flood", "n")[0].value) == list(range(180))
        directory = Path(index.run("flood").directory)
    assert "dropped" in (directory / "index.html").read_text()


def test_nothing_of_ours_needs_shared_memory(house: House) -> None:
    """A container without /dev/shm is fine: neither the daemon nor its workers map anything there."""
    house.daemon()
    trained(house, "    run.log({'n': 1.0}, step=0)")
    workers = [int(pid) for pid in house.ask("status")["workers"]]
    for pid in [house.daemon_pid(), *workers]:
        assert "/dev/shm" not in Path(f"/proc/{pid}/maps").read_text()
        fds = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        assert not [target for target in fds if target.startswith("/dev/shm")]


def test_a_runtime_directory_that_is_too_long_for_sockets_is_left_for_tmp(house: House) -> None:
    """XDG_RUNTIME_DIR over 107 bytes: a short place is used, said once, and everything works."""
    long = house.root / ("d" * 100)
    long.mkdir(mode=0o700)
    house.environ["XDG_RUNTIME_DIR"] = str(long)
    output = trained(house, "    run.log({'n': 1.0}, step=0)")
    assert "too long" in output
    assert not list(long.iterdir())


def test_sockets_wiped_under_a_living_run_cost_nothing(house: House) -> None:
    """A logout may wipe the runtime directory: later clients and this one go on."""
    house.daemon()
    trainer = house.trainer(
        START
        + """
    run.log({"n": 0.0}, step=0)
    assert run.flush()
    print("ready", flush=True)
    input()
    run.log({"n": 1.0}, step=1)
    """
        + END
    )
    assert trainer.stdout is not None
    while "ready" not in (line := trainer.stdout.readline()):
        assert line, "the trainer ended"
    shutil.rmtree(house.paths.runtime)
    output, _ = trainer.communicate("\n", timeout=PATIENCE_S)
    assert "flushed True" in output
    trained(house, "    run.log({'n': 2.0}, step=2)")


OTHER_VERSION = """
    import fcntl, os
    import zmq
    from filmlab.endpoint import Endpoint, write_endpoint
    from filmlab.paths import StatePaths
    from filmlab.wire import messages

    paths = StatePaths.find()
    paths.make()
    paths.make_runtime()
    lock = os.open(paths.daemon_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.bind(f"ipc://{paths.ingest_socket}")
    write_endpoint(paths.endpoint, Endpoint(f"ipc://{paths.ingest_socket}", "ipc:///none", os.getpid(), "9.9", 1))
    print("ready", flush=True)
    while True:
        peer, *_ = socket.recv_multipart()
        answer = messages.encode(messages.Error("version", "this daemon speaks protocol 9"), 0)
        socket.send_multipart([peer, *answer.parts])
"""


def test_a_daemon_of_another_protocol_version_is_named_and_nothing_is_lost(house: House) -> None:
    """The user sees which version was met; the run goes to the spool, and a daemon that fits takes it in later."""
    other = house.trainer(OTHER_VERSION)
    assert other.stdout is not None
    assert "ready" in other.stdout.readline()
    output = house.train(START + "\n    run.log({'n': 1.0}, step=0)\n    run.finish()\n")
    assert "protocol 9" in output
    other.kill()
    other.wait()
    house.daemon()
    house.wait_printed()
    with house.read() as index:
        assert list(index.points("r1", "n")[0].value) == [1.0]
