"""How does an episode that was traced become a GIF and a JSON? Handed over in one call, developed by the daemon."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from filmlab._process import Process
from filmlab.frames import MOMENTS_MAX, BadFrame, Snapshot
from filmlab.intake import FilmEnd, Shot
from filmlab.media import check_fps
from filmlab.recorders.implicit import ImplicitRun, implicit_run
from filmlab.recorders.pixels import Darkroom, Still, snapshot
from filmlab.recorders.place import Place, directory_of, failed
from filmlab.recorders.schedule import EpisodeCaptureSchedule
from filmlab.recorders.stems import episode_stem, file_part
from filmlab.recorders.values import to_text
from filmlab.reel import Reel
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, Recorder, Trace, Wish, encode_entry
from filmlab.wire.jsonbody import EXACT_MAX
from filmlab.wire.names import clean_text
from filmlab.wire.recorder_entries import TRACE_PARTS_MAX

PIECE_BYTES = 512 * 1024
ROOM_PATIENCE_S = 10.0
"""How long a call waits for memory while the sender makes none: then the film is dropped."""
_ROOM_PAUSE_S = 0.005
_NONE_OF_ITS_OWN = EpisodeCaptureSchedule()


class EpisodeAnimationRecorder:
    """Call it with the trace of an episode: `{prefix}_episode_0042_reward_7_avg_5.gif` and `.json` come to be.

    The call takes a snapshot and returns; `flush` waits for the files.

    Args:
        output_dir: where they go; made with its parents.
        schedule: which episodes the loop should trace; it is only asked by `should_capture`.
        prefix: what their names begin with.
        fps: above 0, at most 1000.
        max_frames: only the first so many are animated; None, 0 and less: all (at most 10 000).
        save_metadata: whether there is a JSON.

    Raises:
        BadInput: `fps` cannot be.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str],
        schedule: EpisodeCaptureSchedule = _NONE_OF_ITS_OWN,
        prefix: str = "training",
        fps: float = 30,
        max_frames: int | None = None,
        save_metadata: bool = True,
    ) -> None:
        check_fps(fps)
        self.output_dir = Path(output_dir)
        self.schedule = schedule
        self.prefix = prefix
        self.fps = fps
        self.max_frames = max_frames
        self.save_metadata = save_metadata
        self._place = Place(self._describe)

    def should_capture(self, episode: int, total_episodes: int) -> bool:
        """Whether to trace this episode: the schedule says so, or somebody asked for it (`filmlab record`)."""
        try:
            if self.schedule.should_capture(episode, total_episodes):
                return True
            return self._place.enter("should_capture") is not None and bool(self._wanted(episode, total_episodes))
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            failed("should_capture", error)
            return False

    def __call__(self, trace: Any) -> None:
        """Print this episode.

        Args:
            trace: anything with `episode`, `episode_reward`, `avg_reward`, `step_count`, `solved`, `frames`, `steps`
                (each with `action` and `active_option_id`) and `metadata`. Nothing of it is kept: it may change.
        """
        began = perf_counter_ns()
        try:
            entered = self._place.enter("an animation recorder")
            if entered is not None:
                self._record(*entered, trace)
        except Exception as error:  # noqa: BLE001  # as above
            failed("an animation recorder", error)
        finally:
            _count_time(perf_counter_ns() - began)

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait for the prints of all episodes so far; False where one is not there in time, or failed (warned of)."""
        try:
            entered = self._place.enter("flush")
            if entered is None:
                return True
            return self._place.wait(*entered, Wish.FLUSH, 0, timeout_s)
        except Exception as error:  # noqa: BLE001  # as above
            failed("flush", error)
            return False

    # --- inside -----------------------------------------------------------------------------------------------------

    def _describe(self) -> Recorder:
        return Recorder(
            run=0, wall=0.0, number=1, kind="animation", directory=directory_of(self.output_dir),
            prefix=file_part(self.prefix), title=clean_text(self.prefix), fps=check_fps(self.fps),
            save_metadata=bool(self.save_metadata),
        )  # fmt: skip

    def _wanted(self, episode: int, total_episodes: int) -> str:
        return implicit_run().reason(int(episode), int(total_episodes or 0))

    def _record(self, run: ImplicitRun, process: Process, trace: Any) -> None:
        tally, wall = run.seat.tally, time.time()
        episode = max(0, int(trace.episode))
        reel = Reel(next(process.film_numbers), tally.number, episode, wall)
        reel.develop = Darkroom(reel.shutter).develop
        frames = trace.frames if trace.frames is not None else ()
        self._tell(run, process, reel, trace, len(frames))
        reason = clean_text(run.take_asked(episode) or "its recorder was called")
        begin = EpisodeBegin(
            run=reel.run, wall=wall, episode=episode, film=reel.number, reason=reason,
            plan_version=run.seat.plan_version,
        )  # fmt: skip
        run.seat.put(encode_entry(begin))
        note = self._shoot(run, process, reel, frames)
        tally.episodes += 1
        tally.films_begun += not reel.dropped
        solved = getattr(trace, "solved", None)
        end = EpisodeEnd(
            run=reel.run, wall=time.time(), episode=episode, return_=float(trace.episode_reward),
            length=min(max(0, int(trace.step_count)), EXACT_MAX), solved=None if solved is None else bool(solved),
            film=reel.number, reason=reason, note=note,
        )  # fmt: skip
        self._place.handed_over(reel.number, episode)
        process.intake.put_end(FilmEnd(reel, end))
        process.link.wake()

    def _tell(self, run: ImplicitRun, process: Process, reel: Reel, trace: Any, frame_count: int) -> None:
        """Say first which file it will be and what stands beside it: so it is known whatever happens to the film."""
        data = document(trace, frame_count).encode()
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
        if len(pieces) > TRACE_PARTS_MAX:
            run.seat.notices.warn("trace-large", f"episode {reel.episode}: its actions are left out: {len(data)} bytes")
            pieces = [document(trace, frame_count, actions=False).encode()[: TRACE_PARTS_MAX * PIECE_BYTES]]
        stem = episode_stem(self.prefix, trace.episode, trace.episode_reward, trace.avg_reward)
        number = self._place.number(run, process)
        for part, piece in enumerate(pieces):
            entry = Trace(
                run=reel.run, wall=reel.wall, episode=reel.episode, film=reel.number, recorder=number, stem=stem,
                part=part, parts=len(pieces), data=piece,
            )  # fmt: skip
            run.seat.put(encode_entry(entry))

    def _shoot(self, run: ImplicitRun, process: Process, reel: Reel, frames: Sequence[Any]) -> str:
        """Hand the frames over; returns what befell them. All are copied before: the sender would be in the way."""
        limit = (
            min(self.max_frames, MOMENTS_MAX) if self.max_frames is not None and self.max_frames > 0 else MOMENTS_MAX
        )
        note = f"cut at {MOMENTS_MAX} frames" if limit == MOMENTS_MAX and len(frames) > MOMENTS_MAX else ""
        shots: list[Shot] = []
        waiting_bytes = 0
        try:
            for taken in _snapshots(frames, limit):
                if not process.intake.film_room(waiting_bytes + taken.nbytes):
                    _hand_over(run, process, shots)
                    waiting_bytes = 0
                    if not _wait_for_room(process, reel, taken.nbytes):
                        run.seat.drop_film(reel, f"episode {reel.episode}")
                        return ""
                shots.append(Shot(reel, taken, None, 0.0, is_step=False, frame_bytes=taken.nbytes))  # type: ignore[arg-type]  # `reel.develop` takes it
                waiting_bytes += taken.nbytes
        except BadFrame as error:
            note = f"frame {reel.frames + len(shots)} {error}; its film ends there"
        _hand_over(run, process, shots)
        if note:
            run.seat.notices.warn("film-ended", f"episode {reel.episode}: {note}")
        return note


def document(trace: Any, frame_count: int, *, actions: bool = True) -> str:
    """What stands in an episode's JSON, in its order."""
    steps = list(trace.steps) if actions else []
    return to_text(
        {
            "episode": trace.episode,
            "episode_reward": trace.episode_reward,
            "avg_reward": trace.avg_reward,
            "step_count": trace.step_count,
            "solved": trace.solved,
            "frame_count": frame_count,
            "actions": [step.action for step in steps],
            "active_option_ids": [step.active_option_id for step in steps],
            "metadata": dict(trace.metadata or {}),
        }
    )


