"""Answers that are kept: made once however many ask, made again when something has changed, never without end."""

import threading

import pytest

from filmlabd.web.shelf import ANSWER_BYTES, Shelf
from patience import PATIENCE_S


def test_made_once_for_all_who_ask_at_a_time() -> None:
    """Twenty pages that hear of the same news cost one answer."""
    shelf, begun, go = Shelf(), threading.Event(), threading.Event()
    made: list[int] = []
    got: list[bytes] = []

    def make() -> bytes:
        made.append(1)
        begun.set()
        go.wait(PATIENCE_S)
        return b"answer"

    threads = [threading.Thread(target=lambda: got.append(shelf.get("key", 1, make))) for _ in range(20)]
    threads[0].start()
    assert begun.wait(PATIENCE_S)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert (len(made), got) == (1, [b"answer"] * 20)


def test_made_again_when_something_has_changed() -> None:
    """Another version is another answer, and the old one is gone."""
    shelf = Shelf()
    assert shelf.get("key", 1, lambda: b"old") == b"old"
    assert shelf.get("key", 1, lambda: b"never") == b"old"
    assert shelf.get("key", 2, lambda: b"new") == b"new"


def test_a_failure_is_not_kept() -> None:
    """Whoever asks next tries again."""

    def fail() -> bytes:
        raise ValueError("not now")

    shelf = Shelf()
    with pytest.raises(ValueError, match="not now"):
        shelf.get("key", 1, fail)
    assert shelf.get("key", 1, lambda: b"now") == b"now"


def test_bounded() -> None:
    """Beyond so many bytes what was not asked for longest is forgotten."""
    shelf = Shelf(max_bytes=250 + 2 * ANSWER_BYTES)
    for key in "abc":
        shelf.get(key, 1, lambda: b"x" * 100)
    made: list[str] = []

    def again(key: str) -> bytes:
        made.append(key)
        return b"x" * 100

    assert shelf.get("c", 1, lambda: again("c")) and shelf.get("b", 1, lambda: again("b"))
    assert made == []
    shelf.get("a", 1, lambda: again("a"))
    assert made == ["a"]


def test_empty_answers_are_bounded_too() -> None:
    """Whoever zooms asks for another answer each time, however little there is to say."""
    shelf = Shelf(max_bytes=10 * ANSWER_BYTES)
    for key in range(1000):
        shelf.get(key, 1, lambda: b"")
    assert len(shelf._held) == 10
