"""Records, films and whole stories of runs for the tests of the journal, the films and the index."""

import os
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from filmlab.wire import chunks, entries
from filmlab.wire.entries import NO_STEP, Column, Entry, StepColumn
from filmlab.wire.frame import Envelope, Kind, seal
from filmlabd import facts
from filmlabd.index.read import Answers
from filmlabd.index.writer import Index

SESSION = 2**64 - 5
"""Above what SQLite calls an integer, as half of all sessions are."""
RUN = "run-a"


def record(seq: int, payload: bytes = b"", session: int = SESSION) -> Envelope:
    """A record of stream C whose contents nobody reads."""
    return seal(Kind.DATA_C, session, seq, b"\x80", payload)


def records(count: int, size: int = 50) -> list[Envelope]:
    """Records 1 to count of incompressible payload, all of different sizes."""
    return [record(seq, os.urandom(size + seq)) for seq in range(1, count + 1)]


def raw(envelope: Envelope) -> bytes:
    """As it lies on disk."""
    return b"".join(bytes(part) for part in envelope.parts)


def same(one: Envelope, other: Envelope) -> bool:
    """Whether two envelopes are the same bytes."""
    return raw(one) == raw(other)


def frames(count: int, shape: tuple[int, ...] = (4, 6, 3)) -> list[NDArray[np.uint8]]:
    """Frames of noise, all different."""
    rng = np.random.default_rng(count)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def blob(frame: NDArray[np.uint8]) -> bytes:
    """One frame as a client compresses it."""
    return zstandard.ZstdCompressor(level=1).compress(frame.tobytes())


def film_meta(frame: NDArray[np.uint8], first: int, count: int = 1, **more: Any) -> chunks.Film:
    """The meta of a chunk of frames like this one."""
    channels = frame.shape[2] if frame.ndim == 3 else 1
    more = {"run": 1, "film": 1} | more
    return chunks.Film(first=first, count=count, height=frame.shape[0], width=frame.shape[1], channels=channels, **more)


def chunk(seq: int, shots: list[NDArray[np.uint8]], first: int, **more: Any) -> Envelope:
    """Frames `first`… of film 1 as one record of stream B."""
    return chunks.seal_chunk(
        SESSION, seq, film_meta(shots[0], first, len(shots), **more), [blob(shot) for shot in shots]
    )


@dataclass
class Story:
    """What happens to one session, told as journal records in order."""

    session: int = SESSION
    told: list[Envelope] = field(default_factory=list)
    boot: int = 99
    fact_count: int = 0
    last_c: int = 0
    wall: float = 1000.0

    def fact(self, fact: facts.Fact) -> None:
        self.fact_count += 1
        self.told.append(facts.seal_fact(fact, self.boot, self.fact_count))

    def say(self, *said: Entry) -> None:
        """One record of these entries."""
        self.last_c += 1
        self.told.append(entries.seal_entries(self.session, self.last_c, [entries.encode_entry(item) for item in said]))

    def open(self, run: int = 1, run_id: str = RUN, writer: str = "main", attempt: int = 1, **begin: Any) -> None:
        """A session's run opens, the session with its first."""
        if not self.told:
            self.fact(facts.SessionOpened(self.session, 4711, "host", 5, 0, 0o022, self.wall))
        self.fact(facts.RunOpened(self.session, run, run_id, writer, attempt, self.wall))
        fields = {"project": "p", "name": "walk", "directory": "/tmp/there"} | begin
        self.say(entries.RunBegin(run=run, wall=self.wall, run_id=run_id, writer=writer, **fields))

    def names(self, *names: str) -> None:
        self.say(entries.MetricNames(run=1, wall=self.wall, names=tuple(enumerate(names))))

    def cut(self, film: int, episode: int, frames_: int = 0, note: str = "the trainer died") -> None:
        self.fact(facts.EpisodeCut(self.session, 1, film, episode, frames_, note, self.wall))

    def judged(self, film: int, kept: bool, reason: str = "") -> None:
        self.fact(facts.FilmJudged(self.session, film, kept, reason))

    def closed(self, status: str = "finished", run: int = 1, **who: Any) -> None:
        who = {"run_id": RUN, "writer": "main", "attempt": 1} | who
        self.fact(facts.RunClosed(self.session, run, status=status, wall=self.wall, **who))


