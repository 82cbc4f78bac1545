"""The drop-in recorders against a small daemon: one session, what travels, and what happens where there is none."""

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from client.studio import Studio
from filmlab.notices import FilmlabWarning
from filmlab.options import resolve
from filmlab.recorders import EpisodeAnimationRecorder, EpisodeCaptureSchedule, TrainingCurveRecorder, finish
from filmlab.recorders import animation as animation_module
from filmlab.recorders import place as place_module
from filmlab.recorders.implicit import implicit_run
from filmlab.wire import messages
from filmlab.wire.entries import (
    EpisodeBegin,
    EpisodeEnd,
    Recorder,
    RecorderAsk,
    RunBegin,
    RunFinish,
    Trace,
    Wish,
)

AGENT = SimpleNamespace(reactive_policy=SimpleNamespace(epsilon=0.5, _options=[1, 2]))


@pytest.fixture(autouse=True)
def ended(studio: Studio) -> Iterator[None]:
    """The implicit run ends with each test, and every complaint is an error in it."""
    os.environ["FILMLAB_STRICT"] = "1"
    yield
    finish()


def traced(episode: int = 0, frames: Any = (), **more: Any) -> SimpleNamespace:
    """What a training loop hands over."""
    values = {
        "episode": episode, "episode_reward": 7.5, "avg_reward": 2.5, "step_count": 3, "solved": True,
        "frames": frames, "steps": [SimpleNamespace(action=np.int64(1), active_option_id=None)] * 3,
        "metadata": {"seed": 3},
    }  # fmt: skip
    return SimpleNamespace(**(values | more))


def document_of(traces: list[Trace]) -> Any:
    return json.loads(b"".join(item.data for item in sorted(traces, key=lambda item: item.part)))


def pictures(count: int, shape: tuple[int, ...] = (4, 6, 3)) -> list[np.ndarray]:
    return [np.full(shape, 10 * index, np.uint8) for index in range(count)]


def test_several_recorders_share_one_session_and_one_run(studio: Studio) -> None:
    """Project `default`; its directory is in the state directory, that of the files is the caller's."""
    for name in ("a", "b"):
        EpisodeAnimationRecorder(studio.directory / name, prefix=name)(traced(frames=pictures(1)))
    curves = TrainingCurveRecorder(studio.directory / "c")
    curves.log_episode(0, 1.0, 1.0, AGENT)
    assert curves.flush()
    finish()
    (begin,) = studio.entries(RunBegin)
    assert (begin.project, begin.writer, begin.schedule) == ("default", "main", "never")
    assert Path(begin.directory).parent == studio.directory / "state" / "v1" / "runs"
    assert [(item.number, item.kind, Path(item.directory).name) for item in studio.entries(Recorder)] == [
        (1, "animation", "a"), (2, "animation", "b"), (3, "curves", "c"),
    ]  # fmt: skip
    assert len(studio.entries(RunFinish)) == 1


def test_an_episode_says_first_which_file_it_will_be(studio: Studio) -> None:
    """Stem and JSON come before its frames, so that they are known whatever becomes of these."""
    recorder = EpisodeAnimationRecorder(studio.directory / "out", prefix="p", fps=12, max_frames=2)
    recorder(traced(4, pictures(3)))
    assert recorder.flush()
    finish()  # the small daemon answers a flush by stream C alone: the film may still be on its way
    (trace,), (begin,), (end,) = studio.entries(Trace), studio.entries(EpisodeBegin), studio.entries(EpisodeEnd)
    assert (trace.stem, trace.recorder, trace.film, begin.film, end.film) == (
        "p_episode_0004_reward_8_avg_2",
        1,
        1,
        1,
        1,
    )
    assert list(document_of([trace]).items()) == [
        ("episode", 4), ("episode_reward", 7.5), ("avg_reward", 2.5), ("step_count", 3), ("solved", True),
        ("frame_count", 3), ("actions", [1, 1, 1]), ("active_option_ids", [None] * 3), ("metadata", {"seed": 3}),
    ]  # fmt: skip
    assert (end.return_, end.length, end.solved, end.frames, end.note) == (7.5, 3, True, 2, "")
    assert [frame.tolist() for frame in studio.films()[1]] == [picture.tolist() for picture in pictures(2)]


