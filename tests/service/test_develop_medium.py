"""Logged media that are no film: each leaves files that a person can open, and its numbers."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from filmlab import Histogram, Html, Text
from filmlab.errors import BadInput
from filmlab.media import Medium
from filmlabd.develop.image_head import picture_size
from filmlabd.model import Job
from service.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tmp_path)
    yield made
    made.close()


def logged(studio: Studio, medium: Medium) -> Job:
    """The job of a medium as the client sends it, called `m`, at step 7."""
    return studio.medium("m", [], mime=medium.mime, data=medium.data)


@pytest.mark.parametrize(
    ("medium", "path"),
    [
        (Text("größer\n"), "media/m_7.txt"),
        (Text(""), "media/m_7.txt"),
        (Text("|a|b|\n|-|-|\n|1|2|", markdown=True), "media/m_7.md"),
        (Html("<h1>run</h1>"), "media/m_7.html"),
        (Medium("video/mp4", "", [], data=b"\0\0\0 ftypisom"), "media/m_7.mp4"),
    ],
)
def test_what_is_a_file_already_is_kept_as_it_came(studio: Studio, medium: Medium, path: str) -> None:
    """To the byte, under the suffix of its kind."""
    assert studio.develop(logged(studio, medium)) == ((path,), ())
    assert (studio.prints / path).read_bytes() == medium.data


def test_a_histogram_is_a_picture_and_its_numbers(studio: Studio) -> None:
    """Values that are not finite are said in the picture."""
    paths, notes = studio.develop(logged(studio, Histogram([0.0, 1.0, 1.0, float("nan")], num_bins=2)))
    assert (paths, notes) == (("media/m_7.png", "media/m_7.svg", "media/m_7.json"), ())
    found = json.loads((studio.prints / "media/m_7.json").read_text())
    assert found == {"counts": [1, 2], "edges": [0.0, 0.5, 1.0], "nonfinite": 1}
    assert picture_size((studio.prints / "media/m_7.png").read_bytes()) == (960, 540)
    drawing = ElementTree.fromstring((studio.prints / "media/m_7.svg").read_text())
    assert "1 not finite" in "".join(drawing.itertext())


@pytest.mark.parametrize(
    ("mime", "data", "says"),
    [
        ("application/x-sh", b"rm", "nothing is made of 'application/x-sh'"),
        (Histogram.MIME, b"{", "its histogram cannot be read"),
        (Histogram.MIME, b'{"counts": [1, 2], "edges": [0, 1]}', "counts"),
        (Histogram.MIME, b'{"counts": [-1], "edges": [0, 1]}', "not negative"),
        (Histogram.MIME, b"[" * 100_000, "its histogram cannot be read"),
    ],
)
def test_what_nothing_can_be_made_of(studio: Studio, mime: str, data: bytes, says: str) -> None:
    """Refused for good, with run, name and step."""
    with pytest.raises(BadInput, match=f"run run-a, medium 'm', step 7: .*{says}"):
        studio.develop(studio.medium("m", [], mime=mime, data=data))
