"""Pages that stand alone: tables and figures as one HTML file, or as Markdown.

The page needs nothing else: figures are inlined as SVG, there is no script, and nothing is
loaded from anywhere. It reads on light and dark screens and in grey print.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure as Drawing

from sdr_ota.report.plots import write_figure

Verdict: TypeAlias = Literal["good", "fair", "bad"]
FigureFormat: TypeAlias = Literal["pdf", "png", "svg"]

_SIGNS: dict[Verdict, str] = {"good": "✓", "fair": "~", "bad": "✗"}
"""Shown before the word, so that colour is never all that tells."""

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""The same figure gives the same bytes, whenever it is drawn."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is judged.

    Attributes:
        text: What stands in it.
        verdict: Shown by colour, sign and word; None for no judgement.
    """

    text: str
    verdict: Verdict | None = None

    @property
    def mark(self) -> str:
        """Sign and word of the verdict; empty without one."""
        return f"{_SIGNS[self.verdict]} {self.verdict}" if self.verdict else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row names it.

    Attributes:
        headings: One a column; empty for a table of names and values.
        rows: Texts, or `Cell` where there is a verdict.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows with every text as a cell."""
        return [[Cell(c) if isinstance(c, str) else c for c in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows.

    Attributes:
        caption: Full sentences; also what a screen reader says.
        drawing: A matplotlib figure.
        name: Stem of its file; by default made from the caption.
    """

    caption: str
    drawing: Drawing
    name: str = ""

    @property
    def stem(self) -> str:
        """File name without folder and ending."""
        words = re.findall(r"[a-z0-9]+", self.caption.lower())
        return self.name or "-".join(words[:5]) or "figure"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: text, then tables, then figures.

    Attributes:
        title: Heading.
        text: Plain text; an empty line begins a new paragraph.
        tables: In order.
        figures: In order.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs of the text."""
        return _paragraphs(self.text)


def render_page(title: str, summary: str, sections: Sequence[Section]) -> str:
    """Return one HTML page that needs no other file.

    Args:
        title: Heading, and name in the browser.
        summary: Plain text before the first section; empty lines part paragraphs.
        sections: In order.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counter = iter(range(10_000))

    def svg(figure: Figure) -> Markup:
        return Markup(_inline_svg(figure, f"figure{next(counter)}-"))

    template = environment.get_template("page.html.jinja")
    return template.render(title=title, paragraphs=_paragraphs(summary), sections=sections, svg=svg)


def render_markdown(
    title: str, summary: str, sections: Sequence[Section], images: str = "."
) -> str:
    """Return the page as Markdown; its figures are the files that `save_figures` writes as SVG.

    Args:
        title: Heading.
        summary: Text before the first section.
        sections: In order.
        images: Folder of the figures, relative to the Markdown file.
    """
    return "\n\n".join(part for part in _markdown(title, summary, sections, images) if part) + "\n"


def save_figures(
    sections: Sequence[Section],
    folder: Path,
    file_format: FigureFormat,
    width_in: float | None = None,
) -> list[Path]:
    """Save every figure of a page as a file of its own.

    Args:
        sections: Of the page.
        folder: Where to; made if it is not there.
        file_format: Of the files.
        width_in: Width of each, in inches; None for its own.

    Returns:
        The files, in the page's order.

    Raises:
        OSError: If one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for figure in (f for section in sections for f in section.figures):
        path = folder / f"{figure.stem}.{file_format}"
        write_figure(figure.drawing, path, width_in)
        paths.append(path)
    return paths


def _inline_svg(figure: Figure, prefix: str) -> str:
    """Return a figure as SVG whose identifiers are its own within the page."""
    text = io.StringIO()
    # Letters stay letters: small, sharp, and found by the browser's search.
    style = {"svg.fonttype": "none", "svg.hashsalt": "page"}
    write_figure(figure.drawing, text, more=style, format="svg", metadata=_NO_METADATA)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}", svg)


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _markdown(title: str, summary: str, sections: Sequence[Section], images: str) -> Iterator[str]:
    yield f"# {title}"
    yield summary.strip()
    for section in sections:
        yield f"## {section.title}"
        yield section.text.strip()
        yield from (_markdown_table(table) for table in section.tables)
        yield from (f"![{f.caption}]({images}/{f.stem}.svg)" for f in section.figures)


def _markdown_table(table: Table) -> str:
    n_columns = max((len(row) for row in table.rows), default=len(table.headings))
    headings = table.headings or [""] * n_columns
    rows = [[f"{cell.text} {cell.mark}".strip() for cell in row] for row in table.cells]
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
