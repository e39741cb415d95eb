"""Our models and detector beside GNU Radio's: what the tables in the documentation claim."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_ota.receiver.burst_fit import cramer_rao_bound
from sdr_ota.signal.frame import FrameFormat

pytestmark = [pytest.mark.gnuradio, pytest.mark.usefixtures("gnuradio")]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
N_SAMPLES, N_BURSTS = 100_000, 60


def said(name: str, *arguments: str) -> Any:
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), "--json", *arguments],
        capture_output=True, text=True, timeout=100, check=False, env=paths,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_impairments_agree() -> None:
    rows = {
        row["what"]: row for row in said("gnuradio_impairments.py", "--samples", str(N_SAMPLES))
    }
    assert rows["carrier offset: difference"]["theirs"] < -55
    assert rows["the same without the 3 samples"]["theirs"] > 0  # the shift is real
    # Their clock ratio is a single-precision number: 6e-8 over 100 000 samples are 0.006 samples.
    assert rows["clock error of 20 ppm: difference"]["theirs"] < -40
    tolerances = {
        "white noise: power": (4 / np.sqrt(N_SAMPLES), 4 / np.sqrt(16384)),  # theirs: a pool
        "white noise: share of the real part": (4 / np.sqrt(N_SAMPLES), 4 / np.sqrt(16384)),
        "image rejection, 1 dB and 5 deg": (1e-3, 1e-3),
        "phase noise: walk in 1 samples": (4 / np.sqrt(2 * N_SAMPLES),) * 2,
        # Overlapping walks of L samples count as N / L of them, at least.
        "phase noise: walk in 10 samples": (4 / np.sqrt(2 * N_SAMPLES / 10),) * 2,
        "phase noise: walk in 100 samples": (4 / np.sqrt(2 * N_SAMPLES / 100),) * 2,
        # Kurtosis of N draws: sqrt(20/N) for a Gaussian amplitude; theirs is one of 32 sinusoids.
        "Rayleigh fading: spread of power": (4 * np.sqrt(20 / N_SAMPLES), 0.1),
        "Rician, K = 4 fading: spread of power": (4 * np.sqrt(20 / N_SAMPLES), 0.1),
    }
    for what, (ours, theirs) in tolerances.items():
        row = rows[what]
        assert row["ours"] == pytest.approx(row["theory"], rel=ours), what
        assert row["theirs"] == pytest.approx(row["theory"], rel=theirs), what


def test_detectors_do_what_the_table_says() -> None:
    measured = said("gnuradio_detectors.py", "--bursts", str(N_BURSTS), "--noise", "500000")
    assert measured["false_alarms"]["chirp pair and fit"] == 0
    rows = measured["rows"]
    for row in (r for r in rows if r["detector"] == "chirp pair and fit"):
        frame = FrameFormat(known_amplitude=1.0)
        bound = cramer_rao_bound(frame.preamble(), 10 ** (row["snr_db"] / 10))
        spread = 1 + 4 / np.sqrt(2 * N_BURSTS)
        assert row["detected"] == 1.0, row
        assert row["n_extra"] == 0, row
        assert row["start_rms"] < spread * bound.start_std, row
        assert row["cfo_rms"] < spread * bound.cfo_std, row
    correlation = {(r["snr_db"], r["cfo"]): r for r in rows if "corr_est_cc" in r["detector"]}
    assert correlation[10.0, 0.0]["detected"] == 1.0
    assert correlation[10.0, 0.0]["start_rms"] < 1.0
    assert correlation[10.0, 0.001]["detected"] == 0.0
    coarse = {(r["snr_db"], r["cfo"]): r for r in rows if r["detector"].endswith("threshold 0.6")}
    assert coarse[10.0, 0.001]["detected"] > 0.9
    assert coarse[0.0, 0.0]["detected"] < 0.1
    assert coarse[10.0, 0.001]["cfo_rms"] < 3e-5
