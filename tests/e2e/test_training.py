"""A real run from end to end: what a user's program leaves on disk."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from e2e.house import PATIENT, House, until

TRAINER = """
    import numpy as np
    import filmlab

    run = filmlab.init(project="play", name="first / run", id="r1", group="g", tags=["a"], config={"lr": 0.1},
                       schedule="every:2", fps=20)
    for index in range(5):
        with run.episode() as episode:
            for step in range(10):
                frame = np.zeros((48, 64, 3), np.uint8)
                frame[step : step + 8, step : step + 8] = (200, 20 * index, 50)
                episode.step(action=step % 3, reward=0.5, frame=lambda frame=frame: frame)
            episode.end(solved=index == 4, metadata={"index": index})
        run.log({"loss": 1.0 / (index + 1), "odd/name with spaces": float("nan") if index == 2 else index}, step=index)
    run.log({"view": filmlab.Image(np.full((8, 9, 3), 7, np.uint8)),
             "clip": filmlab.Video(np.zeros((4, 8, 9, 3), np.uint8), fps=10)}, step=5)
    print("flushed", run.flush())
    run.finish()
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A household in which that program has run to its end; for tests that only look."""
    made = House(tmp_path_factory.mktemp("trained"))
    try:
        assert "flushed True" in made.train(TRAINER)
        made.wait_printed()
        yield made
    finally:
        made.close()


def test_a_run_leaves_clips_curves_json_and_a_page(trained: House) -> None:
    """Everything that the README promises is there, whole, with the right contents."""
    found = {str(path.relative_to(trained.run_dir())) for path in trained.run_dir().rglob("*") if path.is_file()}
    kinds = ("gif", "json", "poster.webp")
    episodes = {f"episodes/episode_{index:06d}.{kind}" for index in (0, 2, 4) for kind in kinds}
    names = ("loss", "odd%2Fname%20with%20spaces", "episode%2Freturn", "episode%2Flength")
    curves = {f"curves/{name}.{kind}" for name in names for kind in ("svg", "png")}
    media = {"media/view_5.png", "media/clip_5.gif", "media/clip_5.poster.webp"}
    assert found == episodes | curves | media | {"index.html", "run.json", "history.json"}


def test_the_gif_has_the_right_timing_and_pixels(trained: House) -> None:
    """Ten frames at 20 fps last half a second, in order and in their colours."""
    with Image.open(trained.run_dir() / "episodes/episode_000002.gif") as gif:
        durations, frames = [], []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
            frames.append(np.array(gif.convert("RGB")))
    assert sum(durations) == 500
    assert len(frames) == 10
    for step, frame in enumerate(frames):
        expected = np.zeros((48, 64, 3), np.uint8)
        expected[step : step + 8, step : step + 8] = (200, 40, 50)
        assert np.array_equal(frame, expected)


def test_the_json_says_what_the_episode_was(trained: House) -> None:
    """Totals, actions, rewards, metadata, and as its last key why it was kept."""
    document = trained.json("episodes/episode_000004.json")
    assert (document["episode"], document["return"], document["length"], document["solved"]) == (4, 5.0, 10, True)
    assert document["actions"] == [step % 3 for step in range(10)]
    assert document["rewards"] == [0.5] * 10
    assert (document["frame_count"], document["fps"], document["metadata"]) == (10, 20, {"index": 4})
    assert list(document)[-1] == "kept_because"
    assert document["kept_because"] == "every 2"


def test_metrics_are_exact_and_their_json_is_valid(trained: House) -> None:
    """float64 in, float64 out; NaN is null with a mark, because JSON has no such value."""
    series = trained.json("history.json")["metrics"]
    assert series["loss"][0]["value"] == [1.0 / (index + 1) for index in range(5)]
    assert series["loss"][0]["step"] == [0, 1, 2, 3, 4]
    odd = series["odd/name with spaces"][0]
    assert odd["value"][2] is None
    assert odd["nonfinite"] == {"2": "nan"}
    assert series["episode/return"][0]["value"] == [5.0] * 5
    with trained.read() as index:
        exact = index.points("r1", "odd/name with spaces")[0].value
    assert np.array_equal(exact, [0.0, 1.0, np.nan, 3.0, 4.0], equal_nan=True)
    json.loads((trained.run_dir() / "run.json").read_text(), parse_constant=lambda text: 1 / 0)


def test_curves_are_pictures(trained: House) -> None:
    """The SVG is well-formed and names its metric; the PNG is 960×540."""
    svg = (trained.run_dir() / "curves/loss.svg").read_text()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert ">loss<" in svg
    with Image.open(trained.run_dir() / "curves/loss.png") as png:
        assert png.size == (960, 540)


def test_curves_are_drawn_while_the_run_lives(house: House) -> None:
    """A crash never costs a curve: nobody has asked for anything when the first ones are there."""
    trainer = house.trainer(
        """
        import filmlab
        run = filmlab.init(project="play", name="live")
        for step in range(10):
            run.log({"loss": 1.0 / (step + 1)}, step=step)
        input()
        """
    )
    until(lambda: list((house.root / "films").glob("play/*/curves/loss.svg")), "a live curve")
    until(lambda: list((house.root / "films").glob("play/*/index.html")), "a live page")
    assert trainer.poll() is None


def test_a_resumed_run_is_a_further_attempt_in_the_same_place(house: House) -> None:
    """Attempt 2 keeps the directory; its prints are told apart; both attempts' points stay."""
    program = """
        import numpy as np
        import filmlab
        run = filmlab.init(project="play", name="again", id="again", schedule="always")
        with run.episode(0) as episode:
            episode.step(reward=1.0, frame=np.zeros((8, 8, 3), np.uint8))
        run.log({"n": 1.0}, step=0)
        run.log({"n": 2.0}, step=1)
        run.finish()
    """
    house.train(program)
    house.wait_printed("again")
    house.train(program)
    until(lambda: (house.run_dir() / "episodes/episode_000000_a2.gif").exists(), "the second attempt's clip")
    house.wait_printed("again")
    with house.read() as index:
        points = index.points("again", "n")
        run = index.run("again")
    assert [(part.attempt, list(part.value)) for part in points] == [(1, [1.0, 2.0]), (2, [1.0, 2.0])]
    assert (run.attempt, run.status) == (2, "finished")


