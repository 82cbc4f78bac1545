"""One session's streams: order, gaps, durability, credit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.wire.messages import Stream
from filmlabd.core import session
from filmlabd.core.session import RESYNC_GAP_S, Arrival, Session, StreamState


@given(st.lists(st.integers(1, 12), max_size=60))
def test_any_order_of_arrival_takes_each_number_once_and_in_order(numbers: list[int]) -> None:
    """Duplicated, reordered and lost records leave a contiguous prefix, each taken once."""
    state, taken = StreamState(), []
    for number in numbers:
        if state.arrive(number) is Arrival.NEW:
            taken.append(number)
    assert taken == list(range(1, len(taken) + 1))
    assert state.next_seq == len(taken) + 1


def test_a_resync_is_due_at_most_every_50_ms() -> None:
    """Every record behind a gap shows the same gap."""
    state = StreamState()
    assert state.may_resync(1.0)
    assert not state.may_resync(1.0 + RESYNC_GAP_S / 2)
    assert state.may_resync(1.0 + RESYNC_GAP_S)


def test_durable_never_goes_back_and_the_streams_are_apart() -> None:
    """An older sync that is told late changes nothing, and neither stream speaks for the other."""
    session = Session(1)
    for _ in range(3):
        session.streams[Stream.C].arrive(session.next_c)
    assert session.advance(Stream.C, 2)
    assert not session.advance(Stream.C, 1)
    assert (session.durable_c, session.durable_b) == (2, 0)
    assert not session.settled
    session.advance(Stream.C, 3)
    assert session.settled
    session.check()


def test_of_a_sessions_metrics_so_many_are_remembered_and_any_may_get_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever names for ever takes no more memory; what is known goes on."""
    monkeypatch.setattr(session, "SESSION_METRICS_MAX", 2)
    found = Session(1)
    found.learn([(0, "a"), (1, "b"), (2, "c")])
    found.learn([(1, "B"), (3, "d")])
    assert found.metrics == {0: "a", 1: "B"}
