"""A node undoes its delay and offset: what arrives is where and what it should be."""

import dataclasses

import numpy as np
import pytest

from sdr_ota.air.node_path import NodePath
from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.receiver.synchronisation import locate_burst
from sdr_ota.rounds.transmitter import lead_burst, payload_burst
from sdr_ota.schemes import load_scheme, scheme_names
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.sequences import spreading_chips
from sdr_ota.types import Precoder

RATE_HZ = 1e6
FRAME = FrameFormat()
QUIET = AirPreset("quiet", snr_db=90.0)


def air_with(gain: complex, delay_samples: float, cfo_hz: float) -> SimulatedAir:
    """Return an air with one node of a known path."""
    air = SimulatedAir(AirSettings(QUIET, 1, RATE_HZ, 915e6, seed=1))
    path: NodePath = air.paths[0]
    path.gain, path.delay_samples, path.cfo_hz = gain, delay_samples, cfo_hz
    return air


def inverse(gain: complex, delay_samples: float, cfo_hz: float, reference_tick: int) -> Precoder:
    """Return the exact precoder that lets a symbol of 1 arrive with amplitude 0.1."""
    at_reference = gain * np.exp(2j * np.pi * cfo_hz * reference_tick / RATE_HZ)
    return Precoder(0.1 / at_reference, delay_samples / RATE_HZ, cfo_hz, reference_tick)


@pytest.mark.parametrize("delay_samples", [0.0, 3.0, 7.37, -0.5])
@pytest.mark.parametrize("cfo_hz", [0.0, 22_875.0, -60_000.0])
@pytest.mark.parametrize(("gain", "reference_tick"), [(0.5 + 0j, 900), (-0.2 + 0.3j, -123_457)])
def test_payload_arrives_on_its_tick_in_phase_without_offset(
    gain: complex, delay_samples: float, cfo_hz: float, reference_tick: int
) -> None:
    air, frame_tick = air_with(gain, delay_samples, cfo_hz), 20_000
    precoder = inverse(gain, delay_samples, cfo_hz, reference_tick)
    chips = spreading_chips(FRAME.n_payload_chips)
    burst = payload_burst(chips, FRAME, precoder, frame_tick, RATE_HZ)
    air.send(0, burst.samples, burst.start_tick)
    received, _ = air.receive(frame_tick + FRAME.payload_start, FRAME.n_payload)
    arrived = FRAME.pulse.match(received, FRAME.n_payload_chips)
    error = np.abs(arrived[20:-20] / chips[20:-20] / 0.1 - 1)  # the ends miss their tails
    assert np.sqrt(np.mean(error**2)) < 5e-3


@pytest.mark.parametrize("delay_samples", [0.0, 11.61])
@pytest.mark.parametrize("cfo_hz", [0.0, -41_000.0])
def test_lead_burst_brings_preamble_and_payload(delay_samples: float, cfo_hz: float) -> None:
    gain, frame_tick = 0.4 * np.exp(2j), 5000
    air = air_with(gain, delay_samples, cfo_hz)
    precoder = inverse(gain, delay_samples, cfo_hz, 1234)
    chips = spreading_chips(FRAME.n_payload_chips)
    burst = lead_burst(chips, FRAME, precoder, frame_tick, RATE_HZ)
    assert np.abs(burst.samples).max() <= 1.0
    air.send(0, burst.samples, burst.start_tick)
    received, _ = air.receive(frame_tick, FRAME.n_joint_frame)
    fit = locate_burst(received, FRAME.preamble(), FRAME.n_chirp)
    assert fit.start == pytest.approx(FRAME.preamble_start, abs=0.02)
    assert fit.cfo * RATE_HZ == pytest.approx(0.0, abs=20.0)
    assert fit.gain == pytest.approx(0.4, rel=0.02)
    payload = received[FRAME.payload_start : FRAME.payload_start + FRAME.n_payload]
    arrived = FRAME.pulse.match(payload, FRAME.n_payload_chips)
    np.testing.assert_allclose(arrived[20:-20] / chips[20:-20], 0.1, rtol=0.02)


@pytest.mark.parametrize("name", scheme_names())
@pytest.mark.parametrize("delay_samples", [0.0, 0.25, 0.5])
def test_no_precompensated_burst_exceeds_full_scale(name: str, delay_samples: float) -> None:
    scheme, rng = load_scheme(name), np.random.default_rng(2)
    precoder = Precoder(0.9j, delay_samples / RATE_HZ, 12_345.6, 77)
    for symbol in (-1.0, 1.0, 0.3):
        for _ in range(20):
            chips = scheme.encode(symbol, 0, 1, FRAME.n_payload_chips, rng)
            for make_burst in (payload_burst, lead_burst):
                burst = make_burst(chips, FRAME, precoder, 0, RATE_HZ)
                assert np.abs(burst.samples).max() <= 1.0


def test_input_is_not_changed_and_a_whole_delay_only_moves_the_start() -> None:
    chips = spreading_chips(FRAME.n_payload_chips).copy()
    before = chips.copy()
    plain = payload_burst(chips, FRAME, Precoder(0.5 + 0j), 100, RATE_HZ)
    late = dataclasses.replace(Precoder(0.5 + 0j), delay_s=7 / RATE_HZ)
    early = payload_burst(chips, FRAME, late, 100, RATE_HZ)
    np.testing.assert_array_equal(chips, before)
    assert plain.start_tick == 100 + FRAME.payload_start
    assert early.start_tick == plain.start_tick - 7
    np.testing.assert_array_equal(early.samples, plain.samples)


def test_phase_of_a_fit_holds_at_the_centre_of_the_burst() -> None:
    for cfo_hz in (0.0, 10_000.0, -50_000.0):
        air = air_with(0.3j, 2.5, cfo_hz)
        air.send(0, FRAME.sounding_burst(), 300)
        received, _ = air.receive(0, 2500)
        fit = locate_burst(received, FRAME.sounding_burst(), FRAME.n_chirp)
        centre = 302.5 + fit.center
        expected = 0.3j * np.exp(2j * np.pi * cfo_hz * centre / RATE_HZ)
        assert abs(fit.gain - expected) < 0.005
