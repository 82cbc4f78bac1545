"""The traps of the GIF format, one test each: timing, tables, shapes and what callers do with their arrays."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from filmlab.errors import BadInput
from filmlabd.render.gif import GifEncoder, encode_gif
from filmlabd.render.gif_container import MAX_DELAY_CS
from filmlabd.render.gif_ticks import Ticks
from render.decoded import by_pillow, decoders, psnr_db

QUALITIES = ("balanced", "exact")


def numbered(count: int, height: int = 6, width: int = 9) -> list[np.ndarray]:
    """Frames that all differ: the value of every pixel is the frame's number."""
    return [np.full((height, width), number, np.uint8) for number in range(count)]


def soft_noise(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Random phases under a falling spectrum, of unit variance: what a photograph has in common with others."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**1.6, s=(height, width))
    return noise / noise.std()


def stored_delays_cs(data: bytes) -> list[int]:
    """The delay fields in the file, as they stand: decoders may correct what they do not like."""
    blocks = data.split(b"\x21\xf9\x04")[1:]
    return [int.from_bytes(block[1:3], "little") for block in blocks]


def assert_lossless(frames: list[np.ndarray], fps: float = 20) -> None:
    """Both qualities bring every frame back, through every decoder."""
    wanted = [frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2) for frame in frames]
    for quality in QUALITIES:
        data = encode_gif(frames, fps, quality=quality).data
        for decode in decoders():
            assert psnr_db(wanted, decode(data).at_frames(len(frames), fps)) == float("inf")


# Timing


def test_delays_are_dithered() -> None:
    """At 30 fps delays go 3, 4, 3, … hundredths: 300 frames last 10.00 s, not 9 s."""
    data = encode_gif(numbered(256) + numbered(44), 30).data
    delays_cs = stored_delays_cs(data)
    assert set(delays_cs) == {3, 4}
    assert sum(delays_cs) == 1000


@pytest.mark.parametrize("fps", (1, 7, 12.5, 15, 24, 29.97, 30, 33, 49, 50))
@pytest.mark.parametrize("frames", (1, 2, 31))
def test_duration_up_to_50_fps(fps: float, frames: int) -> None:
    """n frames last n / fps seconds, to 5 ms, as the clip says and as Pillow and FFmpeg read it; one frame too."""
    clip = encode_gif(numbered(frames), fps)
    assert clip.duration_s == pytest.approx(frames / fps, abs=0.005)
    assert sum(stored_delays_cs(clip.data)) == round(100 * clip.duration_s)
    for decode in decoders():
        assert decode(clip.data).total_ms == pytest.approx(1000 * clip.duration_s)


@pytest.mark.parametrize("fps", (51, 60, 72.5, 100, 120, 144, 1000))
@pytest.mark.parametrize("frames", (1, 2, 97))
def test_duration_above_50_fps(fps: float, frames: int) -> None:
    """Above 50 fps the duration is kept to 10 ms, and no delay is under 2/100 s, which browsers would play as 10."""
    clip = encode_gif(numbered(frames), fps)
    assert by_pillow(clip.data).total_ms == pytest.approx(max(20, 1000 * frames / fps), abs=10)
    assert min(stored_delays_cs(clip.data)) >= 2


@pytest.mark.parametrize("fps", (60, 75, 120))
def test_above_50_fps_the_frame_on_show_at_each_tick_is_kept(fps: float) -> None:
    """Every 2/100 s the file shows the frame that the episode showed then."""
    decoded = by_pillow(encode_gif(numbered(100), fps).data)
    at_slots = decoded.at_frames(int(decoded.total_ms / 20), 50)
    assert [picture[0, 0, 0] for picture in at_slots] == [int(slot * fps / 50) for slot in range(len(at_slots))]


