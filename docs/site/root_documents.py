"""README, hardware, contributing and changelog stand in the repository's root and are pages too."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "hardware.md": "hardware.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the root's documents; what they link in docs/ lies beside them on the site."""
    for source, page in PAGES.items():
        yield page, as_pages((ROOT / source).read_text().replace("](docs/", "]("), page)
    yield "CITATION.cff", (ROOT / "CITATION.cff").read_text()


def as_pages(text: str, page: str) -> str:
    """Let a page's links to documents in the root lead to their pages."""
    for source, target in PAGES.items():
        text = re.sub(rf"(\]\((?:\.\./)*){re.escape(source)}", rf"\1{target}", text)
    return re.sub(r"\]\((?:\.\./)+(?=\w+\.md)", "](" + "../" * page.count("/"), text)
