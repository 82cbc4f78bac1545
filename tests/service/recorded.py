"""An index with two runs in it, made of the records and facts that a daemon would have journaled."""

import struct
from pathlib import Path

from filmlab.wire.entries import (
    Blocked,
    Dropped,
    Entry,
    EpisodeBegin,
    EpisodeEnd,
    Media,
    MetricNames,
    RunBegin,
    RunFinish,
    Snapshot,
    encode_entry,
    seal_entries,
)
from filmlab.wire.frame import Envelope
from filmlabd.facts import EpisodeCut, Fact, FilmJudged, JobDone, JobStruck, RunOpened, SessionOpened, seal_fact
from filmlabd.index.writer import Index

SESSION, BOOT, WALL = 0x5E5510, 0xB007, 1_700_000_000.0


class Recording:
    """Applies facts and entries to an index, each in a record of its own."""

    def __init__(self, path: Path) -> None:
        self.index = Index(path)
        self._seq = self._fact_seq = self._position = 0
        self.fact(SessionOpened(SESSION, 1, "here", 0, 0, 0o022, WALL))

    def fact(self, *facts: Fact) -> None:
        for fact in facts:
            self._fact_seq += 1
            self._apply(seal_fact(fact, BOOT, self._fact_seq))

    def entry(self, *entries: Entry) -> None:
        for entry in entries:
            self._seq += 1
            self._apply(seal_entries(SESSION, self._seq, [encode_entry(entry)]))

    def run(self, number: int, run_id: str, name: str, project: str, directory: str) -> None:
        """A run opens."""
        self.fact(RunOpened(SESSION, number, run_id, "main", 1, WALL))
        self.entry(
            RunBegin(
                run=number, wall=WALL, run_id=run_id, writer="main", project=project, name=name, directory=directory,
                schedule="every:2+last:1",
            )
        )  # fmt: skip

    def episode(self, number: int, episode: int, return_: float, *, film: int = 0, reason: str = "") -> None:
        """An episode begins (when it has a film) and ends."""
        wall = WALL + episode
        if film:
            self.entry(EpisodeBegin(run=number, wall=wall, episode=episode, film=film, reason=reason))
        self.entry(
            EpisodeEnd(
                run=number, wall=wall, episode=episode, return_=return_, length=10 + episode, film=film, reason=reason,
                solved=return_ > 20 if film else None,
            )
        )  # fmt: skip

    def printed(self, film: int, run_id: str = "r1") -> None:
        """Its GIF and its JSON are there."""
        paths = f"episodes/episode_{film:06d}.gif\nepisodes/episode_{film:06d}.json"
        self.fact(JobDone(f"episode:{film}", run_id, "episode", SESSION, film, paths, "", 0.1, WALL))

    def close(self) -> None:
        self.index.commit()
        self.index.close()

    def _apply(self, envelope: Envelope) -> None:
        self.index.apply(self._position, envelope)
        self._position += envelope.size_bytes


def record(path: Path) -> None:
    """`aaaa1111` (cart/pole) has finished; `bbbb2222` (walker) was running, and had its troubles."""
    made = Recording(path)
    made.run(1, "aaaa1111", "pole", "cart", "/films/cart/pole-aaaa")
    for episode in range(5):
        film = episode // 2 + 1 if episode % 2 == 0 else 0
        made.episode(1, episode, 10.0 * episode, film=film, reason="every 2" if film else "not in every 2 or last 1")
    for film, episode in ((1, 0), (2, 2)):
        paths = f"episodes/episode_{episode:06d}.gif\nepisodes/episode_{episode:06d}.json"
        made.fact(JobDone(f"episode:{film}", "aaaa1111", "episode", SESSION, film, paths, "", 0.1, WALL))
    made.episode(1, 5, float("nan"))
    made.entry(Blocked(run=1, wall=WALL, counts=((80, 99), (120, 1)), total_ns=2_500_000, max_ns=400_000))
    made.entry(RunFinish(run=1, wall=WALL + 9))
    made.run(2, "bbbb2222", "walker", "default", "/films/walker-bbbb")
    made.entry(MetricNames(run=2, wall=WALL, names=((1, "loss"),)))
    made.entry(Snapshot(run=2, wall=WALL, step=1, ids=struct.pack("<I", 1), values=struct.pack("<d", 0.5)))
    made.episode(2, 0, -3.5, film=11, reason="every 2")
    made.fact(JobStruck("episode:11", "bbbb2222", "episode", SESSION, 11, 3, True, "killed by signal 9", WALL))
    made.episode(2, 1, -2.0, film=12, reason="maybe among the last 1")
    made.fact(FilmJudged(SESSION, 12, False, "not among the last 1"))
    made.entry(EpisodeBegin(run=2, wall=WALL, episode=2, film=13, reason="every 2"))
    made.fact(EpisodeCut(SESSION, 2, 13, 2, 7, "the trainer ended in this episode", WALL))
    made.entry(Media(run=2, wall=WALL, step=40, name="weights", mime="image/frames", film=14, frames=1, last_seq=1))
    made.entry(Dropped(run=2, wall=WALL, what="film", count=2, size_bytes=3 * 2**20, reason="over 512 MiB in memory"))
    made.close()
