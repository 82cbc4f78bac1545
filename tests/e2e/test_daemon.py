"""The daemon as a process: one for each state directory, found, asked, ended, bound again."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys

from e2e.house import PATIENT, House, until
from patience import PATIENCE_S


def test_the_daemon_says_where_it_is_and_ends_when_asked(house: House) -> None:
    """`status` of the control socket names version, pid and endpoints; `shutdown` ends it cleanly with 0."""
    process = house.daemon()
    status = house.ask("status")
    assert status["pid"] == process.pid
    assert status["ingest"] == f"ipc://{house.paths.ingest_socket}"
    house.ask("shutdown")
    assert process.wait(PATIENCE_S) == 0
    assert not house.paths.endpoint.exists()


def test_sigterm_ends_it_cleanly(house: House) -> None:
    """A service manager's way to stop it loses nothing and ends with 0."""
    process = house.daemon()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


def test_a_second_daemon_on_the_same_state_directory_ends_with_75(house: House) -> None:
    """Two daemons would steal each other's socket: the second one says so and ends."""
    house.daemon()
    second = house.trainer("import sys; from filmlabd.__main__ import main; sys.argv = ['filmlabd']; sys.exit(main())")
    output, _ = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 75
    assert "another daemon serves" in output


def test_an_index_of_a_newer_filmlab_is_refused_with_78(house: House) -> None:
    """After a downgrade: the daemon says what it found and what to do, ends, and leaves the file alone."""
    house.paths.make()
    with contextlib.closing(sqlite3.connect(house.paths.index)) as db:
        db.execute("PRAGMA user_version = 999")
    process = house.trainer("import sys; from filmlabd.__main__ import main; sys.argv = ['filmlabd']; sys.exit(main())")
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 78
    assert "was written by a newer filmlab (version 999" in output
    assert "made again from the journal" in output
    assert house.paths.index.exists()


def test_wiped_sockets_are_bound_again(house: House) -> None:
    """XDG_RUNTIME_DIR is wiped at logout: the daemon notices and listens anew, at the same place."""
    process = house.daemon()
    shutil.rmtree(house.paths.runtime)
    until(house.paths.ingest_socket.exists, "the socket to be there again")
    assert house.ask("status")["pid"] == process.pid


def test_a_state_directory_that_is_removed_is_made_again(house: House) -> None:
    """The daemon does not go on acknowledging into files that nobody can find; the training goes on in a new one."""
    former = house.daemon()
    trainer = house.trainer(
        """
        import os, shutil, filmlab
        run = filmlab.init(project="p", name="n", schedule="always")
        run.log({"a": 1})
        assert run.flush(60)
        shutil.rmtree(os.environ["FILMLAB_STATE_DIR"])
        input()
        while not run.flush(60):
            run.log({"a": 2})
        run.log({"a": 3})
        print("flushed", run.flush(60))
        run.finish()
        """
    )
    assert former.wait(PATIENCE_S) == 0
    output, _ = trainer.communicate("\n", timeout=PATIENCE_S)
    assert "this session cannot go on" in output
    assert "flushed True" in output
    assert house.json("history.json")["metrics"]["a"][-1]["value"][-1] == 3.0


def test_the_next_daemon_is_asked_about_a_run_when_the_first_was_killed(house: House) -> None:
    """What the killed one left beside the lock is not taken for the next one's doors: `resume` holds all the same."""
    program = f"""
        {PATIENT}
        import filmlab
        run = filmlab.init(id="known", resume="RESUME")
        run.log({{"loss": 1.0}})
        run.finish()
    """
    house.train(program.replace("RESUME", "allow"))
    for _ in range(2):
        os.kill(house.daemon_pid(), signal.SIGKILL)
        again = house.trainer(program.replace("RESUME", "never"))
        output, _ = again.communicate(timeout=PATIENCE_S)
        assert again.returncode == 1 and "BadInput" in output
        until(house.daemon_pid, "the next daemon")


def test_an_idle_daemon_ends_by_itself(house: House) -> None:
    """Auto-started daemons do not stay for ever."""
    process = house.daemon("--idle-exit-s", "0.3")
    assert process.wait(PATIENCE_S) == 0


def test_a_daemon_that_was_given_no_standard_input_keeps_its_lock(house: House) -> None:
    """`filmlabd --background <&-`: what it opens first is none of the descriptors that it gives up on its way."""
    starter = house._start(["sh", "-c", 'exec "$0" -m filmlabd --background <&-', sys.executable], {})
    assert starter.wait(PATIENCE_S) == 0
    until(house.daemon_pid, "the daemon to hold its lock and serve")
    assert house.ask("status")["pid"] == house.daemon_pid()


def test_workers_step_back_as_far_as_they_are_told(house: House) -> None:
    """By default as far as there is; `--worker-nice` says otherwise. From where the daemon stands, that is."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    del house.environ["FILMLABD_WORKER_NICE"]
    for flags, nice in (((), 19), (("--worker-nice", "7"), min(own + 7, 19))):
        daemon = house.daemon(*flags)
        workers = [int(pid) for pid in house.ask("status")["workers"]]
        assert len(workers) == 2
        until(lambda: {os.getpriority(os.PRIO_PROCESS, pid) for pid in workers} == {nice}, "the workers to step back")  # noqa: B023 - called at once
        daemon.kill()
        daemon.wait()


def test_status_works_with_and_without_a_daemon(house: House) -> None:
    """The command line answers in both cases, and says which it is."""
    assert json.loads(house.command("status", "--json"))["daemon"] == "none"
    process = house.daemon()
    status = json.loads(house.command("status", "--json"))
    assert (status["daemon"], status["status"]["pid"]) == ("running", process.pid)
