"""Kinds of files, in one table."""

from filmlab import kinds
from filmlab.wire.run_entries import FORMATS


def test_every_kind_is_known() -> None:
    """What is shown or read has a kind; what runs can be asked to print is what can be shown."""
    assert {*kinds.PICTURES, *kinds.TEXTS} <= kinds.MIMES.keys()
    assert len(set(kinds.MIMES.values())) == len(kinds.MIMES), "a kind has one ending"
    assert {f".{form}" for form in FORMATS} == set(kinds.CLIPS)
