"""The Flower strategy, against the Flower of the package index and its own simulation engine.

Flower asks for older versions of libraries that others here need, so `make setup` gives it an
environment of its own inside ours. Without that environment these tests fail: no skip hides it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FLOWER = Path(sys.prefix) / "flower" / "bin" / "python"
PAGE = ROOT / "docs" / "how-to" / "flower.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def run_in_flower(program: Path) -> str:
    """Run a program with Flower's Python; return all that it prints."""
    assert FLOWER.is_file(), f"{FLOWER} is missing: `make setup` makes Flower's environment"
    rooms = (ROOT, ROOT / "calibration", ROOT / "flowgraphs")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, rooms)),
        "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    done = subprocess.run(
        [FLOWER, program], env=environment, cwd=program.parent, timeout=300, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_erasure_leaves_the_model_and_a_clean_round_steps_by_the_mean() -> None:
    printed = run_in_flower(Path(__file__).with_name("flower_run.py"))
    told = json.loads(re.search(r"told: (.*)", printed)[1])  # type: ignore[index]
    clean, lost, silent, last = told["metrics"]
    assert [one["erased"] for one in told["metrics"]] == [0, 1, 1, 0]
    assert set(lost) == set(silent) == {"erased"}
    # Clients send round + 0, 0.5 and 1. With a silent client nothing goes on the air.
    assert told["true"] == pytest.approx([1.5, 2.5, 4.5])
    for metrics, true in ((clean, 1.5), (last, 4.5)):
        assert metrics["clipped"] == 0
        assert 0 < metrics["std"] < 0.1
        # Beyond six deviations lies less than 1e-8 of a Gaussian.
        assert abs(metrics["scalar"] - true) < max(6 * metrics["std"], 1e-3)
    after = [-clean["scalar"]] * 3 + [-clean["scalar"] - last["scalar"]]
    assert told["weights"] == [pytest.approx([x, x]) for x in [0.0, *after]]


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    text = re.search(r'title="flower_air.py"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)[1]  # type: ignore[index]
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    program = tmp_path / "flower_air.py"
    program.write_text(text)
    before, after = re.search(r"distance ([\d.]+) -> ([\d.]+)", run_in_flower(program)).groups()  # type: ignore[union-attr]
    assert float(after) < float(before)
