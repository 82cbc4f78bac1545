"""Sessions whose process cannot be watched have to be heard from."""

from filmlabd.core.leases import LEASE_S, Leases


def test_a_lease_runs_from_the_last_record() -> None:
    """Each record that comes renews it; without one it is over, and told of once."""
    leases = Leases()
    assert leases.due_at() is None
    leases.begin(1, 10.0)
    leases.begin(2, 20.0)
    assert leases.due_at() == 10.0 + LEASE_S
    leases.heard(1, 30.0)
    assert leases.due_at() == 20.0 + LEASE_S
    assert leases.take_over(20.0 + LEASE_S) == [2]
    assert leases.take_over(30.0 + LEASE_S) == [1]
    assert leases.take_over(1e9) == []


def test_who_is_watched_or_has_ended_has_none() -> None:
    """A record of a watched session begins no lease, and an end takes one away."""
    leases = Leases()
    leases.heard(1, 10.0)
    leases.begin(2, 10.0)
    leases.end(2)
    assert leases.due_at() is None
