"""Options of the whole suite."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.typing import NDArray
from ota_flowgraphs.process import CURE, PYTHON

from sdr_ota.radio.virtual.soapy_module import build_module


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--radio",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="with -m hardware: transmitter, then receiver; one address for a full-duplex radio",
    )
    parser.addoption(
        "--radio-freq-hz", type=float, default=915e6, help="where the hardware tests transmit"
    )


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What belongs to a user's bench is neither read nor changed by tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _no_runs_before(
    _own_state: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one test spends of its data's privacy is not missing in the next."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def virtual_soapy_driver() -> Path:
    """SoapySDR learns of the virtual driver once, before its first device is opened."""
    import SoapySDR  # noqa: PLC0415

    module = build_module()
    assert SoapySDR.loadModule(str(module)) == ""
    return module


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page."""

    document: str
    console: list[str]
    picture: NDArray[np.float64]


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[Path | str], Seen]:
    """Open a file or a URL in a headless browser; nothing is loaded from a network."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must look at pages in a browser: apt-get install chromium")
        pytest.skip("no browser here: apt-get install chromium looks at the pages")

    def look(page: Path | str) -> Seen:
        url = page if isinstance(page, str) else page.resolve().as_uri()
        picture = tmp_path / "picture.png"
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += [f"--user-data-dir={tmp_path / 'browser'}", "--enable-logging=stderr"]
        command += ["--window-size=1000,3000", f"--screenshot={picture}", "--dump-dom"]
        said = subprocess.run(
            [*command, "--virtual-time-budget=3000", url],
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        console = [line for line in said.stderr.splitlines() if ":CONSOLE" in line]
        return Seen(said.stdout, console, plt.imread(picture))

    return look


@pytest.fixture(scope="session")
def gnuradio() -> str:
    """Return the interpreter that has GNU Radio; without it tests are skipped, but fail in CI."""
    code = "import gnuradio.gr, numpy, scipy, zmq"
    try:
        done = subprocess.run(
            [PYTHON, "-s", "-c", code], capture_output=True, timeout=60, check=False
        )
        is_there = done.returncode == 0
    except OSError:
        is_there = False
    if not is_there:
        text = f"GNU Radio is not installed for {PYTHON}; {CURE}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)
    return PYTHON
