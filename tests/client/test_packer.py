"""What the sender's thread makes of what was handed over: records and chunks, in order, within bounds. No socket."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pytest

from filmlab.intake import FilmEnd, Intake, Shot
from filmlab.link.delivery import Limits, NewBoot, PlanChanged, Printed, Refused, SessionLost
from filmlab.link.outbox import Outbox
from filmlab.link.packer import BLOCKED_EVERY_S, PATIENCE_S, Packer
from filmlab.notices import FilmlabWarning, Notices
from filmlab.reel import Reel
from filmlab.tally import FlushWait, Tally
from filmlab.wire.chunks import BLOBS_MAX, decode_film
from filmlab.wire.entries import (
    NO_EPISODE,
    RECORD_TARGET_BYTES,
    Blocked,
    Dropped,
    Entry,
    EpisodeEnd,
    Flush,
    Media,
    RunFinish,
    Steps,
    decode_entries,
    encode_entry,
)
from filmlab.wire.frame import WAITING, Envelope
from filmlab.wire.messages import Error, Hello, Plan, Print, Stream

EntryT = TypeVar("EntryT", bound=Entry)
MIB = 2**20


class Bench:
    """A packer between a queue and an outbox that is never connected: all records stay in its memory."""

    def __init__(self, memory_bytes: int = 64 * MIB) -> None:
        self.lost: list[str] = []
        self.intake = Intake(memory_bytes)
        self.packer = Packer(self.intake, self.lost.append)
        self.tally = Tally(0, Notices())
        self.packer.tallies[0] = self.tally
        self.outbox = Outbox(1, Hello(1, "here"), Limits(memory_bytes=memory_bytes))
        self.now = 0.0

    def drain(self, after_s: float = 0.0) -> bool:
        self.now += after_s
        return self.packer.drain(self.outbox, self.now)

    def records(self, stream: Stream) -> list[Envelope]:
        """What was pushed, in order."""
        outgoing = self.outbox._of(stream)
        return list(outgoing.oldest(2**40)) if outgoing.last else []

    def entries(self, kind: type[EntryT]) -> list[EntryT]:
        payloads = [record.payload for record in self.records(Stream.C)]
        return [entry for payload in payloads for entry in decode_entries(payload) if isinstance(entry, kind)]

    def shoot(self, reel: Reel, frames: Sequence[Any], *, is_step: bool = True) -> None:
        for frame in frames:
            taken = reel.shutter.take(frame)
            reel.handed_bytes += taken.nbytes
            self.intake.put_shot(Shot(reel, taken, 1, 0.5, is_step=is_step, frame_bytes=taken.nbytes))

    def end(self, reel: Reel) -> None:
        self.intake.put_end(FilmEnd(reel, EpisodeEnd(run=0, wall=0.0, return_=1.0, length=1, film=reel.number)))


def noise(count: int, side: int = 512) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (side, side, 3), dtype=np.uint8) for _ in range(count)]


FINISH = encode_entry(RunFinish(run=0, wall=0.0))


def test_many_entries_share_a_record() -> None:
    """Up to 64 KiB or 20 ms; a waiting caller makes it go at once."""
    bench = Bench()
    for _ in range(3):
        bench.intake.put_entry(FINISH)
    assert bench.drain()
    assert not bench.records(Stream.C)
    assert bench.packer.next_at() == pytest.approx(0.02)
    assert not bench.drain(0.03)
    assert len(bench.records(Stream.C)) == 1
    bench.intake.put_entry(FINISH)
    bench.outbox.waiting = True
    bench.drain()
    assert len(bench.records(Stream.C)) == 2
    assert bench.records(Stream.C)[1].flags & WAITING
    assert len(bench.entries(RunFinish)) == 4
    assert bench.packer.next_at() is None


def test_a_record_is_closed_at_its_size() -> None:
    """No record is over 64 KiB but for one entry that is larger by itself."""
    bench = Bench()
    for _ in range(5000):
        bench.intake.put_entry(FINISH)
    bench.intake.put_entry(FINISH * 3000)
    while bench.drain():
        pass
    bench.drain(0.03)
    sizes = [len(record.payload) for record in bench.records(Stream.C)]
    assert max(sizes[:-1]) <= RECORD_TARGET_BYTES
    assert sizes[-1] == len(FINISH) * 3000
    assert sum(sizes) == len(FINISH) * 8000


def test_frames_share_chunks_and_an_end_follows_its_film() -> None:
    """Small blobs up to 1024 to a chunk, large ones about 1 MiB; the end has their count and the last one's number."""
    bench, flat, loud = Bench(), Reel(1, 0, 0, 0.0), Reel(2, 0, 1, 0.0)
    bench.shoot(flat, [np.zeros((8, 8, 3), np.uint8)] * (BLOBS_MAX + 10))
    bench.end(flat)
    bench.shoot(loud, noise(4))
    bench.end(loud)
    while bench.drain():
        pass
    bench.drain(0.03)
    films = [decode_film(record) for record in bench.records(Stream.B)]
    assert [(film.film, film.first, film.count) for film in films] == [
        (1, 0, BLOBS_MAX), (1, BLOBS_MAX, 10), (2, 0, 1), (2, 1, 1), (2, 2, 1), (2, 3, 1),
    ]  # fmt: skip
    assert [(end.film, end.frames, end.last_seq) for end in bench.entries(EpisodeEnd)] == [
        (1, BLOBS_MAX + 10, 2), (2, 4, 6),
    ]  # fmt: skip