def _snapshots(frames: Sequence[Any], limit: int) -> Iterator[Snapshot | Still]:
    return (snapshot(frame) for frame in islice(frames, limit))


def _hand_over(run: ImplicitRun, process: Process, shots: list[Shot]) -> None:
    tally = run.seat.tally
    for shot in shots:
        shot.reel.frames += 1
        shot.reel.handed_bytes += shot.frame_bytes
        tally.film_frames += 1
        tally.film_bytes += shot.frame_bytes
        process.intake.put_shot(shot)
    shots.clear()
    process.link.wake()


def _wait_for_room(process: Process, reel: Reel, size_bytes: int) -> bool:
    """Wait while the sender makes room: who calls a recorder expects its files, and once waited for all of them."""
    intake, pause = process.intake, threading.Event()
    held = intake.film_bytes + intake.outbox_bytes
    give_up_at = time.monotonic() + ROOM_PATIENCE_S
    while not intake.film_room(size_bytes):
        if reel.dropped or process.link.dead or time.monotonic() > give_up_at or size_bytes > intake.memory_bytes:
            return False
        pause.wait(_ROOM_PAUSE_S)
        now_held = intake.film_bytes + intake.outbox_bytes
        if now_held < held:
            give_up_at = time.monotonic() + ROOM_PATIENCE_S
        held = min(held, now_held)
    return True


def _count_time(spent_ns: int) -> None:
    try:
        implicit_run().seat.tally.meter.add(spent_ns)
    except Exception:  # noqa: BLE001  # there is no run to count it for, which was said already
        return
