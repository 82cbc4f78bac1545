"""Colours: given ones can be seen in both themes, our own told apart."""

from __future__ import annotations

import pytest

from filmlabd.render.curve import DARK, LIGHT
from filmlabd.render.theme import contrast, resolve


@pytest.mark.parametrize("color", ["#264653", "#000000", "#ffffff", "#ffff00", "#123456", "#808080"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_given_colours_can_be_seen_in_both_themes(color: str, theme: object) -> None:
    """A colour chosen for white paper is lightened on a dark page, and one that can be seen is left as it is."""
    assert theme in (LIGHT, DARK)
    shown = resolve(color, theme)  # type: ignore[arg-type]
    assert contrast(shown, resolve("background", theme)) >= 3  # type: ignore[arg-type]
    assert resolve("#264653", LIGHT) == (0x26, 0x46, 0x53)


def test_own_hues_can_be_seen_and_told_apart() -> None:
    """Sixteen series have sixteen colours, in both themes, each legible."""
    for theme in (LIGHT, DARK):
        hues = [resolve(f"cycle:{k}", theme) for k in range(16)]
        assert len(set(hues)) == 16
        assert all(contrast(hue, resolve("background", theme)) >= 3 for hue in hues[:8])
        assert contrast(resolve("muted", theme), resolve("background", theme)) >= 4.5
