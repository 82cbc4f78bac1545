"""`run.log_results`: what arrives, what is left out, and what it says when it is misused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filmlab
from client.studio import Studio
from filmlab import BadInput, FilmlabError, FilmlabWarning, pytree
from filmlab.results import EpisodeFiles, RunMetadata
from filmlab.wire.chunks import blobs, decode_film
from filmlab.wire.entries import Results, ResultsEnd, RunFinish, Surroundings
from filmlab.wire.messages import Stream
from results import samples


def parcel_of(studio: Studio, film: int) -> bytes:
    """The bytes that became durable of one parcel."""
    (session,) = studio.sessions
    pieces = [record for record in studio.model.durable[session, Stream.B] if decode_film(record).film == film]
    return b"".join(bytes(blobs(decode_film(piece), piece.payload)[0]) for piece in pieces)


def test_everything_arrives_announced_and_in_order(studio: Studio) -> None:
    """Beginning, bytes, end; and the run's own end behind that."""
    run = studio.init()
    results = samples.training(run.dir)
    run.log_results(results, True, metadata=RunMetadata("training", "2026-11-21T00:00:00+00:00", "3.11", "cuda:1"))
    run.finish()
    (begin,), (end,) = studio.entries(Results), studio.entries(ResultsEnd)
    assert begin.metadata["device"] == "cuda:1" and begin.summary["final_eval_return_mean"] == 1234.5
    assert (begin.film, begin.episodes, begin.render, begin.note) == (end.film, False, "", "")
    whole, sizes = parcel_of(studio, begin.film), dict(begin.parts)
    assert len(whole) == sum(sizes.values())
    assert whole[-sizes["state"] :] == pytree.to_bytes(samples.agent())
    assert studio.entries(RunFinish) and run.stats.dropped_reasons == {}


def test_an_evaluation_says_where_its_function_lives(studio: Studio, tmp_path: Path) -> None:
    """Interpreter, module path and working directory are those of `init`, whatever they are later."""
    before = Path.cwd()
    run = studio.init()
    os.chdir(tmp_path)
    try:
        files = EpisodeFiles(500, 8000, render="maze.draw:frame", videos=3, fps=12)
        run.log_results(samples.evaluation(run.dir), episodes=files)
    finally:
        os.chdir(before)
    run.finish()
    (begin,), (where,) = studio.entries(Results), studio.entries(Surroundings)
    assert (begin.episodes, begin.steps_per_env, begin.global_step) == (True, 500, 8000)
    assert (begin.render, begin.videos, begin.fps) == ("maze.draw:frame", 3, 12.0)
    assert where.directory == str(before) and Path(where.python).is_absolute() and where.path


