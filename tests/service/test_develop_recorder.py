"""The files of a drop-in recorder: their names, their contents, and nothing else in the caller's directory."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlab.wire.entries import Recorder, RecorderAsk, Trace, Wish
from filmlabd.develop.recorder import episode_json, find, history, panels, rows_of
from filmlabd.model import Job, JobKind, TraceRow
from filmlabd.render.curve import draw
from filmlabd.render.smoothing import moving_average
from filmlabd.render.svg import to_svg
from filmlabd.render.theme import LIGHT
from service.keeping import RUN, SESSION
from service.studio import Studio, moving

CASES = json.loads((Path(__file__).parents[1] / "client" / "parity" / "moving_average.json").read_text())
COLUMNS = ("reward", "average", "epsilon", "options", "metrics/gvf_loss", "metrics/a/b")
COLORS = {
    "reward": "#264653", "average": "#2a9d8f", "epsilon": "#e76f51", "options": "navy", "others": "#6b7280",
    "metrics": {"gvf_loss": "#d35400"},
}  # fmt: skip


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path, metrics=[f"tr/{name}" for name in COLUMNS])
    yield made
    made.close()


def declare(studio: Studio, **more: Any) -> Path:
    """A recorder, number 1; where its files go."""
    place = studio.prints.parent / "out"
    fields = {"kind": "curves", "prefix": "tr", "title": "tr", "columns": "tr", "average_window": 2, "colors": COLORS}
    fields |= {"directory": str(place)}
    studio.story.say(Recorder(run=1, wall=1.0, number=1, **(fields | more)))
    return place


def log(studio: Studio, *rows: tuple[float | None, ...]) -> None:
    """Rows of reward, average, epsilon, options, and so on: None is left out."""
    for step, row in enumerate(rows):
        studio.log({number: value for number, value in enumerate(row) if value is not None}, step)


def ask(studio: Studio, wish: Wish, rows: int) -> Job:
    studio.story.say(RecorderAsk(run=1, wall=1.0, recorder=1, wish=wish, rows=rows))
    what = wish.name.lower()
    return Job(f"recorder:{SESSION:016x}:1:{what}", JobKind.RECORDER, RUN, SESSION, metric=what, final=True, recorder=1)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def texts(svg: str) -> list[str]:
    return re.findall(r">([^<>]*)</text>", svg)


# --- curves ---------------------------------------------------------------------------------------------------------


def test_save_leaves_every_curve_and_the_history(studio: Studio) -> None:
    """As SVG and PNG of 960×540; a metric's name is escaped, the prefix is the caller's own."""
    place = declare(studio)
    log(studio, (1.0, 1.0, 0.5, 2.0, None, None), (3.0, 2.0, 0.25, 2.0, 7.0, 1.0))
    paths, notes = studio.develop(ask(studio, Wish.SAVE, 2))
    stems = ["tr_a%2Fb", "tr_gvf_loss", "tr_reward_curve", "tr_training_state"]
    files = [f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")]
    assert names(place) == sorted([*files, "tr_reward_history.json"])
    assert sorted(paths) == [f"{place}/{name}" for name in names(place)]
    assert notes == ()
    with Image.open(place / "tr_reward_curve.png") as image:
        assert image.size == (960, 540)
    assert not studio.prints.exists() or not list(studio.prints.rglob("tr*"))


def test_a_curve_says_what_the_original_says(studio: Studio) -> None:
    """Title, axes, legend, six ticks each, x from 0 to the last index and y with two decimals, in the given colours."""
    place = declare(studio)
    log(studio, *((value, value, 0.5, 2.0, value) for value in (0.0, 1.0, 2.0, 3.0, 4.0)))
    studio.develop(ask(studio, Wish.SAVE, 5))
    svg = (place / "tr_reward_curve.svg").read_text()
    said = texts(svg)
    assert {"tr reward over episodes", "Episode", "Reward", "reward", "avg2"} <= set(said)
    for tick in ("0", "1", "2", "3", "4", "0.00", "0.80", "1.60", "2.40", "3.20", "4.00"):
        assert f">{tick}</text>" in svg
    assert '"#264653"' in svg
    assert '"#2a9d8f"' in svg
    # Lines are drawn in tenths of a pixel: 1.5 px at opacity 0.25 under 2.75 px.
    assert re.search(r'scale\(.1\)"[^>]*stroke="#264653"[^>]*stroke-width="15"[^>]*opacity="0.25"', svg)
    assert re.search(r'scale\(.1\)"[^>]*stroke="#2a9d8f"[^>]*stroke-width="27.5"', svg)
    state = (place / "tr_training_state.svg").read_text()
    assert {"tr exploration and option count", "Episode", "Value", "epsilon", "options"} <= set(texts(state))
    assert '"#e76f51"' in state
    assert '"#000080"' in state
    metric = (place / "tr_gvf_loss.svg").read_text()
    assert {"tr gvf loss over episodes", "gvf loss", "gvf loss raw", "gvf loss avg2"} <= set(texts(metric))
    assert '"#d35400"' in metric


def test_the_history_has_the_original_keys(studio: Studio) -> None:
    """In their order, NaN and infinities as null; a row that did not come is null too."""
    place = declare(studio)
    log(studio, (math.nan, 1.0, 0.5, 2.0, None), (math.inf, 2.0, 0.25, 2.0, 7.0), (-3.0, math.nan, 0.25, 3.0))
    studio.develop(ask(studio, Wish.SAVE, 3))
    found = json.loads((place / "tr_reward_history.json").read_text())
    assert list(found.items()) == [
        ("average_window", 2), ("episodes", 3), ("reward_history", [None, None, -3.0]),
        ("average_history", [1.0, 2.0, None]), ("epsilon_history", [0.5, 0.25, 0.25]), ("option_history", [2, 2, 3]),
        ("metric_histories", {"gvf_loss": [None, 7.0, None]}), ("best_reward", -3.0), ("final_reward", -3.0),
        ("final_average", None),
    ]  # fmt: skip
    assert all(type(count) is int for count in found["option_history"])


def test_a_checkpoint_is_of_the_moment_it_was_asked_for(studio: Studio) -> None:
    """Its rows alone, however late a worker comes to it; and it says that it is one."""
    place = declare(studio)
    log(studio, *((float(step), 0.0, 0.0, 0.0) for step in range(5)))
    studio.develop(ask(studio, Wish.CHECKPOINT, 4))
    assert names(place) == ["tr_reward_history_checkpoint.json"]
    found = json.loads((place / "tr_reward_history_checkpoint.json").read_text())
    assert (found["episodes"], found["checkpoint"], list(found)[-1]) == (4, True, "checkpoint")


def test_a_crash_saves_all_rows(studio: Studio) -> None:
    """Those after the last save too."""
    place = declare(studio)
    log(studio, *((float(step), 0.0, 0.0, 0.0) for step in range(5)))
    job = ask(studio, Wish.SAVE, 2)
    studio.story.closed("crashed")
    studio.develop(job)
    assert json.loads((place / "tr_reward_history.json").read_text())["episodes"] == 5


def test_nothing_is_written_before_the_first_episode(studio: Studio) -> None:
    """Not even the directory."""
    place = declare(studio)
    assert studio.develop(ask(studio, Wish.SAVE, 0)) == ((), ("no episode was logged",))
    assert not place.exists()


def test_an_unknown_recorder_and_a_directory_in_the_way_are_named(studio: Studio) -> None:
    """No retry would help."""
    with studio.reader() as reader, pytest.raises(BadInput, match="no recorder 9"):
        find(reader, SESSION, 9)
    (studio.prints.parent / "file").write_text("in the way")
    declare(studio, directory=str(studio.prints.parent / "file" / "out"))
    log(studio, (1.0, 1.0, 1.0, 1.0))
    with pytest.raises(BadInput, match="file/out cannot be made"):
        studio.develop(ask(studio, Wish.SAVE, 1))


def test_a_colour_that_is_none_is_the_themes(studio: Studio) -> None:
    """The picture is worth more than its colour; a metric without one has that of all others."""
    declare(studio, colors={"reward": "no colour", "others": "rgb(1, 2, 3)", "metrics": "nonsense"})
    log(studio, (1.0, 1.0, 1.0, 1.0, 2.0))
    with studio.reader() as reader:
        recorder = find(reader, SESSION, 1)
        drawn = dict(panels(recorder, rows_of(recorder, reader, -1)))
    assert drawn["tr_reward_curve"].series[0].color is None
    assert drawn["tr_gvf_loss"].series[0].color == "#010203"
    assert to_svg(draw(drawn["tr_reward_curve"]), LIGHT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['values'])} values, window {case['window']}")
def test_the_average_is_what_callers_are_used_to(case: dict[str, Any]) -> None:
    """The mean of the finite values among the last so many; a window below 1 counts as 1."""
    values = np.array([float(value) for value in case["values"]])
    found = moving_average(values, max(1, case["window"]))
    expected = np.array([math.nan if value is None else value for value in case["average"]])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0.0)


def test_a_window_below_one_still_has_its_own_name(studio: Studio) -> None:
    """The legend says what was asked for."""
    declare(studio, average_window=0)
    log(studio, (1.0, 1.0, 1.0, 1.0))
    with studio.reader() as reader:
        recorder = find(reader, SESSION, 1)
        histories = rows_of(recorder, reader, None)
        series = dict(panels(recorder, histories))["tr_reward_curve"].series[0]
        assert (series.average_window, series.average_name) == (1, "avg0")
        assert json.loads(b"".join(history(recorder, histories)))["average_window"] == 0


# --- episodes -------------------------------------------------------------------------------------------------------


def trace(studio: Studio, film: int, document: dict[str, Any], stem: str = "tr_episode_0007_reward_1_avg_2") -> None:
    data = json.dumps(document).encode()
    for part, piece in enumerate((data[:5], data[5:])):
        studio.story.say(
            Trace(run=1, wall=1.0, episode=7, film=film, recorder=1, stem=stem, part=part, parts=2, data=piece)
        )


def test_an_episode_goes_to_its_recorders_directory(studio: Studio) -> None:
    """GIF and JSON under the caller's name, the JSON as the program said it, indented by 2; nothing beside them."""
    place = declare(studio, kind="animation", fps=20.0)
    document = {"episode": 7, "actions": [1, None, "x"], "metadata": {"größe": 1}}
    trace(studio, 1, document)
    paths, _ = studio.develop(studio.episode(7, moving(10), [1.0] * 10))
    assert names(place) == ["tr_episode_0007_reward_1_avg_2.gif", "tr_episode_0007_reward_1_avg_2.json"]
    assert paths == tuple(f"{place}/{name}" for name in names(place))
    assert (place / names(place)[1]).read_text() == json.dumps(document, indent=2) + "\n"
    with Image.open(place / names(place)[0]) as clip:
        assert clip.info["loop"] == 0
        durations = [clip.info["duration"] for number in range(clip.n_frames) if clip.seek(number) is None]
    assert sum(durations) == 500
    assert not (studio.prints / "episodes").exists()


