"""A state directory with runs and films in it, as a daemon leaves it, and the jobs that develop them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.wire import chunks, entries
from filmlabd import facts
from filmlabd.develop.dispatch import Made, Room, develop
from filmlabd.index.read import Reader
from filmlabd.index.writer import Index
from filmlabd.journal.films import FilmStore
from filmlabd.model import Job, JobKind
from service.keeping import RUN, SESSION, Story, begin_episode, blob, end_episode, film_meta, snapshot, steps

Frame = NDArray[np.uint8]


class Studio:
    """One session with one run whose prints go to `tmp/prints`; `metrics` are numbered in their order."""

    def __init__(self, tmp: Path, *, metrics: Sequence[str] = (), **begin: Any) -> None:
        self.prints = tmp / "prints"
        self.room = Room(tmp / "index.sqlite", tmp / "film")
        self.story = Story(wall=begin.pop("began_wall", 1000.0))
        self.films = FilmStore(self.room.film)
        self.seq_b = 0
        self._film = 0
        self._applied = 0
        self._position = 0
        self._index = Index(self.room.index)
        self.story.open(**({"directory": str(self.prints)} | begin))
        if metrics:
            self.story.names(*metrics)

    def shoot(self, frames: Sequence[Frame], **more: Any) -> int:
        """A film of these frames, a chunk for each; its number."""
        self._film += 1
        for first, frame in enumerate(frames):
            self.seq_b += 1
            meta = film_meta(frame, first, film=self._film, **more)
            chunk = chunks.seal_chunk(SESSION, self.seq_b, meta, [blob(frame)])
            self.films.append(SESSION, self._film, [chunk])
        return self._film

    def episode(self, number: int, frames: Sequence[Frame], rewards: Sequence[float] = (), **end: Any) -> Job:
        """An episode with its film, and the job that develops it."""
        film = self.shoot(frames)
        reason = end.pop("reason", "every 1")
        self.story.say(begin_episode(film, number, reason=reason), steps(film, list(rewards)))
        fields = {"return_": math.fsum(rewards), "length": len(rewards), "frames": len(frames)} | end
        self.story.say(end_episode(number, film=film, last_seq=self.seq_b, **fields))
        return self.film_job(film)

    def medium(self, name: str, frames: Sequence[Frame], **more: Any) -> Job:
        """A logged image (or a clip, when there are several frames), and its job."""
        film = self.shoot(frames)
        mime = "image/frames" if len(frames) == 1 else "video/frames"
        fields = {"run": 1, "wall": 5.0, "step": 7, "mime": mime} | more
        self.story.say(entries.Media(name=name, film=film, frames=len(frames), last_seq=self.seq_b, **fields))
        return Job(f"media:{SESSION:016x}:{film}", JobKind.MEDIA, RUN, SESSION, film, final=True)

    def log(self, values: dict[int, float], step: int, **more: Any) -> None:
        self.story.say(snapshot(values, step, **more))

    def film_job(self, film: int) -> Job:
        return Job(f"episode:{SESSION:016x}:{film}", JobKind.EPISODE, RUN, SESSION, film, final=True)

    def curve_job(self, metric: str, *, final: bool = True) -> Job:
        return Job(f"curve:{RUN}:{metric}", JobKind.CURVE, RUN, metric=metric, final=final)

    def page_job(self, *, final: bool = True) -> Job:
        return Job(f"page:{RUN}", JobKind.PAGE, RUN, final=final)

    def keep(self) -> None:
        """What was told so far reaches the index, and the films the disk."""
        for envelope in self.story.told[self._applied :]:
            self._index.apply(self._position, envelope)
            self._position += envelope.size_bytes
        self._applied = len(self.story.told)
        self._index.commit()
        self.films.sync()

    def develop(self, job: Job) -> Made:
        """Run a job in this process, and remember its prints as the daemon does."""
        self.keep()
        paths, notes = develop(job, self.room)
        self.story.fact(
            facts.JobDone(
                job.key, RUN, job.kind, job.session, job.film, "\n".join(paths), "\n".join(notes), 0.01, 9.0
            )
        )  # fmt: skip
        return paths, notes

    def reader(self) -> Reader:
        self.keep()
        return Reader(self.room.index)

    def close(self) -> None:
        self._index.close()
        self.films.close()


def moving(count: int, height: int = 40, width: int = 60) -> list[Frame]:
    """A red square that walks over a white floor."""
    out = []
    for index in range(count):
        frame = np.full((height, width, 3), 255, np.uint8)
        left = index * 3 % (width - 8)
        frame[10:18, left : left + 8] = (200, 30, 30)
        out.append(frame)
    return out
