"""A run: numbers, media, waiting and ending, and what it says when it is misused."""

import itertools
import math
import random
import threading
import time
import warnings

import numpy as np
import pytest

import filmlab
from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.latency import Histogram
from filmlab.wire import messages
from filmlab.wire.entries import (
    NO_STEP,
    Blocked,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    RunBegin,
    RunFinish,
    RunUpdate,
)
from patience import PATIENCE_S


class _Tensor:
    """What a scalar of another library looks like to us."""

    def __float__(self) -> float:
        return 2.5


def test_numbers_arrive_exactly(studio: Studio) -> None:
    """Everything that float() takes is one float64 under its name and step; NaN and infinities travel."""
    run = studio.init()
    run.log({"a": 0.1, "b/c": 3, "t": True}, step=7)
    run.log({"a": np.float32(0.25), "b/c": np.int64(-2), "t": _Tensor()})
    run.log({"a": math.nan, "b/c": math.inf, "t": -math.inf}, step=np.int32(9))
    run.finish()
    first, second, third = studio.points()
    assert first == (7, {"a": 0.1, "b/c": 3.0, "t": 1.0})
    assert second == (NO_STEP, {"a": 0.25, "b/c": -2.0, "t": 2.5})
    assert third[0] == 9
    assert math.isnan(third[1]["a"])
    assert third[1]["b/c"] == math.inf
    assert third[1]["t"] == -math.inf


def test_what_the_training_draws_is_its_own(studio: Studio) -> None:
    """Numbers from `random` are the same with us as without: after a flush, and after a connection that broke."""
    random.seed(7)
    before = random.getstate()
    run = studio.init(close_timeout_s=0.5)
    run.log({"a": 1.0})
    assert run.flush(10)
    studio.daemon.kill()
    link = run._seat.process.link  # type: ignore[union-attr]
    assert any(link.status().state == "spooling" or time.sleep(0.01) for _ in range(1000))
    run.finish()
    assert random.getstate() == before


