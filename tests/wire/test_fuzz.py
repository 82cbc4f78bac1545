"""A seeded fuzzer: bent messages raise WireError, or are valid and can be said again. FILMLAB_FUZZ sets how many.

A million of them, and what the daemon does with them, are in `faults/test_fuzz.py`.
"""

import os
from collections import Counter

import pytest

from filmlab.wire.frame import Kind, find_record, read_all
from wire.fuzzing import bent, consume
from wire.samples import records

COUNT = int(os.environ.get("FILMLAB_FUZZ", "20000"))
SEED = int(os.environ.get("FILMLAB_FUZZ_SEED", "0"))
BATCH = 5000


@pytest.mark.parametrize("batch", range(-(-COUNT // BATCH)))
def test_bent_messages_raise_only_wire_errors(batch: int) -> None:
    """Each batch has a seed of its own; a failure shows the message that caused it."""
    seen: Counter[str] = Counter()
    for parts in bent(SEED * 1_000_000_007 + batch, min(BATCH, COUNT - batch * BATCH)):
        try:
            seen[consume(parts)] += 1
        except Exception as error:  # whatever it is, it is a find: say by what
            raise AssertionError(
                f"FILMLAB_FUZZ_SEED={SEED}, batch {batch}: {[part.hex() for part in parts]}"
            ) from error
    assert seen.total() == min(BATCH, COUNT - batch * BATCH)


def test_the_fuzzer_gets_past_the_first_check() -> None:
    """Of 5000 bent messages a good part is valid, in each kind that carries something: the rest of it is worth it."""
    seen = Counter(consume(parts) for parts in bent(1, 5000))
    assert 500 < seen["refused"] < 4500
    assert set(seen) >= {kind.name for kind in Kind} - {"FACT"}


def test_bent_files_are_read_as_far_as_they_are_whole() -> None:
    """Records on disk with bent ones between: every whole record is found, nothing raises."""
    whole = [b"".join(map(bytes, record.parts)) for record in records()]
    for seed in range(20):
        noise = [b"".join(parts)[:-1] for parts in bent(seed, len(whole))]
        data = b"".join(piece for pair in zip(noise, whole, strict=True) for piece in pair)
        found, at = [], 0
        while (hit := find_record(data, at)) is not None:
            envelope, begin, at = hit
            found.append(data[begin:at])
            assert next(read_all(data[begin:])).seq == envelope.seq
        assert set(found) >= set(whole)
