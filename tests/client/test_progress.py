"""What somebody who waits sees: the line, its pace, and where nothing is drawn at all."""

import io

import pytest

from filmlab.progress import QUIET_S, REDRAW_S, WINDOW_S, Display, Pace, Stage, draw


class Terminal(io.StringIO):
    """Says that it is one. It has no size, so 80 columns are assumed."""

    def isatty(self) -> bool:
        return True


def test_the_line_says_what_is_left_how_fast_and_how_long() -> None:
    """Done and all, the rate in a unit that reads well, the time to go in its two largest units."""
    films = Stage("developing", "films", 5, 15)
    assert (
        draw(films, 2.0, 79, colour=False) == "developing ━━━━━─────────────── 5 of 20 films, 2.0 a second, 8 s to go"
    )
    assert draw(films, 0.05, 79, colour=False).endswith("5 of 20 films, 3.0 a minute, 5 min to go")
    assert draw(films, 0.001, 90, colour=False).endswith("4 h 10 min to go")
    assert draw(films, 0.0, 79, colour=False).endswith(" 5 of 20 films")


def test_what_nobody_knows_is_not_said() -> None:
    """Without a total there is no bar and no time to go; where nothing is counted, there are dots."""
    assert draw(Stage("training", "episodes", 7), 1.5, 79, colour=False) == "training 7 episodes so far, 1.5 a second"
    assert draw(Stage("drawing curves and the page"), 0.0, 79, colour=False) == "drawing curves and the page …"
    assert draw(Stage("handing over", "records", 0, 0), 0.0, 79, colour=False) == "handing over 0 of 0 records"


@pytest.mark.parametrize("width", range(0, 80, 7))
@pytest.mark.parametrize("colour", [False, True])
def test_the_line_fits_whatever_the_width(width: int, colour: bool) -> None:
    """A longer one would be broken by the terminal, and could not be taken away again."""
    line = draw(Stage("developing", "films", 5, 15), 2.0, width, colour=colour)
    for code in ("\x1b[36m", "\x1b[2m", "\x1b[0m"):
        line = line.replace(code, "")
    assert len(line) <= width
    assert "\x1b" not in line


def test_the_pace_is_that_of_the_last_seconds() -> None:
    """What was long ago does not count; beginning anew forgets all."""
    pace = Pace()
    pace.see(0, 0.0)
    assert pace.per_s == 0.0
    for second in range(1, 31):
        pace.see(100 + second, float(second))
    assert pace.per_s == pytest.approx(1.0)
    pace.see(130, 30.0 + 3 * WINDOW_S)
    assert pace.per_s == 0.0
    pace.see(3, 100.0)
    pace.see(5, 101.0)
    assert pace.per_s == 2.0


def test_a_short_wait_shows_nothing_and_a_long_one_leaves_nothing() -> None:
    """The line comes after a moment, is redrawn now and then, and is gone at the end."""
    terminal = Terminal()
    display = Display(terminal, {})
    display.show(Stage("developing", "films", 0, 2), 100.0)
    assert terminal.getvalue() == ""
    display.show(Stage("developing", "films", 1, 1), 100.0 + QUIET_S)
    once = terminal.getvalue()
    assert "1 of 2 films" in once
    display.show(Stage("developing", "films", 2, 0), 100.0 + QUIET_S + REDRAW_S / 2)
    assert terminal.getvalue() == once
    display.close()
    assert terminal.getvalue().endswith("\r\x1b[K")
    display.close()
    assert terminal.getvalue().count("\r\x1b[K") == 2


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)]
)  # fmt: skip
def test_no_color_is_honoured(environ: dict[str, str], coloured: bool) -> None:
    """Any value of NO_COLOR but an empty one."""
    terminal = Terminal()
    display = Display(terminal, environ)
    display.show(Stage("developing", "films", 1, 1), 0.0)
    display.show(Stage("developing", "films", 1, 1), 1.0)
    assert ("\x1b[36m" in terminal.getvalue()) == coloured


def test_what_is_no_terminal_is_never_written_to() -> None:
    """A file, a pipe, a dumb terminal, a closed stream, none at all."""
    closed = Terminal()
    closed.close()
    for stream, environ in ((io.StringIO(), {}), (Terminal(), {"TERM": "dumb"}), (closed, {})):
        display = Display(stream, environ)
        assert not display.active or stream is closed
        for now in (0.0, 1.0):
            display.show(Stage("developing", "films", 1, 1), now)
        display.close()
        assert not display.active
        assert stream is closed or stream.getvalue() == ""
