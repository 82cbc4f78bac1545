"""The settings of the daemon: one table, four places."""

from dataclasses import fields
from pathlib import Path

import pytest

from filmlab.errors import BadInput
from filmlabd import config
from filmlabd.config import SETTINGS, Settings, from_command_line, load

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose home is empty."""
    return {"HOME": str(tmp_path)}


def write_file(environ: dict[str, str], text: str) -> Path:
    path = config.default_file(environ)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_docs_are_up_to_date() -> None:
    """docs/settings.md is what the table says: `python -m filmlabd.config > docs/settings.md`."""
    assert DOCS.read_text() == config.markdown()


def test_the_table_and_the_type_agree() -> None:
    """Every row is a field, and every field but the notes is a row, in the same order."""
    assert [row.name for row in SETTINGS] == [item.name for item in fields(Settings)][:-1]


def test_defaults(home: dict[str, str]) -> None:
    """With nothing said every row has a value, or says on what it depends; what a row refuses is not its default."""
    settings = load(home)
    for row in SETTINGS:
        value = getattr(settings, row.name)
        if value is None:
            assert row.default_text, f"{row.name}: on what does its default depend?"
        else:
            assert config.check(row, value, "default") == value
    assert 1 <= settings.workers <= config.WORKERS_MOST
    assert settings.memory_bytes == 16 * 1024 * 1024
    assert settings.notes == ()


def test_idle_exit_depends_on_the_background(home: dict[str, str]) -> None:
    """A daemon in the foreground stays, one that a trainer started goes after five minutes, unless it was said."""
    assert load(home).idle_exit_s == 0
    assert load(home, flags={"background": True}).idle_exit_s == 300
    assert load(home, flags={"background": True, "idle_exit_s": "0"}).idle_exit_s == 0


def test_order_of_the_places(home: dict[str, str]) -> None:
    """A flag wins over a variable, a variable over the file, the file over the default."""
    write_file(home, "workers = 2\nlive_gap_s = 5\nmemory_bytes = '64MiB'\nbackground = true\n")
    environ = home | {"FILMLABD_WORKERS": "3", "FILMLABD_LIVE_GAP_S": "6", "FILMLABD_LOG_LEVEL": ""}
    settings = from_command_line(["--workers", "4", "--no-background"], environ)
    assert (settings.workers, settings.live_gap_s, settings.memory_bytes) == (4, 6.0, 64 * 2**20)
    assert not settings.background
    assert settings.log_level == "info"


def test_every_row_can_be_set_in_every_place(home: dict[str, str], tmp_path: Path) -> None:
    """The same text means the same in the file, in a variable and as a flag."""
    texts = {row.name: row.choices[0] if row.choices else "7" for row in SETTINGS}
    texts |= {"background": "true", "live_share": "0.5", "state_dir": "/a"}
    texts |= {"memory_bytes": "7MiB", "runaway_bytes": "7MiB"}
    file = tmp_path / "my.toml"
    file.write_text("".join(f"{name} = '{text}'\n" for name, text in texts.items()))
    arguments = [part for row in SETTINGS if row.name != "background" for part in (row.flag, texts[row.name])]
    by_file = from_command_line(["--config", str(file)], home)
    assert by_file == load(home | {row.variable: texts[row.name] for row in SETTINGS})
    assert by_file == from_command_line([*arguments, "--background"], home)
    assert by_file.memory_bytes == 7 * 2**20


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1048576", 2**20),
        ("1MiB", 2**20),
        ("1.5GiB", 3 * 2**29),
        ("2MB", 2_000_000),
        (2**21, 2**21),
        ("3 GB", 3 * 10**9),
    ],
)
def test_sizes(text: object, size: int) -> None:
    """Sizes are bytes, or a number with a unit, decimal or binary."""
    row = next(row for row in SETTINGS if row.name == "memory_bytes")
    assert config.check(row, text, "here") == size


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("workers = 0", "workers: expected 1 to 256, got 0"),
        ("workers = 1.5", "expected a whole number, got '1.5'"),
        ("workers = true", "expected a whole number"),
        ("live_gap_s = 'x'", "expected a number of s"),
        ("live_gap_s = nan", "expected a number of s"),
        ("live_gap_s = -1", "0 to 1e\\+06 s"),
        ("memory_bytes = '1 potato'", "a size such as 256MiB"),
        ("memory_bytes = 5", "bytes, got 5"),
        ("log_level = 'loud'", "one of debug, info, warning, error"),
        ("background = 'perhaps'", "true or false"),
        ("state_dir = 3", "expected a text"),
        ("live_cost_factor = []", "expected a number, got"),
        ("worker = 3", "no setting 'worker'; did you mean workers?"),
        ("workers", "filmlabd.toml: Expected '='"),
    ],
)
def test_a_bad_file_is_refused(home: dict[str, str], line: str, words: str) -> None:
    """What a file says wrongly is named with the file, what was expected and what was found."""
    path = write_file(home, line)
    with pytest.raises(BadInput, match=words) as caught:
        load(home)
    assert str(path) in str(caught.value)


def test_a_missing_file(home: dict[str, str]) -> None:
    """The user's own file need not be there; one that was named must."""
    load(home)
    with pytest.raises(BadInput, match="no such settings file"):
        load(home, "/nonexistent/a.toml")


def test_an_unknown_variable_is_noted(home: dict[str, str]) -> None:
    """A mistyped variable stops nothing and is told."""
    (note,) = load(home | {"FILMLABD_WORKER": "3"}).notes
    assert note == "the variable FILMLABD_WORKER means nothing; did you mean FILMLABD_WORKERS?"


def test_the_command_line_refuses(home: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse ends with 2 and names the flag; help shows every setting."""
    with pytest.raises(SystemExit) as ended:
        from_command_line(["--workers", "many"], home)
    assert ended.value.code == 2
    assert "--workers: expected a whole number, got 'many'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        from_command_line(["--help"], home)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(row.flag in shown for row in SETTINGS)
