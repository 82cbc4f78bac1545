"""Names: what may be an id, what text is clean, and file names that never lead anywhere else or meet."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filmlab.errors import WireError
from filmlab.wire.names import (
    FILE_NAME_MAX_CHARS,
    METRIC_NAME_MAX_BYTES,
    check_metric,
    check_run_id,
    check_text,
    check_writer,
    clean_metric,
    clean_text,
    file_name,
)

MARKED = [
    "a\0",
    "\x1b[31m",
    "a\nb",
    "\x7f",
    "\x85",
    "\u202egnp.exe",
    "\u200f",
    "\u2066a",
    "\ud800",
    "\udfff",
    "\ufffe",
    "\uffff",
]
texts = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize("text", ["a", "7", "A-1_b.c", "a..b", "x" * 80])
def test_ids_are_plain(text: str) -> None:
    """1 to 80 of letters, digits, dot, dash and underscore."""
    assert check_run_id(text) == check_writer(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a\n", "\na", "é", "a\0", "x" * 81, "٣"]
)
def test_what_could_be_a_path_or_an_option_is_no_id(text: str) -> None:
    """Nor is anything that a terminal, a shell or a file system reads in its own way."""
    for check in (check_run_id, check_writer):
        with pytest.raises(WireError) as caught:
            check(text)
        assert str(caught.value).isascii() or text in ("é", "٣")


@pytest.mark.parametrize("text", MARKED)
def test_marks_are_refused(text: str) -> None:
    """In texts as in names of metrics; cleaned, they pass."""
    with pytest.raises(WireError):
        check_text(text, "name")
    with pytest.raises(WireError):
        check_metric(text)
    assert check_text(clean_text(text), "name") == clean_text(text)


@pytest.mark.parametrize("text", ["", "größe", "損失", "🎬", "a b/c", "e\u0301", "a\u00a0b", "x" * 200])
def test_free_text_is_free(text: str) -> None:
    """Any script, spaces and slashes."""
    assert check_text(text, "name") == text


def test_a_text_has_a_length() -> None:
    """Of characters, 200 unless told otherwise; the error says of what."""
    for limit in (200, 1000):
        assert check_text("ä" * limit, "note", limit)
        with pytest.raises(WireError, match=f"note: at most {limit}"):
            check_text("ä" * (limit + 1), "note", limit)


@given(texts)
@example("a\u200e\u0301")
@example("\u0344" * 200)
@example("\ufb2c" * 200)
@example("x" * 5000)
def test_clean_text_is_clean(text: str) -> None:
    """It passes, is NFC, and cleaning it again changes nothing."""
    cleaned = clean_text(text)
    assert check_text(cleaned, "name") == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_text(cleaned) == cleaned


@given(texts)
@example("ä" * 200)
@example("🎬" * 200)
def test_clean_metrics_are_clean(name: str) -> None:
    """At most 200 bytes, cut between characters."""
    cleaned = clean_metric(name)
    assert len(cleaned.encode()) <= METRIC_NAME_MAX_BYTES
    assert clean_metric(cleaned) == cleaned
    if cleaned:
        assert check_metric(cleaned) == cleaned


def test_a_metric_has_a_name() -> None:
    """1 to 200 bytes of UTF-8."""
    assert check_metric("ä" * 100)
    for name in ("", "ä" * 100 + "a"):
        with pytest.raises(WireError):
            check_metric(name)


@given(texts | st.text("./%~-_ aA", max_size=120))
@example("")
@example(".")
@example("..")
@example("../../etc/passwd")
@example("\ud800")
def test_a_file_name_is_one_plain_component(text: str) -> None:
    """Never empty, hidden, a way up or too long; of characters that no file system, URL or shell splits."""
    name = file_name(text)
    assert 0 < len(name) <= FILE_NAME_MAX_CHARS
    assert not name.startswith(".")
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%~")


names = st.text("./%~-2EaA", max_size=6) | st.text("ä/a", min_size=70, max_size=90)


@given(names, names)
@example(".a", "%2Ea")
@example("", "%")
@example("a/b", "a%2Fb")
@example("x" * 81, "x" * 82)
def test_different_names_have_different_files(a: str, b: str) -> None:
    """Also where one is written like the escape of the other."""
    assert (file_name(a) == file_name(b)) == (a == b)


def test_a_cut_name_is_never_a_short_one() -> None:
    """The cut form of a long name has a character that no short name's escape has."""
    cut = file_name("x" * 100)
    assert "~" in cut
    assert file_name(cut) != cut
