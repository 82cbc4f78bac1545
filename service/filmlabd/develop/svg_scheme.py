"""How does one SVG file suit a light page and a dark one? The colours of both, chosen by the reader's preference."""

import re

_COLOUR = re.compile(r'\b(fill|stroke)="(#[0-9a-f]{6})"')


def adaptive_svg(light: str, dark: str) -> str:
    """`light`, with the colours of `dark` for readers who prefer a dark page.

    Both are one drawing in two themes, so they differ in colours alone. A program that knows no style sheets shows it
    light, and where the two differ in anything else the result is `light` as it is.
    """
    colours = [match.group(2) for match in _COLOUR.finditer(dark)]
    if _COLOUR.sub("", light) != _COLOUR.sub("", dark):
        return light
    classes: dict[tuple[str, str], str] = {}
    turns = iter(colours)

    def marked(match: re.Match[str]) -> str:
        paint, colour = match.groups()
        other = next(turns)
        # Equal ones need no class. Text that only looks like a colour is equal in both, and stays as it is.
        if other == colour:
            return match.group(0)
        name = classes.setdefault((paint, other), f"d{len(classes)}")
        return f'{match.group(0)} class="{name}"'

    body = _COLOUR.sub(marked, light)
    rules = "".join(f".{name}{{{paint}:{colour}}}" for (paint, colour), name in classes.items())
    style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>\n"
    start = body.index(">") + 1
    return body[:start] + "\n" + style + body[start:].removeprefix("\n")
