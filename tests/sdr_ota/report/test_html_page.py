"""A page stands alone, escapes what it is given, and reads without colour."""

import re
from html.parser import HTMLParser
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from sdr_ota.report.html_page import (
    Cell,
    Figure,
    Section,
    Table,
    render_markdown,
    render_page,
    save_figures,
)

VOID = {"meta", "link", "br", "img", "hr"}


class Reader(HTMLParser):
    """Checks that tags close, and collects what a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "xlink:href"}:
                self.references.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def drawing(label: str = "SNR (dB)") -> Drawing:
    figure = Drawing()
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0, 1, 0], "o-", label="measured")
    axes.set_xlabel(label)
    axes.legend()
    return figure


def sections() -> list[Section]:
    table = Table(("node", "gain"), [("0", Cell("-3.0 dB", "good")), ("1", Cell("-40 dB", "bad"))])
    return [
        Section("First", "One.\n\nTwo.", [table], [Figure("A first figure.", drawing())]),
        Section("Second", figures=[Figure("Another.", drawing(), name="second")]),
        Section("Third", tables=[Table((), [("name", "value")])]),
    ]


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    reader = read(render_page("Report", "What it says.", sections()))
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == 2
    assert reader.tags.count("p") == 3
    assert all(r.startswith(("#", "data:")) for r in reader.references), reader.references


def test_identifiers_are_unique_and_found() -> None:
    page = render_page("Report", "", sections())
    ids = read(page).ids
    assert len(ids) == len(set(ids))
    named = re.findall(r'(?:url\(|href=")#([^")]+)', page)
    assert named
    assert set(named) <= set(ids)


def test_what_it_is_given_is_text_not_markup() -> None:
    nasty = '<script>alert("1")</script>'
    table = Table((nasty,), [(nasty, Cell(nasty, "bad"))])
    figure = Figure(nasty, drawing(nasty))
    reader = read(render_page(nasty, nasty, [Section(nasty, nasty, [table], [figure])]))
    assert "script" not in reader.tags


def test_a_verdict_is_told_by_a_word() -> None:
    page = render_page("Report", "", sections())
    assert "✓ good" in page
    assert "✗ bad" in page


def test_the_same_page_is_the_same_text() -> None:
    assert render_page("a", "b", sections()) == render_page("a", "b", sections())


def test_markdown_names_the_files_that_are_saved(tmp_path: Path) -> None:
    text = render_markdown("Report", "What it says.", sections(), images="figures")
    saved = save_figures(sections(), tmp_path / "figures", "svg")
    linked = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert [tmp_path / link for link in linked] == saved
    assert all(path.stat().st_size > 0 for path in saved)
    assert "| 1 | -40 dB ✗ bad |" in text.splitlines()


def test_a_bar_in_a_cell_does_not_break_a_markdown_table() -> None:
    section = Section("S", tables=[Table(("a", "b"), [("x|y", "z")])])
    assert "| x\\|y | z |" in render_markdown("t", "", [section])
