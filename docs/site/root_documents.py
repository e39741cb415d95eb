"""README, hardware, contributing and changelog stand in the repository's root and are pages too."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "hardware.md": "hardware.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's documents; what they link in docs/ lies beside them on the site."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text().replace("](docs/", "](")
        files.append(File.generated(config, page, content=_as_pages(text)))
    citation = (ROOT / "CITATION.cff").read_text()
    files.append(File.generated(config, "CITATION.cff", content=citation))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let pages that link to a document in the root lead to its page."""
    return re.sub(
        r"\]\((?:\.\./)+(?=[\w]+\.md)", "](" + "../" * page.url.count("/"), _as_pages(markdown)
    )


def _as_pages(text: str) -> str:
    for source, page in PAGES.items():
        text = re.sub(rf"(\]\((?:\.\./)*){re.escape(source)}", rf"\1{page}", text)
    return text
