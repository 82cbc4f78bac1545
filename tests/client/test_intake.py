"""The hand-over: order, bounds, and counts that come right again."""

from filmlab.intake import CONTROL_RESERVE_BYTES, FilmEnd, Intake, Item, Shot
from filmlab.reel import Reel
from filmlab.wire.entries import EpisodeEnd


def shot(reel: Reel, frame_bytes: int = 100) -> Shot:
    return Shot(reel, None, None, 0.0, is_step=True, frame_bytes=frame_bytes)


def end(reel: Reel) -> FilmEnd:
    return FilmEnd(reel, EpisodeEnd(run=0, wall=0.0, return_=0.0, length=0))


def test_items_come_out_in_order() -> None:
    """Entries and film in one queue, so that an end never overtakes its frames."""
    intake, reel = Intake(10_000), Reel(1, 0, 0, 0.0)
    items: list[Item] = [b"a", shot(reel), b"b", end(reel), b"c"]
    intake.put_entry(b"a")
    intake.put_shot(items[1])  # type: ignore[arg-type]
    assert intake.put_metrics(b"b")
    intake.put_end(items[3])  # type: ignore[arg-type]
    intake.put_entry(b"c")
    assert intake.take(10_000, 10_000) == items


def test_film_is_bounded_by_raw_bytes() -> None:
    """What is queued, what is being compressed and what the outbox holds count together."""
    intake, reel = Intake(1000), Reel(1, 0, 0, 0.0)
    for _ in range(3):
        intake.put_shot(shot(reel, 300))
    assert intake.film_room(100)
    assert not intake.film_room(101)
    intake.outbox_bytes = 50
    assert not intake.film_room(100)
    taken = intake.take(10_000, 10_000)
    assert not intake.film_room(100)
    intake.done(taken)
    assert intake.film_room(950)


def test_a_batch_is_bounded_and_never_stuck() -> None:
    """About as many bytes as asked for; one frame larger than that comes alone."""
    intake, reel = Intake(10_000), Reel(1, 0, 0, 0.0)
    for size in (900, 50, 50):
        intake.put_shot(shot(reel, size))
    assert len(intake.take(10, 10_000)) == 1
    assert len(intake.take(60, 10_000)) == 2


def test_without_a_budget_film_waits_and_what_was_dropped_does_not() -> None:
    """Frames of a dropped film are no load: they go, whatever the budget."""
    intake, dropped, kept = Intake(10_000), Reel(1, 0, 0, 0.0), Reel(2, 0, 0, 0.0)
    dropped.dropped = "full"
    for reel in (dropped, dropped, kept):
        intake.put_shot(shot(reel))
    assert len(intake.take(0, 10_000)) == 2
    assert intake.take(0, 10_000) == []


def test_metrics_are_refused_only_far_behind() -> None:
    """Their reserve and the memory for film must be full before a number is dropped; other entries are taken then."""
    limit_bytes = CONTROL_RESERVE_BYTES + 1_000_000
    intake, entry = Intake(1_000_000), b"x" * 100_000
    taken = 0
    while intake.put_metrics(entry):
        taken += 1
    assert limit_bytes <= taken * (len(entry) + 200) < limit_bytes + 2 * len(entry)
    assert not intake.film_room(1)
    intake.put_entry(b"finish")
    batch = intake.take(0, 2 * limit_bytes)
    assert batch[-1] == b"finish"
    intake.done(batch)
    assert intake.put_metrics(entry)


def test_counts_that_threads_lost_come_right_when_it_is_empty() -> None:
    """Sums of several threads are not exact; they must not drift."""
    intake, reel = Intake(1000), Reel(1, 0, 0, 0.0)
    intake.put_shot(shot(reel, 300))
    intake._handed_film_bytes += 500
    intake.done(intake.take(10_000, 10_000))
    assert intake.film_bytes == 0
