"""The capture schedule: its algebra, its text, and what it decides."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.errors import BadInput
from filmlab.schedule import CaptureSchedule, Decider, Decision
from filmlab.schedule.ranges import contains, format_ranges, merge_ranges, parse_ranges, without
from filmlab.wire.messages import Plan

wholes = st.integers(1, 10**6)
rules = st.fixed_dictionaries(
    {},
    optional={
        "episode_indices": st.lists(st.integers(0, 500), min_size=1, max_size=30),
        "every_n_episodes": st.one_of(wholes, st.lists(wholes, min_size=1, max_size=4)),
        "last_n_episodes": wholes,
        "cubic": st.just(True),
        "every_s": st.one_of(st.floats(1e-3, 1e9), st.integers(1, 10**6), st.lists(wholes, min_size=1, max_size=3)),
        "always": st.just(True),
    },
).map(lambda given: CaptureSchedule(**given))
limits = st.fixed_dictionaries({"max_total": wholes}, optional={"max_per_hour": st.integers(1, 10_000)}).map(
    lambda given: CaptureSchedule(**given)
)


def captured(schedule: CaptureSchedule, episodes: int, total: int = 0, seconds_each: float = 1.0) -> list[int]:
    """The episodes that a run of so many would capture."""
    decider = Decider(schedule, total)
    return [index for index in range(episodes) if decider.decide(index, index * seconds_each).capture]


@given(rules, st.one_of(st.none(), limits))
def test_text_round_trip(schedule: CaptureSchedule, limit: CaptureSchedule | None) -> None:
    """What a schedule is written as, it is read back from."""
    whole = schedule & limit if limit else schedule
    assert CaptureSchedule.parse(str(whole)) == whole


@given(rules, rules, rules, st.integers(0, 400))
def test_union_laws(a: CaptureSchedule, b: CaptureSchedule, c: CaptureSchedule, total: int) -> None:
    """A union captures what either captures, in any order and grouping; `never` adds nothing."""
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + a == a == a + CaptureSchedule() == CaptureSchedule() + a
    for episode in (0, 1, 7, 100, 216, 399):
        either = a.reasons(episode, total) or b.reasons(episode, total)
        assert bool((a + b).reasons(episode, total)) == bool(either)


@given(rules, limits, st.integers(1, 60))
def test_a_limit_only_takes_away(schedule: CaptureSchedule, limit: CaptureSchedule, total: int) -> None:
    """A narrowed schedule captures a subset, and never more in all than its limit."""
    narrowed = captured(schedule & limit, 60, total)
    assert set(narrowed) <= set(captured(schedule, 60, total))
    assert len(narrowed) <= limit.max_total


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("every:100", CaptureSchedule(every_n_episodes=100)),
        ("last:1", CaptureSchedule(last_n_episodes=1)),
        ("cubic", CaptureSchedule(cubic=True)),
        ("at:0,10,20", CaptureSchedule(episode_indices=(20, 0, 10, 10))),
        ("at:3-5,9", CaptureSchedule(episode_indices=range(3, 6)) + CaptureSchedule(episode_indices=[9])),
        ("every:10m", CaptureSchedule(every_s=600)),
        ("every:90s", CaptureSchedule(every_s=90)),
        ("every:2h", CaptureSchedule(every_s=7200)),
        ("every:0.5s", CaptureSchedule(every_s=0.5)),
        ("always&max:3/h", CaptureSchedule(always=True, max_per_hour=3)),
        ("cubic&max:3/h&max:50", CaptureSchedule(cubic=True, max_per_hour=3, max_total=50)),
        ("every:100+every:150+last:1", CaptureSchedule(every_n_episodes=[150, 100], last_n_episodes=1)),
        ("never", CaptureSchedule(never=True)),
        ("never", CaptureSchedule()),
    ],
)
def test_written_forms(text: str, schedule: CaptureSchedule) -> None:
    """Each form of the issue is written and read as it stands there."""
    assert str(schedule) == text
    assert CaptureSchedule.parse(text) == schedule


def test_reading_is_lenient_about_blanks_and_repetitions() -> None:
    """Blanks around parts are passed over, a multiple of another period adds nothing, the tighter limit holds."""
    assert str(CaptureSchedule.parse(" every:100 + every:200 +last:3+last:2& max:9&max:5 ")) == "every:100+last:3&max:5"
    assert CaptureSchedule.parse("every:1.5h") == CaptureSchedule(every_s=5400)


@pytest.mark.parametrize(
    ("text", "offending", "words"),
    [
        ("", "", "a rule is missing"),
        ("evry:100", "evry", "no rule is called so"),
        ("cubic+", "", "a rule is missing"),
        ("+cubic", "+", "a rule is missing"),
        ("cubic++last:1", "+", "a rule is missing"),
        ("cubic+every:x", "x", "every:10m"),
        ("every:0", "0", "a whole number from 1"),
        ("every:10d", "10d", "unit s, m or h"),
        ("every:-3", "-3", "whole number"),
        ("last", "last", "takes a value"),
        ("cubic:3", "cubic:3", "takes no value"),
        ("at:3,x", "3,x", "no episode"),
        ("at:9-3", "9-3", "ends before it begins"),
        ("at:", "", "takes a value"),
        ("at:0-99999999", "0-99999999", "at most 10000"),
        ("max:5", "max:5", "narrows rules"),
        ("cubic+max:5", "max:5", "narrows rules"),
        ("cubic&max:5/d", "5/d", "max:3/h"),
        ("cubic&last:1", "last:1", "only a limit stands after &"),
        ("cubic&max:5+last:1", "+", "limits come last"),
        ("never+cubic", "never", "never stands alone"),
        ("always&max:5+" + "x" * 300, "+", "limits come last"),
    ],
)
def test_errors_point_at_the_offending_part(text: str, offending: str, words: str) -> None:
    """A text that is no schedule is refused with the reason, and carets below the part that is at fault."""
    with pytest.raises(BadInput, match=words) as caught:
        CaptureSchedule.parse(text)
    _, shown, carets = str(caught.value).splitlines()
    assert shown[2:] in text
    under = "".join(char for char, caret in zip(shown[2:].ljust(len(carets)), carets[2:], strict=False) if caret == "^")
    assert under.strip() == offending


@given(st.text(alphabet="everylastcubicatmaxnwh:+&/,-0123456789 \n\0é", max_size=40))
def test_garbage_is_refused_in_words(text: str) -> None:
    """Any text is either a schedule or a BadInput, and never another error."""
    try:
        CaptureSchedule.parse(text)
    except BadInput as error:
        assert str(error)  # the text may also be a schedule, so pytest.raises cannot be used


@pytest.mark.parametrize(
    "bad",
    [
        {"every_n_episodes": 0},
        {"every_n_episodes": 1.5},
        {"every_n_episodes": True},
        {"episode_indices": (-1,)},
        {"episode_indices": range(10_001)},
        {"episode_indices": range(0, 9_000, 2)},
        {"last_n_episodes": -1},
        {"every_s": 0},
        {"every_s": float("nan")},
        {"every_s": "10m"},
        {"cubic": True, "max_total": 0},
        {"cubic": True, "max_per_hour": 10_001},
        {"never": True, "cubic": True},
        {"never": True, "max_total": 3},
    ],
)
def test_constructor_refuses(bad: dict[str, object]) -> None:
    """Values out of range, and `never` beside anything else, are refused at once."""
    with pytest.raises(BadInput):
        CaptureSchedule(**bad)


def test_misuse_of_the_operators() -> None:
    """A limit cannot hold for one side of a union, a rule cannot narrow, and a limit alone decides nothing."""
    cubic, limit = CaptureSchedule(cubic=True), CaptureSchedule(max_total=3)
    with pytest.raises(BadInput, match="unite first"):
        _ = (cubic & limit) + CaptureSchedule(always=True)
    with pytest.raises(BadInput, match="only limits"):
        _ = cubic & cubic
    with pytest.raises(BadInput, match="always&max:3"):
        Decider(limit)
    assert cubic & (limit & CaptureSchedule(max_total=2)) == CaptureSchedule(cubic=True, max_total=2)


def test_values_are_normal_and_frozen() -> None:
    """Numpy's whole numbers are taken, equal schedules hash alike, and none can be changed."""
    schedule = CaptureSchedule(episode_indices=np.array([3, 1]), every_n_episodes=np.int64(5))
    assert schedule == CaptureSchedule(episode_indices=(1, 3), every_n_episodes=5)
    assert hash(schedule) == hash(CaptureSchedule.parse("every:5+at:1,3"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.cubic = True


def test_every_and_at() -> None:
    """Every N begins with episode 0; listed episodes are taken; nothing else is."""
    assert captured(CaptureSchedule.parse("every:4+at:5"), 10) == [0, 4, 5, 8]


def test_cubic_is_gymnasiums() -> None:
    """Cubes below 1000, then every 1000th."""
    assert captured(CaptureSchedule(cubic=True), 3001) == [k**3 for k in range(10)] + [1000, 2000, 3000]


def test_last_with_a_known_total() -> None:
    """The last N of a known total are decided before they begin."""
    assert captured(CaptureSchedule(last_n_episodes=2), 10, total=10) == [8, 9]
    assert captured(CaptureSchedule(last_n_episodes=5), 3, total=3) == [0, 1, 2]


def test_last_with_an_unknown_total_is_provisional() -> None:
    """With no total every episode may be among the last N, and uses no limit up; another rule makes it certain."""
    decider = Decider(CaptureSchedule.parse("every:2+last:1&max:1"))
    assert decider.decide(0, 0) == Decision(True, False, "every 2")
    assert decider.decide(1, 0) == Decision(True, True, "maybe among the last 1")
    assert decider.decide(2, 0) == Decision(True, True, "maybe among the last 1")


def test_time_rule() -> None:
    """The first episode is taken, then the first that begins a period later; periods run apart from each other."""
    assert captured(CaptureSchedule.parse("every:10s"), 40, seconds_each=3) == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]
    decider = Decider(CaptureSchedule(every_s=[10, 15]))
    taken = {now: decider.decide(now, now).reason for now in range(0, 31, 5)}
    assert taken[0] == "every 10s, every 15s"
    assert [taken[now] for now in (10, 15, 20)] == ["every 10s", "every 15s", "every 10s"]
    assert taken[5] == "not in every 10s or every 15s"


def test_a_time_rule_that_a_limit_refused_stays_due() -> None:
    """Once the hour has room again, the next episode is taken."""
    decider = Decider(CaptureSchedule.parse("every:10m&max:1/h"))
    assert decider.decide(0, 0).capture
    assert decider.decide(1, 700) == Decision(False, False, "over 1 an hour")
    assert decider.decide(2, 3600).capture


def test_limits() -> None:
    """At most so many within an hour and in all, and the reason names the one that is used up."""
    decider = Decider(CaptureSchedule.parse("always&max:2/h&max:3"))
    decided = [decider.decide(episode, now) for episode, now in enumerate((0, 1, 2, 3601, 9999))]
    assert [one.capture for one in decided] == [True, True, False, True, False]
    assert (decided[2].reason, decided[4].reason) == ("over 2 an hour", "over 3 in all")


def test_reasons() -> None:
    """Every rule that wants an episode is named, and so is every one that did not."""
    decider = Decider(CaptureSchedule.parse("every:100+last:1+at:900"), 901)
    assert decider.decide(900, 0) == Decision(True, False, "every 100, last 1, listed")
    assert decider.decide(7, 0) == Decision(False, False, "not in every 100, last 1 or the list")
    assert Decider(CaptureSchedule()).decide(0, 0) == Decision(False, False, "never")
    assert Decider(CaptureSchedule(every_n_episodes=100)).decide(1, 0).reason == "not in every 100"


def test_asked_for() -> None:
    """What somebody asked for is taken past every limit, and neither uses it up nor changes what the rules take."""
    plan = Plan(run=0, version=1, schedule="every:5&max:1", wanted="3,7-8", asked_by="ann")
    decider = Decider(CaptureSchedule()).with_plan(plan)
    decided = {episode: decider.decide(episode, 0) for episode in range(11)}
    assert [episode for episode, one in decided.items() if one.capture] == [0, 3, 7, 8]
    assert decided[7].reason == "asked for by ann"
    assert decided[5].reason == "over 1 in all"


def test_next_episodes() -> None:
    """The next N that begin after the plan are taken; the same plan sent again does not ask for N more."""
    plan = Plan(run=0, version=3, schedule="every:2", next_episodes=2, asked_by="ann")
    decider = Decider(CaptureSchedule(never=True), version=2).with_plan(plan)
    assert decider.decide(10, 0).reason == "asked for by ann, every 2"
    assert decider.with_plan(plan) is decider
    assert [decider.decide(episode, 0).capture for episode in (11, 12, 13)] == [True, True, False]


def test_requests_are_used_up_once_whoever_counts_first() -> None:
    """A plan that has counted fewer episodes than were taken leaves what is left, not what it says."""
    plan = Plan(run=0, version=1, schedule="never", wanted="3,7", next_episodes=3, asked_by="ann")
    decider = Decider(CaptureSchedule()).with_plan(plan)
    assert [decider.decide(episode, 0).capture for episode in (2, 3)] == [True, True]
    decider = decider.with_plan(replace(plan, next_episodes=2, counted=1))
    assert [decider.decide(episode, 0).capture for episode in (4, 5, 3, 7)] == [True, False, False, True]
    decider = decider.with_plan(replace(plan, wanted="7", next_episodes=0, counted=3))
    assert decider.with_plan(plan) is decider
    assert not decider.decide(7, 0).capture
    assert not decider.with_plan(replace(plan, wanted="", next_episodes=0, counted=4)).decide(8, 0).capture


def test_others_may_use_up_a_request() -> None:
    """A plan that says less is left, though nothing more was taken here, holds."""
    plan = Plan(run=0, version=1, schedule="never", wanted="3-5", next_episodes=2, asked_by="ann")
    decider = Decider(CaptureSchedule()).with_plan(plan).with_plan(replace(plan, wanted="3,5", next_episodes=0))
    assert [decider.decide(episode, 0).capture for episode in (3, 4, 5)] == [True, False, True]


def test_who_asks_is_answered_without_using_it_up() -> None:
    """Looking changes nothing; taking does. Nobody's name is nobody's."""
    decider = Decider(CaptureSchedule()).with_plan(Plan(run=0, version=1, schedule="never", next_episodes=1))
    assert decider.asks_for(4) == decider.asks_for(5) == "asked for by somebody"
    assert decider.take_asked(5) == "asked for by somebody"
    assert decider.take_asked(6) == decider.asks_for(7) == ""


def test_another_session_counts_anew() -> None:
    """What was taken in one session is not subtracted from a plan of the next, whose versions begin again."""
    decider = Decider(CaptureSchedule()).with_plan(Plan(run=0, version=9, schedule="never", next_episodes=1))
    decider.decide(0, 0)
    decider.begin_session()
    decider = decider.with_plan(Plan(run=0, version=1, schedule="never", next_episodes=1))
    assert [decider.decide(episode, 0).capture for episode in (1, 2)] == [True, False]


def test_a_plan_keeps_the_counters() -> None:
    """A new schedule does not start the limits or the clocks of its rules anew."""
    decider = Decider(CaptureSchedule.parse("every:10m&max:5"))
    decider.decide(0, 0)
    decider = decider.with_plan(Plan(run=0, version=1, schedule="every:10m+every:1h&max:2"))
    assert decider.decide(1, 60).reason == "every 1h"
    assert decider.decide(2, 700).reason == "over 2 in all"


def test_a_plan_that_cannot_be_read_changes_nothing() -> None:
    """It is refused, and the one in force stays."""
    decider = Decider(CaptureSchedule(always=True))
    for plan in (Plan(run=0, version=1, schedule="x"), Plan(run=0, version=1, schedule="cubic", wanted="5-1")):
        with pytest.raises(BadInput):
            decider.with_plan(plan)
    assert decider.decide(0, 0).reason == "always"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted).map(tuple)), st.integers(0, 31))
def test_ranges_without_an_episode(pairs: list[tuple[int, int]], episode: int) -> None:
    """All the others stay, in as few ranges as before or one more."""
    ranges = merge_ranges(pairs)
    left = without(ranges, episode)
    assert left == merge_ranges(left)
    assert {n for n in range(40) if contains(left, n)} == {n for n in range(40) if contains(ranges, n)} - {episode}


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: (min(pair), max(pair)))))
def test_ranges(pairs: list[tuple[int, int]]) -> None:
    """Ranges hold the same episodes merged, written and read back."""
    merged = merge_ranges(pairs)
    assert parse_ranges(format_ranges(merged)) == merged
    listed = [index for first, last in merged for index in range(first, last + 1)]
    assert listed == sorted({index for first, last in pairs for index in range(first, last + 1)})
