"""How filmlab complains: once per kind, at the caller's line, and never from its own thread."""

import sys
import threading
import warnings
from pathlib import Path

import pytest

from filmlab import BadInput, FilmlabWarning
from filmlab.notices import Notices, say


def test_a_kind_is_said_once_and_counted_always() -> None:
    """A million bad calls make one line."""
    notices = Notices()
    with pytest.warns(FilmlabWarning) as said:
        for number in range(5):
            notices.warn("a", f"message {number}")
        notices.warn("b", "other")
    assert [str(item.message) for item in said] == ["message 0", "other"]
    assert notices.counts == {"a": 5, "b": 1}


def test_a_warning_points_at_the_caller() -> None:
    """Not into filmlab."""
    with pytest.warns(FilmlabWarning) as said:
        Notices().warn("a", "message")
    assert said[0].filename == __file__


def test_strict_raises_every_time() -> None:
    """What is a warning otherwise."""
    notices = Notices(strict=True)
    for _ in range(2):
        with pytest.raises(BadInput, match="message"):
            notices.warn("a", "message")


def test_a_thread_of_ours_never_raises(capfd: pytest.CaptureFixture[str]) -> None:
    """Where warnings are errors, what it has to say goes to the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        thread = threading.Thread(target=Notices(strict=True).tell, args=("a", "message"))
        thread.start()
        thread.join()
    assert capfd.readouterr().err == "filmlab: message\n"


def test_a_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A closed or missing standard error must not end a training."""
    monkeypatch.setattr(sys, "stderr", None)
    say("nobody hears this")
    with (tmp_path / "err").open("w") as gone:
        pass
    monkeypatch.setattr(sys, "stderr", gone)
    say("nor this")
