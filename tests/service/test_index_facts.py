"""What the daemon's own facts change: sessions, judgements, cuts, jobs, plans."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlabd import facts
from filmlabd.model import EpisodeRow
from service.keeping import RUN, SESSION, Followed, begin_episode, end_episode, steps


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Followed]:
    told = Followed(tmp_path / "index.sqlite")
    told.open()
    yield told
    told.index.close()


def film(story: Followed, number: int = 1) -> EpisodeRow:
    row = story.answers.episode(SESSION, number)
    assert row is not None
    return row


def done(kind: str = "episode", key: str = "k", number: int = 1, paths: str = "a.gif\na.json") -> facts.JobDone:
    return facts.JobDone(key, RUN, kind, SESSION, number, paths, "smaller than asked", 0.25, 50.0)


def struck(strikes: int, *, final: bool = False, kind: str = "episode", key: str = "k") -> facts.JobStruck:
    return facts.JobStruck(key, RUN, kind, SESSION, 1, strikes, final, "killed by signal 9", 51.0)


def test_a_session_is_known_until_it_ends(story: Followed) -> None:
    """With its process, its numbers, its runs, and how far it has come; ended, it is known when asked for by number."""
    story.names("loss")
    story.open(run=2, run_id="other", writer="eval")
    (row,) = story.index.read.sessions() if story.answers else ()
    assert (row.session, row.pid, row.host, row.started, row.umask, row.parent) == (SESSION, 4711, "host", 5, 0o022, 0)
    assert row.runs == {1: (RUN, "main", 1), 2: ("other", "eval", 1)}
    assert (row.metrics, row.durable_c, row.durable_b, row.ended) == ({0: "loss"}, 3, 0, False)
    story.closed()
    story.fact(facts.SessionEnded(SESSION, "bye", 2000.0))
    assert story.answers.sessions() == []
    ended = story.answers.session(SESSION)
    assert ended is not None
    assert (ended.ended, ended.runs, ended.closed_runs) == (True, {2: ("other", "eval", 1)}, {1: (RUN, "main", 1)})
    assert story.answers.session(1) is None


def test_a_session_that_comes_back_is_open_again(story: Followed) -> None:
    """One that was lost and says HELLO once more keeps what it had."""
    story.fact(facts.SessionEnded(SESSION, "lost", 2000.0))
    story.fact(facts.SessionOpened(SESSION, 4712, "host", 6, 0, 0o077, 2001.0))
    (row,) = story.answers.sessions()
    assert (row.pid, row.durable_c, row.runs) == (4712, 1, {1: (RUN, "main", 1)})


def test_a_refused_record_is_consumed(story: Followed) -> None:
    """In stream C it moves what is durable; in stream B it is remembered until that has passed it."""
    story.fact(facts.RecordRefused(SESSION, 0, 2, "bad"))
    story.fact(facts.RecordRefused(SESSION, 1, 9, "bad"))
    (row,) = story.answers.sessions()
    assert (row.durable_c, row.refused_b) == (2, frozenset({9}))


@pytest.mark.parametrize("before_its_end", [True, False])
def test_a_judgement_makes_a_film_ready_or_drops_it(story: Followed, before_its_end: bool) -> None:
    """Whether it comes before or after the episode's end."""
    for number in (1, 2):
        story.say(begin_episode(number, number, provisional=True))
        if not before_its_end:
            story.say(end_episode(number, film=number))
    story.judged(1, True, "among the last 5")
    story.judged(2, False, "not among the last 5")
    if before_its_end:
        assert [film(story, number).job_state for number in (1, 2)] == ["pending", "dropped"]
        for number in (1, 2):
            story.say(end_episode(number, film=number))
    assert (film(story, 1).job_state, film(story, 1).reason) == ("ready", "among the last 5")
    assert (film(story, 2).job_state, film(story, 2).job_reason, film(story, 2).reason) == (
        "dropped", "not among the last 5", "every 1",
    )  # fmt: skip


def test_a_late_judgement_does_not_undo_a_print(story: Followed) -> None:
    """What is printed stays done."""
    story.say(begin_episode(1), end_episode(film=1))
    story.fact(done())
    story.judged(1, True, "again")
    assert film(story).job_state == "done"


def test_a_cut_episode_has_the_totals_of_its_steps(story: Followed) -> None:
    """Not complete, with what had become durable, ready to be developed, waiting for no more of stream B."""
    story.say(begin_episode(1, 4), steps(1, [1.0, 0.5]), steps(1, [2.0], first=2))
    story.cut(1, 4, frames_=3, note="the trainer died")
    row = film(story)
    assert (row.return_, row.length, row.ended, row.complete) == (3.5, 3, True, False)
    assert (row.frames, row.note, row.last_seq, row.job_state) == (3, "the trainer died", 0, "ready")
    assert story.answers.run(RUN).episodes == 1
    assert "episode/return" not in [metric.name for metric in story.answers.metrics(RUN)]


def test_a_film_cut_after_its_end_keeps_the_totals(story: Followed) -> None:
    """The trainer died when the episode was over and the film not yet here."""
    story.say(begin_episode(1, 4), end_episode(4, 7.0, 70, film=1, frames=71, last_seq=90, note="cut at 10 000"))
    story.cut(1, 4, frames_=20, note="the trainer died")
    row = film(story)
    assert (row.return_, row.length, row.complete, row.frames, row.last_seq) == (7.0, 70, True, 20, 0)
    assert (row.note, row.job_state) == ("cut at 10 000; the trainer died", "ready")
    assert story.answers.run(RUN).episodes == 1


