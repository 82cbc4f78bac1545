"""LZW image data: Pillow's private coder and its public way decode alike."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from filmlabd.render import gif_container, lzw


def decoded(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """The indices that Pillow reads from an image data field; the grey table makes index and colour one."""
    height, width = shape
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    image = gif_container.Image(0, 0, width, height, data, 0, np.zeros(1, np.uint32), transparent=False)
    parts = [gif_container.header(width, height, greys), *gif_container.shown(image, None, 10), gif_container.TRAILER]
    with Image.open(io.BytesIO(b"".join(parts))) as picture:
        return np.asarray(picture.convert("RGB"))[..., 0]


@settings(max_examples=80)
@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 256), height=st.integers(1, 90), width=st.integers(1, 90))
def test_private_and_public_coder_decode_alike(seed: int, levels: int, height: int, width: int) -> None:
    """Both ways to the same indices give them back, at the smallest code size that holds them."""
    indices = np.random.default_rng(seed).integers(0, levels, (height, width), np.uint8)
    bits = lzw.code_bits(int(indices.max()))
    assert np.array_equal(decoded(lzw.compress(indices, bits), indices.shape), indices)
    assert np.array_equal(decoded(lzw.by_public_api(indices), indices.shape), indices)


def test_the_private_coder_is_there() -> None:
    """With the Pillow under test the fast way is taken: losing it would cost much speed in silence."""
    assert lzw.compress(np.zeros((1, 1), np.uint8), 2)[0] == 2
    assert lzw.by_public_api(np.zeros((1, 1), np.uint8))[0] == 8


@pytest.mark.parametrize(
    ("highest_index", "bits"), ((0, 2), (3, 2), (4, 3), (7, 3), (8, 4), (127, 7), (128, 8), (255, 8))
)
def test_code_bits(highest_index: int, bits: int) -> None:
    """The code size is the least that holds every index, and never under 2."""
    assert lzw.code_bits(highest_index) == bits


def test_data_longer_than_one_call() -> None:
    """Noise that expands under LZW is collected to its end."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 900), np.uint8)
    assert np.array_equal(decoded(lzw.compress(noise, 8), noise.shape), noise)
