"""An episode: steps, film, and everything that a loop can do wrong with it."""

import json
import math

import numpy as np
import pytest

from client.studio import Studio
from filmlab import BadInput, FilmlabWarning
from filmlab.frames import MOMENTS_MAX
from filmlab.wire.columns import DTYPES, JSON_COLUMN, Column, read_json_column
from filmlab.wire.entries import Dropped, EpisodeBegin, EpisodeEnd, Steps

BLACK = np.zeros((24, 32, 3), np.uint8)


def numbered(index: int) -> np.ndarray:
    return np.full((24, 32, 3), index, np.uint8)


def test_a_film_is_what_was_shown(studio: Studio) -> None:
    """Frames in order; actions and rewards as columns; totals; the end names the film's last record."""
    run = studio.init()
    with run.episode(12) as episode:
        assert episode.capturing
        episode.frame(numbered(0))
        for step in range(1, 6):
            episode.step(action=step, reward=0.5 * step, frame=numbered(step))
        episode.end(solved=True, metadata={"seed": 4})
    run.finish()
    (begin,), (end,) = studio.entries(EpisodeBegin), studio.entries(EpisodeEnd)
    assert (begin.episode, begin.reason, begin.film) == (12, "always", end.film)
    assert (end.episode, end.return_, end.length, end.solved) == (12, 7.5, 5, True)
    assert (end.frames, end.metadata, end.complete, end.note) == (6, {"seed": 4}, True, "")
    assert end.last_seq == studio.chunk_seqs()[end.film][-1]
    assert [frame[0, 0, 0] for frame in studio.films()[end.film]] == list(range(6))
    action, reward = studio.entries(Steps)[0].columns
    assert np.frombuffer(action.data, DTYPES[action.dtype]).tolist() == [1, 2, 3, 4, 5]
    assert np.frombuffer(reward.data, "<f8").tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


@pytest.mark.parametrize(
    "view",
    [
        lambda rng: rng.integers(0, 255, (20, 30, 3), dtype=np.uint8),
        lambda rng: rng.integers(0, 255, (20, 30, 3), dtype=np.uint8).transpose(1, 0, 2),
        lambda rng: rng.integers(0, 255, (3, 20, 30), dtype=np.uint8).transpose(1, 2, 0),
        lambda rng: rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)[::2, ::-2],
        lambda rng: np.asfortranarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)),
        lambda rng: rng.integers(0, 255, (20, 30, 1), dtype=np.uint8),
        lambda rng: rng.integers(0, 255, (20, 30, 4), dtype=np.uint8),
    ],
    ids=["C", "transposed", "channels first", "strided", "Fortran grey", "one channel", "alpha"],
)
def test_frames_of_any_layout_and_reused_buffers(studio: Studio, view: object) -> None:
    """Whatever the memory order, and though the environment draws on the same array again at once."""
    rng, run, shown = np.random.default_rng(0), studio.init(), []
    frame = view(rng)  # type: ignore[operator]
    with run.episode() as episode:
        for _ in range(40):
            frame[...] = rng.integers(0, 255, frame.shape)
            shown.append(frame.copy())
            episode.step(frame=frame)
            frame[...] = 0
    run.finish()
    kept = studio.films()[studio.entries(EpisodeEnd)[0].film]
    assert len(kept) == 40
    for one, other in zip(shown, kept, strict=True):
        assert np.array_equal(one.reshape(*one.shape[:2], -1)[..., :3].squeeze(), other)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.zeros((24, 32), np.uint8), "frame 4 has shape (24, 32); episode began with (24, 32, 3)"),
        (np.zeros((12, 32, 3), np.uint8), "frame 4 has shape (12, 32, 3); episode began with (24, 32, 3)"),
        (np.zeros((24, 32, 3), np.float32), "frame 4 has dtype float32; episode began with uint8"),
        ("text", "frame 4 is a str; a frame is an array"),
        (object(), "frame 4 is a object; a frame is an array"),
        (lambda: 1 // 0, "frame 4 could not be rendered: ZeroDivisionError"),
    ],
)
def test_a_bad_frame_ends_the_film_and_nothing_else(studio: Studio, bad: object, says: str) -> None:
    """The film ends before it and is developed; the note names run, episode and frame; totals and metrics go on."""
    run = studio.init(strict=False, id="r1")
    with pytest.warns(FilmlabWarning, match="its film ends there") as said, run.episode(12) as episode:
        for step in range(8):
            episode.step(reward=1.0, frame=bad if step == 4 else BLACK)
            run.log({"n": step})
            assert episode.capturing == (step < 4)
    with run.episode(13) as episode:
        episode.step(frame=BLACK)
    run.finish()
    one, other = studio.entries(EpisodeEnd)
    assert one.note.startswith(f"run r1, episode 12: {says}")
    assert (one.frames, one.length, one.return_) == (4, 8, 8.0)
    assert (other.frames, other.note) == (1, "")
    assert len(studio.films()[one.film]) == 4
    assert len(studio.points()) == 8
    assert len(said) == 1


