"""Which file an address means, which part of it, and what stands for a clip that has no poster."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.model import EpisodeRow
from filmlabd.web.documents import clip_links, episode_document, shown_print, word
from filmlabd.web.posters import first_frame
from filmlabd.web.prints import open_print, parse_range, path_of

ROW = EpisodeRow(
    "run", "main", 1, 3, 0xAB, 7, float("nan"), 5, None, True, True, 5, 1, "every 1", "", {}, 9.0, 0, "done",
    ("e/a.webp", "e/a.gif", "e/a.poster.webp", "e/a.json"),
)  # fmt: skip


def test_which_print_is_meant() -> None:
    """The clip is the GIF where there is one, the poster is never taken for a clip, and a format is itself."""
    assert shown_print(ROW) == path_of(ROW, "clip") == path_of(ROW, "gif") == "e/a.gif"
    assert path_of(ROW, "webp") == "e/a.webp"
    assert path_of(ROW, "poster") == "e/a.poster.webp"
    assert path_of(ROW, "json") == "e/a.json"
    assert path_of(ROW, "mp4") == path_of(ROW, "..") == ""
    assert path_of(replace(ROW, paths=("m/x.png",)), "poster") == "m/x.png"
    assert path_of(replace(ROW, paths=("e/a.poster.webp",)), "clip") == ""


def test_addresses_name_no_path() -> None:
    """Session and film; the time when it was made is in the address, so that it may be kept for ever."""
    links = clip_links(ROW, 2.0)
    assert links["clip"] == "/prints/run/00000000000000ab/7/clip?v=7d0"
    assert (links["kind"], links["formats"]) == ("gif", ["gif", "json", "webp"])
    assert clip_links(replace(ROW, paths=()))["poster"] == ""
    assert episode_document(ROW)["return"] is None
    assert [word(value) for value in (1.5, float("inf"), -float("inf"), float("nan"))] == [1.5, "inf", "-inf", None]


@pytest.mark.parametrize(
    "path", ["a.gif", "link.gif", "../b.gif", "pipe.gif", "folder.gif", "a.py", "none.gif", "a\0.gif"]
)
def test_what_is_opened(tmp_path: Path, path: str) -> None:
    """A regular file of a kind that we make; nothing else."""
    root = tmp_path / "run"
    root.mkdir()
    for name in ("run/a.gif", "run/a.py", "b.gif"):
        (tmp_path / name).write_bytes(b"GIF89a")
    (root / "link.gif").symlink_to(tmp_path / "b.gif")
    (root / "folder.gif").mkdir()
    os.mkfifo(root / "pipe.gif")
    found = open_print(str(root), path)
    assert (found is not None) == (path == "a.gif")
    if found is not None:
        assert (found.size_bytes, found.kind, found.name) == (6, "image/gif", "a.gif")
        os.close(found.descriptor)


def test_ranges() -> None:
    """One part, as RFC 9110 has it; what is no such thing means everything."""
    assert parse_range("bytes=0-9", 100) == (0, 10)
    assert parse_range("bytes=90-", 100) == (90, 100)
    assert parse_range("bytes=-5", 100) == (95, 100)
    assert parse_range("bytes=0-999", 100) == (0, 100)
    for text in ("", "bytes=", "bytes=a-b", "bytes=1-2,5-6", "lines=1-2", "bytes=-", "bytes=--5", "bytes=1"):
        assert parse_range(text, 100) is None
    for text in ("bytes=100-", "bytes=5-4", "bytes=-0"):
        with pytest.raises(BadInput):
            parse_range(text, 100)


def test_the_first_frame_stands_for_a_clip() -> None:
    """Of a GIF with two frames the first, small; of what is no picture nothing."""
    frames = [Image.fromarray(np.full((900, 1200, 3), shade, np.uint8)) for shade in (10, 200)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    data = first_frame(out.getvalue())
    assert data is not None
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (640, 480))
        assert abs(image.convert("RGB").getpixel((5, 5))[0] - 10) < 3
    assert first_frame(b"no picture") is None
    assert first_frame(out.getvalue()[:30]) is None
