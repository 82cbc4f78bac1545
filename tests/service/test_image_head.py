"""Sizes of pictures by the first bytes of their files."""

import io
from typing import Any

import pytest
from PIL import Image

from filmlabd.develop.image_head import picture_size


@pytest.mark.parametrize("size", [(1, 1), (60, 40), (321, 7), (4000, 3000)])
@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("WEBP", {"lossless": False}),
        ("WEBP", {"lossless": True, "exif": b"Exif"}),
    ],
)  # fmt: skip
def test_size(size: tuple[int, int], kind: str, how: dict[str, Any]) -> None:
    """Of every format that a print can have; 30 bytes are enough."""
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 10)).save(file, kind, **how)
    assert picture_size(file.getvalue()[:30]) == size


@pytest.mark.parametrize("progressive", [False, True])
def test_size_of_a_jpeg(progressive: bool) -> None:
    """Behind whatever stands before its first frame."""
    file = io.BytesIO()
    Image.new("RGB", (321, 7)).save(file, "JPEG", exif=b"Exif" + bytes(5000), progressive=progressive)
    assert picture_size(file.getvalue()) == (321, 7)
    assert picture_size(file.getvalue()[:4000]) is None


@pytest.mark.parametrize(
    "head", [b"", b"GIF89a", b"x" * 30, b"RIFF1234WEBPxxxx" + bytes(14), b"RIFF1234WAVE" + bytes(18)]
)
def test_no_picture(head: bytes) -> None:
    """Whatever else a file begins with has no size."""
    assert picture_size(head) is None