@given(fps=st.floats(0.01, 2000), frames=st.integers(1, 400))
def test_ticks_ascend_and_end_in_time(fps: float, frames: int) -> None:
    """For any rate kept frames begin at least 2/100 s apart, the first at 0, and the clip ends when it should."""
    ticks = Ticks(fps)
    starts_cs = [ticks.start_cs(frame) for frame in range(frames) if ticks.keeps(frame)]
    starts_cs = [start_cs for start_cs in starts_cs if start_cs < ticks.end_cs(frames)]
    assert starts_cs[0] == 0
    assert min(np.diff([*starts_cs, ticks.end_cs(frames)])) >= 2
    tolerance_cs = 0.5 if fps <= 50 else 1
    assert ticks.end_cs(frames) == pytest.approx(max(2, 100 * frames / fps), abs=tolerance_cs + 1e-6)


def test_a_delay_longer_than_its_field_is_carried_on() -> None:
    """A picture that stays longer than 65 535 hundredths stays that long."""
    clip = encode_gif(numbered(2), 0.001)
    assert max(stored_delays_cs(clip.data)) <= MAX_DELAY_CS
    assert sum(stored_delays_cs(clip.data)) == 200_000
    assert [picture[0, 0, 0] for picture in by_pillow(clip.data).at_frames(2, 0.001)] == [0, 1]


def test_equal_frames_extend_the_delay() -> None:
    """Equal neighbours share one image; the time they take stays, at the end of the clip too."""
    frames = [numbered(3)[number] for number in (0, 0, 0, 1, 1, 2, 2, 2, 2)]
    data = encode_gif(frames, 10).data
    assert stored_delays_cs(data) == [30, 20, 40]


def test_all_frames_equal() -> None:
    """A clip of one picture is one image that lasts as long as all frames."""
    assert stored_delays_cs(encode_gif(numbered(1) * 33, 30).data) == [110]


def test_a_then_b_then_a_again() -> None:
    """A pixel that returns to its old colour returns in the file."""
    first, second = numbered(2)
    assert_lossless([first, second, first, second, second, first])


def test_the_file_loops_forever() -> None:
    """A clip starts again at its end."""
    with Image.open(io.BytesIO(encode_gif(numbered(2), 10).data)) as clip:
        assert clip.info["loop"] == 0


# Tables


def test_exactly_256_colours_with_motion() -> None:
    """A first frame of 256 colours is exact, and so are later ones, whose tables keep an index for transparency."""
    palette = (np.arange(256) * 0xB1D37).astype("<u4").view(np.uint8).reshape(256, 4)[:, :3]
    first = palette[np.arange(2048).reshape(32, 64) % 256]
    second = first.copy()
    second[5:9, 5:9] = first[5:9, 6:10]
    assert_lossless([first, second, first, np.roll(second, 3, axis=1)])


def test_256_greys_with_motion() -> None:
    """A grey clip is exact, whatever changes: a rectangle of 256 colours needs no transparent index."""
    rng = np.random.default_rng(2)
    frames = [rng.integers(0, 256, (40, 50), np.uint8) for _ in range(3)]
    halfway = frames[-1].copy()
    halfway[10:30, 10:40] = rng.integers(0, 256, (20, 30), np.uint8)
    assert_lossless([*frames, halfway])


def test_busy_frames_of_few_colours_are_not_taken_for_camera_pictures() -> None:
    """Colours are counted before a frame counts as natural: noise of 255 colours all over comes back exactly."""
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (255, 3), np.uint8)
    assert_lossless([palette[rng.integers(0, 255, (180, 200))] for _ in range(3)])


def test_a_late_colour_is_not_swallowed() -> None:
    """A colour that comes when the table is full is shown as it is, not as its neighbour in the table."""
    ramp = np.arange(255, dtype=np.uint8)
    first = np.stack([np.broadcast_to(ramp, (4, 255)), np.zeros((4, 255)), np.zeros((4, 255))], -1).astype(np.uint8)
    frames = [first]
    for number in range(1, 40):
        frame = frames[-1].copy()
        frame[1, number * 5 : number * 5 + 3] = (number * 5, 1, number % 3)
        frames.append(frame)
    assert_lossless(frames)