@pytest.mark.parametrize("shape", [(0, 32, 3), (8193, 1, 3), (24, 32, 2), (3,), (2, 24, 32, 3)])
def test_a_first_frame_that_is_none_is_said(studio: Studio, shape: tuple[int, ...]) -> None:
    """The episode is recorded without film."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="frame 0 has shape"), run.episode() as episode:
        episode.step(reward=1.0, frame=np.zeros(shape, np.uint8))
        episode.step(reward=1.0, frame=BLACK)
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert (end.frames, end.length) == (0, 2)


def test_a_function_is_called_only_while_capturing(studio: Studio) -> None:
    """`frame=env.render` costs nothing in the other episodes."""
    run = studio.init(schedule="at:1")
    calls = []

    def render() -> np.ndarray:
        calls.append(1)
        return BLACK

    for index in range(3):
        with run.episode(index) as episode:
            episode.step(frame=render)
            episode.step(frame=render)
    run.finish()
    assert len(calls) == 2


def test_the_callers_own_function_is_not_time_inside_filmlab(studio: Studio) -> None:
    """What is reported as blocked is ours alone."""
    import time

    run = studio.init()

    def render() -> np.ndarray:
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until:
            pass
        return BLACK

    before_s = time.perf_counter()
    with run.episode() as episode:
        episode.step(frame=render)
    assert run.stats.blocked_total_s < time.perf_counter() - before_s - 0.045
    run.finish()


def test_a_step_after_the_end_is_said_once_and_ignored(studio: Studio) -> None:
    """The totals are those of the end."""
    run = studio.init(strict=False)
    episode = run.episode()
    episode.step(reward=1.0)
    episode.end()
    with pytest.warns(FilmlabWarning, match="after its end; ignored") as said:
        for _ in range(3):
            episode.step(reward=1.0, frame=BLACK)
    episode.frame(BLACK)
    run.finish()
    assert [end.length for end in studio.entries(EpisodeEnd)] == [1]
    assert len(said) == 1


def test_strict_raises_for_a_step_after_the_end(studio: Studio) -> None:
    """So that one's own tests see it."""
    run = studio.init(strict=True)
    with run.episode() as episode:
        episode.end()
        with pytest.raises(BadInput, match="after its end"):
            episode.step()


def test_an_exception_leaves_an_episode_that_is_not_complete(studio: Studio) -> None:
    """Its film up to there is kept."""
    run = studio.init()
    with pytest.raises(RuntimeError), run.episode() as episode:
        episode.step(reward=1.0, frame=BLACK)
        raise RuntimeError
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert (end.complete, end.frames) == (False, 1)


def test_an_episode_that_is_forgotten_is_left(studio: Studio) -> None:
    """The collector ends it, as not complete."""
    run = studio.init()
    run.episode(5).step(reward=1.0)
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert (end.episode, end.complete, end.length) == (5, False, 1)


def test_empty_episodes_and_odd_rewards_are_legal(studio: Studio) -> None:
    """No step at all, a film without frames, NaN and infinities."""
    run = studio.init()
    with run.episode():
        pass
    for reward in (math.nan, math.inf):
        with run.episode() as episode:
            episode.step(reward=reward)
    run.finish()
    first, second, third = studio.entries(EpisodeEnd)
    assert (first.length, first.frames, first.return_) == (0, 0, 0.0)
    assert math.isnan(second.return_)
    assert third.return_ == math.inf


