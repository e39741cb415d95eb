"""One oscillator of the receiver turns what all nodes send, at the tick at which it arrives."""

import dataclasses
import math

import numpy as np
import pytest

from sdr_ota.air.air_stream import AirStream
from sdr_ota.air.presets import PRESETS, AirPreset
from sdr_ota.air.receiver_oscillator import ReceiverOscillator
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.types import Samples

RATE_HZ, CENTER_HZ = 1e6, 915e6
SILENT = AirPreset("silent", snr_db=300.0)
FREE = dataclasses.replace(
    SILENT, receiver_clock_error_range_ppm=25.0, receiver_frequency_drift_hz_per_s=100.0
)
NOISY = dataclasses.replace(SILENT, receiver_phase_noise_linewidth_hz=20.0)


def air(preset: AirPreset, n_nodes: int = 2, seed: int = 1) -> SimulatedAir:
    return SimulatedAir(AirSettings(preset, n_nodes, RATE_HZ, CENTER_HZ, seed))


def drawn(preset: AirPreset, seed: int) -> ReceiverOscillator:
    return ReceiverOscillator.draw(preset, CENTER_HZ, np.random.default_rng(seed))


def ones(n_samples: int) -> Samples:
    return np.ones(n_samples, np.complex64)


def test_offsets_and_drifts_fill_their_ranges_and_a_shared_clock_has_none() -> None:
    n = 2000
    found = [drawn(FREE, seed) for seed in range(n)]
    for values, limit in (
        ([one.cfo_hz for one in found], 25e-6 * CENTER_HZ),
        ([one.drift_hz_per_s for one in found], 100.0),
    ):
        assert np.abs(values).max() <= limit
        # Uniform: variance 1/3, and a variance of squares of 1/5 - 1/9.
        square = np.mean(np.square(values)) / limit**2
        assert square == pytest.approx(1 / 3, abs=4 * math.sqrt((1 / 5 - 1 / 9) / n))
    shared = drawn(dataclasses.replace(FREE, shared_clock=True), 1)
    assert (shared.cfo_hz, shared.drift_hz_per_s) == (0.0, 0.0)


def test_a_shared_clock_leaves_the_phase_noise() -> None:
    assert drawn(dataclasses.replace(NOISY, shared_clock=True), 1).linewidth_hz == 20.0


@pytest.mark.parametrize("start_tick", [0, 7_000_000])
def test_the_sum_is_turned_by_the_definition(start_tick: int) -> None:
    world = air(FREE)
    for node in range(2):
        world.send(node, 0.3 * ones(3000), start_tick)
    received = world.receive(start_tick, 3000)[0][100:-100]
    seconds = (start_tick + np.arange(100, 2900)) / RATE_HZ
    oscillator = world.receiver
    turns = oscillator.cfo_hz * seconds + oscillator.drift_hz_per_s * seconds**2 / 2
    np.testing.assert_allclose(received, 0.6 * np.exp(-2j * np.pi * turns), atol=1e-5)


def test_a_node_that_is_as_much_off_is_received_at_no_offset() -> None:
    world = air(FREE, n_nodes=1)
    world.paths[0].cfo_hz = world.receiver.cfo_hz
    world.paths[0].drift_hz_per_s = world.receiver.drift_hz_per_s
    world.send(0, ones(3000), 500)
    np.testing.assert_allclose(world.receive(500, 3000)[0][100:-100], 1.0, atol=1e-5)


def test_windows_cut_what_is_turned_where_they_end() -> None:
    whole, parts = air(FREE), air(FREE)
    for world in (whole, parts):
        world.send(0, ones(900), 50)
    pieces = [parts.receive(start, 500)[0] for start in (0, 500)]
    np.testing.assert_allclose(np.concatenate(pieces), whole.receive(0, 1000)[0], atol=1e-6)


