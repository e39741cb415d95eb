"""What the tests of flowgraphs need of the machine."""

import os
import subprocess

import pytest
from ota_flowgraphs.process import CURE, PYTHON


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
