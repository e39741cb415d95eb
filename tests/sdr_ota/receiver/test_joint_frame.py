"""A capture becomes aligned chips, a noise level and a health reading, or an erasure."""

import math

import numpy as np
import pytest

from sdr_ota.air.impairments import NoiseBurst, add_awgn, add_noise_burst, awgn, fractional_delay
from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture
from sdr_ota.receiver.joint_frame import receive_joint_frame, turned_back
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import Chips, Samples

FRAME = FrameFormat()
MAX_CFO = 0.06


def payload(seed: int = 1) -> Chips:
    return np.asarray(np.exp(2j * np.pi * np.random.default_rng(seed).random(512)))


def joint_frame(chips: Chips, start: float, noise_power: float, seed: int = 2) -> Samples:
    """Return a capture with a whole frame that begins at a fractional sample."""
    clean = np.zeros(FRAME.n_joint_frame, np.complex64)
    clean[FRAME.preamble_start :][: FRAME.n_preamble] = 0.8 * FRAME.preamble()
    sent = FRAME.pulse.shape(FRAME.sent_chips(chips, node=1, seed=5))
    clean[FRAME.payload_start :][: FRAME.n_payload] = sent
    moved = fractional_delay(clean, start)
    capture = np.zeros(FRAME.n_joint_frame + 400, np.complex64)
    capture[moved.first_tick : moved.first_tick + moved.samples.size] += moved.samples
    return add_awgn(capture, noise_power, np.random.default_rng(seed))


@pytest.mark.parametrize("start", [100.0, 100.25, 157.5, 233.9])
@pytest.mark.parametrize("level", [1.0, 0.01])
def test_chips_come_back_from_any_fraction_of_a_sample(start: float, level: float) -> None:
    chips = payload()
    capture = np.complex64(level) * joint_frame(chips, start, 1e-5)
    received = receive_joint_frame(Capture(capture, 0), FRAME, MAX_CFO)
    assert received.burst.start - FRAME.preamble_start == pytest.approx(start, abs=0.01)
    error = received.chips / level - chips
    noise = 1e-5 / FRAME.pulse.energy
    assert np.mean(np.abs(error) ** 2) < 2 * noise + 1e-5
    off = received.pilots / level - FRAME.node_codes(5)[:, 1]
    assert np.mean(np.abs(off) ** 2) < 2 * noise + 1e-5


@pytest.mark.parametrize("noise_power", [1e-4, 0.01])
@pytest.mark.parametrize("dc_offset", [0.0, 0.05])
def test_noise_power_is_that_of_a_chip_without_the_leakage(
    noise_power: float, dc_offset: float
) -> None:
    powers = []
    for seed in range(40):
        capture = joint_frame(payload(), 120.3, noise_power, seed) + np.complex64(dc_offset)
        received = receive_joint_frame(Capture(capture, 0), FRAME, MAX_CFO)
        powers.append(received.noise_power)
    spread = 5 / math.sqrt(40 * FRAME.n_idle_chips)
    assert np.mean(powers) == pytest.approx(noise_power / FRAME.pulse.energy, rel=spread)


def test_noise_that_a_converter_rounds_away_in_silence_is_that_of_a_chip_of_the_payload() -> None:
    step, noise_std = 2.0**-7, 0.3 * 2.0**-7
    held = 2 * (noise_std**2 + step**2 / 12) / FRAME.pulse.energy  # with what rounding adds
    powers = []
    for seed in range(20):
        capture = joint_frame(payload(), 120.3, 2 * noise_std**2, seed)
        parts = np.round(capture.view(np.float32) / step) * step
        received = receive_joint_frame(Capture(parts.view(np.complex64), 0), FRAME, MAX_CFO)
        powers.append(received.noise_power)
    assert np.mean(powers) == pytest.approx(held, rel=0.1)


def test_the_receivers_dc_offset_is_in_no_chip() -> None:
    chips = payload()
    capture = joint_frame(chips, 120.3, 1e-6) + np.complex64(0.05 - 0.02j)
    received = receive_joint_frame(Capture(capture, 0), FRAME, MAX_CFO)
    assert np.mean(np.abs(received.chips - chips) ** 2) < 2e-5


@pytest.mark.parametrize("cfo", [1e-4, -1e-4])
def test_an_offset_that_is_known_is_turned_back_about_the_payloads_middle(cfo: float) -> None:
    chips, start = payload(), 120.0
    capture = joint_frame(chips, start, 1e-6)
    middle = start + FRAME.payload_start + (FRAME.n_payload - 1) / 2
    turning = np.exp(2j * np.pi * cfo * (np.arange(len(capture)) - middle))
    received = receive_joint_frame(
        Capture((capture * turning).astype(np.complex64), 0), FRAME, MAX_CFO
    )
    assert np.mean(np.abs(received.chips - chips) ** 2) > 0.01
    back = turned_back(received, FRAME, cfo)
    assert np.mean(np.abs(back.chips - chips) ** 2) < 2e-5
    assert np.mean(np.abs(back.pilots - FRAME.node_codes(5)[:, 1]) ** 2) < 2e-5


def test_a_pulse_in_a_quarter_of_the_idle_slot_is_no_noise() -> None:
    capture = joint_frame(payload(), 100.0, 1e-3)
    burst = NoiseBurst(100 + FRAME.idle_start + 300, 200, 0.1)
    hit = add_noise_burst(capture, burst, np.random.default_rng(3))
    received = receive_joint_frame(Capture(hit, 0), FRAME, MAX_CFO)
    assert received.noise_power < 1.5 * 1e-3 / FRAME.pulse.energy


def test_interference_that_ends_before_the_payload_leaves_it_alone() -> None:
    chips = payload()
    burst = NoiseBurst(100 + FRAME.payload_start - 50, 40, 0.1)
    hit = add_noise_burst(joint_frame(chips, 100.0, 1e-5), burst, np.random.default_rng(3))
    received = receive_joint_frame(Capture(hit, 0), FRAME, MAX_CFO)
    np.testing.assert_allclose(received.chips, chips, atol=0.05)


def reason(capture: Capture) -> tuple[str, str]:
    with pytest.raises(Erasure) as erased:
        receive_joint_frame(capture, FRAME, MAX_CFO)
    return erased.value.reason, erased.value.detail


def test_noise_alone_is_not_found() -> None:
    why, detail = reason(Capture(awgn(4000, 1.0, np.random.default_rng(4)), 0))
    assert why == "not-found"
    assert "best metric" in detail


@pytest.mark.parametrize("n_clipped", [1, 300])
def test_a_touched_rail_is_saturation(n_clipped: int) -> None:
    capture = joint_frame(payload(), 100.0, 1e-4)
    why, detail = reason(Capture(capture, 0, n_clipped))
    assert why == "saturated"
    assert f"{n_clipped} of {capture.size}" in detail


def test_a_frame_that_runs_out_of_the_capture_is_not_found() -> None:
    capture = joint_frame(payload(), 100.0, 1e-4)
    why, detail = reason(Capture(capture[: 100 + FRAME.idle_start + 200], 0))
    assert why == "not-found"
    assert "runs out" in detail
