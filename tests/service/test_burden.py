"""What a process holds, and when that is too much."""

import os
import resource
from pathlib import Path

from filmlabd.burden import DESCRIPTORS_WANTED, Burden, Scales, measure, raise_descriptors
from service.keeping import no_descriptors

MIB = 1 << 20
REST = Burden(50 * MIB, 30, 1000)


def holding(mib: int, descriptors: int = 30) -> Burden:
    return Burden(mib * MIB, descriptors, 1000)


def test_what_was_granted_is_no_runaway() -> None:
    """Memory counts only beyond what there was at rest and what clients were told they may have in flight."""
    scales = Scales(REST, 100 * MIB)
    assert not scales.is_runaway(holding(150), 0)
    assert not scales.is_runaway(holding(400), 250 * MIB)
    assert scales.is_runaway(holding(401), 250 * MIB)
    assert scales.runaways == 1


def test_what_cannot_be_had_back_is_not_asked_for_again() -> None:
    """After all connections were closed, what the allocator keeps is the new rest; only more than that is a runaway."""
    scales = Scales(REST, 100 * MIB)
    assert scales.is_runaway(holding(900), 0)
    assert not scales.is_runaway(holding(500), 0)
    assert not scales.is_runaway(holding(600), 0)
    assert scales.is_runaway(holding(601), 0)


def test_few_descriptors_left_are_said_once() -> None:
    """At four fifths of them, and again only after it was at ease meanwhile."""
    scales = Scales(REST, MIB)
    told = [scales.is_crowded(holding(50, count)) for count in (799, 800, 950, 760, 801, 749, 800)]
    assert told == [False, True, False, False, False, False, True]


def test_the_kernel_is_asked(tmp_path: Path) -> None:
    """A descriptor more is one more, and 64 MiB more are at least so much more."""
    before = measure()
    fd = os.open(tmp_path, os.O_RDONLY)
    block = bytearray(os.urandom(1) * (64 * MIB))
    after = measure()
    os.close(fd)
    assert after.descriptors == before.descriptors + 1
    assert after.anonymous_bytes - before.anonymous_bytes > 60 * MIB
    assert after.descriptors_max == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    del block


def test_a_process_takes_the_descriptors_that_it_may_have() -> None:
    """The soft limit goes up to the hard one, and never down."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        raise_descriptors()
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert soft == (
            DESCRIPTORS_WANTED if before[1] == resource.RLIM_INFINITY else min(before[1], DESCRIPTORS_WANTED)
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_without_a_descriptor_to_ask_with_all_are_taken() -> None:
    """It is not known what else there is; and it is no error."""
    with no_descriptors():
        found = measure()
    assert found.descriptors == found.descriptors_max and Scales(REST, MIB).is_crowded(found)
