"""Eq. 37 of the paper as an axis: against what a receiver of signs at full power measures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdr_ota
from sdr_ota.assembly.plan import plan_run
from sdr_ota.assembly.snr_max import snr_max
from sdr_ota.config.load import load_config
from sdr_ota.config.parts import link_of


def settings(changes: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in changes.items()]


@pytest.mark.parametrize(
    ("snr_db", "path_gain_db", "peak", "chips"),
    [(30, -10, 0.5, 512), (20, 0, 0.25, 128), (10, -3, 0.9, 64)],
)
def test_it_is_the_power_of_a_symbol_over_the_noise_of_its_real_dimension(
    snr_db: float, path_gain_db: float, peak: float, chips: int, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {
        "air.preset": "ideal",
        "air.snr_db": snr_db,
        "air.path_gain_db": path_gain_db,
        "link.peak_amplitude": peak,
        "frame.payload_chips": chips,
        "clients.source": "synthetic",
        "clients.count": 2,
        "captures.every": 0,
        "run.rounds": 30,
        "run.folder": str(tmp_path),
    }
    config = load_config(None, settings(changes))
    level = snr_max(config)
    # P: the energy of all chips. N0: of a complex sample the real dimension has half.
    energy = link_of(config).frame.pulse.energy
    closed = chips * energy * peak**2 * 10 ** (path_gain_db / 10) / (10 ** (-snr_db / 10) / 2)
    assert level == pytest.approx(closed)
    run = sdr_ota.run(set=changes)
    variances = np.asarray(run.rounds.chips_std, dtype=np.float64) ** 2
    # Each is estimated from 512 idle chips or more: its relative deviation is sqrt(1/512).
    assert np.mean(variances) * level == pytest.approx(1, abs=4.5 / np.sqrt(512 * 30) + 0.02)


def test_the_plan_tells_it() -> None:
    changes = settings({"air.preset": "ideal", "air.snr_db": 30})
    level_db = 10 * np.log10(snr_max(load_config(None, changes)))
    assert dict(plan_run(None, changes).rows)["SNR_max"].startswith(f"{level_db:.1f} dB for a node")
