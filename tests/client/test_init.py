"""How a run begins: arguments, variables, the directory, ids that somebody may be using, and the line that is said."""

import os
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

import filmlab
from client.studio import Studio
from filmlab import BadInput, CaptureSchedule
from filmlab.control import decode_request, encode_reply
from filmlab.options import new_id, resolve, run_directory
from filmlab.wire.entries import RunBegin, RunFinish
from filmlab.wire.names import ID_PATTERN, short_id


def options(environ: dict[str, str] | None = None, **given: Any) -> Any:
    """Options as `init` resolves them."""
    return resolve(**given, environ=environ or {})


def test_defaults() -> None:
    """Nothing needs to be said."""
    found = options()
    assert (found.project, found.writer, found.mode, found.resume) == ("default", "main", "auto", "allow")
    assert ID_PATTERN.fullmatch(found.run_id)
    assert len(found.run_id) == 8
    assert found.directory.is_absolute()
    assert found.schedule == CaptureSchedule(cubic=True)
    assert not found.strict


def test_variables_fill_in_and_arguments_win() -> None:
    """An argument over its variable, that over the default."""
    environ = {
        "FILMLAB_MODE": "offline", "FILMLAB_DIR": "/d", "FILMLAB_PROJECT": "p", "FILMLAB_NAME": "n",
        "FILMLAB_GROUP": "g", "FILMLAB_RUN_ID": "id1", "FILMLAB_RESUME": "must", "FILMLAB_STRICT": "1",
        "FILMLAB_ENDPOINT": "ipc:///tmp/x/ingest.sock",
    }  # fmt: skip
    found = options(environ)
    assert (found.mode, found.project, found.name, found.group) == ("offline", "p", "n", "g")
    assert (found.run_id, found.resume, found.strict, found.given_id) == ("id1", "must", True, True)
    assert found.directory == Path("/d/p/n-id1")
    assert found.endpoint == "ipc:///tmp/x/ingest.sock"
    other = options(environ, mode="online", project="q", id="id2", strict=False, dir="/e", resume="allow", name="m")
    assert (other.mode, other.strict, other.resume) == ("online", False, "allow")
    assert other.directory == Path("/e/q/m-id2")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mode": "fast"}, "mode: one of auto, online, offline, disabled; got 'fast'"),
        ({"resume": "yes"}, "resume: one of allow, must, never"),
        ({"resume": "must"}, "needs the id"),
        ({"id": "a/b"}, "a run id is"),
        ({"id": ".."}, "a run id is"),
        ({"id": 5}, "id: a text, got int"),
        ({"writer": "a b"}, "a writer is"),
        ({"project": 3}, "project: a text"),
        ({"name": "\x01"}, "nothing of it can be shown"),
        ({"schedule": "sometimes"}, "no rule is called so"),
        ({"schedule": 5}, "a CaptureSchedule or its text"),
        ({"schedule": CaptureSchedule(max_total=3)}, "write always&"),
        ({"total_episodes": -1}, "total_episodes: a whole number from 0"),
        ({"fps": 0}, "fps: above 0"),
        ({"formats": ("gif", "avi")}, "formats: some of gif, mp4, webp; got 'avi'"),
        ({"formats": 3}, "formats: some of gif, mp4, webp; got int"),
        ({"overlay": ["reward"]}, "overlay: some of episode, step, return, action; got 'reward'"),
        ({"overlay": [None]}, "got None"),
        ({"memory_bytes": 5}, "memory_bytes: a whole number from"),
        ({"spool_bytes": 1.5}, "spool_bytes"),
        ({"close_timeout_s": "x"}, "close_timeout_s: seconds"),
        ({"tags": [3]}, "tag: a text"),
        ({"dir": "a\0b"}, "NUL"),
    ],
)
def test_misuse_raises(given: dict[str, Any], says: str) -> None:
    """The message says which argument, and what is expected."""
    with pytest.raises(BadInput, match=says):
        options(**given)


