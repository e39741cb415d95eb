"""Every page of the site as a file, so that any builder of sites can take them.

    PYTHONPATH=.:calibration:flowgraphs python docs/site/write_pages.py build/pages

The folder holds the pages of docs/, those of the repository's root, and those that are made from
the code: commands, configuration keys, packages. All of it is plain Markdown; the order of the
pages is in `.nav.yml`.
"""

import shutil
import sys
from pathlib import Path

import code_reference
import command_reference
import config_reference
import root_documents

DOCS = Path(__file__).parents[1]
MADE = (root_documents, command_reference, config_reference, code_reference)


def write_pages(folder: Path) -> None:
    """Write all pages into a folder; what was in it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for written in folder.rglob("*.md"):
        name = written.relative_to(folder).as_posix()
        text = code_reference.with_code(written.read_text())
        written.write_text(root_documents.as_pages(text, name))
    for pages in MADE:
        for name, text in pages.pages():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
