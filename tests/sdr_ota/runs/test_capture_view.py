"""What is drawn of a capture, against what was sent."""

from pathlib import Path

import numpy as np
import pytest
from ota_calibration.paths.sounding import make_plan

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.given_symbols import receive_symbols
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.capture_view import capture_spectrum, payload_constellation
from sdr_ota.runs.captures import StoredCapture
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import TransmitPlan
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
SYMBOLS = np.array([0.75, -0.25, 0.5])


def _stored(scheme: str, has_hardware_time: bool = True) -> StoredCapture:
    air = SimulatedAir(AirSettings(air_preset("ideal"), 3, RATE_HZ, 915e6, seed=1))
    nodes = tuple(SimulatedRadio(air, node, has_hardware_time) for node in range(3))
    link = Link(FrameFormat(), load_scheme(scheme), max_cfo_hz=0.0)
    with Bench(SimulatedRadio(air, None, has_hardware_time), nodes, RATE_HZ) as bench:
        reception = receive_symbols(
            SYMBOLS, make_plan(sound_nodes(bench, link), 0.5, 20.0), bench, link, 5
        )
    return StoredCapture(Path(), reception, link, RoundResult(0, 5), ())


def test_coherent_chips_lie_around_the_sum() -> None:
    stored = _stored("coherent")
    chips = payload_constellation(stored)
    relative_noise = 1e-3 / stored.link.frame.pulse.energy / stored.reception.plan.rx_amplitude**2
    # What the soundings left of the phases.
    phase_std = max(e.phase_std_rad for e in stored.reception.plan.path_errors)
    mean_std = np.sqrt(relative_noise / len(chips) + 2 * phase_std**2 * np.sum(SYMBOLS**2))
    assert abs(chips.mean() - SYMBOLS.sum()) < 5 * mean_std
    assert np.var(chips) == pytest.approx(relative_noise, rel=4 / np.sqrt(len(chips)) + 0.1)


@pytest.mark.parametrize("has_hardware_time", [True, False])
def test_energies_of_the_halves_differ_by_the_sum(has_hardware_time: bool) -> None:
    chips = payload_constellation(_stored("energy-difference", has_hardware_time))
    plus, minus = np.split(np.abs(chips) ** 2, 2)
    std = np.sqrt((plus.var() + minus.var()) / len(plus))
    assert abs(plus.mean() - minus.mean() - SYMBOLS.sum()) < 5 * std


def test_the_spectrum_shows_a_tone_where_it_is_and_at_its_power() -> None:
    amplitude, tone_hz = 0.1, 125e3
    samples = amplitude * np.exp(2j * np.pi * tone_hz / RATE_HZ * np.arange(4096))
    plan = TransmitPlan((), 1.0, 1.0)
    reception = Reception(Capture(samples.astype(np.complex64), 0), RATE_HZ, plan, seed=0)
    link = Link(FrameFormat(), load_scheme("coherent"), 1e3)
    stored = StoredCapture(Path(), reception, link, RoundResult(0, 0), ())
    freqs_hz, power_db = capture_spectrum(stored)
    assert freqs_hz[np.argmax(power_db)] == tone_hz
    assert power_db.max() == pytest.approx(20 * np.log10(amplitude), abs=0.01)
    assert np.all(np.diff(freqs_hz) > 0)
    with pytest.raises(Erasure, match="not-found"):
        payload_constellation(stored)
