"""MP4, WebP and the poster: the same frames in the same order for the same time, in files that play while they load."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render import video_mp4
from filmlabd.render.frames import Clip
from filmlabd.render.overlay import Overlay
from filmlabd.render.video import encode_mp4, encode_webp, poster
from render.decoded import Decoded, by_ffmpeg, by_pillow, needed_module, psnr_db, recorded

Encode = Callable[..., Clip]
FORMATS = (
    pytest.param(encode_webp, by_pillow, id="webp"),
    pytest.param(encode_mp4, by_ffmpeg, id="mp4"),
)


@pytest.fixture(autouse=True)
def _pyav(request: pytest.FixtureRequest) -> None:
    """MP4 needs an optional package: skipped without it on a laptop, but not in CI."""
    if "mp4" in request.node.name:
        needed_module("av")


def numbered(count: int, shape: tuple[int, ...] = (34, 46)) -> list[np.ndarray]:
    """Frames whose grey tells their number."""
    return [np.full(shape, 12 * number, np.uint8) for number in range(count)]


def stored_ms(data: bytes) -> int:
    """The duration field of the only frame of a WebP."""
    frame = data.index(b"ANMF") + 8
    return int.from_bytes(data[frame + 12 : frame + 15], "little")


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
@pytest.mark.parametrize("fps", (1, 12.5, 29.97, 30, 50))
@pytest.mark.parametrize("frames", (1, 2, 19))
def test_duration(encode: Encode, decode: Callable[[bytes], Decoded], fps: float, frames: int) -> None:
    """n frames last n / fps seconds, to 5 ms, as the clip says and as a decoder reads it."""
    clip = encode(numbered(frames), fps)
    assert clip.frames == frames
    assert clip.duration_s == pytest.approx(frames / fps, abs=0.005)
    # Pillow takes a WebP of one frame for a still, which has no duration.
    total_ms = stored_ms(clip.data) if (encode, frames) == (encode_webp, 1) else decode(clip.data).total_ms
    assert total_ms == pytest.approx(1000 * frames / fps, abs=5)


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
def test_frame_order(encode: Encode, decode: Callable[[bytes], Decoded]) -> None:
    """Each frame is on show in its own time."""
    pictures = decode(encode(numbered(20), 25).data).at_frames(20, 25)
    assert [round(float(picture.mean()) / 12) for picture in pictures] == list(range(20))


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
def test_equal_frames_take_their_time(encode: Encode, decode: Callable[[bytes], Decoded]) -> None:
    """Frames that repeat at the end count as the others do."""
    frames = [*numbered(2), *[numbered(2)[1]] * 8]
    decoded = decode(encode(frames, 10).data)
    assert decoded.total_ms == pytest.approx(1000, abs=5)
    shown = [round(float(picture.mean()) / 12) for picture in decoded.at_frames(10, 10)]
    assert shown == [0] + [1] * 9


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
@pytest.mark.parametrize("shape", ((1, 1), (1, 40), (33, 1), (35, 47, 3), (34, 46, 4), (34, 46, 1)))
def test_any_shape(encode: Encode, decode: Callable[[bytes], Decoded], shape: tuple[int, ...]) -> None:
    """Grey, RGB, RGBA and odd sides are accepted; a side that must be even grows by one."""
    clip = encode(numbered(3, shape), 10)
    picture = decode(clip.data).pictures[0]
    assert (clip.height_px, clip.width_px) == picture.shape[:2]
    assert clip.height_px - shape[0] in (0, 1) and clip.width_px - shape[1] in (0, 1)


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
def test_one_buffer_used_for_every_frame(encode: Encode, decode: Callable[[bytes], Decoded]) -> None:
    """Frames may share one array that is overwritten after each was read."""
    buffer = np.zeros((34, 46), np.uint8)

    def frames():  # type: ignore[no-untyped-def]
        for number in range(5):
            buffer[:] = 12 * number
            yield buffer

    pictures = decode(encode(frames(), 10).data).at_frames(5, 10)
    assert [round(float(picture.mean()) / 12) for picture in pictures] == list(range(5))


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
def test_overlay(encode: Encode, decode: Callable[[bytes], Decoded]) -> None:
    """The strip under the picture is the one that a GIF has."""
    overlay = Overlay(("step",), lambda number: {"step": str(number)})
    clip = encode(numbered(2, (40, 80)), 10, overlay=overlay)
    wanted = overlay.under(numbered(2, (40, 80))[1], 1)
    picture = decode(clip.data).at_frames(2, 10)[1][: wanted.shape[0], :, 0]
    assert np.abs(picture.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize(("encode", "decode"), FORMATS)
def test_bad_frames(encode: Encode, decode: Callable[[bytes], Decoded]) -> None:
    """No frames, other shapes and other types are refused as in a GIF, by number."""
    with pytest.raises(BadInput, match="at least one frame"):
        encode([], 10)
    with pytest.raises(BadInput, match=r"frame 1 has shape \(2, 3\); the clip began with \(34, 46\)"):
        encode([*numbered(1), np.zeros((2, 3), np.uint8)], 10)
    with pytest.raises(BadInput, match="frame 0 has dtype float64"):
        encode([np.zeros((2, 3))], 10)
    with pytest.raises(BadInput, match="fps > 0"):
        encode(numbered(2), 0)


@pytest.mark.parametrize("name", ("breakout", "cartpole", "lunarlander", "carracing", "halfcheetah"))
def test_webp_of_rendered_frames_is_lossless(name: str) -> None:
    """What an environment draws comes back exactly, in either quality."""
    frames = recorded(name)
    for quality in ("balanced", "exact"):
        pictures = by_pillow(encode_webp(frames, 25, quality=quality).data).at_frames(len(frames), 25)
        assert psnr_db(frames, pictures) == float("inf")


def test_webp_of_camera_pictures_is_lossy_unless_exact() -> None:
    """Noise all over is compressed with loss by default, and without on request."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:180, :240]
    shades = np.stack([x, y, (x + y) / 2], -1)
    frames = [np.clip(shades + rng.normal(0, 4, shades.shape), 0, 255).astype(np.uint8) for _ in range(3)]
    balanced, exact = (encode_webp(frames, 10, quality=quality).data for quality in ("balanced", "exact"))
    assert psnr_db(frames, by_pillow(exact).at_frames(3, 10)) == float("inf")
    assert len(balanced) < len(exact) / 5
    assert psnr_db(frames, by_pillow(balanced).at_frames(3, 10)) > 30


