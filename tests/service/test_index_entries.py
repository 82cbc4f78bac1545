"""What the records of stream C change: points, episodes, media, drops, names."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.wire import entries
from filmlab.wire.entries import Media
from filmlabd import facts
from service.keeping import RUN, SESSION, Followed, begin_episode, end_episode, snapshot, steps


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Followed]:
    told = Followed(tmp_path / "index.sqlite")
    told.open()
    told.names("loss", "acc")
    yield told
    told.index.close()


def test_a_point_is_at_its_step_or_the_one_after_the_last(story: Followed) -> None:
    """Without a step: 0 first, then one more than the snapshot before, whatever that had."""
    story.say(
        snapshot({0: 1.0}), snapshot({0: 2.0}), snapshot({1: 5.0}), snapshot({0: 3.0}, step=40), snapshot({0: 4.0})
    )
    story.say(snapshot({0: 5.0}, step=7))
    assert story.points("loss") == [("main", 1, [0, 1, 40, 41, 7], [1.0, 2.0, 3.0, 4.0, 5.0])]
    story.say(snapshot({0: 6.0}))
    assert story.points("loss")[0][2][-1] == 8
    assert story.points("acc") == [("main", 1, [2], [5.0])]


def test_a_resumed_attempt_goes_on_from_the_last_step(story: Followed) -> None:
    """The same writer's steps go on over attempts; another writer begins at 0."""
    story.say(snapshot({0: 1.0}, step=99))
    story.closed()
    story.open(run=2, attempt=2)
    story.open(run=3, attempt=2, writer="eval")
    story.say(snapshot({0: 2.0}, run=2), snapshot({0: 3.0}, run=3))
    assert story.points("loss") == [
        ("main", 1, [99], [1.0]),
        ("eval", 2, [0], [3.0]),
        ("main", 2, [100], [2.0]),
    ]


def test_the_largest_step_has_no_next_one(story: Followed) -> None:
    """Steps stay within int64."""
    story.say(snapshot({0: 1.0}, step=2**63 - 1), snapshot({0: 2.0}))
    assert story.points("loss")[0][2] == [2**63 - 1] * 2


def test_values_come_back_exactly(story: Followed) -> None:
    """float64 in, float64 out, with NaN and the infinities, and seq and wall of their record."""
    values = [0.1, -0.0, 5e-324, math.inf, -math.inf, math.nan, 1.7976931348623157e308]
    for value in values:
        story.say(snapshot({0: value}, wall=123.456))
    (points,) = story.answers.points(RUN, "loss")
    assert [value.hex() for value in points.value.tolist()] == [value.hex() for value in values]
    assert points.seq.tolist() == list(range(3, 10))
    assert set(points.wall.tolist()) == {123.456}
    last = story.answers.metrics(RUN)[0]
    assert (last.name, last.count, last.last_step, last.last_value) == ("loss", 7, 6, values[-1])


def test_a_number_that_gets_another_name_changes_nothing_before(story: Followed) -> None:
    """Points go under the name that their number had when they came."""
    story.say(snapshot({0: 1.0}))
    story.names("reward")
    story.say(snapshot({0: 2.0}))
    assert (story.points("loss"), story.points("reward")) == ([("main", 1, [0], [1.0])], [("main", 1, [1], [2.0])])


def test_a_filmed_episode_waits_until_its_end(story: Followed) -> None:
    """It is there once it begins, as pending, and ready with its totals at its end."""
    story.say(begin_episode(1, 12, reason="every 4"))
    (row,) = story.answers.open_episodes()
    assert (row.episode, row.film, row.session, row.job_state, row.reason) == (12, 1, SESSION, "pending", "every 4")
    story.say(end_episode(12, -4.5, 200, film=1, frames=201, last_seq=9, solved=False, metadata={"seed": 3}))
    assert story.answers.open_episodes() == []
    (row,) = story.answers.jobs("ready")
    assert (row.return_, row.length, row.solved, row.ended, row.complete) == (-4.5, 200, False, True, True)
    assert (row.frames, row.last_seq, row.metadata, row.reason, row.fps) == (201, 9, {"seed": 3}, "every 4", 30.0)
    assert story.answers.episode(SESSION, 1) == row
    assert story.answers.episode(SESSION, 2) is None


def test_a_provisional_film_waits_for_its_judgement(story: Followed) -> None:
    """Its end alone does not make it ready."""
    story.say(begin_episode(1, provisional=True), end_episode(film=1))
    assert [row.film for row in story.answers.jobs("pending")] == [1]


def test_an_episode_without_film_has_no_job(story: Followed) -> None:
    """Totals alone: a row, and nothing to print."""
    story.say(end_episode(5, math.nan, 3))
    (row,) = story.answers.episodes(RUN)
    assert (row.film, row.job_state, row.length, row.ended) == (0, "none", 3, True)
    assert math.isnan(row.return_)
    assert story.answers.run(RUN).episodes == 1


