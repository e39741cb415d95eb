"""What the documents quote from the software is what it says."""

import re
import tomllib
from pathlib import Path

import yaml

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
            r"(?<![\w/])(?:examples|benchmarks|sdr_ota|docs|scripts)/[\w/.-]+\.\w+",
            page.read_text(),
        ):
            assert (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_citation_file_has_what_its_format_asks_for_and_this_version() -> None:
    """Keys and values of the Citation File Format 1.2.0."""
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert about["cff-version"] == "1.2.0"
    assert about["type"] in {"software", "dataset"}
    assert about["version"] == project["version"]
    assert about["license"] == project["license"].split(" AND ")[0]  # of what is written here
    assert about["title"] and about["message"]
    for work in (about, *about["references"]):
        for author in work["authors"]:
            assert set(author) in ({"name"}, {"given-names", "family-names"})
    (paper,) = about["references"]
    assert paper["type"] == "article"
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2604.12401"}]
    assert set(about) <= {
        "cff-version", "message", "title", "type", "authors", "version", "license", "abstract",
        "keywords", "references",
    }  # fmt: skip


def test_contributing_names_every_check_of_make_lint() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("lint: ready\n")[2].partition("\n\n")[0]
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tools = re.findall(r"\$\(run\)/(?:python )?([\w./-]+)", recipe)
    assert len(set(tools)) == 4
    assert [tool for tool in tools if f"`{tool}`" not in text] == []


def test_set_up_ends_by_saying_how_the_environment_is_entered() -> None:
    recipes = (ROOT / "Makefile").read_text()
    assert "source .venv/bin/activate" in recipes
    for target in ("demo", "setup"):
        lines = recipes.partition(f"\n{target}: ready")[2].partition("\n\n")[0].splitlines()
        assert lines[-1] == "\t$(enter)"
    assert "source .venv/bin/activate" in (ROOT / "README.md").read_text()


def test_only_what_gnuradio_companion_writes_has_another_licence() -> None:
    label = "SPDX-License-Identifier: GPL-3.0"
    rooms = (ROOT / "flowgraphs", ROOT / "sdr_ota", ROOT / "zo_core", ROOT / "calibration")
    labelled = [p for room in rooms for p in room.rglob("*.py") if label in p.read_text()[:400]]
    generated = ROOT / "flowgraphs" / "ota_flowgraphs" / "generated"
    written = [path for path in generated.glob("*.py") if path.name != "__init__.py"]
    assert sorted(labelled) == sorted(written)
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSES" / "GPL-3.0-only.txt").read_text()
