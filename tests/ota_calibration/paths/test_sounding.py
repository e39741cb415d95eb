"""What was imposed on every node is what its sounding slot shows, within its own deviation."""

import dataclasses

import numpy as np
import pytest
from ota_calibration.paths.sounding import estimate_nodes, make_plan, sounded_nodes

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.erasure import Erasure
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import sound_bench
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import ChannelEstimate
from tests.sounded_nodes import sound_nodes

RATE_HZ = 1e6
LINK = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=60e3)
FREE = AirPreset(
    "free",
    path_gain_spread_db=3.0,
    delay_range_s=8e-6,
    clock_error_range_ppm=25.0,
    start_phase="uniform",
    snr_db=20.0,
)


def world(preset: AirPreset, n_nodes: int, seed: int) -> tuple[SimulatedAir, Bench]:
    air = SimulatedAir(AirSettings(preset, n_nodes, RATE_HZ, 915e6, seed))
    nodes = tuple(SimulatedRadio(air, node) for node in range(n_nodes))
    return air, Bench(SimulatedRadio(air, None), nodes, RATE_HZ)


def silence_node(air: SimulatedAir, node: int) -> None:
    path = air.paths[node]
    path.preset = dataclasses.replace(path.preset, burst_loss_probability=1.0)


@pytest.mark.parametrize("snr_db", [5.0, 20.0, 35.0])
@pytest.mark.parametrize("rate_ppm", [0.0, 25.0])
def test_gain_delay_and_offset_are_recovered_within_their_deviation(
    snr_db: float, rate_ppm: float
) -> None:
    preset = dataclasses.replace(FREE, snr_db=snr_db, clock_error_range_ppm=rate_ppm)
    scores = []
    for seed in range(16):
        air, bench = world(preset, 4, seed)
        for path in air.paths:
            path.clock_error_ppm = 0.0  # a shrinking burst is a different model, tested below
        for path, estimate in zip(air.paths, sound_nodes(bench, LINK), strict=True):
            assert estimate is not None
            turn = np.exp(2j * np.pi * path.cfo_hz * estimate.measured_tick / RATE_HZ)
            scores.append(
                (
                    abs(estimate.gain - path.gain * turn) / estimate.gain_std,
                    (estimate.delay_s - path.delay_samples / RATE_HZ) / estimate.delay_std_s,
                    (estimate.cfo_hz - path.cfo_hz) / estimate.cfo_std_hz,
                )
            )
    rms = np.sqrt(np.mean(np.square(scores), axis=0))
    # The Fourier model and the air's windowed sinc differ by 1 % of a deviation's size
    # at most; the rest is chance: 64 scores of unit deviation.
    np.testing.assert_allclose(rms, 1.0, atol=0.02 + 5 / np.sqrt(2 * len(scores)))
    assert np.abs(scores).max() < 6.0


@pytest.mark.parametrize("ppm", [-25.0, 25.0])
def test_a_crystal_that_makes_both_clocks_is_measured_well_enough(ppm: float) -> None:
    # The burst is 25 ppm shorter: 0.03 samples over its length, far below a chip.
    air, bench = world(dataclasses.replace(FREE, snr_db=30.0), 1, 1)
    path = air.paths[0]
    path.clock_error_ppm, path.cfo_hz, path.delay_samples = ppm, ppm * 915.0, 3.3
    (estimate,) = sound_nodes(bench, LINK)
    assert estimate is not None
    assert estimate.cfo_hz == pytest.approx(path.cfo_hz, abs=6 * estimate.cfo_std_hz)
    assert estimate.delay_s * RATE_HZ == pytest.approx(3.3, abs=0.05)


def test_noise_power_is_that_of_a_chip() -> None:
    air, bench = world(dataclasses.replace(FREE, snr_db=12.0), 5, 2)
    powers = [e.noise_power for e in sound_nodes(bench, LINK) if e is not None]
    expected = air.noise_power / LINK.frame.pulse.energy
    spread = 5 / np.sqrt(5 * LINK.frame.n_sounding_burst)
    assert np.mean(powers) == pytest.approx(expected, rel=spread)


@pytest.mark.parametrize("missing", [(0,), (2,), (0, 1, 3)])
def test_a_node_that_does_not_speak_is_none_and_the_others_stay(missing: tuple[int, ...]) -> None:
    air, bench = world(FREE, 4, 3)
    for node in missing:
        silence_node(air, node)
    estimates = sound_nodes(bench, LINK)
    assert tuple(n for n, e in enumerate(estimates) if e is None) == missing


def test_a_late_node_leaves_its_slot_empty() -> None:
    air, bench = world(FREE, 3, 4)
    air.preset = dataclasses.replace(air.preset, late_probability=1.0)
    assert sound_nodes(bench, LINK) == (None, None, None)
    assert sound_bench(bench, LINK).late_nodes == {0, 1, 2}


def test_a_lost_burst_is_not_late() -> None:
    air, bench = world(FREE, 3, 4)
    silence_node(air, 1)
    received = sound_bench(bench, LINK)
    assert received.late_nodes == frozenset()
    assert estimate_nodes(received, LINK)[1] is None