def test_plain_rectangles_after_a_local_table() -> None:
    """Unchanged pixels are drawn again only with a table that has their colours, whatever tables went before."""
    rng = np.random.default_rng(4)
    first = np.zeros((30, 30, 3), np.uint8)
    crowded = first.copy()
    crowded[5:20, 5:20] = rng.integers(0, 256, (15, 15, 3), np.uint8)
    frames = [first, crowded]
    for number in range(12):
        frame = frames[-1].copy()
        frame[4 + number, 4] = frame[20, 20 - number] = (number, 255, 0)
        frames.append(frame)
    assert_lossless(frames)


def test_camera_pictures_come_out_like_pillows_own() -> None:
    """Where 255 colours cannot do, a picture is at least as close to its source as from Pillow's median cut."""
    rng = np.random.default_rng(6)
    scene = np.stack([128 + 40 * soft_noise(190, 260, rng) for _ in range(3)], -1)
    views = [scene[number : number + 180, 3 * number : 3 * number + 240] for number in range(4)]
    frames = [np.clip(view + rng.normal(0, 1.5, view.shape), 0, 255).astype(np.uint8) for view in views]
    median_cut = [np.asarray(Image.fromarray(frame).quantize(256).convert("RGB")) for frame in frames]
    for quality in QUALITIES:
        pictures = by_pillow(encode_gif(frames, 20, quality=quality).data).at_frames(4, 20)
        assert psnr_db(frames, pictures) >= psnr_db(frames, median_cut)


def test_a_camera_picture_beside_a_still_frame() -> None:
    """What surrounds a camera picture and never changes stays exactly as it was."""
    rng = np.random.default_rng(7)
    frames = []
    for _ in range(3):
        frame = np.zeros((200, 200, 3), np.uint8)
        frame[::7] = (10, 200, 30)
        frame[:, 150:] = (1, 2, 3)
        frame[20:180, 10:140] = rng.integers(0, 256, (160, 130, 3), np.uint8)
        frame[100, 60:140] = (9, 9, 9)
        frames.append(frame)
    for picture in by_pillow(encode_gif(frames, 20).data).at_frames(3, 20)[1:]:
        assert np.array_equal(picture[:20], by_pillow(encode_gif(frames[:1], 20).data).pictures[0][:20])


# Shapes and arrays


@pytest.mark.parametrize("shape", ((1, 1), (1, 7), (7, 1), (1, 300), (300, 1), (3, 5), (13, 17), (2, 3)))
@pytest.mark.parametrize("channels", ((), (1,), (3,)))
def test_small_and_odd_sizes(shape: tuple[int, int], channels: tuple[int, ...]) -> None:
    """Frames whose bytes are no whole number of words are compared to their last byte."""
    rng = np.random.default_rng(8)
    first = rng.integers(0, 4, shape + channels, np.uint8) * 80
    last_differs = first.copy()
    last_differs[-1, -1] ^= 1
    first_differs = last_differs.copy()
    first_differs[0, 0] ^= 2
    assert_lossless(
        [
            frame.reshape(shape + channels[1:] + channels) if channels != (1,) else frame[..., 0]
            for frame in (first, last_differs, first_differs, first)
        ]
    )
    encoder = GifEncoder(10)
    encoder.add(first)
    assert encoder.finish().height_px == shape[0]


def test_a_single_frame() -> None:
    """One frame is a picture, and lasts 1 / fps."""
    clip = encode_gif(numbered(3)[2:], 8)
    assert by_pillow(clip.data).total_ms == pytest.approx(125, abs=5)


def test_a_black_first_frame() -> None:
    """Black is a colour, not the transparent index."""
    frames = [np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)]
    assert_lossless(frames)


