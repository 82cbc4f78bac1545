"""A page of ours, read as strictly as no browser does: every element is closed in order."""

from html.parser import HTMLParser

VOID = {"img", "meta", "link", "br", "hr", "source"}


class Document(HTMLParser):
    """Its elements with their attributes, its words and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    def links(self) -> list[str]:
        """Whatever the page loads or leads to."""
        names = ("src", "href", "srcset", "action", "data", "poster")
        return [attrs[name] or "" for _, attrs in self.tags for name in names if name in attrs]