def test_frames_are_rgb_at_the_edge(studio: Studio) -> None:
    """Whatever was given; a frame of another size ends the film there, and the note says which."""
    os.environ["FILMLAB_STRICT"] = "0"
    frames = [np.full((4, 6), 300.0), np.full((4, 6, 4), 9, np.uint8), np.zeros((5, 6, 3), np.uint8), pictures(1)[0]]
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    recorder(traced(frames=frames))
    assert recorder.flush()
    finish()  # the small daemon answers a flush by stream C alone: the film may still be on its way
    assert [(frame.shape, int(frame.max())) for frame in studio.films()[1]] == [((4, 6, 3), 255), ((4, 6, 3), 9)]
    assert "frame 2 has size 6×5; the film began with 6×4" in studio.entries(EpisodeEnd)[0].note


def test_what_was_handed_over_may_change_afterwards(studio: Studio) -> None:
    """Frames, actions and metadata are as they were at the call."""
    frame, action, metadata = np.full((4, 6, 3), 5, np.uint8), np.array([1.0, 2.0]), {"a": [1]}
    steps = [SimpleNamespace(action=action, active_option_id=1)]
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    recorder(traced(frames=[frame], steps=steps, metadata=metadata))
    frame[:], action[:] = 0, 0
    metadata["a"].append(2)
    assert recorder.flush()
    finish()  # the small daemon answers a flush by stream C alone: the film may still be on its way
    document = document_of(studio.entries(Trace))
    assert (document["actions"], document["metadata"]) == ([[1.0, 2.0]], {"a": [1]})
    assert int(studio.films()[1][0].min()) == 5


def test_a_large_document_travels_in_parts(studio: Studio) -> None:
    """And is whole at the other end."""
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    recorder(traced(metadata={"text": "x" * 1_500_000}))
    assert recorder.flush()
    traces = studio.entries(Trace)
    assert [(item.part, item.parts) for item in traces] == [(0, 3), (1, 3), (2, 3)]
    assert len(document_of(traces)["metadata"]["text"]) == 1_500_000


def test_a_recorder_that_is_changed_is_declared_anew(studio: Studio) -> None:
    """What was handed over before keeps its place."""
    recorder = EpisodeAnimationRecorder(studio.directory / "out", prefix="a")
    recorder(traced(0))
    recorder(traced(1))
    recorder.prefix = "b"
    recorder(traced(2))
    assert recorder.flush()
    assert [item.prefix for item in studio.entries(Recorder)] == ["a", "b"]
    assert [item.recorder for item in studio.entries(Trace)] == [1, 1, 2]


def test_the_schedule_or_somebody_who_asks_decides(studio: Studio) -> None:
    """A request holds until its episode is handed over; then that says by whom it was asked for."""
    recorder = EpisodeAnimationRecorder(studio.directory / "out", EpisodeCaptureSchedule((1,)))
    assert recorder.should_capture(1, 10)
    assert not recorder.should_capture(3, 10)
    run = implicit_run()
    run.seat.tally.plan = messages.Plan(run.seat.tally.number, 9, "never", wanted="3", asked_by="ann")
    assert [recorder.should_capture(3, 10), recorder.should_capture(3, 10)] == [True, True]
    recorder(traced(3))
    assert not recorder.should_capture(3, 10)
    run.seat.tally.plan = messages.Plan(run.seat.tally.number, 10, "every:5", counted=1)
    assert [episode for episode in range(10) if recorder.should_capture(episode, 10)] == [0, 1, 5]
    assert recorder.flush()
    assert studio.entries(EpisodeBegin)[0].reason == "asked for by ann"


def test_curves_send_one_small_row_for_each_episode(studio: Studio) -> None:
    """The row is the step; a metric seen late has NaN in front; checkpoints name how many rows they are of."""
    recorder = TrainingCurveRecorder(studio.directory / "out", prefix="p", checkpoint_every=2)
    for episode in range(3):
        agent = SimpleNamespace(**vars(AGENT))
        if episode == 1:
            agent.perception = SimpleNamespace(training_metrics=lambda: {"late": 2.5})
        recorder.log_episode(episode, float(episode), 0.5, agent)
    assert recorder.reward_history == [0.0, 1.0, 2.0]
    assert (recorder.epsilon_history, recorder.option_history) == ([0.5] * 3, [2] * 3)
    assert np.isnan(recorder.metric_histories["late"]).tolist() == [True, False, True]
    recorder.save()
    points = studio.points()
    assert [step for step, _ in points] == [0, 1, 2]
    assert points[0][1] == {"p/reward": 0.0, "p/average": 0.5, "p/epsilon": 0.5, "p/options": 2.0}
    assert points[1][1]["p/metrics/late"] == 2.5
    assert [(ask.wish, ask.rows, bool(ask.token)) for ask in studio.entries(RecorderAsk)] == [
        (Wish.CHECKPOINT, 2, False), (Wish.SAVE, 3, True),
    ]  # fmt: skip


