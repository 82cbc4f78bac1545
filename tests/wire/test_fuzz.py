"""A seeded fuzzer: bent messages raise WireError, or are valid and can be said again. FILMLAB_FUZZ sets how many."""

import os
from collections import Counter
from typing import TypeAlias

import pytest

from filmlab.errors import WireError
from filmlab.wire import messages
from filmlab.wire.chunks import Film, blobs, decode_film, seal_chunk
from filmlab.wire.entries import (
    JSON_COLUMN,
    Entry,
    Steps,
    decode_entries,
    encode_entry,
    read_json_column,
    seal_entries,
)
from filmlab.wire.frame import Envelope, Kind, find_record, open_parts, read_all
from wire.fuzzing import Parts, bent
from wire.samples import records

COUNT = int(os.environ.get("FILMLAB_FUZZ", "100000"))
SEED = int(os.environ.get("FILMLAB_FUZZ_SEED", "0"))
BATCH = 5000


Contents: TypeAlias = messages.Message | list[Entry] | tuple[Film, list[memoryview]]


def contents(envelope: Envelope) -> Contents:
    """What client, daemon and worker would read in a record. Raises WireError as the decoders do."""
    match envelope.kind:
        case Kind.DATA_C:
            entries = list(decode_entries(envelope.payload))
            for column in (column for entry in entries if isinstance(entry, Steps) for column in entry.columns):
                if column.dtype == JSON_COLUMN:
                    read_json_column(column)
            return entries
        case Kind.DATA_B:
            film = decode_film(envelope)
            return film, blobs(film, envelope.payload)
        case _:
            return messages.decode(envelope)


def again(envelope: Envelope, found: Contents) -> Envelope:
    """The same, sealed anew."""
    if isinstance(found, list):
        return seal_entries(envelope.session, envelope.seq, [encode_entry(entry) for entry in found])
    if isinstance(found, tuple):
        return seal_chunk(envelope.session, envelope.seq, found[0], list(map(bytes, found[1])))
    return messages.encode(found, envelope.session, envelope.seq)


def consume(parts: Parts) -> str:
    """`refused`, or the kind of what was valid. Only reading may raise WireError: what is valid can be said again."""
    try:
        envelope = open_parts(parts)
        found = contents(envelope)
    except WireError as error:
        assert len(str(error)) < 600
        return "refused"
    once = again(envelope, found)
    twice = again(once, contents(open_parts(once.parts)))
    assert list(map(bytes, twice.parts)) == list(map(bytes, once.parts))
    return envelope.kind.name


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
