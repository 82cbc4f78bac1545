"""How is HTML put together so that nothing in it can be markup by accident? Text is escaped unless it is `Html`."""

import html
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import quote


class Html(str):
    """Markup that is safe to write as it is: made by `el` or `raw` only."""

    __slots__ = ()


Child: TypeAlias = "Html | str | Iterable[Html | str | None] | None"
# Embeddings, overrides and isolates: what comes after one of them reads in another direction.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_VOID = frozenset({"img", "meta", "link", "br", "hr", "source"})


def raw(text: str) -> Html:
    """Markup of our own that holds nothing from outside."""
    return Html(text)


def text(value: str) -> Html:
    """Text from outside: escaped, and without the characters that would turn or hide what stands around it."""
    shown = value if value.isascii() and value.isprintable() else "".join(map(_shown, value))
    return Html(html.escape(shown))


def el(tag: str, *children: Child, **attributes: str | int | None) -> Html:
    """An element. `cls` is written as `class`; an attribute that is None is left out, `_` in its name becomes `-`."""
    written = "".join(
        f' {"class" if name == "cls" else name.replace("_", "-")}="{text(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Html:
    """Children one after the other; None is nothing."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            parts.append(child if isinstance(child, Html) else text(child))
        else:
            parts.append(join(child))
    return Html("".join(parts))


def href(path: str) -> str:
    """A relative path as a link: a file whose own name has a `%` is found, and nothing becomes a scheme."""
    return quote(path, safe="/") if not path.startswith("/") else "#"


def _shown(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
    if hidden or unicodedata.bidirectional(char) in _TURNING:
        return "\N{REPLACEMENT CHARACTER}"
    return char
