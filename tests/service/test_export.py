"""Covers filmlabd.export: a run as one file that needs nothing beside it, within its bytes."""

import base64
import io
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.artifacts import Printed
from filmlabd.export import CURVES_MAX, Export, make_export
from service.document import Document
from service.keeping import RUN
from service.studio import Frame, Studio, moving

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
PLENTY = 10**8
RETURNS = (0.0, 1.0, 9.0, 2.0, 3.0)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A run with five clips (the best in the middle), a medium, and curves of four metrics."""
    made = Studio(
        tmp_path, metrics=("loss", f"embedded-0-0-{HOSTILE}"), name=f"walk {HOSTILE}", formats=("gif", "webp"),
        config={"note": f"</style><script>{HOSTILE}</script>"},
    )  # fmt: skip
    for number, value in enumerate(RETURNS):
        made.develop(made.episode(number, moving(4 + number), [value], wall=10.0 + number))
    made.develop(made.medium("saliency", moving(1)))
    made.log({0: 0.5, 1: 1.0}, 3)
    yield made
    made.close()


def export(studio: Studio, clips_max: int | None = None, max_bytes: int = PLENTY) -> tuple[Export, bytes]:
    """What was made, and the file, which is exactly as large as was said."""
    with studio.reader() as reader, Printed(studio.prints) as directory:
        made = make_export(reader.run(RUN), reader, directory, clips_max, max_bytes)
        data = b"".join(made.pieces(directory))
    assert made.size_bytes == len(data) <= max_bytes
    return made, data


def episodes(data: bytes) -> list[int]:
    """Of the clips, as they stand on the page."""
    alts = [attrs.get("alt") or "" for tag, attrs in Document(data.decode()).tags if tag == "img"]
    return [int(alt.split()[1].rstrip(":")) for alt in alts if alt.startswith("Episode ")]


def test_everything_is_inside(studio: Studio) -> None:
    """Clips, media and curves are in the file, whole; nothing in it leads out, and nothing in it is a script."""
    made, data = export(studio)
    document = Document(data.decode())
    assert (made.clips, made.clips_in_all, made.curves) == (5, 5, 4)
    assert all(link.startswith("data:") for link in document.links())
    kinds = [link.partition(";")[0] for link in document.links()]
    assert (kinds.count("data:image/png"), kinds.count("data:image/svg+xml"), len(kinds)) == (1, 4, 10)
    assert not {tag for tag, _ in document.tags} & {"script", "iframe", "form", "object", "embed", "base", "link", "a"}
    pictures = {base64.b64decode(link.partition(",")[2]) for link in document.links()}
    for number in range(len(RETURNS)):
        stem = studio.prints / f"episodes/episode_{number:06d}"
        formats = [stem.with_suffix(end).read_bytes() for end in (".gif", ".webp")]
        assert min(formats, key=len) in pictures
    assert (studio.prints / "media/saliency_7.png").read_bytes() in pictures


def test_nothing_else_is_let_in(studio: Studio) -> None:
    """The policy forbids every script, every address but `data:`, and every style but the page's own."""
    text = export(studio)[1].decode()
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    policy = next(attrs for _, attrs in Document(text).tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert style is not None
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    assert (policy["content"] or "").split("; ") == [
        "default-src 'none'", "img-src data:", "media-src data:", f"style-src 'sha256-{digest}'", "base-uri 'none'",
        "form-action 'none'",
    ]  # fmt: skip
    assert "style=" not in text


def test_names_are_text(studio: Studio) -> None:
    """Markup in names, settings and metrics is shown as it is, and no name can stand for a picture."""
    document = Document(export(studio)[1].decode())
    assert not [name for _, attrs in document.tags for name in attrs if name.startswith("on")]
    assert document.words.count(HOSTILE) >= 3
    assert f"embedded-0-0-{HOSTILE}" in document.words


def test_which_clips(studio: Studio) -> None:
    """The best stands large; of the others those most worth showing follow in the order of training."""
    assert episodes(export(studio)[1]) == [2, 0, 1, 3, 4]
    made, data = export(studio, clips_max=3)
    assert (made.clips, made.clips_in_all) == (3, 5)
    assert episodes(data) == [2, 0, 4]
    assert "5 clips, 3 of them in this file" in Document(data.decode()).words
    none = export(studio, clips_max=0)[1]
    assert episodes(none) == []
    assert "5 clips, 0 of them in this file" in Document(none.decode()).words


def noise(count: int) -> list[Frame]:
    """Frames that no format makes smaller."""
    rng = np.random.default_rng(count)
    return [rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(count)]


def test_within_its_bytes(studio: Studio) -> None:
    """What is allowed is not passed: clips are left out for it, and what cannot be so small is refused."""
    for number in range(6):
        studio.develop(studio.episode(20 + number, noise(3), [1.0], wall=50.0 + number))
    whole, bare = export(studio)[0].size_bytes, export(studio, clips_max=0)[0].size_bytes
    seen = [export(studio, max_bytes=allowed)[0].clips for allowed in range(bare * 2, whole + 20_000, 15_000)]
    assert seen == sorted(seen)
    assert (seen[0] < 11, seen[-1]) == (True, 11)
    with pytest.raises(BadInput, match="without any clip"):
        export(studio, max_bytes=5_000)


def test_nothing_stands_for_a_best_that_does_not_fit(studio: Studio) -> None:
    """No other clip is called the best where that one is too large for the file."""
    studio.develop(studio.episode(9, noise(40), [99.0], wall=50.0))
    room = export(studio, clips_max=0)[0].size_bytes * 2
    made, data = export(studio, max_bytes=room)
    assert made.clips == 5
    assert "Best" not in Document(data.decode()).words
    assert episodes(export(studio)[1])[0] == 9


def test_a_print_that_is_gone_is_left_out(studio: Studio) -> None:
    """Where the GIF was deleted the WebP is shown, and where both were there is no clip, and no error."""
    (studio.prints / "episodes/episode_000000.gif").unlink()
    for end in ("gif", "webp"):
        (studio.prints / f"episodes/episode_000003.{end}").unlink()
    assert episodes(export(studio)[1]) == [2, 0, 1, 4]


def test_a_film(tmp_path: Path) -> None:
    """A clip that there is as MP4 alone is inside with its poster, and leads to nothing beside it."""
    made = Studio(tmp_path, formats=("mp4",))
    made.develop(made.episode(0, moving(20), [1.0]))
    _, data = export(made)
    document = Document(data.decode())
    made.close()
    film = next(attrs for tag, attrs in document.tags if tag == "video")
    assert (film["src"] or "").startswith("data:video/mp4;base64,")
    assert (film["poster"] or "").startswith("data:image/webp;base64,")
    assert all(link.startswith("data:") for link in document.links())


def test_media_of_every_kind(tmp_path: Path) -> None:
    """Texts, histograms and photographs are in the file; what can only be linked is counted, and left out."""
    made = Studio(tmp_path)
    made.develop(made.medium("said", [], mime="text/plain", data=HOSTILE.encode()))
    histogram = b'{"counts": [1, 2], "edges": [0, 1, 2]}'
    made.develop(made.medium("weights", [], mime="application/x-filmlab-histogram+json", data=histogram))
    made.develop(made.medium("page", [], mime="text/html", data=b"<script>alert(1)</script>"))
    photograph = io.BytesIO()
    Image.new("RGB", (30, 20)).save(photograph, "JPEG")
    made.develop(made.medium("photograph", [], mime="image/jpeg", data=photograph.getvalue()))
    document = Document(export(made)[1].decode())
    made.close()
    assert HOSTILE in document.words
    assert "the newest 3 of 4" in document.words
    assert {link.partition(";")[0] for link in document.links()} == {"data:image/svg+xml", "data:image/jpeg"}


def test_without_a_directory(tmp_path: Path) -> None:
    """A run whose directory is gone still has its curves, which are drawn from the index; none is made for it."""
    made = Studio(tmp_path, metrics=("loss",))
    made.log({0: 0.5}, 3)
    _, data = export(made)
    made.close()
    assert data.count(b"data:image/svg+xml") == 1
    assert not made.prints.exists()


def test_many_curves(tmp_path: Path) -> None:
    """No more than so many curves are drawn, and never more than half of the file; how many are missing is said."""
    made = Studio(tmp_path, metrics=[f"m{number:03d}" for number in range(CURVES_MAX + 7)])
    made.log(dict.fromkeys(range(CURVES_MAX + 7), 1.0), 0)
    whole, data = export(made)
    small, _ = export(made, max_bytes=200_000)
    made.close()
    assert (whole.curves, whole.curves_in_all) == (CURVES_MAX, CURVES_MAX + 7)
    assert "7 more are not shown" in Document(data.decode()).words
    assert 0 < small.curves < CURVES_MAX


def test_attempts(studio: Studio) -> None:
    """A resumed run says what each of its attempts did."""
    studio.story.closed()
    studio.story.open(2, attempt=2, directory=str(studio.prints))
    document = Document(export(studio)[1].decode())
    row = re.search(r"Attempts.*", document.words, re.DOTALL)
    assert row is not None
    assert "1main" in row[0]
    assert "2main" in row[0]
    assert "3 – 3" in row[0]
