"""The GIF encoder: what goes in is what decoders show, for as long as it lasted, in fewer bytes than Pillow's."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render.gif import GifEncoder, encode_gif
from render.decoded import NAMES, by_ffmpeg, by_pillow, psnr_db, recorded

EXACT_CLIPS = ("breakout", "cartpole", "frozenlake", "pong")
QUALITIES = ("balanced", "exact")


def pillow_gif(frames: np.ndarray, fps: float) -> bytes:
    """The file that Pillow makes of the same frames."""
    file = io.BytesIO()
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(file, "GIF", save_all=True, append_images=others, duration=1000 / fps, loop=0)
    return file.getvalue()


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("name", EXACT_CLIPS)
def test_few_colours_come_back_exactly(name: str, quality: str) -> None:
    """A clip whose frames each change in at most 255 colours, from a first one of at most 256, loses nothing."""
    frames = recorded(name)
    clip = encode_gif(frames, 25, quality=quality)
    assert psnr_db(frames, by_pillow(clip.data).at_frames(len(frames), 25)) == float("inf")


@pytest.mark.parametrize("name", ("carracing", "halfcheetah", "lunarlander", "mountaincar"))
def test_many_colours_come_back_closer_than_from_pillow(name: str) -> None:
    """Past 255 colours, exact is 5 dB closer to the source than Pillow's GIF, and balanced within 60 dB or Pillow's."""
    frames = recorded(name)
    pillow_db = psnr_db(frames, by_pillow(pillow_gif(frames, 25)).at_frames(len(frames), 25))
    for quality, least_db in (("exact", pillow_db + 5), ("balanced", min(60, pillow_db))):
        clip = encode_gif(frames, 25, quality=quality)
        assert psnr_db(frames, by_pillow(clip.data).at_frames(len(frames), 25)) >= least_db


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_no_larger_than_pillows(name: str, quality: str) -> None:
    """No recorded clip takes more bytes than Pillow's file of the same frames."""
    frames = recorded(name)
    assert len(encode_gif(frames, 25, quality=quality).data) <= len(pillow_gif(frames, 25))


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("name", NAMES)
def test_decoders_agree(name: str, quality: str) -> None:
    """Pillow and FFmpeg show the same pictures at the same times."""
    frames = recorded(name)
    data = encode_gif(frames, 30, quality=quality).data
    pillow, ffmpeg = by_pillow(data), by_ffmpeg(data)
    assert all(np.array_equal(*pair) for pair in zip(pillow.pictures, ffmpeg.pictures, strict=True))
    assert pillow.durations_ms[:-1] == pytest.approx(ffmpeg.durations_ms[:-1])
    assert pillow.total_ms == pytest.approx(1000 * len(frames) / 30, abs=5)


@pytest.mark.parametrize("quality", QUALITIES)
@settings(max_examples=60)
@given(frames=arrays(np.uint8, (4, 5, 7, 3), elements=st.integers(0, 255)), levels=st.integers(1, 255))
def test_any_small_clip_comes_back_exactly(quality: str, frames: np.ndarray, levels: int) -> None:
    """Whatever the pixels are, 35 of them never have too many colours."""
    frames = frames // levels
    pictures = by_pillow(encode_gif(frames, 10, quality=quality).data).at_frames(len(frames), 10)
    assert all(np.array_equal(*pair) for pair in zip(frames, pictures, strict=True))


@pytest.mark.parametrize("quality", QUALITIES)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), colours=st.integers(200, 4000), share=st.floats(0.001, 1))
def test_many_random_colours_decode_alike(quality: str, seed: int, colours: int, share: float) -> None:
    """Growing, restarted and quantised tables in any order make a file that two decoders read alike."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (colours, 3), np.uint8)
    frame = palette[rng.integers(0, colours, (40, 50)) * rng.integers(0, 2, (40, 50))]
    encoder = GifEncoder(20, quality=quality)
    for _ in range(6):
        encoder.add(frame)
        fresh = palette[rng.integers(0, colours, (40, 50))]
        frame = np.where(rng.random((40, 50, 1)) < share, fresh, frame)
    data = encoder.finish().data
    pillow, ffmpeg = by_pillow(data), by_ffmpeg(data)
    assert all(np.array_equal(*pair) for pair in zip(pillow.pictures, ffmpeg.pictures, strict=True))


def test_exact_mends_what_a_crowded_frame_lost() -> None:
    """In exact quality pixels that came out wrong are drawn again as soon as a table has room for them."""
    rng = np.random.default_rng(5)
    crowded = rng.integers(0, 256, (20, 20, 3), np.uint8)
    pictures = by_pillow(encode_gif([crowded] * 4, 10, quality="exact").data).at_frames(4, 10)
    assert not np.array_equal(pictures[0], crowded)
    assert np.array_equal(pictures[3], crowded)


def test_exact_mends_in_passing() -> None:
    """A crowded frame's table also serves old pixels that it shows better than they are, without room of their own."""
    rng = np.random.default_rng(6)
    first = np.zeros((60, 60, 3), np.uint8)
    first[:20] = rng.integers(0, 256, (20, 60, 3), np.uint8)
    second = first.copy()
    second[40:] = rng.integers(0, 256, (20, 60, 3), np.uint8)
    before, after = by_pillow(encode_gif([first, second], 10, quality="exact").data).at_frames(2, 10)
    assert psnr_db([first[:20]], [after[:20]]) > psnr_db([first[:20]], [before[:20]]) + 1


def test_memory_does_not_grow_with_the_clip() -> None:
    """The encoder keeps the newest frame and the compressed images, not the frames."""
    encoder = GifEncoder(30)
    frame = np.zeros((400, 600, 3), np.uint8)
    peaks = []
    tracemalloc.start()
    try:
        for number in range(80):
            frame[number, number] = number
            encoder.add(frame.copy())
            if number in (19, 79):
                peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < frame.nbytes


def test_the_clip_says_what_it_is() -> None:
    """Frames handed in, size and playing time are those of the file."""
    clip = encode_gif([np.zeros((30, 40), np.uint8)] * 7, 20)
    assert (clip.frames, clip.width_px, clip.height_px, clip.duration_s, clip.notes) == (7, 40, 30, 0.35, ())


def test_no_frames_is_bad_input() -> None:
    """A clip without frames is the sender's fault."""
    with pytest.raises(BadInput, match="at least one frame"):
        GifEncoder(30).finish()


def test_rates_may_be_numpys() -> None:
    """An environment's metadata may hold any kind of number."""
    frames = [np.zeros((2, 2), np.uint8)] * 3
    wanted = encode_gif(frames, 30).data
    assert all(encode_gif(frames, fps).data == wanted for fps in (np.int64(30), np.float32(30), 30.0))


@pytest.mark.parametrize("fps", (0, -1, float("nan"), float("inf"), "fast"))
def test_a_rate_that_is_none_is_bad_input(fps: float) -> None:
    """A frame rate is a finite number above 0."""
    with pytest.raises(BadInput, match="fps > 0"):
        GifEncoder(fps)


def test_an_unknown_quality_is_bad_input() -> None:
    """There are two qualities, and a message that names them."""
    with pytest.raises(BadInput, match="'balanced' or 'exact', got 'best'"):
        encode_gif([np.zeros((2, 2), np.uint8)], 10, quality="best")
