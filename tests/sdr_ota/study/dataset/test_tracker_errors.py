"""The second part of a data set: predictions err as theory says of airs that theory knows."""

import numpy as np
import pytest

from sdr_ota.air.presets import AirPreset
from sdr_ota.study.dataset.tracker_card import tracker_table
from sdr_ota.study.dataset.tracker_errors import WORLDS, tracker_rows

LINEWIDTH_HZ = 1.0
WALKING = AirPreset(
    "walking", shared_clock=True, path_gain_db=-20.0, snr_db=60.0,
    phase_noise_linewidth_hz=LINEWIDTH_HZ,
)  # fmt: skip
STILL = AirPreset("still", shared_clock=True, path_gain_db=-20.0, snr_db=40.0)


def test_a_walking_phase_is_off_by_its_walk() -> None:
    """Wiener phase noise: what no predictor can know has the variance 2 pi v t."""
    latency_s, n_nodes, n_rounds = 0.02, 3, 12
    name = f"{__name__}:WALKING"
    rows = tracker_rows(name, n_nodes, n_rounds, 3, latencies_s=[latency_s])
    assert len(rows) == WORLDS * n_nodes * n_rounds
    late = [row for row in rows if row.round >= 2]  # the first soundings teach how much it walks
    walk_rad2 = 2 * np.pi * LINEWIDTH_HZ * np.mean([row.ahead_s for row in late])
    expected = 2 * (1 - np.exp(-walk_rad2 / 2))
    errors = np.array([row.relative_error for row in late])
    # A squared Gaussian has a relative deviation of sqrt(2); the tracker's own offset adds to it.
    assert errors.mean() == pytest.approx(expected, rel=4 * np.sqrt(2 / len(errors)) + 0.1)


def test_a_path_that_stands_still_is_off_by_noise_alone() -> None:
    rows = tracker_rows(f"{__name__}:STILL", 2, 6, 1, latencies_s=[1e-2])
    ratio = np.mean([row.relative_error for row in rows]) / np.mean(
        [row.observation_error for row in rows]
    )
    # At least the check's own noise; at most that of one sounding besides.
    spread = 4 * np.sqrt(1 / len(rows))  # of a mean of exponentials
    assert 1 - spread < ratio < 2 * (1 + spread)


def test_the_card_lays_out_every_air_and_latency() -> None:
    row = {"preset": "a", "latency_s": "0.001", "round": "1", "relative_error": "0.1",
           "expected_error": "0.05", "observation_error": "0.05"}  # fmt: skip
    rows = [{**row, "world": str(w), "latency_s": t} for w in range(5) for t in ("0.001", "1.0")]
    table = list(tracker_table(rows))
    assert table[0] == "| air | 1 ms | 1000 ms |"
    told = "-10.0 [-10.0, -10.0] (-10.0) / -10.0"
    assert table[2:] == [f"| a | {told} | {told} |"]
