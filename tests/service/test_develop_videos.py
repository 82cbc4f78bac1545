"""Videos by a stranger's function: drawn where its program runs, and one clear line on whatever goes wrong."""

import contextlib
import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from e2e.house import until
from filmlab.results import save_episodes
from filmlabd.develop.videos import Order, make_videos
from filmlabd.model import SurroundingsRow
from patience import PATIENCE_S
from results import samples

DRAW = """
import os, sys, time
from pathlib import Path
import numpy as np

COLOUR = int(Path("colour.txt").read_text()) if Path("colour.txt").exists() else 0
count = 0

def good(observation):
    frame = np.full((8, 12, 3), COLOUR, np.uint8)
    frame[int(observation[0]) % 8] = 255
    return frame

def chatty(observation):
    print("drawing", observation[0], file=sys.stderr)
    return good(observation)

def flooding(observation):
    print("x" * 10_000_000)
    return good(observation)

def hanging(observation):
    print("just a moment", flush=True)
    Path("hangs").touch()
    time.sleep(1000)

def forking(observation):
    if os.fork() == 0:
        time.sleep(1000)
    return good(observation)

def late(observation):
    global count
    count += 1
    return good(observation) if count < 5 else None

raising = lambda observation: 1 / 0
wrong = lambda observation: np.zeros((8, 12), np.float64)
leaving = lambda observation: sys.exit("enough")
dying = lambda observation: os.kill(os.getpid(), 9)
writing = lambda observation: [os.write(fd, b"garbage, and more of it") for fd in others() if not fails(fd)]
growing = lambda observation: np.zeros((8 + int(observation[0]) // 3, 12, 3), np.uint8)
none = 7

def others():
    return [fd for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2]

def fails(fd):
    try:
        os.write(fd, b"")
    except OSError:
        return True
"""


def order(directory: Path, function: str, **more: object) -> Order:
    """Two episodes of 3 and 5 observations, in a program that lies in a directory of its own."""
    program = directory / "program"
    program.mkdir(exist_ok=True)
    (program / "draw.py").write_text(DRAW)
    (program / "colour.txt").write_text("77")
    files = save_episodes(directory, samples.evaluation(directory), steps_per_env=5, global_step=9)
    path = ("", *(entry for entry in sys.path if "site-packages" in entry or "python3" in entry))
    surroundings = SurroundingsRow(sys.executable, path, str(program))
    fields = {"surroundings": surroundings, "formats": ("gif",), "fps": 10.0} | more
    return Order(function, files=tuple(files), stems=("e0", "e1"), **fields)  # type: ignore[arg-type]


def made(found: Order, deadline_s: float = PATIENCE_S) -> tuple[dict[str, bytes], list[str]]:
    """What was published, and the notes."""
    published: dict[str, bytes] = {}

    def publish(path: str, data: bytes) -> str:
        published[path] = data
        return path

    paths, notes = make_videos(found, publish, deadline_s)
    assert paths == list(published)
    return published, notes


def test_each_episode_becomes_a_clip(tmp_path: Path) -> None:
    """The function is found by the program's own module path, and finds files in its working directory."""
    clips, notes = made(order(tmp_path, "draw:good"))
    assert set(clips) == {"e0.gif", "e0.poster.webp", "e1.gif", "e1.poster.webp"} and not notes
    with Image.open(io.BytesIO(clips["e1.gif"])) as gif:
        assert (gif.n_frames, gif.size) == (5, (12, 8))
        assert gif.convert("RGB").getpixel((0, 1)) == (77, 77, 77)


@pytest.mark.parametrize(
    ("function", "count", "words"),
    [
        ("nowhere.mod:draw", 0, "ModuleNotFoundError: No module named 'nowhere'"),
        ("draw:gone", 0, "AttributeError: module 'draw' has no attribute 'gone'"),
        ("draw:none", 0, "it is no function but int"),
        ("draw:raising", 0, "episode 0, step 0: ZeroDivisionError: division by zero"),
        ("draw:wrong", 0, "it returned float64 of shape (8, 12); a frame is uint8 of shape (H, W, 3)"),
        ("draw:late", 1, "episode 1, step 1: it returned NoneType; a frame is uint8"),
        ("draw:leaving", 0, "SystemExit: enough"),
        ("draw:dying", 0, "its process was killed by signal 9"),
        ("draw:writing", 0, "it wrote into the line of its frames"),
        ("draw:growing", 0, "frame 1 has shape (9, 12, 3); the first has (8, 12, 3)"),
    ],
)
def test_what_goes_wrong_is_one_line(tmp_path: Path, function: str, count: int, words: str) -> None:
    """It names the function, what was wrong, and how many videos there are nevertheless."""
    clips, notes = made(order(tmp_path, function))
    assert len([path for path in clips if path.endswith(".gif")]) == count
    (note,) = notes
    assert (
        note.startswith(f"videos: {function}: ") and words in note and note.endswith(f"{count} videos were made before")
    )
    assert "\n" not in note and len(note) < 900


def test_a_function_that_hangs_is_ended(tmp_path: Path) -> None:
    """At the deadline, with what it had printed; its process is gone."""
    # As long as this machine takes to come to it.
    for deadline_s in (1, 4, 16, 64):
        clips, (note,) = made(order(tmp_path, "draw:hanging"), float(deadline_s))
        assert not clips and f"it was not done within {deadline_s} s" in note
        if (tmp_path / "program" / "hangs").exists():
            break
    assert f"it was not done within {deadline_s} s (it printed: just a moment); 0 videos" in note
    until(lambda: _ended(tmp_path), "the child to be gone")


def test_what_it_starts_ends_with_it(tmp_path: Path) -> None:
    """Processes that a function leaves behind are killed."""
    _, notes = made(order(tmp_path, "draw:forking"))
    assert not notes
    until(lambda: _ended(tmp_path), "the children of the child to be gone")


@pytest.mark.parametrize("function", ["chatty", "flooding"])
def test_a_function_that_prints_is_quoted(tmp_path: Path, function: str) -> None:
    """What it prints never gets among its frames, however much it is; its beginning is one note."""
    clips, (note,) = made(order(tmp_path, f"draw:{function}"))
    assert len(clips) == 4 and note.startswith(f"videos: draw:{function} printed: ") and len(note) < 300


@pytest.mark.parametrize("wrong", [("/nowhere/python", ""), ("", "/nowhere")])
def test_surroundings_that_are_gone_are_said(tmp_path: Path, wrong: tuple[str, str]) -> None:
    """An interpreter that was removed, or a directory: whose they are stands in the note."""
    row = SurroundingsRow(wrong[0] or sys.executable, (), wrong[1] or str(tmp_path))
    clips, (note,) = made(order(tmp_path, "draw:good", surroundings=row))
    assert not clips and "/nowhere" in note and "No such file or directory" in note


def _ended(directory: Path) -> bool:
    """Whether no process is left that draws episodes of this directory."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if b"render_child.py" in command and str(directory).encode() in command:
                return False
    return True
