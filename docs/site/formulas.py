"""Formulas become MathML, which browsers show without a script or a font from elsewhere."""

import html
import re
from pathlib import Path

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def show_formulas(site: Path) -> None:
    """Replace what the Markdown extension has marked as a formula, in every page of a site."""
    for page in site.rglob("*.html"):
        text = page.read_text()
        if "arithmatex" in text:
            page.write_text(_FORMULA.sub(_mathml, text))


def _mathml(found: re.Match[str]) -> str:
    display = "inline" if found[2] == "(" else "block"
    return convert(html.unescape(found[3]), display=display)
