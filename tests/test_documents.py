"""What the documents quote from the software is what it says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def said_by_the_software() -> str:
    """Return all source text with the seams between pieces of one message removed."""
    files = [p for room in ("sdr_ota", "calibration") for p in (ROOT / room).rglob("*.py")]
    text = "\n".join(path.read_text() for path in files)
    return re.sub(r'"\s*\n\s*f?"', "", text)


def test_the_troubleshooting_table_quotes_messages_that_exist() -> None:
    text = (ROOT / "hardware.md").read_text()
    rows = text[text.index("| it says") :].splitlines()[2:]
    quotes = [quote for row in rows for quote in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(quotes) > 15
    source = said_by_the_software().replace("{name}", "rx_gain_db")
    assert [quote for quote in quotes if quote not in source] == []


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_file_that_a_document_names_exists() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(
            r"(?:examples|benchmarks|sdr_ota|docs)/[\w/.-]+\.\w+", page.read_text()
        ):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
