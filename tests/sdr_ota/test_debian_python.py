"""The radio side works under the interpreter and the old numpy that GNU Radio needs."""

import os
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
TESTS = HOME / "tests/sdr_ota"
PYTHON = "/usr/bin/python3"

NEEDS_CALIBRATION = "receiver/test_guesses.py"
"""Soundings are estimated in the calibration's package, which needs more than that Python has."""

SELECTED = (
    "receiver", "signal", "schemes", "air/impairments", "air/test_air_stream.py",
    "rounds/test_transmitter.py",
)  # fmt: skip
"""Tests of all that the flowgraphs use."""

NEEDS_MORE = (
    "cli",
    "config",
    "assembly",
    "report",
    "runs",
    "study",
    "door",
    "rounds",
    "remote",
    "downlink",
    "soapy_module",
)
"""What needs libraries that this interpreter need not have (pydantic, msgspec, rich, reedsolo)."""

IMPORT_ALL = """
import importlib, pkgutil, sdr_ota
for found in pkgutil.walk_packages(sdr_ota.__path__, "sdr_ota.", onerror=lambda name: None):
    if not set(found.name.split(".")) & set({needs_more}):
        importlib.import_module(found.name)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [PYTHON, "-s", *arguments], cwd=HOME, capture_output=True, text=True, timeout=300,
        env={**kept, "PYTHONPATH": str(HOME), "OPENBLAS_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def its_libraries() -> None:
    found = run("-c", "import numpy, scipy, zmq, pytest")
    if found.returncode:
        cure = "apt-get install python3-scipy python3-zmq python3-pytest"
        text = f"{PYTHON} lacks a library that these tests need: {cure}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)


def test_every_module_of_the_radio_side_imports_there() -> None:
    done = run("-c", IMPORT_ALL.format(needs_more=NEEDS_MORE))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_the_selected_tests_pass_there() -> None:
    done = run(
        "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-c", os.devnull,
        "--rootdir", str(HOME), "--import-mode=importlib", "--confcutdir", str(TESTS),
        *(str(TESTS / name) for name in SELECTED),
        f"--ignore={TESTS / NEEDS_CALIBRATION}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