def test_a_run_can_be_begun_again_the_moment_it_has_finished(house: House) -> None:
    """In the same process too, alone in its session or not: its former writer is not said to be alive elsewhere."""
    house.train(
        """
        import numpy as np
        import filmlab
        noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
        for companion in (False, True):
            other = filmlab.init(project="play", name="other") if companion else None
            for _ in range(3):
                run = filmlab.init(project="play", name="again", id="again", schedule="always")
                with run.episode(0) as episode:
                    for _ in range(50):
                        episode.step(reward=1.0, frame=noise)
                run.finish()
        """
    )
    house.wait_printed("again")
    with house.read() as index:
        assert (index.run("again").attempt, index.run("again").status) == (6, "finished")


def test_a_second_process_joins_a_living_run_under_another_writer_only(house: House) -> None:
    """The same writer raises at init, with the way out; another name joins the same attempt."""
    house.trainer(
        """
        import filmlab
        run = filmlab.init(project="play", name="shared", id="shared")
        run.log({"n": 1.0}, step=0)
        run.flush()
        input()
        """
    )

    until(lambda: any(row.run_id == "shared" for row in house.runs()), "the run")
    output = house.train(
        f"""
        {PATIENT}
        import filmlab
        try:
            filmlab.init(project="play", name="shared", id="shared")
        except filmlab.BadInput as error:
            print("refused:", error)
        run = filmlab.init(project="play", name="shared", id="shared", writer="eval")
        run.log({{"n": 5.0}}, step=0)
        print("flushed", run.flush())
        """
    )
    assert "refused: " in output
    assert "writer" in output
    assert "flushed True" in output
    with house.read() as index:
        points = index.points("shared", "n")
    assert {(part.writer, part.attempt) for part in points} == {("main", 1), ("eval", 1)}


def test_what_an_offline_run_left_is_taken_in_by_the_next_daemon(house: House) -> None:
    """offline writes to the spool only; the daemon that starts later adopts it, once."""
    house.train(TRAINER, FILMLAB_MODE="offline")
    assert house.daemon_pid() == 0
    assert list(house.paths.spool.iterdir())
    house.daemon()
    house.wait_printed()
    with house.read() as index:
        assert index.run("r1").status == "finished"
        assert list(index.points("r1", "loss")[0].step) == [0, 1, 2, 3, 4]
    until(lambda: not list(house.paths.spool.iterdir()), "the spool to be dropped")
    assert (house.run_dir() / "episodes/episode_000000.gif").exists()


def test_disabled_leaves_nothing(house: House) -> None:
    """mode="disabled" starts nothing and writes nothing, and the program runs all the same."""
    assert "flushed True" in house.train(TRAINER, FILMLAB_MODE="disabled")
    assert not (house.root / "films").exists()
    assert not (house.root / "state").exists()