def test_what_is_no_number_is_left_out_and_said_once(studio: Studio) -> None:
    """The other metrics of the same call are kept; the warning names metric and type, once for each metric."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning) as said:
        for step in range(3):
            run.log({"good": step, "bad": "1.5", "worse": None}, step=step)
    run.finish()
    assert ["'bad' is no number but str" in str(said[0].message), "'worse'" in str(said[1].message)] == [True, True]
    assert len(said) == 2
    assert studio.points() == [(step, {"good": float(step)}) for step in range(3)]


def test_strict_raises_what_else_is_a_warning(studio: Studio) -> None:
    """For tests of one's own: the call raises, and what was good in it is kept."""
    run = studio.init(strict=True)
    with pytest.raises(BadInput, match="no number"):
        run.log({"good": 1, "bad": "x"})
    with pytest.raises(BadInput, match="mapping"):
        run.log([1, 2])  # type: ignore[arg-type]
    run.finish()
    assert [values for _, values in studio.points()] == [{"good": 1.0}]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\nb\x00c", "a?b?c"),
        ("m" * 300, None),
        ("x\ud800", "x?"),
        (5, "5"),
    ],
)
def test_odd_metric_names_are_kept_as_well_as_can_be(studio: Studio, name: object, kept: str | None) -> None:
    """Slashes and dots are fine; control characters and lengths are put right, with a word about it."""
    run = studio.init(strict=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run.log({name: 1.0})  # type: ignore[dict-item]
    run.finish()
    ((_, values),) = studio.points()
    (stored,) = values
    assert stored == kept or (kept is None and stored.startswith("m" * 190) and len(stored) <= 200)
    assert bool(said) == (stored != name)


def test_two_long_names_stay_apart(studio: Studio) -> None:
    """A cut name ends in a hash of the whole."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="recorded as"):
        run.log({"m" * 300 + "1": 1.0, "m" * 300 + "2": 2.0})
    run.finish()
    assert sorted(studio.points()[0][1].values()) == [1.0, 2.0]


@pytest.mark.parametrize("step", ["7", 1.5, 2**70])
def test_a_bad_step_is_left_out(studio: Studio, step: object) -> None:
    """The numbers are worth more than their place."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="step"):
        run.log({"a": 1.0}, step=step)  # type: ignore[arg-type]
    run.finish()
    assert studio.points() == [(NO_STEP, {"a": 1.0})]


def test_a_whole_float_is_a_step(studio: Studio) -> None:
    """`step=3.0` comes out of many loops."""
    run = studio.init()
    run.log({"a": 1.0}, step=3.0)  # type: ignore[arg-type]
    run.finish()
    assert studio.points() == [(3, {"a": 1.0})]


def test_images_and_clips_are_logged_beside_numbers(studio: Studio) -> None:
    """Each has a film of its own, whose end its entry names."""
    run = studio.init()
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    clip = np.zeros((3, 6, 7), np.uint8)
    run.log({"loss": 1.0, "view": filmlab.Image(image, caption="now"), "clip": filmlab.Video(clip, fps=12)}, step=4)
    run.finish()
    view, shown = studio.entries(Media)
    assert (view.name, view.mime, view.step, view.frames, view.caption) == ("view", "image/frames", 4, 1, "now")
    assert (shown.name, shown.mime, shown.fps, shown.frames) == ("clip", "video/frames", 12.0, 3)
    assert np.array_equal(studio.films()[view.film][0], image)
    assert view.last_seq == studio.chunk_seqs()[view.film][-1]
    assert studio.points() == [(4, {"loss": 1.0})]


def test_a_run_says_how_it_began_and_ended(studio: Studio) -> None:
    """RunBegin is the first thing, RunFinish the last, and the time inside filmlab is told before."""
    run = studio.init(
        project="p/q", name="n", config={"lr": np.float64(0.5)}, tags=["x"], group="g", id="abc", overlay="step"
    )
    run.log({"a": 1})
    run.finish()
    (begin,), (end,) = studio.entries(RunBegin), studio.entries(RunFinish)
    assert (begin.run_id, begin.writer, begin.project, begin.name) == ("abc", "main", "p/q", "n")
    assert (begin.config, begin.tags, begin.group, begin.schedule) == ({"lr": 0.5}, ("x",), "g", "always")
    assert (begin.formats, begin.overlay) == (("gif",), ("step",))
    assert begin.directory == str(studio.directory / "out" / "p%2Fq" / "n-abc")
    assert end.status == "finished"
    assert Histogram.of(studio.entries(Blocked)[0]).count == run.stats.calls == 1


def test_an_exception_that_leaves_the_block_marks_the_run_crashed(studio: Studio) -> None:
    """`with run` tells a crash from an end."""
    with pytest.raises(RuntimeError), studio.init():
        raise RuntimeError
    assert studio.entries(RunFinish)[0].status == "crashed"


def test_finish_ends_open_episodes_and_is_idempotent(studio: Studio) -> None:
    """What the loop left open counts as not complete; a second finish is nothing."""
    run = studio.init()
    episode = run.episode(3)
    episode.step(reward=2.0)
    run.finish()
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert (end.episode, end.return_, end.complete) == (3, 2.0, False)
    assert len(studio.entries(RunFinish)) == 1


def test_late_calls_are_said_once_and_ignored(studio: Studio) -> None:
    """Nothing after finish is an error in a training."""
    run = studio.init(strict=False)
    run.finish()
    with pytest.warns(FilmlabWarning, match="after finish; ignored") as said:
        run.log({"a": 1.0})
        run.log_episode(1.0, 2)
        with run.episode() as episode:
            assert not episode.capturing
            episode.step(reward=1.0)
        assert run.flush() is False
    assert len(said) == 1


def test_log_episode_has_totals_and_no_film(studio: Studio) -> None:
    """For loops that know only those."""
    run = studio.init()
    run.log_episode(12.5, 40, index=7, solved=True, metadata={"seed": np.int64(3)})
    run.log_episode(-1.0, 3)
    run.finish()
    one, other = studio.entries(EpisodeEnd)
    assert (one.episode, one.return_, one.length, one.solved, one.metadata) == (7, 12.5, 40, True, {"seed": 3})
    assert (other.episode, other.film) == (8, 0)
    assert not studio.entries(EpisodeBegin)


def test_update_sets_config_and_summary(studio: Studio) -> None:
    """Keys that are known only later."""
    run = studio.init()
    run.update(config={"a": 1}, summary={"best": float("nan")})
    run.finish()
    first, second = studio.entries(RunUpdate)
    assert (first.config, second.summary) == ({"a": 1}, {"best": None})


def test_flush_waits_for_the_answer(studio: Studio) -> None:
    """True once the daemon says that every print is there."""
    run = studio.init()
    run.log({"a": 1.0})
    assert run.flush(20) is True
    assert studio.points()


def test_flush_says_what_failed(studio: Studio) -> None:
    """False, with the reason as a warning."""
    run = studio.init(strict=False)
    studio.model.reason = "no space left in /out"
    with pytest.warns(FilmlabWarning, match="no space left"):
        assert run.flush(20) is False


def test_flush_gives_up_in_time(studio: Studio) -> None:
    """An answer that never comes costs the time that was allowed."""
    run = studio.init()
    studio.model.answers_flush = False
    assert run.flush(0.05) is False


def test_flush_is_asked_again_of_another_daemon(studio: Studio) -> None:
    """Who waits lived in the memory of the one that died."""
    run = studio.init()
    assert run.flush(20)
    studio.model.answers_flush = False
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(run.flush(20)))
    waiting.start()
    studio.daemon.wait_for(lambda model: len(studio.entries(Flush)) == 2)
    studio.model.answers_flush = True
    studio.model.boot += 1
    studio.tell(studio_welcome(studio))
    waiting.join(PATIENCE_S)
    assert answers == [True]