def test_totals_become_metrics(story: Followed) -> None:
    """Return and length of every episode that ended, at its number as step."""
    story.say(end_episode(10, 1.5, 20), begin_episode(1, 11), end_episode(11, math.inf, 30, film=1))
    assert story.points("episode/return") == [("main", 1, [10, 11], [1.5, math.inf])]
    assert story.points("episode/length") == [("main", 1, [10, 11], [20.0, 30.0])]
    story.say(snapshot({0: 1.0}))
    assert story.points("loss")[0][2] == [0]


def test_the_same_number_again_is_another_occurrence(story: Followed) -> None:
    """Counted within a writer's attempt, with and without film, so that no print meets another's name."""
    story.say(begin_episode(1, 3), end_episode(3, film=1), end_episode(3), begin_episode(2, 3), begin_episode(3, 4))
    story.closed()
    story.open(run=2, attempt=2)
    story.say(begin_episode(4, 3, run=2))
    assert [(row.film, row.occurrence) for row in story.answers.episodes(RUN)] == [
        (1, 0),
        (0, 1),
        (2, 2),
        (3, 0),
        (4, 0),
    ]


def test_an_end_without_a_beginning_is_kept(story: Followed) -> None:
    """When the record with the beginning was lost, the film is still an episode's."""
    story.say(end_episode(8, film=6, frames=2, last_seq=2))
    assert [(row.episode, row.film) for row in story.answers.jobs("ready")] == [(8, 6)]


def medium(film: int = 0, mime: str = "image/frames", **more: object) -> Media:
    fields: dict[str, object] = {"run": 1, "wall": 4.0, "name": "eval/map", "frames": 1, "last_seq": 3} | more
    return Media(film=film, mime=mime, **fields)  # type: ignore[arg-type]  # the tests' own shorthand


def test_a_medium_with_film_is_ready_at_once(story: Followed) -> None:
    """It is a row of its own that is no episode."""
    story.say(medium(1, step=70, caption="a map", fps=5.0))
    (row,) = story.answers.jobs("ready")
    assert (row.media_name, row.media_mime, row.media_step, row.caption, row.fps, row.last_seq) == (
        "eval/map", "image/frames", 70, "a map", 5.0, 3,
    )  # fmt: skip
    assert story.answers.run(RUN).episodes == 0
    assert story.answers.open_episodes() == []


def test_a_medium_without_a_step_belongs_to_the_last_point(story: Followed) -> None:
    """And the same medium at the same step is another occurrence."""
    story.say(medium(1), medium(2), snapshot({0: 1.0}, step=5), medium(3), medium(4, name="other"), medium(5))
    rows = story.answers.episodes(RUN)
    assert [(row.film, row.media_step, row.occurrence) for row in rows] == [
        (1, 0, 0), (2, 0, 1), (3, 5, 0), (4, 5, 0), (5, 5, 1),
    ]  # fmt: skip


def test_other_media_have_no_job(story: Followed) -> None:
    """Nothing is made of what is no film."""
    story.say(medium(0, "text/plain", data=b"hello"))
    assert [row.job_state for row in story.answers.episodes(RUN)] == ["none"]


def test_drops_and_blocked_time_add_up(story: Followed) -> None:
    """By kind and reason; a run's histogram over all its writers and commits."""
    for _ in range(2):
        story.say(
            entries.Dropped(run=1, wall=1.0, what="film", count=1, size_bytes=100, reason="memory"),
            entries.Dropped(run=1, wall=1.0, what="film", count=1, size_bytes=5, reason="disk"),
            entries.Blocked(run=1, wall=1.0, counts=((5, 2), (90, 1)), total_ns=1000, max_ns=600),
        )
        histogram = story.answers.blocked(RUN)
    assert [(row.what, row.reason, row.count, row.size_bytes) for row in story.answers.drops(RUN)] == [
        ("film", "disk", 2, 10),
        ("film", "memory", 2, 200),
    ]
    assert (histogram.counts, histogram.total_ns, histogram.max_ns) == ({5: 4, 90: 2}, 2000, 600)
    assert story.answers.blocked("nobody").counts == {}


def test_steps_are_read_by_film(story: Followed) -> None:
    """Actions and rewards of an episode, over as many entries as they came in."""
    story.say(begin_episode(1), steps(1, [1.0, 2.0]), begin_episode(2), steps(2, [9.0]), steps(1, [3.0], first=2))
    assert story.answers.steps(SESSION, 1).rewards.tolist() == [1.0, 2.0, 3.0]
    assert story.answers.steps(SESSION, 2).actions == [0]
    assert story.answers.steps(SESSION, 3).rewards.tolist() == []


def test_sessions_do_not_share_numbers(story: Followed) -> None:
    """Film 1, run 1 and metric 0 of one session are not those of another."""
    story.say(begin_episode(1), snapshot({0: 1.0}))
    story.session, story.last_c = 42, 0
    story.fact(facts.SessionOpened(42, 1, "host", 5, 0, 0o022, 1.0))
    story.open(run_id="other")
    story.names("speed")
    story.say(begin_episode(1), snapshot({0: 2.0}))
    assert [row.run_id for row in story.answers.open_episodes()] == [RUN, "other"]
    assert [row.name for row in story.answers.metrics("other")] == ["speed"]
