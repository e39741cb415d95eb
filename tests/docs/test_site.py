"""The site builds without a warning, and needs nothing from elsewhere to be read."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sdr_ota.config.load import Config, known_keys
from tests.conftest import Seen

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strict: a broken link, a missing anchor or a page nobody leads to fails the build."""
    folder = tmp_path_factory.mktemp("site")
    rooms = (ROOT, ROOT / "calibration", ROOT / "flowgraphs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, rooms)),
            "NO_MKDOCS_2_WARNING": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout
    return folder


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text())


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    wanted = r"<(?:script|img|iframe)[^>]* src=\"https?:[^\"]*\"|<link[^>]* href=\"https?:[^\"]*\""
    fetched = {
        (page.name, found)
        for page in site.rglob("*.html")
        for found in re.findall(wanted, page.read_text())
    }
    assert fetched == set()


def test_every_key_of_the_configuration_is_explained(site: Path) -> None:
    page = (site / "reference" / "config.html").read_text()
    for table in Config.model_fields:
        assert f'id="{table}"' in page
        for key in known_keys()[table]:
            assert f"<code>{key}</code>" in page, f"{table}.{key}"


def test_the_ranges_are_those_of_the_code(site: Path) -> None:
    text = " ".join(text_of(site / "reference" / "config.html").split())
    assert "snr_db number, at least -60, at most 120 dB not set" in text
    assert 'payload "analog", "sign"' in text


def test_every_command_is_listed(site: Path) -> None:
    page = text_of(site / "reference" / "commands.html")
    for command in ("run", "plan", "export", "virtual-pluto", "doctor"):
        assert f"sdr-ota {command}" in page
    assert "\b" not in page
    assert "\n  air.snr_db = [0, 10, 20]\n" in page  # lines stay lines


def test_formulas_are_mathml(site: Path) -> None:
    page = (site / "reference" / "code" / "ota_calibration.privacy.html").read_text()
    assert "<math" in page
    assert "arithmatex" not in page


def test_figures_of_the_pages_are_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        for target in re.findall(r'<img[^>]* src="([^":]+)"', page.read_text()):
            assert (page.parent / target).resolve().is_file(), f"{page.name}: {target}"


def test_the_search_works_in_pages_that_are_opened_as_files(
    site: Path, browse: Callable[[Path | str], Seen]
) -> None:
    seen = browse(f"{(site / 'index.html').as_uri()}?q=tracker")
    found = re.search(r"(\d+) matching documents", seen.document)
    assert found is not None and int(found[1]) > 3
    assert not seen.console