def test_a_reward_that_is_no_number_costs_that_reward(studio: Studio) -> None:
    """The step counts, and a warning says what came."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="a reward is no number but NoneType"), run.episode() as episode:
        episode.step(reward="1", frame=BLACK)  # type: ignore[arg-type]
        episode.step(reward=None, frame=BLACK)  # type: ignore[arg-type]
        episode.step(reward=np.array([2.0]), frame=BLACK)  # type: ignore[arg-type]
    run.finish()
    assert [(end.length, end.return_, end.frames) for end in studio.entries(EpisodeEnd)] == [(3, 3.0, 3)]
    (reward,) = studio.entries(Steps)[0].columns
    assert np.frombuffer(reward.data, "<f8").tolist() == pytest.approx([1.0, math.nan, 2.0], nan_ok=True)


def test_what_a_renderer_raises_is_noted_whatever_it_holds(studio: Studio) -> None:
    """A message in colours, on many lines and too long for a note neither ends the sender nor loses the episode."""

    def render() -> np.ndarray:
        raise RuntimeError("\x1b[31mno display\x1b[0m\n  in line 1\n" + "x" * 5000)

    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="could not be rendered"), run.episode() as episode:
        episode.step(reward=1.0, frame=render)
    run.log({"after": 1})
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert "RuntimeError: [31mno display[0m in line 1 xxx" in end.note
    assert [values for _, values in studio.points()] == [{"after": 1.0}]


def test_large_actions_do_not_end_the_sender(studio: Studio) -> None:
    """Actions of several KiB that are no arrays go in as many records as they need."""
    run = studio.init()
    with run.episode() as episode:
        for step in range(800):
            episode.step(action={"plan": "x" * 4000, "step": step}, reward=1.0)
    run.finish()
    told = [read_json_column(column) for steps in studio.entries(Steps) for column in steps.columns[:1]]
    assert [action["step"] for actions in told for action in actions] == list(range(800))


def test_metadata_that_json_cannot_say(studio: Studio) -> None:
    """What is near becomes JSON; what cannot be taken at all is left out, and the episode ends all the same."""
    run = studio.init(strict=False)
    run.episode().end(metadata={"a": np.arange(3), "b": {1}, "c": math.nan, 5: object})
    with pytest.warns(FilmlabWarning, match="metadata should be a mapping"):
        run.episode().end(metadata=[1, 2])
    with pytest.warns(FilmlabWarning, match="end failed"):
        run.episode().end(solved=np.zeros(2))  # type: ignore[arg-type]
    run.finish()
    one, other, third = studio.entries(EpisodeEnd)
    assert one.metadata == {"a": [0, 1, 2], "b": [1], "c": None, "5": "object"}
    assert (other.metadata, other.complete) == ({}, True)
    assert third.complete is False


def test_actions_of_any_kind_are_kept(studio: Studio) -> None:
    """Vectors as columns of their dtype, mixtures and structures as JSON, copies of what the loop uses again."""
    run = studio.init()
    action = np.zeros(2, np.float32)
    with run.episode(0) as episode:
        for step in range(3):
            action[:] = step
            episode.step(action=action)
    with run.episode(1) as episode:
        episode.step(action={"move": (1, 2)})
        episode.step(action=None)
    run.finish()
    vectors, mixed = studio.entries(Steps)
    column = vectors.columns[0]
    assert (column.column, column.shape) == (Column.ACTION, (2,))
    assert np.frombuffer(column.data, DTYPES[column.dtype]).tolist() == [0, 0, 1, 1, 2, 2]
    assert (mixed.columns[0].dtype, json.loads(mixed.columns[0].data)) == (JSON_COLUMN, [{"move": [1, 2]}, None])


def test_an_episode_is_cut_at_ten_thousand_frames(studio: Studio) -> None:
    """The film ends there and says so."""
    run, tiny = studio.init(strict=False), np.zeros((1, 1), np.uint8)
    with pytest.warns(FilmlabWarning, match="limit of 10000 frames"), run.episode() as episode:
        for _ in range(MOMENTS_MAX + 3):
            episode.step(frame=tiny)
    run.finish()
    (end,) = studio.entries(EpisodeEnd)
    assert (end.frames, end.length) == (MOMENTS_MAX, MOMENTS_MAX + 3)
    assert "past the limit" in end.note


def test_film_over_the_memory_goes_as_a_whole(studio: Studio) -> None:
    """What does not fit is a whole episode's film, counted and said; numbers and the next episode are not touched."""
    run = studio.init(strict=False, memory_bytes=4 * 2**20, spool_bytes=0)
    studio.daemon.syncs = False
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    with pytest.warns(FilmlabWarning, match="its film is dropped: over memory_bytes"), run.episode(0) as episode:
        while episode.capturing:
            episode.step(reward=1.0, frame=noise)
            run.log({"n": 1.0})
    studio.daemon.syncs = True
    assert run.flush(20)
    with run.episode(1) as episode:
        episode.step(frame=BLACK)
    run.finish()
    one, other = studio.entries(EpisodeEnd)
    assert "film dropped: over memory_bytes" in one.note
    assert (one.frames, other.frames) == (0, 1)
    (dropped,) = studio.entries(Dropped)
    assert (dropped.what, dropped.count, dropped.episode) == ("film", 1, 0)
    assert len(studio.points()) == one.length
    assert (run.stats.dropped_films, run.stats.dropped_bytes) == (1, dropped.size_bytes)