def test_formats_and_overlay_are_taken_in_their_order() -> None:
    """Each once; one alone needs no brackets; a clip has at least one format."""
    found = options(formats=["webp", "gif", "webp"], overlay="step")
    assert (found.formats, found.overlay) == (("webp", "gif"), ("step",))
    assert (options().formats, options(formats=()).formats, options().overlay) == (("gif",), ("gif",), ())


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:5", "ipc://@abstract", "ipc://relative"])
def test_endpoints_that_others_could_reach_are_refused(endpoint: str) -> None:
    """Only a socket with a path is one's own."""
    with pytest.raises(BadInput, match=r"ipc:///some/path"):
        options({"FILMLAB_ENDPOINT": endpoint})


@pytest.mark.parametrize("name", ["a/b", "..", "../../etc", "n" * 300, "é\tx"])
def test_names_are_free_text_and_safe_in_paths(name: str, tmp_path: Path) -> None:
    """What a name holds never leads out of the directory; what cannot be stored is put right."""
    found = options(name=name, project=name, dir=tmp_path)
    assert found.directory.parent.parent == tmp_path
    assert all(len(part.encode()) <= 120 for part in found.directory.parts[-2:])
    assert len(found.name) <= 200
    assert bool(found.complaints) == (found.name != name)


def test_ids_are_kept_apart_in_directories() -> None:
    """A long id is cut with a hash."""
    one, other = short_id("x" * 70 + "1"), short_id("x" * 70 + "2")
    assert one != other
    assert len(one) == 20
    assert short_id("experiment-7") == "experiment-7"
    assert len({new_id() for _ in range(100)}) == 100


def test_the_directory_is_absolute_whatever_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The daemon works elsewhere: `.`, `..` and `~` are resolved here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert run_directory("../x/./y", "p", "n", "i") == tmp_path.parent / "x/y/p/n-i"
    assert run_directory("~/z", "p", "n", "i") == Path("/home/ann/z/p/n-i")


def test_a_config_is_whatever_holds_settings() -> None:
    """Mappings, namespaces and dataclasses; what JSON cannot say becomes text, and no config is no reason to fail."""
    assert options(config=Namespace(lr=np.float32(0.5), path=Path("/x"))).config == {"lr": 0.5, "path": "/x"}
    found = options(config=[1])
    assert (found.config, found.complaints[0]) == ({}, "config should be a mapping, got list; it is left out")


def test_init_says_where_and_how_to_look(studio: Studio, capfd: pytest.CaptureFixture[str]) -> None:
    """One line at the beginning, one at the end, on standard error."""
    run = studio.init(id="abc", name="n", mode="online")
    run.finish()
    out, err = capfd.readouterr()
    began, ended = [line for line in err.splitlines() if line.startswith("filmlab:") and "could not ask" not in line]
    assert out == ""
    assert str(run.dir) in began
    assert "`filmlab ls abc`" in began
    assert "finished: 0 prints made" in ended
    assert str(run.dir) in ended


def test_module_functions_mean_the_latest_run(studio: Studio) -> None:
    """`filmlab.log`, `filmlab.finish` and `filmlab.run`."""
    assert filmlab.run is None
    with pytest.raises(BadInput, match="no run is open"):
        filmlab.log({"a": 1.0})
    run = studio.init()
    assert filmlab.run is run
    filmlab.log({"a": 1.0}, step=3)
    filmlab.finish()
    filmlab.finish()
    assert studio.points() == [(3, {"a": 1.0})]
    assert filmlab.run is None


def test_the_same_writer_twice_in_one_process(studio: Studio) -> None:
    """Raises at once; another writer may join."""
    run = studio.init(id="r1")
    with pytest.raises(BadInput, match="open in this very process"):
        studio.init(id="r1")
    other = studio.init(id="r1", writer="eval")
    other.finish()
    run.finish()
    assert {begin.writer for begin in studio.entries(RunBegin)} == {"main", "eval"}