@pytest.mark.parametrize("name", ("breakout", "cartpole"))
def test_mp4_keeps_the_colours_of_pixel_art(name: str) -> None:
    """With full colour resolution Atari stays above 40 dB; 4:2:0 would give 31."""
    frames = recorded(name)
    assert psnr_db(frames, by_ffmpeg(encode_mp4(frames, 30).data).at_frames(len(frames), 30)) > 40


def test_mp4_begins_with_its_index() -> None:
    """A browser can play it while it loads: `moov` stands before `mdat`, and its offsets are right."""
    data = encode_mp4(numbered(20, (90, 120, 3)), 30).data
    assert data.index(b"moov") < data.index(b"mdat")
    assert len(by_ffmpeg(data).pictures) == 20


def test_mp4_without_pyav_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing package is named, with the extra that brings it."""
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(BadInput, match=r"pip install 'filmlab\[video\]'"):
        video_mp4.encode_mp4(numbered(1), 10)


@pytest.mark.parametrize("shape", ((400, 600, 3), (210, 160, 3), (84, 84), (3, 2000, 3), (1, 1, 4)))
def test_poster(shape: tuple[int, ...]) -> None:
    """A poster is a small WebP with the picture's proportions."""
    with Image.open(io.BytesIO(poster(np.full(shape, 200, np.uint8)))) as still:
        assert still.format == "WEBP" and max(still.size) <= 320
        factor = -(-max(shape[:2]) // 320)
        assert still.size == (-(-shape[1] // factor), -(-shape[0] // factor))


def test_a_poster_of_flat_art_is_tiny_and_exact() -> None:
    """Few colours are kept without loss."""
    frame = recorded("breakout")[0]
    data = poster(frame)
    assert len(data) < 4000
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), frame)