def test_histories_that_were_there_before_are_sent_first(studio: Studio) -> None:
    """Shorter ones leave gaps; a recorder whose history was cleared begins anew under another name."""
    recorder = TrainingCurveRecorder(studio.directory / "out", reward_history=[5.0, 6.0], epsilon_history=[0.1])
    recorder.log_episode(2, 7.0, 7.0, AGENT)
    recorder.reward_history.clear()
    recorder.log_episode(0, 1.0, 1.0, AGENT)
    assert recorder.flush()
    points = studio.points()
    assert [row.get("training/reward") for _, row in points] == [5.0, 6.0, 7.0, None]
    assert np.isnan(points[2][1]["training/epsilon"])
    assert points[3][1]["training 2/reward"] == 1.0
    assert [item.columns for item in studio.entries(Recorder)] == ["training", "training 2"]


def test_nothing_happens_before_the_first_episode(studio: Studio) -> None:
    """No run, no session, no wait."""
    recorder = TrainingCurveRecorder(studio.directory / "out")
    recorder.save()
    recorder.save_checkpoint()
    assert recorder.flush()
    assert not studio.sessions


def test_a_failed_print_is_named_by_its_episode(studio: Studio) -> None:
    """`flush` returns False and warns of the reason; a print of another recorder's does not count."""
    os.environ["FILMLAB_STRICT"] = "0"
    mine, other = (EpisodeAnimationRecorder(studio.directory / name) for name in "ab")
    mine(traced(3))
    other(traced(8))
    tally = implicit_run().seat.tally
    tally.printed(messages.Print(tally.number, "episode", False, reason="the disk is full", film=1))
    assert other.flush()
    with pytest.warns(FilmlabWarning, match="episode 3: the disk is full"):
        assert not mine.flush()
    assert mine.flush()


