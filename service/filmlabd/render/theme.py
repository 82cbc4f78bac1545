"""Which colours a curve is drawn in: two themes, and how any colour is made legible on either."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

RGB = tuple[int, int, int]

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as "#rrggbb".

    Attributes:
        min_contrast: of a given colour with the background; WCAG 1.4.11 asks for 3. On dark it takes more until a faint
            band over the raw values can be seen.
        cycle: the hues of series that name none, in order; told apart by readers with any colour vision.
    """

    name: str
    background: str
    ink: str
    muted: str
    axis: str
    grid: str
    min_contrast: float
    cycle: tuple[str, ...]


LIGHT: Final = Theme(
    name="light",
    background="#ffffff",
    ink="#1b242e",
    muted="#5d6975",
    axis="#a7b0ba",
    grid="#e8ebef",
    min_contrast=3.2,
    cycle=("#2467b3", "#d1761f", "#16877a", "#b8336a", "#7754b0", "#7a6a2f", "#2b9fc9", "#6b7280"),
)
DARK: Final = Theme(
    name="dark",
    background="#12171d",
    ink="#e7ebf0",
    muted="#98a4b1",
    axis="#54606d",
    grid="#252d36",
    min_contrast=6.0,
    cycle=("#6ea8ee", "#eb9a4e", "#3fbdac", "#ec74a0", "#ab8fe0", "#bba858", "#66c6e8", "#9ca3af"),
)

ROLES: Final = ("background", "ink", "muted", "axis", "grid")


def is_hex(colour: str) -> bool:
    """Whether `colour` is "#rrggbb"."""
    return _HEX.fullmatch(colour) is not None


@lru_cache(maxsize=1024)
def resolve(ink: str, theme: Theme) -> RGB:
    """What an ink looks like in a theme.

    Args:
        ink: a role of `ROLES`, "cycle:<n>", or "#rrggbb"; the last is lightened or darkened, its hue kept, until it can
            be seen on the theme's background.
    """
    if ink in ROLES:
        return _rgb(getattr(theme, ink))
    if ink.startswith("cycle:"):
        return _cycled(int(ink.removeprefix("cycle:")), theme)
    return _legible(_rgb(ink), theme)


def to_hex(colour: RGB) -> str:
    """(r, g, b) of 0…255 as "#rrggbb"."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def contrast(a: RGB, b: RGB) -> float:
    """WCAG 2 contrast ratio, 1…21."""
    bright, dim = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _cycled(number: int, theme: Theme) -> RGB:
    """The hues in turn; again paler when they are used up, then nearer to the ink."""
    lap, place = divmod(number, len(theme.cycle))
    hue = _rgb(theme.cycle[place])
    if lap == 0:
        return hue
    towards, share = (theme.background, 0.45) if lap % 2 else (theme.ink, 0.45)
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(hue, _rgb(towards), strict=True))
    return red, green, blue


def _rgb(colour: str) -> RGB:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: RGB) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _legible(colour: RGB, theme: Theme) -> RGB:
    background = _rgb(theme.background)
    if contrast(colour, background) >= theme.min_contrast:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(v / 255 for v in colour))
    towards = 1.0 if _luminance(background) < 0.18 else 0.0
    for step in range(1, 41):
        moved = lightness + (towards - lightness) * step / 40
        red, green, blue = (round(v * 255) for v in colorsys.hls_to_rgb(hue, moved, saturation))
        if contrast((red, green, blue), background) >= theme.min_contrast:
            return red, green, blue
    raise AssertionError("white and black are legible on every theme")  # the last step is one of them
