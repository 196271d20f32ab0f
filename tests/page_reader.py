"""A report page as a browser would see it, for tests that look at its words and tags."""

from __future__ import annotations

from html.parser import HTMLParser

from reports import html
from reports.verdict import judge
from seatrial.records import RunFolder

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """What a browser would see of it: tags with attributes, texts, and whether all that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


def text(made: RunFolder) -> str:
    run = made.load()
    return html.page(run, judge(run, made), made)


def told_in(made: RunFolder, name: str) -> str:
    """The words of one section."""
    page = text(made)
    part = page[page.index(f'<section id="{name}"') :]
    return " ".join(" ".join(Page(part[: part.index("</section>") + len("</section>")]).words).split())
