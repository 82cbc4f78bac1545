"""How are sets of episodes written? `0,10,40-45`: numbers and ranges with both ends in."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from filmlab.errors import BadInput

Range: TypeAlias = tuple[int, int]
"""First and last episode, both in the range."""

INDEX_MAX = 2**53
_PIECE = re.compile(r"(\d{1,16})(?:-(\d{1,16}))?", re.ASCII)


def parse_ranges(text: str) -> tuple[Range, ...]:
    """The ranges of a text such as `12,40-45`, ascending and merged. Of a blank text: none.

    Raises:
        BadInput: a piece is no number and no range, or a range ends before it begins.
    """
    if not text.strip():
        return ()
    return merge_ranges(_piece(piece.strip()) for piece in text.split(","))


def merge_ranges(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same episodes in as few ranges as can be, ascending."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def format_ranges(ranges: Iterable[Range]) -> str:
    """The text that `parse_ranges` reads back."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def contains(ranges: Sequence[Range], episode: int) -> bool:
    """Whether the episode is in one of the ranges."""
    return any(first <= episode <= last for first, last in ranges)


def without(ranges: Sequence[Range], episode: int) -> tuple[Range, ...]:
    """The ranges less one episode."""
    left: list[Range] = []
    for first, last in ranges:
        parts = ((first, min(last, episode - 1)), (max(first, episode + 1), last))
        left += [(first, last)] if not first <= episode <= last else [part for part in parts if part[0] <= part[1]]
    return tuple(left)


def _piece(piece: str) -> Range:
    match = _PIECE.fullmatch(piece)
    if match is None:
        raise BadInput(f"{piece[:40]!r} is no episode (12) and no range of episodes (40-45)")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise BadInput(f"the range {piece} ends before it begins")
    if last > INDEX_MAX:
        raise BadInput(f"episode {last} is past the last possible one, {INDEX_MAX}")
    return first, last
