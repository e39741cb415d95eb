"""The receiver's noise, bounded from below by listening to a silent bench."""

import numpy as np
import pytest
from ota_calibration.privacy.receiver_noise import measure_noise_bound

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.units import db_to_power

LINK = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=1e4)


@pytest.mark.parametrize("snr_db", [0.0, 20.0, 40.0])
def test_the_bound_lies_below_the_true_noise_of_a_chip_and_near_it(snr_db: float) -> None:
    truth = db_to_power(-snr_db) / LINK.frame.pulse.energy
    bounds = []
    for seed in range(40):
        air = SimulatedAir(AirSettings(AirPreset("silent", snr_db=snr_db), 1, 1e6, 915e6, seed))
        bench = Bench(SimulatedRadio(air, None), (SimulatedRadio(air, 0),), 1e6)
        bounds.append(measure_noise_bound(bench, LINK))
    # Each bound fails once in a thousand runs: two failures among forty would be one in 1300.
    assert sum(bound > truth for bound in bounds) <= 1
    assert np.mean(bounds) > 0.88 * truth
