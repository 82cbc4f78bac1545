"""Which few colours stand for many: distinct colours, the divisive quantiser, the nearest entry."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.uint32]  # packed 24-bit colours, red in the lowest byte

# Clusters whose squared error exceeds this share of the worst one's are split in the same round.
_SPLIT_SHARE: Final = 0.2
# Two colours one step apart have a squared error of 0.5: below this a cluster is one colour, and the rest is rounding.
_ONE_COLOUR_SSE: Final = 0.25
# OpenBLAS multiplies up to 2 ** 18 terms (256 · 255 · 4 here) in the calling thread; its others would only burn time.
_NEAREST_BLOCK: Final = 256


def unpack(colours: Colours) -> npt.NDArray[np.uint8]:
    """Packed colours (n,) as RGB, uint8 (n, 3)."""
    return np.ascontiguousarray(_channels(colours)[:, :3])


def _channels(colours: Colours) -> npt.NDArray[np.uint8]:
    """Packed colours (n,) as uint8 (n, 4), without a copy; the last column is 0."""
    return np.ascontiguousarray(colours, dtype="<u4").view(np.uint8).reshape(-1, 4)


def pack(rgb: npt.NDArray[np.uint8]) -> Colours:
    """RGB, uint8 (n, 3), as packed colours (n,)."""
    wide = rgb.astype(np.uint32)
    packed: Colours = wide[:, 0] | wide[:, 1] << np.uint32(8) | wide[:, 2] << np.uint32(16)
    return packed


def distinct(colours: Colours) -> Colours:
    """Each colour once, ascending. Runs go first: sorting is the dear part, and `np.unique` dearer still."""
    starts = np.flatnonzero(colours[1:] != colours[:-1])
    ordered = np.sort(np.append(colours[starts], colours[-1:]))
    return ordered[np.append(ordered[1:] != ordered[:-1], True)] if ordered.size else ordered


def counted(colours: Colours) -> tuple[Colours, npt.NDArray[np.intp]]:
    """Each colour once, ascending, and how often it occurs."""
    ordered = np.sort(colours)
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], ordered.size > 0))
    return ordered[last], np.diff(last, prepend=-1)


def commonest(colours: Colours, limit: int) -> Colours:
    """At most `limit` distinct colours, those that occur most often."""
    needed, counts = counted(colours)
    return needed if needed.size <= limit else needed[np.argsort(-counts, kind="stable")[:limit]]


def quantise(colours: Colours, counts: npt.NDArray[np.intp], limit: int, *, good_enough: float = 0.0) -> Colours:
    """At most `limit` colours for distinct `colours` that occur `counts` times: clusters are split where error is left.

    Every cluster with much squared error is split at its mean along its widest axis, many in a round, until `limit`
    clusters stand or the mean squared error of a pixel is down to `good_enough`. A k-means step afterwards would change
    little, for a millisecond more.
    """
    points = unpack(colours).astype(np.float64).T
    weights = counts.astype(np.float64)
    weighted = points * weights
    squares = weighted * points
    labels = np.zeros(colours.size, np.intp)
    clusters = 1
    while True:
        mass = np.bincount(labels, weights, clusters)
        means = np.stack([np.bincount(labels, axis, clusters) for axis in weighted]) / mass
        if clusters >= limit:
            break
        errors = np.stack([np.bincount(labels, axis, clusters) for axis in squares]) - means * means * mass
        totals = errors.sum(axis=0)
        if totals.sum() <= good_enough * mass.sum():
            break
        chosen = _worst(totals, limit - clusters)
        if chosen.size == 0:
            break
        _split(labels, chosen, errors.argmax(axis=0), points, means)
        clusters += chosen.size
    return distinct(pack(np.rint(means.T).astype(np.uint8)))


def _worst(errors: npt.NDArray[np.float64], limit: int) -> npt.NDArray[np.intp]:
    """The clusters to split in this round, at most `limit`."""
    chosen = np.flatnonzero(errors > max(_ONE_COLOUR_SSE, _SPLIT_SHARE * errors.max()))
    return chosen if chosen.size <= limit else chosen[np.argsort(-errors[chosen], kind="stable")[:limit]]


def _split(
    labels: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.intp],
    axes: npt.NDArray[np.intp],
    points: npt.NDArray[np.float64],
    means: npt.NDArray[np.float64],
) -> None:
    """Give the upper half of each chosen cluster, along its axis, a new label; `labels` is changed in place."""
    clusters = means.shape[1]
    successor = np.zeros(clusters, np.intp)
    successor[chosen] = clusters + np.arange(chosen.size)
    cut = means[axes, np.arange(clusters)]
    member = np.flatnonzero(successor[labels])
    label = labels[member]
    upper = points[axes[label], member] > cut[label]
    labels[member[upper]] = successor[label[upper]]


def refined(entries: Colours, colours: Colours, counts: npt.NDArray[np.intp]) -> Colours:
    """The entries, each moved to the mean of the colours that it is nearest to: one step of k-means."""
    labels = nearest(colours, entries)
    mass = np.bincount(labels, counts, entries.size)
    used = mass > 0
    sums = np.stack([np.bincount(labels, counts * channel, entries.size) for channel in unpack(colours).T])
    return distinct(pack(np.rint((sums[:, used] / mass[used]).T).astype(np.uint8)))


def nearest(colours: Colours, palette: Colours) -> npt.NDArray[np.uint8]:
    """For each colour the number of the palette's closest entry, by squared distance in RGB; at most 256 entries."""
    # |x - p|² = |x|² - 2 (x·p - |p|²/2): the largest bracket is the nearest entry. The fourth column, 1 against
    # -|p|²/2, makes the bracket one product; all its terms are exact in float32.
    entries = _channels(palette).astype(np.float32)
    entries[:, 3] = (entries * entries).sum(axis=1) / -2
    points = _channels(colours).astype(np.float32)
    points[:, 3] = 1
    found = np.empty(colours.size, np.uint8)
    for start in range(0, colours.size, _NEAREST_BLOCK):
        block = slice(start, start + _NEAREST_BLOCK)
        found[block] = (points[block] @ entries.T).argmax(axis=1)
    return found


def squared_error(colours: Colours, shown: Colours) -> npt.NDArray[np.int32]:
    """Per pixel the sum over the three channels of the squared difference."""
    error = np.zeros(colours.size, np.int32)
    wrong = np.flatnonzero(colours != shown)
    difference = np.subtract(_channels(colours[wrong]), _channels(shown[wrong]), dtype=np.int32)
    error[wrong] = np.einsum("ij,ij->i", difference, difference)
    return error
