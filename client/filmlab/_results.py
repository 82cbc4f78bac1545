"""What does `run.log_results` do on the training's thread? It checks, copies once, and hands over."""

import time
from time import perf_counter_ns
from typing import Any

from filmlab._seat import Seat
from filmlab.errors import BadInput
from filmlab.notices import wording
from filmlab.parcel import Parcel
from filmlab.parcel_copies import (
    AnyResults,
    check_episodes,
    check_results,
    config_of,
    frozen,
    state_of,
    summary_of,
)
from filmlab.results.episode_files import EpisodeFiles
from filmlab.results.metadata import RunMetadata
from filmlab.wire.entries import encode_entry
from filmlab.wire.jsonbody import to_json


def log_results(seat: Seat, results: Any, save_checkpoint: Any, metadata: RunMetadata | None, episodes: Any) -> None:
    """As `Run.log_results`: nothing is raised into the training, unless it is strict."""
    began = perf_counter_ns()
    try:
        if seat.ready("log_results"):
            hand_over(seat, results, bool(save_checkpoint), metadata, episodes)
    except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
        seat.failed("log_results", error)
    finally:
        seat.tally.meter.add(perf_counter_ns() - began)


def hand_over(seat: Seat, results: Any, save_checkpoint: bool, metadata: RunMetadata | None, episodes: Any) -> None:
    """Hand over some results.

    Raises:
        BadInput: these are none, or cannot be written.
        RuntimeError: the agent's state cannot be written; what else there is has been handed over.
    """
    found = check_results(results)
    if metadata is not None and not isinstance(metadata, RunMetadata):
        raise BadInput(f"log_results: metadata is a RunMetadata, got {type(metadata).__name__}")
    if metadata is not None:
        # Raises what the sender would come upon later, when nobody could be told where it comes from.
        RunMetadata.of(metadata.document(), "metadata")
        to_json(metadata.document())
    files = check_episodes(found, episodes)
    process = seat.process
    if process is None:
        return
    if files is not None and files.render:
        seat.put(encode_entry(seat.surroundings.entry(seat.tally.number)))
    tree, tree_bytes = frozen(found.tree())
    room_bytes = process.intake.results_room_bytes() - tree_bytes
    if room_bytes < 0:
        _drop(seat, tree_bytes, "results", f"the results were dropped: their {tree_bytes} bytes are over results_bytes")
        return
    state, state_bytes, note, failure = None, 0, "", None
    if save_checkpoint:
        try:
            state, state_bytes, note = state_of(found, room_bytes)
        except RuntimeError as error:
            failure, note = error, str(error)
    if note:
        _drop(seat, 0, "agent state", note)
    _put(seat, found, tree, state, tree_bytes + state_bytes, note, metadata, files)
    if failure is not None and seat.notices.strict:
        raise failure


def _put(
    seat: Seat,
    results: AnyResults,
    tree: Any,
    state: Any,
    size_bytes: int,
    note: str,
    metadata: RunMetadata | None,
    episodes: EpisodeFiles | None,
) -> None:
    process = seat.process
    assert process is not None
    parcel = Parcel(
        run=seat.tally.number,
        film=next(process.film_numbers),
        run_type=results.run_type,
        summary=summary_of(results),
        metadata=metadata,
        duration_s=time.monotonic() - seat.began_at,
        config=config_of(results),
        tree=tree,
        state=state,
        note=note,
        episodes=episodes,
        size_bytes=size_bytes,
    )
    seat.tally.results_handed += 1
    seat.tally.films_begun += 1
    process.intake.put_parcel(parcel)
    process.link.wake()


def _drop(seat: Seat, size_bytes: int, what: str, reason: str) -> None:
    """Part of it is left out: said at once, counted, and shown with the run."""
    seat.tally.count_drop(reason)
    if not seat.notices.strict:
        seat.notices.warn(f"{what} {wording(reason)}", f"run {seat.id}: {reason}")
