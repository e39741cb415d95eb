"""The site builds without a warning, and needs nothing from elsewhere to be read."""

import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sdr_ota.config.load import Config, known_keys
from tests.conftest import Seen

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def built(home: Path) -> str:
    """Build a site in a folder of its own, and return what was said."""
    shutil.copy(ROOT / "mkdocs.yml", home)
    rooms = (ROOT, ROOT / "calibration", ROOT / "flowgraphs")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "site" / "build.py", home],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, rooms)), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strict: a broken link or a missing anchor fails the build."""
    home = tmp_path_factory.mktemp("home")
    assert "No issues found" in built(home)
    return home / "build" / "site"


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
    assert "patience_evaluations integer, at least 1, at most 2^31" in text
    assert 'scalar_limit number or "auto"' in text
    assert "annotation=" not in text
    assert "typing." not in text


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


def test_every_link_leads_somewhere(site: Path) -> None:
    """Judged by the pages alone, whatever builds them."""
    pages = {page: page.read_text() for page in site.rglob("*.html") if page.name != "404.html"}
    anchors = {page: set(re.findall(r' id="([^"]+)"', text)) for page, text in pages.items()}
    dead = []
    for page, text in pages.items():
        for link in re.findall(r'<a [^>]*href="([^"]+)"', text):
            target = urlsplit(html.unescape(link))
            if target.scheme or target.netloc:
                continue
            place = (page.parent / unquote(target.path)).resolve() if target.path else page
            place = place / "index.html" if place.is_dir() else place
            anchor = unquote(target.fragment)
            if not place.is_file() or (anchor and anchor not in anchors.get(place, ())):
                dead.append((page.name, link))
    assert not dead
    assert sum(map(len, anchors.values())) > 1000  # or nothing was looked at


def test_the_navigation_leads_to_every_page(site: Path) -> None:
    menu = (site / "index.html").read_text().partition("<article")[0]
    led_to = {(site / link).resolve() for link in re.findall(r'href="([^"#]+\.html)', menu)}
    assert set(site.rglob("*.html")) - led_to <= {site / "404.html", site / "index.html"}


ASK = """<script>
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
addEventListener("load", async () => {
  document.querySelector(".md-search__button").click();
  await wait(500);
  const search = [...document.body.children].find((one) => one.shadowRoot).shadowRoot;
  const input = search.querySelector("input");
  input.value = "tracker";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await wait(1500);
  document.body.dataset.found = [...search.querySelectorAll("a")].map((a) => a.href).join(" ");
});
</script></body>"""
"""Types into the search, and writes down where what it finds leads."""


def test_the_search_works_in_pages_that_are_opened_as_files(
    site: Path, browse: Callable[[Path | str], Seen]
) -> None:
    asking = site / "asking.html"
    asking.write_text((site / "index.html").read_text().replace("</body>", ASK))
    seen = browse(asking)
    found = re.search(r'data-found="([^"]*)"', seen.document)
    assert found is not None
    assert (site / "explanation" / "latency.html").as_uri() + "#what-the-tracker-does" in found[1]
    assert len(found[1].split()) > 3
    assert not seen.console