def test_the_runs_own_page_shows_the_clip_where_it_lies(studio: Studio) -> None:
    """By a relative link out of the state directory; one that somebody has removed is left out."""
    place = declare(studio, kind="animation")
    trace(studio, 1, {"episode": 7})
    studio.develop(studio.episode(7, moving(10), [1.0] * 10))
    studio.develop(studio.page_job())
    page = (studio.prints / "index.html").read_text()
    assert 'src="../out/tr_episode_0007_reward_1_avg_2.gif"' in page
    assert 'href="../out/tr_episode_0007_reward_1_avg_2.json"' in page
    (place / "tr_episode_0007_reward_1_avg_2.gif").unlink()
    studio.develop(studio.page_job())
    assert "tr_episode" not in (studio.prints / "index.html").read_text()


def test_without_frames_the_json_says_what_is_needed(studio: Studio) -> None:
    """Under a last key; without metadata wanted, there is nothing at all."""
    place = declare(studio, kind="animation")
    trace(studio, 1, {"episode": 7})
    studio.develop(studio.episode(7, []))
    found = json.loads((place / "tr_episode_0007_reward_1_avg_2.json").read_text())
    assert "render_mode='rgb_array'" in found["warning"]
    declare(studio, kind="animation", save_metadata=False)
    trace(studio, 2, {"episode": 7}, stem="quiet")
    assert studio.develop(studio.episode(8, [])) == ((), ())


def test_an_episode_that_was_cut_says_so(studio: Studio) -> None:
    """The trainer died in the call: what had arrived is shown, under the right name."""
    place = declare(studio, kind="animation")
    trace(studio, 1, {"episode": 7, "frame_count": 9})
    job = studio.episode(7, moving(4))
    studio.story.told.pop()
    studio.story.last_c -= 1
    studio.story.cut(1, 7, 4, "truncated: the trainer ended")
    studio.develop(job)
    found = json.loads((place / "tr_episode_0007_reward_1_avg_2.json").read_text())
    assert (found["frame_count"], found["warning"]) == (9, "truncated: the trainer ended")
    assert (place / "tr_episode_0007_reward_1_avg_2.gif").exists()


def test_a_trace_that_is_not_whole_is_refused() -> None:
    """Damage in the journal, said in one line."""
    with pytest.raises(BadInput, match="stem is not whole"):
        episode_json(TraceRow(1, "stem", b'{"a":'), "")
