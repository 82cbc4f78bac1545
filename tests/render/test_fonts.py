"""Covers filmlabd.render.fonts: the shipped font has what labels need, and cut text fits."""

from __future__ import annotations

import unicodedata
from importlib import resources
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from filmlabd.render import fonts

NEEDED = "−×·…±≤≥≈∞√µ²³⁰¹⁻¹²ÄÖÜäöüßéèêñçøåłőşžĞÆœαβγδεζηθικλμνξπρστυφχψωΓΔΘΛΣΦΨΩ–—‘’“”€\u2009"


@pytest.mark.parametrize("character", NEEDED)
def test_the_font_has_what_labels_need(character: str) -> None:
    """U+2212, accents and Greek are letters in a PNG, not boxes."""
    missing, _, _ = fonts.mask("\U0010fffe", 12)
    found, width, _ = fonts.mask(character, 12)
    assert width > 0
    if character != "\u2009":
        assert found.max() > 60
        assert not np.array_equal(found, missing)


def test_the_font_is_small_and_comes_with_its_licence() -> None:
    """One subset of 30 to 60 kB, under the SIL Open Font License, which travels with it."""
    folder = resources.files(fonts)
    assert 30_000 < len(folder.joinpath("Inter-subset.ttf").read_bytes()) < 60_000
    licence = folder.joinpath("OFL.txt").read_text()
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "The Inter Project Authors" in licence


def test_digits_are_of_one_width() -> None:
    """Numbers under one another line up."""
    assert len({fonts.width_px(digit, 12) for digit in "0123456789"}) == 1


def test_bold_is_bolder() -> None:
    """One file serves labels and titles."""
    regular, bold = fonts.mask("reward", 16)[0], fonts.mask("reward", 16, fonts.BOLD)[0]
    assert bold.sum() > 1.2 * regular.sum()


@given(st.text(max_size=40), st.floats(0, 400), st.sampled_from([11, 12, 16]))
@settings(max_examples=100)
def test_what_is_cut_fits(text: str, room_px: float, size_px: int) -> None:
    """No text, of any script, is ever wider than the room it was cut to."""
    shown = fonts.cut(fonts.clean(text), room_px, size_px)
    assert fonts.width_px(shown, size_px) <= room_px or not shown


def test_a_cut_name_keeps_both_ends() -> None:
    """Long names differ at their ends: the middle goes."""
    shown = fonts.cut("agent/network/head_0/very/long/name/loss_17", 150, 12)
    assert shown.startswith("agent/") and shown.endswith("_17") and "…" in shown
    assert fonts.cut("loss", 150, 12) == "loss"
    assert fonts.cut("loss", 3, 12) == ""


def test_measuring_never_promises_too_little() -> None:
    """A text is never drawn wider than it was measured."""
    for text in ("training reward over episodes", "WWWWWW", "1 000 000", "αβγ éüł", "iiiii"):
        for weight in (fonts.REGULAR, fonts.BOLD):
            assert fonts.mask(text, 12, weight)[1] <= fonts.width_px(text, 12, weight)


@given(st.text())
def test_clean_text_is_one_harmless_line(text: str) -> None:
    """What XML forbids, control characters and overrides of the reading direction never reach a picture."""
    shown = fonts.clean(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in shown)
    assert not set(shown) & set("\n\r\t\u202e\u2066\ufffe\uffff")


def test_clean_keeps_words_apart() -> None:
    """A line break becomes a space; letters of any script stay."""
    assert fonts.clean("  reward\n\tper\x00 episode \u202e漢字 ") == "reward per episode 漢字"


@pytest.mark.parametrize("text", ["", " ", "e" + "\u0301" * 30, "漢字", "\u0644\u0627", "Å" * 50])
def test_any_text_can_be_drawn(text: str) -> None:
    """Stacked accents, unknown scripts and nothing at all make a mask and no error."""
    mask, width, ascent = fonts.mask(text, 12)
    assert mask.dtype == np.uint8 and 0 < ascent < mask.shape[0]
    assert mask.shape[1] >= width


def test_layout_does_not_depend_on_the_machine() -> None:
    """Text is set by FreeType's own layout, whether or not Pillow has another."""
    font = ImageFont.truetype(
        BytesIO(resources.files(fonts).joinpath("Inter-subset.ttf").read_bytes()),
        1000,
        layout_engine=ImageFont.Layout.BASIC,
    )
    assert fonts.width_px("a", 1000) == pytest.approx(1.14 * font.getlength("a"))
