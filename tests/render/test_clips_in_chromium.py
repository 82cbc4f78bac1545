"""A browser shows what we wrote: the pixels that Pillow decodes, for the same time, and films that play."""

import hashlib
from pathlib import Path

import numpy as np

from filmlabd.render.gif import encode_gif
from filmlabd.render.video import encode_mp4, encode_webp
from render.chromium import seen
from render.decoded import NAMES, by_pillow, needed_module, recorded


def rgba_hash(picture: np.ndarray) -> str:
    """The hash of an opaque picture's bytes."""
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return hashlib.sha256(np.concatenate((picture, opaque), axis=2).tobytes()).hexdigest()


def clips() -> dict[str, tuple[str, bytes]]:
    """Recorded clips in both formats, and what is awkward: camera pictures, 256 greys, 120 fps."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:180, :240]
    camera = [
        np.clip(np.stack([x, y, (x + y) / 2], -1) + rng.normal(0, 9, (180, 240, 3)), 0, 255).astype(np.uint8)
        for _ in range(3)
    ]
    greys = [rng.integers(0, 256, (40, 50), np.uint8) for _ in range(3)]
    made = {f"{name}.gif": ("image/gif", encode_gif(recorded(name), 30).data) for name in NAMES}
    made |= {f"{name}.webp": ("image/webp", encode_webp(recorded(name), 30).data) for name in NAMES}
    made["exact.gif"] = ("image/gif", encode_gif(recorded("lunarlander"), 30, quality="exact").data)
    made["camera.gif"] = ("image/gif", encode_gif(camera, 12).data)
    made["greys.gif"] = ("image/gif", encode_gif(greys, 25).data)
    made["fast.gif"] = ("image/gif", encode_gif(recorded("pong"), 120).data)
    return made


def test_chromium_shows_what_pillow_decodes(tmp_path: Path) -> None:
    """Every picture and every duration of every clip agree, and an MP4 plays at its size for its time."""
    needed_module("av")
    made = clips()
    film = encode_mp4(recorded("breakout"), 30)
    report = seen(
        [(name, kind, data) for name, (kind, data) in made.items()], [("film.mp4", "video/mp4", film.data)], tmp_path
    )
    for name, (_, data) in made.items():
        pillow = by_pillow(data)
        wanted = [[ms, rgba_hash(picture)] for ms, picture in zip(pillow.durations_ms, pillow.pictures, strict=True)]
        assert report[name] == wanted, name
    assert report["film.mp4"] == [160, 210, film.duration_s]