@pytest.mark.parametrize(
    ("results", "options", "message"),
    [
        ({"no": "results"}, {}, "TrainingResults or EvaluationResults, got dict"),
        (samples.training(Path("x")), {"metadata": {}}, "metadata is a RunMetadata, got dict"),
        (samples.training(Path("x")), {"metadata": RunMetadata("training", "now", "3", device=5)}, "are texts"),
        (samples.training(Path("x")), {"metadata": RunMetadata("training", "now", "3", "cpu", {1})}, "travel as JSON"),
        (samples.training(Path("x")), {"episodes": EpisodeFiles(1, 1)}, "these results hold none"),
        (samples.evaluation(Path("x"), kept=False), {"episodes": EpisodeFiles(1, 1)}, "these results hold none"),
        (samples.evaluation(Path("x")), {"episodes": True}, "EpisodeFiles, got bool"),
    ],
)
def test_misuse_is_warned_of_and_raises_with_strict(
    studio: Studio, results: Any, options: dict[str, Any], message: str
) -> None:
    """The call says what it was given and what it wants."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning, match=message):
        run.log_results(results, **options)
    run.finish()
    strict = studio.init()
    with pytest.raises(FilmlabError, match=message):
        strict.log_results(results, **options)
    strict.finish()
    assert not studio.entries(Results)


def test_each_different_refusal_is_said_once(studio: Studio) -> None:
    """A second mistake of another kind is not hidden behind the first; the same one again is."""
    run = studio.init(strict=False)
    with pytest.warns(FilmlabWarning) as said:
        for _ in range(2):
            run.log_results({"no": "results"})
            run.log_results(samples.training(run.dir), metadata={})  # type: ignore[arg-type]
            for leaf in ("kernel", "bias"):
                run.log_results(samples.training(run.dir, {leaf: print}), save_checkpoint=True)
    words = ("or EvaluationResults, got dict", "is a RunMetadata, got dict", "agent state: kernel", "agent state: bias")
    assert len(said) == len(words)
    assert all(word in str(item.message) for word, item in zip(words, said, strict=True))
    run.finish()


def test_a_state_that_cannot_be_written_is_left_out_alone(studio: Studio) -> None:
    """The results arrive with a note; strict raises what `results.save` would, after they were handed over."""
    for strict in (False, True):
        run = studio.init(strict=strict)
        results = samples.training(run.dir, {"params": {"f": print}})
        words = r"^(run \w+: )?Failed to serialize agent state: params/f: builtins\.builtin_function_or_method"
        if strict:
            with pytest.raises(RuntimeError, match=words):
                run.log_results(results, save_checkpoint=True)
        else:
            with pytest.warns(FilmlabWarning, match=words):
                run.log_results(results, save_checkpoint=True)
        run.finish()
    assert [[name for name, _ in begin.parts] for begin in studio.entries(Results)] == [["config", "results"]] * 2
    assert all("params/f" in begin.note for begin in studio.entries(Results))


def test_a_working_directory_that_is_gone_ends_nothing(studio: Studio, tmp_path: Path) -> None:
    """There is no revision to be found then; numbers and results go on."""
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    run = studio.init()
    os.chdir(gone)
    try:
        gone.rmdir()
        run.log_results(samples.training(run.dir))
        assert run.flush(30.0)
    finally:
        os.chdir(before)
    run.log({"loss": 1.0}, step=1)
    run.finish()
    (begin,) = studio.entries(Results)
    assert "git_hash" not in begin.metadata and studio.points() == [(1, {"loss": 1.0})]


def test_over_its_bound_a_state_is_left_out_then_the_results(studio: Studio) -> None:
    """Counted and said, and nothing is copied that has no room; the loop goes on."""
    run = studio.init(strict=False, results_bytes=4096)
    large = samples.training(run.dir, {"w": np.zeros(1000)})
    with pytest.warns(FilmlabWarning, match="the agent state was dropped: its 8000 bytes are over results_bytes"):
        run.log_results(large, save_checkpoint=True)
    huge = samples.evaluation(run.dir)
    huge.episodes = samples.episodes(count=2, most=100)
    with pytest.warns(FilmlabWarning, match=r"the results were dropped: their \d+ bytes are over results_bytes"):
        run.log_results(huge)
    run.finish()
    (begin,) = studio.entries(Results)
    assert begin.run_type == "training" and "over results_bytes" in begin.note
    assert sum(run.stats.dropped_reasons.values()) == 2


def test_after_the_end_and_without_a_lab_nothing_happens(studio: Studio) -> None:
    """A late call is said once; a run that is disabled takes anything."""
    run = studio.init(strict=False)
    run.finish()
    with pytest.warns(FilmlabWarning, match="log_results after finish"):
        run.log_results(samples.training(run.dir))
    disabled = studio.init(mode="disabled")
    disabled.log_results(samples.training(disabled.dir))
    disabled.finish()


@pytest.mark.parametrize("value", [-1, 2**34, 1.5, "2GiB"])
def test_the_bound_is_checked(studio: Studio, value: Any) -> None:
    """From nothing to 8 GiB: a film has no more pieces."""
    with pytest.raises(BadInput, match="results_bytes: a whole number from 0 to 8589934592"):
        filmlab.init(results_bytes=value)