def test_a_blob_over_the_limit_goes_in_parts() -> None:
    """A frame that stays over 8 MiB however it is compressed."""
    bench, reel = Bench(memory_bytes=128 * MIB), Reel(1, 0, 0, 0.0)
    bench.shoot(reel, noise(2, side=1800))
    bench.end(reel)
    while bench.drain():
        pass
    bench.drain(0.03)
    films = [decode_film(record) for record in bench.records(Stream.B)]
    assert [(film.first, film.part, film.parts) for film in films] == [(0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2)]
    assert bench.entries(EpisodeEnd)[0].frames == 2


def test_what_is_gathered_goes_after_a_quarter_of_a_second() -> None:
    """A trainer that dies has lost little."""
    bench, reel = Bench(), Reel(1, 0, 0, 0.0)
    bench.shoot(reel, [np.zeros((8, 8, 3), np.uint8)] * 3)
    bench.drain()
    assert not bench.records(Stream.B)
    bench.drain(0.26)
    bench.drain(0.03)
    assert len(bench.records(Stream.B)) == 1
    assert bench.entries(Steps)[0].columns[1].count == 3
    bench.shoot(reel, [np.zeros((8, 8, 3), np.uint8)])
    bench.drain()
    bench.drain(0.26)
    bench.drain(0.03)
    assert [entry.step for entry in bench.entries(Steps)] == [0, 3]


def test_a_frame_alone_is_no_step() -> None:
    """What is seen after a reset has no action and no reward."""
    bench, reel = Bench(), Reel(1, 0, 0, 0.0)
    bench.shoot(reel, [np.zeros((8, 8), np.uint8)], is_step=False)
    bench.end(reel)
    bench.drain()
    bench.drain(0.03)
    assert bench.entries(EpisodeEnd)[0].frames == 1
    assert not bench.entries(Steps)


@pytest.mark.parametrize("sent", [0, 8])
def test_a_logged_film_that_is_dropped_is_ended_if_any_of_it_was_sent(sent: int) -> None:
    """The daemon keeps a place for a film from its first chunk on, and until its end."""
    bench, reel = Bench(), Reel(1, 0, NO_EPISODE, 0.0)
    bench.shoot(reel, noise(sent), is_step=False)
    bench.outbox.waiting = True
    while bench.drain():
        pass
    bench.tally.drop_film(reel, "no memory")
    bench.intake.put_end(FilmEnd(reel, Media(run=0, wall=0.0, name="clip", mime="video/frames", film=1, fps=30.0)))
    bench.drain()
    chunks = len(bench.records(Stream.B))
    assert (chunks > 0) == (sent > 0)
    assert [(end.frames, end.last_seq) for end in bench.entries(Media)] == ([(0, chunks)] if sent else [])


