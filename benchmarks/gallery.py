"""Makes the pictures of docs/rendering.md: `python benchmarks/gallery.py`. The same bytes each time, of one Pillow.

They are the encoders' own output, unretouched, and small: 600 kB in all at most.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench_pool import cart_pole
from gif_clips import natural
from numpy.typing import NDArray

from filmlabd.develop.svg_scheme import adaptive_svg
from filmlabd.render.curve import DARK, LIGHT, Panel, Series, attempts, draw, to_png, to_svg
from filmlabd.render.gif import encode_gif
from filmlabd.render.overlay import Overlay
from filmlabd.render.pyramid import Track
from filmlabd.render.video import poster

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "render"
MOST_BYTES = 600_000
Floats = NDArray[np.float64]


def learning(n: int, seed: int, *, ceiling: float = 480.0) -> Floats:
    """A return that rises, noisily, with a failure now and then."""
    rng = np.random.default_rng(seed)
    y: Floats = ceiling / (1 + np.exp(-np.linspace(-4, 5, n))) + 30 * rng.normal(size=n)
    y[rng.random(n) < 0.01] *= 0.3
    return y


def million() -> Panel:
    track = Track(100)
    track.append(np.arange(1e6), learning(1_000_000, 1))
    return Panel("episode/return", "episode", "return", (Series.from_track("return", track),))


def few() -> Panel:
    x = np.arange(3.0)
    return Panel("eval/return", "step", "return", (Series("return", 10_000 * x, np.array([12.0, 180.0, 431.0])),))


def writers() -> Panel:
    x = np.arange(2000.0)
    series = tuple(
        Series(f"seed {seed}", x, learning(2000, seed, ceiling=400 + 25 * seed), average_window=100)
        for seed in range(4)
    )
    return Panel("Four seeds of one experiment", "episode", "return", series)


def resumed() -> Panel:
    x = np.arange(1500.0)
    first = Series("return", x, learning(2400, 5)[:1500], average_window=100)
    second = Series("return", x + 900, learning(2400, 6, ceiling=520)[900:], average_window=100)
    shown, resumes = attempts("return", (first, second))
    return Panel("A run that crashed and was resumed", "episode", "return", shown, resumes=resumes)


def missing() -> Panel:
    x, y = np.arange(300.0), np.exp(-np.arange(300) / 80) + 0.05 * np.random.default_rng(2).normal(size=300)
    y[60:90] = np.nan
    y[[140, 150]], y[200] = np.inf, -np.inf
    return Panel("loss, with NaN and infinities", "step", "loss", (Series("loss", x, y, average_window=20),))


def extreme() -> Panel:
    x = np.arange(400.0) * 2.5e9
    y = 1e-12 * (2 + np.sin(np.arange(400) / 40) + 0.2 * np.random.default_rng(3).normal(size=400))
    name = "optimizer/" + "layer_norm_" * 17 + "λ"
    return Panel(
        "Steps by the thousand million, values of 10⁻¹²", "step", "α", (Series(name, x, y, average_window=40),)
    )


def nothing() -> Panel:
    return Panel("A metric that has only NaN", "step", "loss", (Series("loss", np.arange(9.0), np.full(9, np.nan)),))


CURVES: dict[str, Callable[[], Panel]] = {
    each.__name__: each for each in (million, few, writers, resumed, missing, extreme, nothing)
}


def curves() -> Iterator[tuple[str, bytes]]:
    for name, panel in CURVES.items():
        drawing = draw(panel())
        yield f"curve_{name}.png", to_png(drawing, LIGHT)
        if name in ("million", "writers"):
            yield f"curve_{name}_dark.png", to_png(drawing, DARK)
        if name == "resumed":
            yield f"curve_{name}.svg", adaptive_svg(to_svg(drawing, LIGHT), to_svg(drawing, DARK)).encode()


def clips() -> Iterator[tuple[str, bytes]]:
    frames = list(cart_pole(1))[:120]
    texts = Overlay(
        ("episode", "step", "return", "action"),
        lambda index: {
            "episode": "700",
            "step": str(index + 1),
            "return": str(index + 1),
            "action": str(index // 7 % 2),
        },
    )
    yield "clip_flat.gif", encode_gif(frames, 30, overlay=texts).data
    yield "clip_flat.poster.webp", poster(frames[0])
    yield "clip_natural.gif", encode_gif(natural(10, 120, 160), 10).data


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    made = dict([*curves(), *clips()])
    for name, data in made.items():
        (OUT / name).write_bytes(data)
        print(f"{len(data) / 1000:8.1f} kB  {name}")
    total = sum(map(len, made.values()))
    print(f"{total / 1000:8.1f} kB in all")
    return int(total > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