def test_a_disturbed_sounding_keeps_its_reason() -> None:
    _, bench = world(FREE, 3, 4)
    received = sound_bench(bench, LINK)
    slot = received.slots[1]
    assert slot is not None
    lost = np.delete(np.pad(slot.samples, (0, 3)), slice(700, 703))
    slots = (received.slots[0], dataclasses.replace(slot, samples=lost), None)
    found = sounded_nodes(dataclasses.replace(received, slots=slots), LINK)
    assert [e is None for e in found.estimates] == [False, True, True]
    plan = make_plan(found.estimates, 0.9, 20.0, missing=found.missing)
    disturbed, unknown = plan.left_out
    assert disturbed.startswith("node 1 was not found: a sounding burst did not arrive as it was")
    assert "samples were lost" in disturbed
    assert unknown == "node 2 was not found"
    with pytest.raises(Erasure, match=r"none of 2 nodes .* node 0 was not found: because"):
        make_plan([None, None], 0.9, 20.0, missing={0: "because"})


def test_a_saturated_sounding_is_an_erasure() -> None:
    _, bench = world(dataclasses.replace(FREE, adc_bits=12, path_gain_db=12.0), 2, 5)
    with pytest.raises(Erasure, match=r"saturated: .*lower the receive gain"):
        sound_nodes(bench, LINK)


def test_a_broken_radio_is_an_erasure_and_its_frame_is_sat_out() -> None:
    air, bench = world(FREE, 3, 6)
    bench.nodes[2].close()
    with pytest.raises(Erasure, match="radio: sounding failed: node-2 is closed"):
        sound_nodes(bench, LINK)
    received, _ = air.receive(air.now_tick, 5000)
    assert np.mean(np.abs(received) ** 2) == pytest.approx(air.noise_power, rel=0.1)


def estimate(gain: complex, gain_std: float = 0.01) -> ChannelEstimate:
    return ChannelEstimate(gain, gain_std, 2e-6, 1e-8, 500.0, 3.0, 1e-3, 4321)


def test_plan_inverts_every_node_and_tells_it_what_it_measured() -> None:
    plan = make_plan([estimate(0.5j), estimate(0.2 - 0.1j)], 0.9, 20.0)
    assert plan.left_out == ()
    assert plan.rx_amplitude == pytest.approx(0.9 * abs(0.2 - 0.1j))
    for precoder, gain in zip(plan.precoders, (0.5j, 0.2 - 0.1j), strict=True):
        assert precoder.gain * gain == pytest.approx(plan.rx_amplitude)
        assert abs(precoder.gain) <= 0.9
        assert (precoder.delay_s, precoder.cfo_hz, precoder.reference_tick) == (2e-6, 500.0, 4321)
    assert [errors.cfo_std_hz for errors in plan.path_errors] == [3.0, 3.0]
    assert plan.noise_power == pytest.approx(1e-3)


@pytest.mark.parametrize("gain_std", [0.001, 0.02])
def test_plan_expects_half_of_a_gain_error_in_phase_and_half_in_amplitude(gain_std: float) -> None:
    plan = make_plan([estimate(0.5, gain_std), estimate(0.25j, gain_std)], 0.9, 20.0)
    for errors, gain in zip(plan.path_errors, (0.5, 0.25), strict=True):
        assert errors.phase_std_rad == pytest.approx(gain_std / gain / np.sqrt(2))
        assert errors.amplitude_std == pytest.approx(gain_std / gain / np.sqrt(2))


def test_plan_leaves_out_and_says_why() -> None:
    estimates = [estimate(0.5), None, estimate(0.004, 0.001), estimate(0.4j), estimate(0.01, 0.02)]
    plan = make_plan(estimates, 0.9, 20.0)
    assert plan.active_nodes == (0, 3)
    missing, weak, noise = plan.left_out
    assert missing == "node 1 was not found"
    assert weak.startswith("node 2 reaches 40.0 dB less than")
    assert noise == "node 4 was not received"
    assert plan.rx_amplitude == pytest.approx(0.9 * 0.4)


@pytest.mark.parametrize("estimates", [[None, None], [estimate(0.001, 0.01)]])
def test_no_node_at_all_is_no_plan(estimates: list[ChannelEstimate | None]) -> None:
    with pytest.raises(Erasure, match="no-plan"):
        make_plan(estimates, 0.9, 20.0)


@pytest.mark.parametrize("cfo_hz", [-59e3, -45e3, -30e3, 30e3, 45e3, 59e3])
def test_a_node_at_the_end_of_the_search_range_is_found_in_its_slot(cfo_hz: float) -> None:
    # An offset moves a chirp's peak; it must not move it out of the slot that is searched.
    air, bench = world(FREE, 2, 7)
    air.paths[1].clock_error_ppm, air.paths[1].cfo_hz = 0.0, cfo_hz
    _, found = sound_nodes(bench, LINK)
    assert found is not None
    assert found.cfo_hz == pytest.approx(cfo_hz, abs=6 * found.cfo_std_hz)