def test_film_waits_for_room_and_then_goes_as_a_whole() -> None:
    """A spool that is being written makes room; when none comes, the film is dropped, and its end says so."""
    bench, reel = Bench(memory_bytes=4 * MIB), Reel(1, 0, 7, 0.0)
    bench.shoot(reel, noise(8))
    bench.end(reel)
    while bench.drain():
        pass
    assert bench.intake.items
    assert not bench.drain(PATIENCE_S / 2)
    assert bench.packer.next_at() is not None
    with pytest.warns(FilmlabWarning, match="film of episode 7 was dropped: memory and spool are full"):
        bench.drain(PATIENCE_S)
    while bench.drain():
        pass
    bench.drain(0.03)
    (end,), (dropped,) = bench.entries(EpisodeEnd), bench.entries(Dropped)
    assert (end.frames, end.note) == (0, "film dropped: memory and spool are full")
    assert end.last_seq == len(bench.records(Stream.B))
    assert (dropped.what, dropped.count, dropped.size_bytes) == ("film", 1, 8 * 512 * 512 * 3)
    assert bench.tally.dropped_films == 1
    assert not bench.intake.items
    bench.outbox.check()


def test_numbers_wait_when_their_reserve_is_full() -> None:
    """They stay where they are, and nothing is lost when there is room again."""
    bench = Bench(memory_bytes=4 * MIB)
    pushed = 0
    while bench.outbox.control_room(3 * MIB):
        bench.outbox.push_c([b"x" * 60_000])
        pushed += 1
    bench.intake.put_entry(FINISH)
    assert not bench.drain()
    assert len(bench.intake.items) == 1
    bench.outbox.spilled(Stream.C, pushed)
    assert bench.drain()


def test_a_caller_who_waits_is_not_told_too_early() -> None:
    """While something is left in the queue the link must not count it as handed over."""
    bench, reel = Bench(memory_bytes=4 * MIB), Reel(1, 0, 0, 0.0)
    bench.shoot(reel, noise(8))
    while bench.drain():
        pass
    bench.outbox.waiting = True
    assert bench.drain()


def test_time_inside_filmlab_is_told_every_five_seconds() -> None:
    """One histogram for each run, and none where nothing was called."""
    bench = Bench()
    bench.drain()
    assert bench.packer.next_at() is None
    bench.tally.meter.add(1000)
    bench.drain()
    assert bench.packer.next_at() == pytest.approx(bench.now + BLOCKED_EVERY_S)
    bench.drain(BLOCKED_EVERY_S + 0.1)
    bench.drain(0.03)
    assert [entry.total_ns for entry in bench.entries(Blocked)] == [1000]


def test_events_reach_the_run_they_are_for() -> None:
    """Plans, prints and answers of flushes by number; others are nobody's."""
    bench = Bench()
    wait = bench.tally.flushes[5] = FlushWait(5)
    plan = Plan(0, 2, "always")
    for event in (
        PlanChanged(plan),
        PlanChanged(Plan(9, 2, "always")),
        Printed(Print(0, "episode", True)),
        Printed(Print(0, "curve", False, reason="no space")),
        Printed(Print(0, "flush", True, token=5)),
        Printed(Print(0, "flush", True, token=6)),
    ):
        bench.packer.handle(event)
    assert bench.tally.plan is plan
    assert (bench.tally.prints_made, bench.tally.films_printed, bench.tally.prints_failed) == (1, 1, ["no space"])
    assert wait.answered.is_set()
    assert wait.ok


def test_another_daemon_is_asked_again() -> None:
    """Flushes that wait are said again."""
    bench = Bench()
    bench.drain()
    bench.tally.flushes[5] = FlushWait(5)
    bench.packer.handle(NewBoot(2))
    bench.drain(100.0)
    bench.drain(100.0)
    assert [entry.token for entry in bench.entries(Flush)] == [5]


def test_refusals_are_said() -> None:
    """Of a run: nothing more of it is kept, and who waits is told; of a record: that one is lost."""
    bench = Bench()
    wait = bench.tally.flushes[5] = FlushWait(5)
    with pytest.warns(FilmlabWarning, match="refuses this run"):
        bench.packer.handle(Refused(Error("run-taken", "taken", run=0)))
    with pytest.warns(FilmlabWarning, match="refused a record: bad"):
        bench.packer.handle(Refused(Error("bad-input", "bad", seq=4)))
    assert bench.tally.refused == "taken"
    assert wait.answered.is_set()
    assert not wait.ok
    bench.packer.handle(SessionLost("gone"))
    assert bench.lost == ["gone"]