@pytest.mark.parametrize("pause_s", [0.0, 1e-3, 0.1])
def test_the_phase_walks_on_over_a_pause(pause_s: float) -> None:
    linewidth_hz, n_samples, n = 0.5, 100, 1000
    steps = []
    for seed in range(n):
        oscillator = drawn(
            dataclasses.replace(SILENT, receiver_phase_noise_linewidth_hz=linewidth_hz), seed
        )
        first = oscillator.turned(ones(n_samples), 0, RATE_HZ)
        later_tick = n_samples + round(pause_s * RATE_HZ)
        later = oscillator.turned(ones(n_samples), later_tick, RATE_HZ)
        steps.append(float(np.angle(later[0] * np.conj(first[-1]))))
    variance = 2 * math.pi * linewidth_hz * (pause_s + 1 / RATE_HZ)
    assert np.mean(np.square(steps)) == pytest.approx(variance, rel=4 * math.sqrt(2 / n))
    assert abs(np.mean(steps)) < 4 * math.sqrt(variance / n)


def test_the_walk_is_common_to_all_nodes() -> None:
    phases = []
    for node in range(2):
        world = air(NOISY)
        world.send(node, ones(3000), 0)
        phases.append(np.angle(world.receive(0, 3000)[0][100:-100]))
    np.testing.assert_allclose(phases[0], phases[1], atol=1e-5)
    assert np.std(phases[0]) > 0.01


def test_it_changes_nothing_else_that_is_drawn() -> None:
    quiet = dataclasses.replace(SILENT, snr_db=10.0)
    received = []
    for preset in (quiet, dataclasses.replace(FREE, snr_db=10.0)):
        world = air(preset)
        received.append(world.receive(0, 100)[0])
    np.testing.assert_array_equal(*received)


def test_it_goes_on_from_a_snapshot() -> None:
    preset = dataclasses.replace(FREE, receiver_phase_noise_linewidth_hz=20.0)
    one, other = drawn(preset, 1), drawn(preset, 2)
    one.turned(ones(500), 100, RATE_HZ)
    other.restore(one.snapshot())
    for tick in (5000, 5500, 5600):
        np.testing.assert_array_equal(
            other.turned(ones(500), tick, RATE_HZ), one.turned(ones(500), tick, RATE_HZ)
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [("rng", {}), ("rng", 3), ("cfo_hz", None), ("drift_hz_per_s", "x"), ("walk_rad", [1.0]),
     ("end_tick", math.inf), ("end_tick", 2**70)],
)  # fmt: skip
def test_a_damaged_snapshot_is_refused(field: str, value: object) -> None:
    oscillator = drawn(FREE, 1)
    state = oscillator.snapshot()
    wrong: list[object] = [{**state, field: value}, {k: v for k, v in state.items() if k != field}]
    for damaged in (*wrong, None, 3, np.zeros(3)):
        with pytest.raises((KeyError, TypeError, ValueError)):
            oscillator.restore(damaged)  # type: ignore[arg-type]


def test_a_stream_does_not_show_where_pieces_end() -> None:
    preset = dataclasses.replace(FREE, receiver_phase_noise_linewidth_hz=20.0, snr_db=200.0)
    outputs = []
    for n_piece in (4000, 250):
        stream = AirStream(AirSettings(preset, 1, RATE_HZ, CENTER_HZ, 4))
        pieces = [stream.add([ones(n_piece)]) for _ in range(4000 // n_piece)]
        outputs.append(np.concatenate(pieces))
    np.testing.assert_allclose(*outputs, atol=1e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_the_receiver_of_a_preset_is_of_the_nodes_class(name: str) -> None:
    preset = PRESETS[name]
    assert preset.receiver_clock_error_range_ppm == preset.clock_error_range_ppm
    assert preset.receiver_frequency_drift_hz_per_s == preset.frequency_drift_hz_per_s
    # With one reference the nodes' number is that between two radios.
    own = 0.0 if preset.shared_clock else preset.phase_noise_linewidth_hz
    assert preset.receiver_phase_noise_linewidth_hz == own
    # Two oscillators at opposite ends stay within what is searched by default.
    assert 2 * preset.clock_error_range_ppm * 1e-6 * CENTER_HZ < 60e3
