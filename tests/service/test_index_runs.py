"""A run over its attempts and writers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlab.wire import entries
from service.keeping import RUN, SESSION, Followed, end_episode


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Followed]:
    told = Followed(tmp_path / "index.sqlite")
    yield told
    told.index.close()


def test_a_runs_row_says_what_its_beginning_said(story: Followed) -> None:
    """Everything of RunBegin, and the umask of its process."""
    story.open(
        group="g",
        tags=("a", "b"),
        config={"env": {"id": "CartPole-v1"}},
        schedule="every:100",
        total_episodes=500,
        fps=50.0,
        formats=("mp4", "gif"),
        overlay=("return", "step"),
    )
    run = story.answers.run(RUN)
    assert (run.run_id, run.name, run.project, run.group, run.tags) == (RUN, "walk", "p", "g", ("a", "b"))
    assert (run.directory, run.config, run.summary) == ("/tmp/there", {"env": {"id": "CartPole-v1"}}, {})
    assert (run.schedule, run.plan_version, run.total_episodes, run.fps, run.umask) == (
        "every:100",
        1,
        500,
        50.0,
        0o022,
    )
    assert (run.formats, run.overlay) == (("mp4", "gif"), ("return", "step"))
    assert (run.status, run.attempt, run.episodes, run.printed) == ("running", 1, 0, False)
    assert (run.created_wall, run.updated_wall, run.finished_wall) == (1000.0, 1000.0, None)


def test_a_further_writer_changes_nothing_of_the_run(story: Followed) -> None:
    """Who joins brings points and episodes, not another name or plan."""
    story.open()
    before = story.answers.run(RUN)
    story.open(run=2, writer="eval", name="other", config={"x": 1}, schedule="never", fps=5.0)
    assert story.answers.run(RUN) == before


def test_a_further_attempt_changes_what_may_change(story: Followed) -> None:
    """Name, tags, plan and keys of the configuration are new; directory, project and beginning stay."""
    story.open(config={"lr": 1, "seed": 2})
    story.closed("crashed")
    story.wall = 2000.0
    story.open(
        run=2,
        attempt=2,
        name="walk on",
        project="else",
        directory="/tmp/elsewhere",
        config={"lr": 3},
        schedule="always",
        formats=("webp",),
    )
    run = story.answers.run(RUN)
    assert (run.formats, run.overlay) == (("webp",), ())
    assert (run.name, run.project, run.directory, run.config) == ("walk on", "p", "/tmp/there", {"lr": 3, "seed": 2})
    assert (run.attempt, run.status, run.schedule, run.plan_version) == (2, "running", "always", 2)
    assert (run.created_wall, run.updated_wall, run.finished_wall) == (1000.0, 2000.0, None)


def test_a_run_ends_with_its_last_writer(story: Followed) -> None:
    """Running while anyone runs; crashed when anyone crashed; finished otherwise; of the latest attempt."""
    story.open()
    story.open(run=2, writer="eval")
    story.wall = 1100.0
    story.closed("crashed")
    assert (story.answers.run(RUN).status, story.answers.run(RUN).finished_wall) == ("running", None)
    story.wall = 1200.0
    story.closed(run=2, writer="eval")
    assert (story.answers.run(RUN).status, story.answers.run(RUN).finished_wall) == ("crashed", 1200.0)
    story.open(run=3, attempt=2)
    assert (story.answers.run(RUN).status, story.answers.run(RUN).finished_wall) == ("running", None)
    story.closed(run=3, attempt=2)
    assert story.answers.run(RUN).status == "finished"


def test_a_writers_own_finish_is_remembered(story: Followed) -> None:
    """A daemon that is killed behind a RunFinish does not take the writer for crashed later."""
    story.open()
    story.say(entries.RunFinish(run=1, wall=1300.0, status="finished"))
    (row,) = story.answers.sessions()
    assert (row.runs, row.finishing) == ({1: (RUN, "main", 1)}, {1: "finished"})
    assert (story.answers.run(RUN).status, story.answers.run(RUN).finished_wall) == ("finished", 1300.0)


def test_updates_are_merged(story: Followed) -> None:
    """Keys are set; others stay."""
    story.open(config={"a": 1, "b": {"c": 2}})
    story.say(entries.RunUpdate(run=1, wall=1.0, config={"b": 3}, summary={"best": 10}))
    story.say(entries.RunUpdate(run=1, wall=1.0, summary={"last": [1, None]}))
    run = story.answers.run(RUN)
    assert (run.config, run.summary) == ({"a": 1, "b": 3}, {"best": 10, "last": [1, None]})


def test_what_is_late_still_counts(story: Followed) -> None:
    """Records of a closed writer, out of a spool, are applied as if it were open."""
    story.open()
    story.closed()
    story.say(end_episode(3, wall=1400.0))
    assert (story.answers.run(RUN).episodes, story.answers.run(RUN).updated_wall) == (1, 1400.0)
    assert story.answers.episodes(RUN)[0].session == SESSION