def test_unaligned_and_strided_arrays() -> None:
    """Views that begin at odd addresses, run backwards or skip pixels are read like plain arrays."""
    rng = np.random.default_rng(9)
    buffer = rng.integers(0, 3, 3 * 11 * 13 + 1, np.uint8)
    unaligned = buffer[1:].reshape(11, 13, 3)
    wide = rng.integers(0, 3, (22, 26, 6), np.uint8)
    assert_lossless(
        [unaligned, wide[::2, ::2, ::2], unaligned[::-1, ::-1], wide[::-2, 1::2, 3:], np.asfortranarray(unaligned)]
    )


def test_nothing_is_read_past_the_last_pixel() -> None:
    """The byte behind a frame, which a packed pixel would take in, has no influence."""
    buffers = [np.zeros(3 * 5 * 7 + 8, np.uint8), np.full(3 * 5 * 7 + 8, 255, np.uint8)]
    clips = []
    for buffer in buffers:
        frame = buffer[: 3 * 5 * 7].reshape(5, 7, 3)
        frame[:] = 17
        moved = frame.copy()
        moved[-1, -1] = 18
        clips.append(encode_gif([frame, moved, frame], 10).data)
    assert clips[0] == clips[1]


def test_one_buffer_used_for_every_frame() -> None:
    """A frame may be overwritten as soon as `add` returns: environments do."""
    encoder, buffer = GifEncoder(10), np.zeros((6, 9, 3), np.uint8)
    for number in range(5):
        buffer[:] = number
        encoder.add(buffer)
    pictures = by_pillow(encoder.finish().data).pictures
    assert [picture[0, 0, 0] for picture in pictures] == [0, 1, 2, 3, 4]


def test_alpha_is_composited_on_white() -> None:
    """(H, W, 4) is shown as over a white page; full opacity changes nothing."""
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = (255, 0, 128)
    picture = by_pillow(encode_gif([rgba], 10).data).pictures[0]
    assert picture[0].tolist() == [[0, 0, 0], [255, 255, 255], [127, 127, 127]]


def test_grey_with_and_without_a_channel_axis() -> None:
    """(H, W) and (H, W, 1) are the same picture."""
    frames = numbered(3)
    assert encode_gif(frames, 10).data == encode_gif([frame[..., None] for frame in frames], 10).data


# Bad input


@pytest.mark.parametrize(
    ("frame", "complaint"),
    (
        (np.zeros((4, 6), np.float32), r"frame 2 has dtype float32; expected uint8"),
        (np.zeros((4, 7), np.uint8), r"frame 2 has shape \(4, 7\); the clip began with \(4, 6\)"),
        (np.zeros((4, 6, 3), np.uint8), r"frame 2 has shape \(4, 6, 3\); the clip began with \(4, 6\)"),
        ([[0] * 6] * 4, r"frame 2 is a list; expected a numpy array of uint8"),
    ),
)
def test_a_bad_frame_is_named(frame: np.ndarray, complaint: str) -> None:
    """A frame unlike the others is refused with its number, what was expected and what came."""
    encoder = GifEncoder(10)
    for good in numbered(2, 4, 6):
        encoder.add(good)
    with pytest.raises(BadInput, match=complaint):
        encoder.add(frame)


@pytest.mark.parametrize("shape", ((0, 5), (5, 0), (1, 65_536), (65_536, 1), (5,), (2, 2, 2), (2, 2, 5), (2, 2, 3, 1)))
def test_a_shape_that_no_gif_has(shape: tuple[int, ...]) -> None:
    """Empty pictures, sides past 65 535 px and odd channel counts are refused at the first frame."""
    with pytest.raises(BadInput, match="frame 0 has shape"):
        GifEncoder(10).add(np.zeros(shape, np.uint8))


def test_the_longest_side() -> None:
    """65 535 px is a GIF."""
    assert by_pillow(encode_gif([np.zeros((1, 65_535), np.uint8)], 10).data).pictures[0].shape == (1, 65_535, 3)
