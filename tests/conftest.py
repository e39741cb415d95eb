"""Options of the whole suite."""

import os
import subprocess
from pathlib import Path

import pytest
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


@pytest.fixture(scope="session")
def virtual_soapy_driver() -> Path:
    """SoapySDR learns of the virtual driver once, before its first device is opened."""
    import SoapySDR  # noqa: PLC0415

    module = build_module()
    assert SoapySDR.loadModule(str(module)) == ""
    return module


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