def test_of_films_handed_over_the_last_are_remembered(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that nobody ever waits for keeps no entry for each of its episodes."""
    os.environ["FILMLAB_STRICT"] = "0"
    monkeypatch.setattr(place_module, "FILMS_KEPT", 2)
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    for episode in (3, 4, 5):
        recorder(traced(episode))
    assert recorder._place._films == {2: 4, 3: 5}
    tally = implicit_run().seat.tally
    for film in (1, 2):
        tally.printed(messages.Print(tally.number, "episode", False, reason="the disk is full", film=film))
    with pytest.warns(FilmlabWarning) as said:
        assert not recorder.flush()
    assert [str(item.message) for item in said] == ["recorders: a print failed: episode 4: the disk is full"]
    # What it has said of a failure is remembered as long as the failure is.
    tally.failed_films.clear()
    assert recorder.flush() and not recorder._place._reported


def test_a_column_that_comes_later_takes_the_place_of_the_former_row(studio: Studio) -> None:
    """A thousand metrics that come one by one would otherwise be a thousand rows of up to a thousand names."""
    recorder = TrainingCurveRecorder(studio.directory / "out")
    for episode in range(3):
        recorder.log_episode(episode, 1.0, 1.0, AGENT)
        recorder.metric_histories[f"late {episode}"] = [0.0] * (episode + 1)
    recorder.log_episode(3, 1.0, 1.0, AGENT)
    ((names, _),) = recorder._rows.items()
    assert names[-1] == "metrics/late 2"


def test_a_save_that_fails_says_why(studio: Studio) -> None:
    """The daemon's answer is the warning."""
    os.environ["FILMLAB_STRICT"] = "0"
    studio.model.reason = "/out cannot be written: Permission denied"
    recorder = TrainingCurveRecorder(studio.directory / "out")
    recorder.log_episode(0, 1.0, 1.0, AGENT)
    with pytest.warns(FilmlabWarning, match="Permission denied"):
        recorder.save()


def test_a_wait_that_takes_too_long_ends_with_one_warning(studio: Studio) -> None:
    """`save_timeout_s` and `timeout_s` bound it."""
    os.environ["FILMLAB_STRICT"] = "0"
    studio.model.answers_flush = False
    recorder = TrainingCurveRecorder(studio.directory / "out")
    recorder.save_timeout_s = 0.05
    recorder.log_episode(0, 1.0, 1.0, AGENT)
    with pytest.warns(FilmlabWarning, match=r"not there yet \(there was no answer within 0.05 s"):
        recorder.save()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not recorder.flush(0.05)


def test_without_a_lab_all_is_kept_and_said_once(studio: Studio) -> None:
    """Mode offline: the calls go on, a wait ends at once, and the spool has it all."""
    os.environ |= {"FILMLAB_STRICT": "0", "FILMLAB_MODE": "offline"}
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    recorder(traced(frames=pictures(2)))
    with pytest.warns(FilmlabWarning, match="kept, and printed once a daemon has it"):
        assert not recorder.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not recorder.flush()
    finish()
    assert list((studio.directory / "state" / "v1" / "spool").glob("*/*.seg"))


def test_disabled_means_nothing_at_all(studio: Studio) -> None:
    """The histories are kept, nothing is waited for."""
    os.environ["FILMLAB_MODE"] = "disabled"
    recorder, curves = EpisodeAnimationRecorder(studio.directory / "a"), TrainingCurveRecorder(studio.directory / "b")
    recorder(traced(frames=pictures(1)))
    curves.log_episode(0, 1.0, 1.0, AGENT)
    curves.save()
    assert recorder.flush()
    assert curves.reward_history == [1.0]
    assert not studio.sessions


def test_a_trace_without_what_it_needs_costs_its_print_alone(studio: Studio) -> None:
    """The loop goes on; what was missing is said."""
    os.environ["FILMLAB_STRICT"] = "0"
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    with pytest.warns(FilmlabWarning, match="avg_reward"):
        recorder(SimpleNamespace(episode=0, episode_reward=1.0, frames=[], steps=[]))
    recorder(traced(1))
    assert recorder.flush()
    assert [end.episode for end in studio.entries(EpisodeEnd)] == [1]


def test_more_frames_than_memory_holds_are_handed_over_as_room_comes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call waits for the sender, as it once waited for the whole GIF, and loses nothing."""
    monkeypatch.setitem(resolve.__kwdefaults__, "memory_bytes", 4 * 1024 * 1024)
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    recorder(traced(frames=pictures(12, (1000, 1000, 3))))
    assert recorder.flush()
    finish()  # the small daemon answers a flush by stream C alone: the film may still be on its way
    assert len(studio.films()[1]) == 12


def test_a_frame_that_can_never_fit_drops_its_film_and_says_so(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its JSON still comes to be."""
    os.environ["FILMLAB_STRICT"] = "0"
    monkeypatch.setitem(resolve.__kwdefaults__, "memory_bytes", 4 * 1024 * 1024)
    monkeypatch.setattr(animation_module, "ROOM_PATIENCE_S", 0.05)
    recorder = EpisodeAnimationRecorder(studio.directory / "out")
    with pytest.warns(FilmlabWarning, match="its film is dropped"):
        recorder(traced(frames=pictures(1, (2000, 2000, 3))))
    assert recorder.flush()
    assert studio.entries(EpisodeEnd)[0].note.startswith("film dropped")


def test_a_forked_child_records_under_a_session_of_its_own(studio: Studio) -> None:
    """With the whole history, since its curves are to show it."""
    recorder = TrainingCurveRecorder(studio.directory / "out")
    recorder.log_episode(0, 1.0, 1.0, AGENT)
    assert recorder.flush()
    with warnings.catch_warnings():
        # The fork of a process with threads is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        recorder.log_episode(1, 2.0, 2.0, AGENT)
        finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert recorder.flush()
    sessions = studio.sessions
    assert len(sessions) == 2
    rows = {len(studio.entries(Recorder, session)) for session in sessions}
    assert rows == {1}
    assert len(studio.points()) == 1 + 2
