"""Which clips show best what a run was, when not all of them fit?"""

import heapq
import itertools
from collections.abc import Iterator


def by_worth(count: int, best: int) -> Iterator[int]:
    """The numbers below `count`, the most worth showing first: the best, the last, the first, and then always the
    middle of the longest stretch of which nothing is shown yet.

    Args:
        count: of clips in the order of training.
        best: which of them is the best; anything when there is none.
    """
    shown = list(dict.fromkeys((best, count - 1, 0))) if count else []
    yield from shown
    bounds = sorted(shown)
    # The longest first, of equals the earlier one.
    stretches = [(first - last, first, last) for first, last in itertools.pairwise(bounds)]
    heapq.heapify(stretches)
    while stretches:
        _, first, last = heapq.heappop(stretches)
        if last - first < 2:
            continue
        middle = (first + last) // 2
        yield middle
        heapq.heappush(stretches, (first - middle, first, middle))
        heapq.heappush(stretches, (middle - last, middle, last))