def snapshot(values: dict[int, float], step: int = NO_STEP, run: int = 1, wall: float = 1.0) -> entries.Snapshot:
    """One call of log: metric number -> value."""
    ids = struct.pack(f"<{len(values)}I", *values)
    return entries.Snapshot(
        run=run, wall=wall, step=step, ids=ids, values=struct.pack(f"<{len(values)}d", *values.values())
    )


def begin_episode(film: int, episode: int = 0, **more: Any) -> entries.EpisodeBegin:
    more = {"run": 1, "wall": 2.0, "reason": "every 1"} | more
    return entries.EpisodeBegin(episode=episode, film=film, **more)


def end_episode(episode: int = 0, return_: float = 3.0, length: int = 2, **more: Any) -> entries.EpisodeEnd:
    more = {"run": 1, "wall": 3.0} | more
    return entries.EpisodeEnd(episode=episode, return_=return_, length=length, **more)


def steps(film: int, rewards: list[float], first: int = 0) -> entries.Steps:
    """Rewards, and actions 0, 1, 2, …"""
    count = len(rewards)
    return entries.Steps(
        run=1,
        wall=2.0,
        step=first,
        film=film,
        columns=(
            StepColumn(column=Column.ACTION, dtype=2, count=count, data=struct.pack(f"<{count}q", *range(count))),
            StepColumn(column=Column.REWARD, dtype=0, count=count, data=struct.pack(f"<{count}d", *rewards)),
        ),
    )


def everything(answers: Answers) -> str:
    """Every answer of an index, as text that can be compared (NaN differs from itself)."""
    out: list[object] = [answers.runs(), answers.sessions(), answers.unreadable(), answers.failures()]
    out += [answers.jobs(state) for state in ("ready", "pending", "done", "failed", "dropped", "none")]
    out.append(answers.open_episodes())
    for run in answers.runs():
        episodes = answers.episodes(run.run_id)
        out += [episodes, answers.metrics(run.run_id), answers.prints(run.run_id), answers.drops(run.run_id)]
        out += [
            (steps.actions, steps.rewards.tolist()) for steps in (answers.steps(e.session, e.film) for e in episodes)
        ]
        histogram = answers.blocked(run.run_id)
        out.append((sorted(histogram.counts.items()), histogram.total_ns, histogram.max_ns))
        for metric in answers.metrics(run.run_id):
            for points in answers.points(run.run_id, metric.name):
                arrays = (points.seq, points.step, points.wall, points.value)
                out.append((points.writer, points.attempt, points.name, [array.tolist() for array in arrays]))
    return "\n".join(map(repr, out))


@contextmanager
def no_descriptors(spare: int = 0) -> Iterator[None]:
    """This process can open no file, or no more than so many, unless it closes one first."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + spare, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def flip(path: Path, at: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


class Followed(Story):
    """A story with an index that follows it: `answers` shows what has been told so far."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.index = Index(path)
        self._applied = 0
        self._at = 0

    @property
    def answers(self) -> Answers:
        for envelope in self.told[self._applied :]:
            self.index.apply(self._at, envelope)
            self._at += envelope.size_bytes
        self._applied = len(self.told)
        self.index.commit()
        return self.index.read

    def points(self, name: str) -> list[tuple[str, int, list[int], list[float]]]:
        """(writer, attempt, steps, values) of each series of a metric of the run."""
        found = self.answers.points(RUN, name)
        return [(item.writer, item.attempt, item.step.tolist(), item.value.tolist()) for item in found]
