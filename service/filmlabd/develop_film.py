"""What is made of a film? A GIF of an episode with what happened in it as JSON; an image or a clip of a medium."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.artifact_names import episode_stem, media_stem
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop_recorder import episode_json, find, warning_of
from filmlabd.films import film_path, read_frames
from filmlabd.index import Reader
from filmlabd.json_text import document
from filmlabd.model import EpisodeRow, Job, RecorderRow, RunRow, TraceRow
from filmlabd.render.gif import encode_gif

FPS_MIN = 0.1
"""A GIF shows a frame for at most 655 s; nobody waits for 10."""
NO_FRAMES = "no frames were captured: the environment needs render_mode='rgb_array', or the loop step(frame=...)"
_IMAGE = "image/frames"


class _Film:
    """The frames of one film, with what was learned while they were read."""

    def __init__(self, room: Path, row: EpisodeRow) -> None:
        self._path = film_path(room, row.session, row.film)
        self._row = row
        self.notes: list[str] = []
        self.read = 0

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """As many frames as the episode says it has, or as there are."""
        for frame in itertools.islice(read_frames(self._path, self.notes), self._row.frames):
            self.read += 1
            yield frame
        if self.read < self._row.frames and not self.notes:
            self.notes.append(f"the film has {self.read} of {self._row.frames} frames")


def make_episode(job: Job, run: RunRow, reader: Reader, room: Path, directory: RunDirectory) -> Made:
    """`episodes/episode_000012.gif` and `.json`; without a frame the JSON alone, which says why.

    Raises:
        BadInput: the index knows no such film, or it cannot be shown.
    """
    row = _row(job, reader)
    trace = reader.trace(row.session, row.film)
    if trace is not None:
        return _make_traced(job, row, run.umask, trace, find(reader, row.session, trace.recorder), room)
    stem = episode_stem(row)
    film = _Film(room, row)
    paths = []
    notes = [row.note] if row.note else []
    if row.frames:
        frames = film.frames()
        # A film that is damaged from its first frame on leaves no clip, but its episode is still told.
        first = next(frames, None)
        if first is not None:
            clip = encode_gif(itertools.chain((first,), frames), max(row.fps, FPS_MIN))
            paths.append(directory.publish(f"{stem}.gif", clip.data, final=job.final))
            notes += clip.notes
    notes += film.notes
    fields = _episode_fields(run, row, reader, film.read)
    if notes:
        fields["note"] = "; ".join(notes)
    if not paths:
        fields["warning"] = "; ".join(notes) or NO_FRAMES
    paths.append(directory.publish(f"{stem}.json", document(fields), final=job.final))
    return tuple(paths), tuple(notes)


def _make_traced(job: Job, row: EpisodeRow, umask: int, trace: TraceRow, recorder: RecorderRow, room: Path) -> Made:
    """The same for a recorder: in its own directory, under its own name, with what its program said as JSON."""
    film = _Film(room, row)
    notes = [row.note] if row.note else []
    paths = []
    with RunDirectory(Path(recorder.directory), umask) as directory:
        frames = film.frames() if row.frames else iter(())
        first = next(frames, None)
        if first is not None:
            clip = encode_gif(itertools.chain((first,), frames), max(recorder.fps, FPS_MIN))
            paths.append(directory.publish(f"{trace.stem}.gif", clip.data, final=job.final))
            notes += clip.notes
        notes += film.notes
        if recorder.save_metadata:
            data = episode_json(trace, warning_of(row, film.read, notes))
            paths.append(directory.publish(f"{trace.stem}.json", data, final=job.final))
    return tuple(f"{recorder.directory}/{path}" for path in paths), tuple(notes)


def make_medium(job: Job, reader: Reader, room: Path, directory: RunDirectory) -> Made:
    """`media/<name>_<step>.png`, or `.gif` for a clip.

    Raises:
        BadInput: the index knows no such medium, or it has no frame.
    """
    row = _row(job, reader)
    film = _Film(room, row)
    stem = media_stem(row)
    frames = film.frames()
    first = next(frames, None)
    if first is None:
        raise BadInput(f"medium {row.media_name!r} has no frame: {'; '.join(film.notes) or 'none came'}")
    if row.media_mime == _IMAGE:
        path = directory.publish(f"{stem}.png", _png(first), final=job.final)
    else:
        clip = encode_gif(itertools.chain((first,), frames), max(row.fps, FPS_MIN))
        film.notes += clip.notes
        path = directory.publish(f"{stem}.gif", clip.data, final=job.final)
    return (path,), tuple(film.notes)


def _row(job: Job, reader: Reader) -> EpisodeRow:
    row = reader.episode(job.session, job.film)
    if row is None:
        raise BadInput(f"the index knows no film {job.film} of session {job.session:016x}")
    return row


def _episode_fields(run: RunRow, row: EpisodeRow, reader: Reader, frames: int) -> dict[str, Any]:
    """What an episode's JSON says, in its order."""
    steps = reader.steps(row.session, row.film)
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


def _png(frame: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG", compress_level=6)
    return out.getvalue()