def studio_welcome(studio: Studio) -> messages.Message:
    """What the daemon says when it came back."""
    return messages.decode(studio.model.welcome(studio.sessions[0]))


def test_a_plan_of_the_daemon_changes_what_is_captured(studio: Studio) -> None:
    """The schedule given to init holds until a plan arrives; then that one does, with its version in each episode."""
    run = studio.init(schedule="never")
    assert run.flush(20)
    assert not run.episode(0).capturing
    studio.tell(messages.Plan(0, 3, "every:2"))
    assert run.flush(20)
    capturing = []
    for index in itertools.count(1):
        with run.episode(index) as episode:
            capturing.append(episode.capturing)
        if len(capturing) == 4:
            break
    run.finish()
    assert capturing == [False, True, False, True]
    assert [(begin.reason, begin.plan_version) for begin in studio.entries(EpisodeBegin)] == [("every 2", 3)] * 2


def test_what_somebody_asked_for_is_captured_whatever_the_loop_decides(studio: Studio) -> None:
    """A loop that films by its own rule films what was asked for as well, and can know it beforehand."""
    run = studio.init(schedule="never")
    assert run.flush(20)
    assert run.asks_for(1) == ""
    studio.tell(messages.Plan(0, 3, "never", wanted="1", asked_by="ann"))
    assert run.flush(20)
    assert [run.asks_for(index) for index in (0, 1)] == ["", "asked for by ann"]
    for index, capture in enumerate((True, False, False)):
        run.episode(index, capture=capture, reason="mine" if capture else "").end()
    assert run.asks_for(1) == ""
    run.finish()
    assert [(begin.episode, begin.reason) for begin in studio.entries(EpisodeBegin)] == [
        (0, "mine"), (1, "asked for by ann"),
    ]  # fmt: skip


def test_a_run_that_is_refused_says_so_and_goes_on(studio: Studio) -> None:
    """The daemon's reason is a warning; the training does not end."""
    run = studio.init(strict=False)
    assert run.flush(20)
    with pytest.warns(FilmlabWarning, match="alive in another process"):
        studio.tell(messages.Error("run-taken", "its writer is alive in another process", run=0))
        studio.tell(messages.Print(0, "episode", True))
        while not run._seat.tally.refused:
            assert run.flush(0.02) in (True, False)
    assert not run.episode().capturing
