"""Which ink draws a frame: the one for camera pictures, the exact one, or the balanced one."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from filmlab.errors import BadInput
from filmlabd.render.gif_balanced import BalancedInks
from filmlabd.render.gif_exact import ExactInks
from filmlabd.render.gif_ink import Ink
from filmlabd.render.gif_natural import NaturalInks
from filmlabd.render.gif_source import Change, Source

Quality = Literal["balanced", "exact"]


class Inks:
    """Frame by frame, what is to be drawn."""

    def __init__(self, source: Source, quality: Quality) -> None:
        numbers = itertools.count()
        self._source = source
        self._natural = NaturalInks(source, numbers)
        self._usual: ExactInks | BalancedInks
        match quality:
            case "exact":
                self._usual = ExactInks(source, numbers)
            case "balanced":
                self._usual = BalancedInks(source, numbers)
            case _:
                raise BadInput(f"expected quality 'balanced' or 'exact', got {quality!r}")

    def first(self) -> Ink:
        """The ink of the clip's first frame: every pixel of it."""
        colours = self._source.all()
        whole = Change(np.arange(colours.size), colours)
        return self._natural.ink(whole) if self._natural.suits(whole) else self._usual.first(whole)

    def next(self, change: Change | None) -> Ink | None:
        """The ink of a later frame; None when there is nothing to draw."""
        if change is None or not self._natural.suits(change):
            return self._usual.next(change)
        ink = self._natural.ink(change)
        self._usual.redrawn(ink.at)
        return ink
