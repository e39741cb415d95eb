"""The simulated world: one clock, a sum, and the numbers of its preset."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from scipy.special import j0

from sdr_ota.air.impairments import awgn
from sdr_ota.air.presets import PRESETS, AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.base import TimeError, TransmitRefused
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.types import Samples

RATE_HZ = 1e6
SILENT = AirPreset("silent", snr_db=300.0)


def air(preset: AirPreset = SILENT, n_nodes: int = 3, seed: int = 1) -> SimulatedAir:
    return SimulatedAir(AirSettings(preset, n_nodes, RATE_HZ, 915e6, seed))


def burst(seed: int, n_samples: int = 300) -> Samples:
    return 0.5 * awgn(n_samples, 0.05, np.random.default_rng(seed))


def test_time_moves_when_a_reception_ends_and_never_back() -> None:
    world = air()
    assert world.now_tick == 0
    world.send(0, burst(1), 500)
    assert world.now_tick == 0
    world.receive(400, 1000)
    assert world.now_tick == 1400
    world.receive(100, 10)
    assert world.now_tick == 1400


def test_bursts_add_up() -> None:
    together, sum_of_single = air(), np.zeros(2000, np.complex64)
    for node, start in enumerate((100, 250, 1300)):
        alone = air()
        for world in (together, alone):
            world.send(node, burst(node), start)
        sum_of_single += alone.receive(0, 2000)[0]
    np.testing.assert_allclose(together.receive(0, 2000)[0], sum_of_single, atol=1e-6)


def test_windows_cut_a_burst_where_they_end() -> None:
    whole, parts = air(), air()
    for world in (whole, parts):
        world.send(0, burst(1), 450)
    pieces = [parts.receive(start, 500)[0] for start in (0, 500)]
    np.testing.assert_allclose(np.concatenate(pieces), whole.receive(0, 1000)[0], atol=1e-12)


@pytest.mark.parametrize("clock_error_range_ppm", [0.0, 20.0])
def test_windows_cut_a_repetition_where_they_end(clock_error_range_ppm: float) -> None:
    whole, parts = (
        air(dataclasses.replace(SILENT, clock_error_range_ppm=clock_error_range_ppm))
        for _ in range(2)
    )
    for world in (whole, parts):
        for node in range(2):
            world.begin_cyclic(node, burst(node, 700))
    pieces = [parts.receive(start, 500)[0] for start in range(0, 3000, 500)]
    np.testing.assert_allclose(np.concatenate(pieces), whole.receive(0, 3000)[0], atol=1e-3)


def test_what_arrives_before_now_is_gone() -> None:
    world = air()
    world.receive(0, 600)
    world.send(0, burst(1), 450)  # its first half has passed
    np.testing.assert_allclose(world.receive(600, 200)[0][:150], burst(1)[150:], atol=1e-6)
    world.send(0, burst(1), 0)
    assert np.abs(world.receive(800, 400)[0]).max() < 1e-6


def test_send_keeps_no_burst_and_changes_none() -> None:
    world, samples = air(), burst(1)
    before = samples.copy()
    world.send(0, samples, 100)
    np.testing.assert_array_equal(samples, before)
    samples[:] = 0
    np.testing.assert_allclose(world.receive(100, 300)[0], before, atol=1e-6)


def test_memory_depends_neither_on_the_nodes_nor_on_the_rounds() -> None:
    def peak_bytes(n_bursts: int, n_rounds: int) -> int:
        world, samples = air(n_nodes=1), burst(1, 20_000)
        tracemalloc.start()
        for _ in range(n_rounds):
            for _ in range(n_bursts):
                world.send(0, samples, world.now_tick + 1000)
            world.receive(world.now_tick, 25_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few = peak_bytes(2, 2)
    assert peak_bytes(100, 2) < 1.2 * few
    assert peak_bytes(2, 50) < 1.2 * few


def test_same_seed_same_air_other_seed_other_air() -> None:
    preset = PRESETS["free-running-pluto"]

    def received(seed: int) -> Samples:
        world = air(preset, seed=seed)
        for node in range(3):
            world.send(node, burst(node), 100)
        return world.receive(0, 1000)[0]

    np.testing.assert_array_equal(received(4), received(4))
    assert not np.array_equal(received(4), received(5))


@pytest.mark.parametrize("snr_db", [0.0, 17.0])
def test_noise_power_is_the_preset_one(snr_db: float) -> None:
    world = air(AirPreset("noisy", snr_db=snr_db))
    received, n_clipped = world.receive(0, 100_000)
    assert n_clipped == 0
    expected = 10 ** (-snr_db / 10)
    assert np.mean(np.abs(received) ** 2) == pytest.approx(expected, rel=5 / math.sqrt(1e5))


@pytest.mark.parametrize("n_bits", [4, 8, 12])
def test_converter_quantises_and_counts_what_it_clips(n_bits: int) -> None:
    world = air(dataclasses.replace(SILENT, adc_bits=n_bits, path_gain_db=6.0))
    samples = np.zeros(400, np.complex64)
    samples[:37], samples[100:140] = 0.9, -0.9j  # twice that arrives
    samples[200:300] = 0.25 + 0.125j
    world.send(0, samples, 0)
    received, n_clipped = world.receive(0, 400)
    assert n_clipped == 37 + 40
    step = 2.0 ** (1 - n_bits)
    np.testing.assert_allclose(received.real / step, np.rint(received.real / step), atol=1e-4)
    assert np.abs(received[200:300] - 10**0.3 * samples[200:300]).max() < step


def test_lost_bursts_are_as_frequent_as_asked() -> None:
    probability, n_bursts = 0.2, 2000
    world = air(dataclasses.replace(SILENT, burst_loss_probability=probability), n_nodes=1)
    n_lost = 0
    for _ in range(n_bursts):
        world.send(0, burst(1, 10), world.now_tick)
        n_lost += not np.abs(world.receive(world.now_tick, 10)[0]).max() > 1e-3
    spread = 5 * math.sqrt(probability * (1 - probability) / n_bursts)
    assert n_lost / n_bursts == pytest.approx(probability, abs=spread)


def test_late_bursts_are_as_frequent_as_asked_and_do_not_leave() -> None:
    probability, n_bursts = 0.2, 2000
    world = air(dataclasses.replace(SILENT, late_probability=probability), n_nodes=1)
    radio, n_late, n_heard = SimulatedRadio(world, 0), 0, 0
    for _ in range(n_bursts):
        try:
            radio.transmit(burst(1, 10), world.now_tick + 5)
        except TimeError:
            n_late += 1
        n_heard += bool(np.abs(world.receive(world.now_tick, 20)[0]).max() > 1e-3)
    spread = 5 * math.sqrt(probability * (1 - probability) / n_bursts)
    assert n_late / n_bursts == pytest.approx(probability, abs=spread)
    assert n_heard == n_bursts - n_late


def test_a_burst_and_a_reception_for_now_are_in_time() -> None:
    world = air(n_nodes=1)
    world.pass_time(100)
    pending = SimulatedRadio(world, None).begin_receive(400, world.now_tick)
    SimulatedRadio(world, 0).transmit(burst(1), world.now_tick)
    assert np.abs(pending.result(1.0).samples).max() > 1e-3
    with pytest.raises(TimeError, match="burst for tick 499 came late, at 500"):
        SimulatedRadio(world, 0).transmit(burst(1), 499)


def test_interference_comes_as_often_and_as_loud_as_asked() -> None:
    preset = dataclasses.replace(
        SILENT,
        interference_probability=0.3,
        interference_power_db=-10.0,
        interference_duration_s=1e-3,
    )
    world, n_captures = air(preset), 1000
    powers = [
        np.mean(np.abs(world.receive(world.now_tick, 500)[0]) ** 2) for _ in range(n_captures)
    ]
    spread = 5 * math.sqrt(0.3 * 0.7 / n_captures)
    assert np.mean(np.array(powers) > 1e-9) == pytest.approx(0.3, abs=spread)
    assert max(powers) == pytest.approx(0.1, rel=0.25)  # of 500 exponential draws


def test_offset_drift_and_clock_belong_to_one_oscillator() -> None:
    preset = dataclasses.replace(SILENT, clock_error_range_ppm=25.0, frequency_drift_hz_per_s=15.0)
    paths = air(preset, n_nodes=200).paths
    for path in paths:
        assert abs(path.clock_error_ppm) <= 25.0
        assert path.cfo_hz == pytest.approx(path.clock_error_ppm * 915.0)
        assert abs(path.drift_hz_per_s) <= 15.0
    spread = np.std([path.clock_error_ppm for path in paths])
    assert spread == pytest.approx(25 / math.sqrt(3), rel=0.2)
    shared = air(dataclasses.replace(preset, shared_clock=True), n_nodes=20).paths
    assert {(path.cfo_hz, path.drift_hz_per_s) for path in shared} == {(0.0, 0.0)}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_carries_a_burst(name: str) -> None:
    preset = dataclasses.replace(PRESETS[name], burst_loss_probability=0.0)
    world = air(preset, n_nodes=1, seed=3)
    world.send(0, burst(1, 2000), 500)
    received, _ = world.receive(0, 3000)
    assert received.shape == (3000,)
    assert np.all(np.isfinite(received))


@pytest.mark.parametrize(
    ("changed", "correlation"),
    [({}, j0(0.7 * 1.7519874)), ({"fading_spectrum": "gauss-markov"}, math.exp(-0.7))],
    ids=["default", "gauss-markov"],
)
def test_a_path_fades_by_the_spectrum_of_its_preset(
    changed: dict[str, str], correlation: float
) -> None:
    fading = dataclasses.replace(SILENT, fading="rayleigh", coherence_time_s=0.01, **changed)
    n_nodes, gains = 1500, []
    world = air(fading, n_nodes=n_nodes)
    for start in (0, 7000):
        for path in world.paths:
            (placed,) = path.propagate(np.ones(10, np.complex64), start)
            assert placed is not None
            gains.append(placed.window(start, 10)[5])
    before, after = np.array(gains).reshape(2, n_nodes)
    assert abs(np.mean(after * before.conj()) - correlation) < 4 * math.sqrt(2 / n_nodes)


def test_time_may_pass_in_one_step_or_in_many() -> None:
    fading = dataclasses.replace(SILENT, fading="rayleigh", coherence_time_s=0.01)
    often, once = air(fading), air(fading)
    for tick in range(0, 9000, 1000):
        often.send(0, burst(1), tick)
        often.receive(tick, 500)
    for world in (often, once):
        world.send(0, burst(2), 9500)
    np.testing.assert_allclose(once.receive(9500, 300)[0], often.receive(9500, 300)[0], atol=1e-6)


def test_receiver_cannot_transmit() -> None:
    with pytest.raises(TransmitRefused, match="receiver receives only"):
        SimulatedRadio(air(), None).transmit(burst(1))


def test_a_gain_step_stays_until_the_next_one() -> None:
    plain, stepping = air(), air(dataclasses.replace(SILENT, gain_step_probability=1.0))
    ratios = []
    for index in range(3):
        start = 1000 * index
        for world in (plain, stepping):
            world.send(0, burst(5), start)
        ratios.append(np.vdot(plain.receive(start, 1000)[0], stepping.receive(start, 1000)[0]))
    angles = np.degrees(np.angle(ratios))
    np.testing.assert_allclose(angles, [177.0, 0.0, 177.0], atol=0.1)
    assert abs(ratios[0] / ratios[1]) == pytest.approx(10 ** (1 / 20), rel=1e-3)


@pytest.mark.parametrize("evil", [1.0, [[1.0]], "x", None, {}])
def test_samples_of_a_damaged_snapshot_are_refused(evil: object) -> None:
    air = SimulatedAir(AirSettings(air_preset("ideal"), 1, 1e6, 915e6, 1))
    state = air.snapshot()
    with pytest.raises((TypeError, ValueError)):
        air.restore({**state, "sum": evil})
    repeated = [{"node": 0, "period": evil, "start_tick": 0.0}]
    with pytest.raises((TypeError, ValueError)):
        air.restore({**state, "cyclic": repeated})