def test_capture_begins_a_film_in_mid_episode(studio: Studio) -> None:
    """Its steps are numbered from there; `cut` ends it before the episode does."""
    run = studio.init(schedule="never")
    with run.episode() as episode:
        episode.step(action=1)
        episode.capture("because")
        episode.step(action=2, frame=BLACK)
        episode.cut()
        episode.step(action=3, frame=BLACK)
    run.finish()
    (begin,), (steps,), (end,) = studio.entries(EpisodeBegin), studio.entries(Steps), studio.entries(EpisodeEnd)
    assert (begin.reason, steps.step, end.frames, end.length) == ("because", 1, 1, 3)


def test_several_episodes_may_be_open(studio: Studio) -> None:
    """As in a vector environment: each film has its own frames."""
    run = studio.init()
    episodes = [run.episode(index) for index in range(3)]
    for _ in range(4):
        for index, episode in enumerate(episodes):
            episode.step(frame=numbered(index))
    for episode in episodes:
        episode.end()
    run.finish()
    for end in studio.entries(EpisodeEnd):
        assert [frame[0, 0, 0] for frame in studio.films()[end.film]] == [end.episode] * 4


@pytest.mark.parametrize("index", [-1, 1.5, "3", True, 2**60])
def test_a_bad_index_is_counted_on(studio: Studio, index: object) -> None:
    """The episode is recorded under the next number, with a word about it."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match="counted as 0"), run.episode(index):  # type: ignore[arg-type]
        pass
    run.finish()
    assert [end.episode for end in studio.entries(EpisodeEnd)] == [0]


def test_a_film_outlives_a_trainer_that_hangs(studio: Studio) -> None:
    """Frames go within a quarter of a second, also when the episode does not end."""
    run = studio.init()
    episode = run.episode()
    episode.step(frame=BLACK)
    studio.daemon.wait_for(lambda _: bool(studio.films()))
    studio.daemon.wait_for(lambda _: bool(studio.entries(Steps)))
    episode.end()
    run.finish()


def test_a_renderer_that_draws_on_its_own_array_is_copied(studio: Studio) -> None:
    """And one that makes a new one each time need not be: the film is the same."""
    canvas = np.zeros((5, 7, 3), np.uint8)

    def drawn(value: int) -> np.ndarray:
        canvas[:] = value
        return canvas

    run = studio.init()
    for render in (drawn, lambda value: np.full((5, 7, 3), value, np.uint8)):
        with run.episode() as episode:
            for value in range(200):
                episode.step(frame=lambda value=value, render=render: render(value))
    run.finish()
    first, second = studio.films().values()
    assert [int(frame[0, 0, 0]) for frame in first] == list(range(200))
    assert np.array_equal(first, second)