@contextmanager
def control_that_says(studio: Studio, *replies: dict[str, Any]) -> Iterator[list[Any]]:
    """A control socket beside the studio's, which gives these answers, and the last one from then on."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sock = context.socket(zmq.ROUTER)
    sock.linger = 0
    sock.bind(f"ipc://{studio.directory / 'run' / 'control.sock'}")
    asked: list[Any] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if sock.poll(5):
                peer, request = sock.recv_multipart()
                reply = replies[min(len(asked), len(replies) - 1)]
                asked.append(decode_request(request))
                sock.send_multipart([peer, encode_reply({"ok": True} | reply)])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()
        sock.close()
        context.term()


def test_an_id_that_is_known_keeps_its_directory(studio: Studio) -> None:
    """A resumed run prints where it did before."""
    reply = {"known": True, "attempt": 1, "directory": "/before/p/n-r1", "sessions": {"eval": "7"}, "leaving": []}
    with control_that_says(studio, reply) as asked:
        run = studio.init(id="r1", resume="must")
        assert run.dir == Path("/before/p/n-r1")
        run.finish()
        assert [(request.verb, request.args["run_id"]) for request in asked] == [("claim", "r1")]
        with pytest.raises(BadInput, match="resume='never' asks for a new one"):
            studio.init(id="r1", resume="never")
        with pytest.raises(BadInput, match="'eval' is alive in another process"):
            studio.init(id="r1", writer="eval")


def test_an_id_that_is_not_known(studio: Studio) -> None:
    """`must` refuses it, `never` and `allow` begin it."""
    with control_that_says(studio, {"known": False, "attempt": 0, "directory": "", "sessions": {}, "leaving": []}):
        with pytest.raises(BadInput, match="is not known here"):
            studio.init(id="r1", resume="must")
        studio.init(id="r1", resume="never").finish()


def test_a_writer_that_is_leaving_is_waited_for(studio: Studio) -> None:
    """A run that has just finished can be begun again at once; one whose spool takes long is not said to be alive."""
    reply = {"known": True, "directory": "/before/p/n-r1", "sessions": {"main": "7"}, "leaving": ["main"]}
    with control_that_says(studio, reply, reply, reply | {"sessions": {}, "leaving": []}) as asked:
        studio.init(id="r1").finish()
        assert len(asked) == 3


def test_a_writer_that_does_not_leave_is_gone_beside(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Film of a former process that waits for room on a full disk keeps no training from beginning, however often."""
    monkeypatch.setattr("filmlab._init.FULL_DISK_TIMEOUT_S", 0.0)
    taken = {"main": "7", f"main-{os.getpid()}": "8"}
    reply = {"known": True, "directory": "/before/p/n-r1", "sessions": taken, "leaving": list(taken)}
    reply |= {"film_refused": "its disk has 1 GB left"}
    with control_that_says(studio, reply):
        run = studio.init(id="r1")
        assert run.writer == f"main-{os.getpid()}-2"
        run.finish()
    assert f"going on as 'main-{os.getpid()}-2'" in capfd.readouterr().err


def test_without_an_answer_the_run_goes_on_and_says_so(studio: Studio, capfd: pytest.CaptureFixture[str]) -> None:
    """A daemon that cannot be asked is no reason to refuse a training."""
    studio.init(id="r1").finish()
    assert "could not ask whether this id is in use" in capfd.readouterr().err


PROGRAM = """
import sys, filmlab
run = filmlab.init(id="r1", dir="out", schedule="always")
run.episode(4).step(reward=1.0)
run.log({"a": 1.0})
if sys.argv[1] == "raise":
    raise RuntimeError("on purpose")
if sys.argv[1] == "child":
    import multiprocessing
    def work():
        run.log({"a": 2.0})
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize(("how", "status"), [("end", "finished"), ("raise", "crashed"), ("child", "finished")])
def test_the_interpreters_end_finishes_what_is_open(studio: Studio, how: str, status: str) -> None:
    """Without `finish`; an exception that nobody caught is a crash; so it is in a child of multiprocessing."""
    done = studio.run_program(PROGRAM, how)
    assert done.returncode == (1 if how == "raise" else 0), done.stderr
    assert [end.status for end in studio.entries(RunFinish)] == [status] * (2 if how == "child" else 1)
    assert sorted(values["a"] for _, values in studio.points()) == ([1.0, 2.0] if how == "child" else [1.0])