def test_a_cut_provisional_film_still_waits_for_its_judgement(story: Followed) -> None:
    """The end of the trainer is not the judgement."""
    story.say(begin_episode(1, provisional=True))
    story.cut(1, 0)
    assert film(story).job_state == "pending"
    story.cut(7, 0)
    assert len(story.answers.episodes(RUN)) == 1


def test_a_print_is_known_with_its_paths(story: Followed) -> None:
    """An episode's job is done; a curve's is known among the prints alone."""
    story.say(begin_episode(1), end_episode(film=1))
    story.fact(struck(1))
    story.fact(done())
    story.fact(done("curve", "curve:loss", 0, "curves/loss.svg"))
    row = film(story)
    assert (row.job_state, row.paths, row.job_reason) == ("done", ("a.gif", "a.json"), "smaller than asked")
    curve, episode = story.answers.prints(RUN)
    assert (curve.kind, curve.paths, curve.session, curve.film) == ("curve", ("curves/loss.svg",), SESSION, 0)
    assert (episode.done, episode.strikes, episode.notes, episode.cost_s) == (True, 0, ("smaller than asked",), 0.25)
    assert story.answers.failures() == []


def test_strikes_are_remembered_and_the_last_one_is_final(story: Followed) -> None:
    """A job that failed is tried again after a restart with its strikes; a quarantined one is not."""
    story.say(begin_episode(1), end_episode(film=1))
    story.fact(struck(2))
    (row,) = story.answers.failures()
    assert (row.key, row.strikes, row.quarantined, row.done) == ("k", 2, False, False)
    assert film(story).job_state == "ready"
    story.fact(struck(3, final=True))
    (row,) = story.answers.failures()
    assert (row.strikes, row.quarantined, row.reason) == (3, True, "killed by signal 9")
    assert (film(story).job_state, film(story).job_reason) == ("failed", "killed by signal 9")


def test_a_failed_redraw_leaves_the_print_that_is_there(story: Followed) -> None:
    """A curve that was drawn once stays known with its path while its next try fails."""
    story.fact(done("curve", "c", 0, "curves/loss.svg"))
    story.fact(struck(1, kind="curve", key="c"))
    (row,) = story.answers.prints(RUN)
    assert (row.done, row.paths, row.strikes) == (True, ("curves/loss.svg",), 1)


def test_a_deleted_film_is_no_longer_waited_for(story: Followed) -> None:
    """Nothing can be made of it any more; what was made stays."""
    for number in (1, 2):
        story.say(begin_episode(number, number), end_episode(number, film=number, last_seq=number))
    story.fact(done())
    for number in (1, 2):
        story.fact(facts.FilmDeleted(SESSION, number, number, "over 10 GiB"))
    assert [(row.job_state, row.job_reason) for row in (film(story, 1), film(story, 2))] == [
        ("done", "smaller than asked"),
        ("dropped", "over 10 GiB"),
    ]
    assert story.answers.sessions()[0].durable_b == 2


def test_a_film_that_was_given_up_and_goes_is_no_trouble_any_more(story: Followed) -> None:
    """Its episode says what became of it, a late failure changes nothing, and what failed and has its film stays."""
    for number in (1, 2):
        story.say(begin_episode(number, number), end_episode(number, film=number, last_seq=number))
        story.fact(facts.JobStruck(f"k{number}", RUN, "episode", SESSION, number, 3, True, "killed by 9", 50.0))
    assert len(story.answers.failures()) == 2
    story.fact(facts.FilmDeleted(SESSION, 1, 1, "over 10 GiB"))
    assert (film(story, 1).job_state, film(story, 2).job_state) == ("dropped", "failed")
    reason = "its print was given up (killed by 9), and its film is gone: over 10 GiB"
    assert film(story, 1).job_reason == reason
    assert [row.film for row in story.answers.failures()] == [2]
    story.fact(facts.JobStruck("k1", RUN, "episode", SESSION, 1, 1, True, "its film is gone", 51.0))
    assert film(story, 1).job_reason == reason


def test_a_plan_is_the_runs(story: Followed) -> None:
    """The schedule in force, its version, and what was asked for by whom."""
    story.fact(facts.PlanChanged(RUN, 4, "every:10", "3,9-12", 5, "ann", 60.0))
    run = story.answers.run(RUN)
    assert (run.plan_version, run.schedule, run.wanted, run.next_episodes, run.asked_by) == (
        4, "every:10", "3,9-12", 5, "ann",
    )  # fmt: skip


def test_printed_holds_until_the_run_goes_on(story: Followed) -> None:
    """A further attempt has prints to come."""
    story.closed()
    story.fact(facts.RunPrinted(RUN, 70.0))
    assert story.answers.run(RUN).printed
    story.open(run=2, attempt=2)
    assert not story.answers.run(RUN).printed


def test_strange_text_is_kept_readable(story: Followed) -> None:
    """The name of a file that is no UTF-8, in an error's text, does not stop the index."""
    story.say(begin_episode(1), end_episode(film=1))
    story.fact(facts.JobStruck("k", RUN, "episode", SESSION, 1, 3, True, "no such file: \udcff \0", 51.0))
    assert film(story).job_reason == "no such file: ? \0"
