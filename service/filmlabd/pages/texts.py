"""How does a logged text read on a page? As it was written; the tables of Markdown as tables."""

from collections.abc import Iterator
from itertools import groupby

from filmlabd.pages.html import Html, el, join

LINES_MAX = 200
_RULE = frozenset("-: ")


def shown_text(text: str, *, markdown: bool) -> Html:
    """At most 200 lines of it; everything in it is text, none of it markup."""
    lines = text.splitlines()[:LINES_MAX]
    if not markdown:
        return el("pre", "\n".join(lines))
    return join(list(_blocks(lines)))


def _blocks(lines: list[str]) -> Iterator[Html]:
    for is_table, group in groupby(lines, key=lambda line: line.lstrip().startswith("|")):
        block = list(group)
        if is_table:
            yield _table([_cells(line) for line in block])
        elif any(line.strip() for line in block):
            yield el("pre", "\n".join(block).strip("\n"))


def _table(rows: list[list[str]]) -> Html:
    """The first row is its head where a row of dashes follows."""
    headed = len(rows) > 1 and all(cell and set(cell) <= _RULE for cell in rows[1])
    head = el("thead", el("tr", [el("th", cell, scope="col") for cell in rows[0]])) if headed else None
    body = el("tbody", [el("tr", [el("td", cell) for cell in row]) for row in (rows[2:] if headed else rows)])
    return el("table", head, body)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
