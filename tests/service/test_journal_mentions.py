"""Which sessions the journal has never heard of; whatever is unclear counts as heard of."""

from pathlib import Path

import pytest

from filmlab.wire.frame import Kind, seal
from filmlabd.facts import SessionOpened, seal_fact
from filmlabd.journal.compact import compact
from filmlabd.journal.journal import Journal, segments
from filmlabd.journal.mentions import unmentioned
from service.keeping import flip, record

SPEAKER, OPENED, STRANGER = 11, 2**64 - 22, 33
ASKED = {SPEAKER, OPENED, STRANGER}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Some segments of records of one session, the fact that another was opened, and what is preallocated."""
    made = Journal(tmp_path, segment_bytes=3000, grow_bytes=1000)
    for seq in range(1, 40):
        made.append([record(seq, bytes(200), SPEAKER)])
        made.sync()
    made.append([seal_fact(SessionOpened(OPENED, 1, "host", 5, 0, 0o022, 1.0), 7, 1)])
    made.sync()
    assert len(segments(tmp_path)) > 2
    return made


def test_records_and_facts_name_a_session(journal: Journal) -> None:
    """Also while the journal is open, with room made ahead behind its last record; and with nothing to ask, nothing."""
    assert unmentioned(journal.directory, ASKED) == {STRANGER}
    assert unmentioned(journal.directory, ()) == frozenset()


def test_what_was_removed_is_no_mention(journal: Journal) -> None:
    """Holes are passed over; the facts that stay still count."""
    compact(journal.directory, {SPEAKER}, journal.roll())
    assert unmentioned(journal.directory, ASKED) == {SPEAKER, STRANGER}


def test_without_a_journal_nobody_was_heard_of(tmp_path: Path) -> None:
    """There is nothing that could have been acknowledged."""
    assert unmentioned(tmp_path, ASKED) == ASKED


@pytest.mark.parametrize("segment", [0, 1, -1])
def test_in_a_damaged_journal_every_session_may_have_stood(journal: Journal, segment: int) -> None:
    """At its beginning, in its middle, and in what it was written last."""
    path = segments(journal.directory)[segment][1]
    flip(path, 60)
    assert unmentioned(journal.directory, ASKED) == frozenset()


def test_with_something_set_aside_every_session_may_have_stood(journal: Journal) -> None:
    """It was damaged once: its copy may be all that is left."""
    (journal.directory / "quarantine").mkdir()
    (journal.directory / "quarantine" / "0000000000000000.bin").touch()
    assert unmentioned(journal.directory, ASKED) == frozenset()


def test_a_fact_that_cannot_be_read_may_name_every_session(journal: Journal) -> None:
    """A newer filmlab may have written it."""
    journal.append([seal(Kind.FACT, 7, 2, b"\x80", b"[1]")])
    journal.sync()
    assert unmentioned(journal.directory, ASKED) == frozenset()
