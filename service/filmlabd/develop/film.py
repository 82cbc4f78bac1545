"""What is made of a film? A GIF of an episode with what happened in it as JSON; an image or a clip of a medium."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filmlab.errors import BadInput
from filmlabd.artifact_names import episode_stem, media_stem
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop.clip import FPS_MIN, LEAN, Footage, Publish, make_clips
from filmlabd.develop.medium import CLIP, IMAGE, medium_files, png
from filmlabd.develop.overlay import overlay_of
from filmlabd.develop.recorder import episode_json, find, warning_of
from filmlabd.develop.video import make_video
from filmlabd.index.read import Reader
from filmlabd.json_text import document
from filmlabd.model import EpisodeRow, Job, RecorderRow, RunRow, StepsRow, TraceRow
from filmlabd.render.gif import encode_gif

NO_FRAMES = "no frames were captured: the environment needs render_mode='rgb_array', or the loop step(frame=...)"
VIDEO = "video"
"""The kind of recorder whose clips go to a folder of the program's, while the episode's JSON stays with its run."""


def make_episode(job: Job, run: RunRow, reader: Reader, room: Path, directory: RunDirectory) -> Made:
    """`episodes/episode_000012.gif` and whatever else the run wants, and `.json`; without a frame that alone, with why.

    Raises:
        BadInput: the index knows no such film, or it cannot be shown; with run, episode and frame.
    """
    row = _row(job, reader)
    trace, recorder = _traced(row, reader)
    if trace is not None and recorder is not None and recorder.kind != VIDEO:
        return _make_traced(job, row, run.umask, trace, recorder, room)
    stem = episode_stem(row)
    footage = Footage(room, row, lean=job.lean)
    steps = reader.steps(row.session, row.film)
    paths: list[str] = []
    notes = [row.note] if row.note else []
    # A film that is damaged from its first frame on leaves no clip, but its episode is still told.
    if row.frames:
        overlay, unsaid = overlay_of(run.overlay, row, steps)
        with _named(f"run {run.run_id}, episode {row.episode}"):
            if trace is not None and recorder is not None:
                paths, made = make_video(footage, row, recorder, trace.stem, overlay, run.umask)
            else:
                paths, made = make_clips(footage, stem, run.formats, row.fps, overlay, _publisher(directory, job))
        notes += [*made, *(unsaid if paths else ())]
    notes += footage.notes
    fields = _episode_fields(run, row, steps, footage.read)
    if notes:
        fields["note"] = "; ".join(notes)
    if not paths:
        fields["warning"] = "; ".join(notes) or NO_FRAMES
    paths.append(directory.publish(f"{stem}.json", document(fields), final=job.final))
    return tuple(paths), tuple(notes)


def _make_traced(job: Job, row: EpisodeRow, umask: int, trace: TraceRow, recorder: RecorderRow, room: Path) -> Made:
    """The same for a recorder: in its own directory, under its own name, with what its program said as JSON."""
    film = Footage(room, row, lean=job.lean)
    notes = [*([row.note] if row.note else []), *([LEAN] if job.lean else [])]
    paths = []
    whose = f"run {row.run_id}, episode {row.episode}"
    with RunDirectory(Path(recorder.directory), umask) as directory, _named(whose):
        frames = film.frames() if row.frames else iter(())
        first = next(frames, None)
        if first is not None:
            clip = encode_gif(itertools.chain((first,), frames), film.fps(recorder.fps))
            paths.append(directory.publish(f"{trace.stem}.gif", clip.data, final=job.final))
            notes += clip.notes
        notes += film.notes
        if recorder.save_metadata:
            data = episode_json(trace, warning_of(row, film.read, notes))
            paths.append(directory.publish(f"{trace.stem}.json", data, final=job.final))
    return tuple(f"{recorder.directory}/{path}" for path in paths), tuple(notes)


def make_medium(job: Job, run: RunRow, reader: Reader, room: Path, directory: RunDirectory) -> Made:
    """The files of a logged medium; of a clip `.gif` and whatever else the run wants. Nothing is written under those.

    Raises:
        BadInput: the index knows no such medium, it has no frame, or it cannot be shown; with run, name and step.
    """
    row = _row(job, reader)
    stem = media_stem(row)
    with _named(f"run {run.run_id}, medium {row.media_name!r}, step {row.media_step or 0}"):
        if row.media_mime not in (IMAGE, CLIP):
            data = reader.medium_data(row.session, row.film)
            return tuple(
                directory.publish(stem + suffix, contents, final=job.final)
                for suffix, contents in medium_files(row, data).items()
            ), ()
        footage = Footage(room, row, lean=job.lean and row.media_mime == CLIP)
        first = footage.first()
        if first is None:
            raise BadInput(f"it has no frame: {'; '.join(footage.notes) or 'none came'}")
        if row.media_mime == IMAGE:
            return (directory.publish(f"{stem}.png", png(first), final=job.final),), tuple(footage.notes)
        trace, recorder = _traced(row, reader)
        if trace is not None and recorder is not None:
            paths, notes = make_video(footage, row, recorder, trace.stem, None, run.umask)
        else:
            paths, notes = make_clips(footage, stem, run.formats, row.fps, None, _publisher(directory, job))
    return tuple(paths), (*notes, *footage.notes)


@contextlib.contextmanager
def _named(whose: str) -> Iterator[None]:
    """Errors of a film say whose it is: who reads them sees nothing else."""
    try:
        yield
    except BadInput as problem:
        raise BadInput(f"{whose}: {problem}") from problem


def _publisher(directory: RunDirectory, job: Job) -> Publish:
    return lambda path, data: directory.publish(path, data, final=job.final)


def _traced(row: EpisodeRow, reader: Reader) -> tuple[TraceRow | None, RecorderRow | None]:
    """What a recorder says of this film, and that recorder; nothing of a film of no recorder."""
    trace = reader.trace(row.session, row.film)
    return (trace, find(reader, row.session, trace.recorder)) if trace is not None else (None, None)


def _row(job: Job, reader: Reader) -> EpisodeRow:
    row = reader.episode(job.session, job.film)
    if row is None:
        raise BadInput(f"the index knows no film {job.film} of session {job.session:016x}")
    if row.film_gone:
        # Made again without its frames it would lose the clip that it has.
        raise BadInput(f"its film is gone: {row.film_gone}")
    return row


def _episode_fields(run: RunRow, row: EpisodeRow, steps: StepsRow, frames: int) -> dict[str, Any]:
    """What an episode's JSON says, in its order."""
    return {
        "run": run.run_id,
        "name": run.name,
        "project": run.project,
        "writer": row.writer,
        "attempt": row.attempt,
        "episode": row.episode,
        "return": row.return_,
        "length": row.length,
        "solved": row.solved,
        "complete": row.complete,
        "frame_count": frames,
        "fps": max(row.fps, FPS_MIN),
        "wall": row.wall,
        "actions": steps.actions,
        "rewards": steps.rewards,
        "metadata": row.metadata,
        "kept_because": row.reason,
    }
