"""latency: buckets, percentiles, and the meter that the hot path fills."""

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filmlab.latency import Histogram, Meter, bucket_of, bucket_top_ns
from filmlab.wire.entries import Blocked, decode_entries, encode_entry

durations = st.integers(min_value=0, max_value=2**50)


@given(durations)
def test_bucket_is_at_most_an_eighth_wide(duration_ns: int) -> None:
    """A bucket's top is never below a duration in it, and at most 12.5 % above."""
    top_ns = bucket_top_ns(bucket_of(duration_ns))
    assert duration_ns <= top_ns <= duration_ns * 1.125
    assert bucket_of(top_ns) == bucket_of(duration_ns) == bucket_of(top_ns + 1) - 1


@given(st.lists(durations, min_size=1))
def test_many_at_once_fall_where_one_falls(values: list[int]) -> None:
    """Counting an array and asking bucket_of for each duration agree."""
    histogram = Histogram()
    histogram.add(values)
    assert histogram.counts == {b: [bucket_of(v) for v in values].count(b) for b in {bucket_of(v) for v in values}}
    assert (histogram.count, histogram.total_ns, histogram.max_ns) == (len(values), sum(values), max(values))


@given(st.lists(durations, min_size=1), st.sampled_from([0, 50, 99, 99.9, 100]))
def test_percentile_is_never_too_low(values: list[int], percent: float) -> None:
    """A percentile lies between the exact one and 12.5 % above it, and never above the maximum."""
    histogram = Histogram()
    histogram.add(values)
    exact_ns = int(np.percentile(values, percent, method="inverted_cdf"))
    assert exact_ns <= histogram.percentile_ns(percent) <= min(exact_ns * 1.125, max(values))


@given(st.lists(durations), st.lists(durations))
def test_merge_equals_counting_together(one: list[int], other: list[int]) -> None:
    """Two histograms added up are the histogram of everything."""
    first, second, both = Histogram(), Histogram(), Histogram()
    first.add(one)
    second.add(other)
    both.add(one + other)
    first.merge(second)
    assert (first.counts, first.total_ns, first.max_ns) == (both.counts, both.total_ns, both.max_ns)


@given(st.lists(durations))
def test_entry_and_back(values: list[int]) -> None:
    """A histogram that travelled as a Blocked entry is the same histogram."""
    histogram = Histogram()
    histogram.add(values)
    (entry,) = decode_entries(encode_entry(histogram.entry(run=3, wall=1.5)))
    assert isinstance(entry, Blocked)
    back = Histogram.of(entry)
    assert (back.counts, back.total_ns, back.max_ns) == (histogram.counts, histogram.total_ns, histogram.max_ns)


def test_an_empty_histogram_has_percentile_zero() -> None:
    """Nothing counted is no error."""
    assert Histogram().percentile_ns(99) == 0


def test_a_clock_that_went_back_counts_as_zero() -> None:
    """A negative duration falls into the first bucket and does not reduce the total."""
    histogram = Histogram()
    histogram.add([-5])
    assert (histogram.counts, histogram.total_ns) == ({0: 1}, 0) and bucket_of(-5) == 0


def test_the_meter_keeps_at_most_a_few_thousand_durations() -> None:
    """Durations do not pile up while nobody takes them, and none is lost."""
    meter = Meter()
    for _ in range(10_000):
        meter.add(100)
    assert len(meter.pending) < 5_000
    assert meter.take().count == 10_000
    assert meter.take().count == 0
    assert meter.total().count == 10_000


def test_the_meter_loses_nothing_between_threads() -> None:
    """Several threads that add while another takes are all counted."""
    meter, done, taken = Meter(), threading.Event(), Histogram()

    def fill() -> None:
        for _ in range(20_000):
            meter.add(10)

    def drain() -> None:
        while not done.is_set():
            taken.merge(meter.take())

    fillers, drainer = [threading.Thread(target=fill) for _ in range(3)], threading.Thread(target=drain)
    for thread in (*fillers, drainer):
        thread.start()
    for thread in fillers:
        thread.join()
    done.set()
    drainer.join()
    taken.merge(meter.take())
    assert taken.count == meter.total().count == 60_000
