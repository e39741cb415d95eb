"""A window of repeated periods: what is common is corrected, what is left counted or refused."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.receiver.repeated_pilot import PilotStart, fit_repeated_pilot
from sdr_ota.receiver.window_evidence import (
    Window,
    WindowEvidence,
    WindowExpectation,
    decode_window,
)
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.subcarriers import SubcarrierFrame
from sdr_ota.types import ChipSum, Samples

FRAME = SubcarrierFrame(n_chips=512, n_nodes=3)
SCHEME = load_scheme("energy-difference")
RX_AMPLITUDE, LEVEL_STD, SNR_DB = 0.2, 3e-3, 25.0
ONE_HZ = 1e-6
"""In cycles per sample, at 1 MS/s."""

N_SEEDS = 6
Fault = Callable[[Samples], Samples]
SUM = 0.7 - 0.4 + 0.9


def noise(n_samples: int, power: float, seed: int) -> NDArray[np.complex128]:
    pair = np.random.default_rng(seed).normal(size=(n_samples, 2)) * np.sqrt(power / 2)
    return np.asarray(pair.view(np.complex128)[:, 0])


def noise_power(snr_db: float) -> float:
    return RX_AMPLITUDE**2 / 10 ** (snr_db / 10)


def received(
    seed: int,
    gains: Sequence[complex] = (1, 1, 1),
    cfos: Sequence[float] = (0.0, 0.0, 0.0),
    snr_db: float = SNR_DB,
    symbols: Sequence[float] = (0.7, -0.4, 0.9),
    echo: float = 0.0,
) -> Samples:
    """Return a window, and some samples more, of nodes that began at any time."""
    rng, n_samples = np.random.default_rng([seed, 9]), FRAME.n_window + 500
    total = noise(n_samples, noise_power(snr_db) * FRAME.chip_energy, seed)
    cycles = np.fft.fftfreq(FRAME.n_period)
    for node, (gain, cfo) in enumerate(zip(gains, cfos, strict=True)):
        chips = SCHEME.encode(symbols[node], node, 3, FRAME.n_chips, rng)
        period = FRAME.compose(chips, node, FRAME.node_pilot_chips(node, seed))
        late = np.exp(-2j * np.pi * cycles * rng.uniform(0, FRAME.n_period))
        late *= np.exp(2j * np.pi * rng.random()) * (1 + LEVEL_STD * rng.normal())
        late *= 1 + echo * np.exp(-2j * np.pi * 5 * cycles)
        wave = np.tile(np.fft.ifft(np.fft.fft(period) * late), FRAME.n_averaged + 1)[:n_samples]
        total += RX_AMPLITUDE * gain * wave * np.exp(2j * np.pi * cfo * np.arange(n_samples))
    return total.astype(np.complex64)


def decoded(samples: Samples, seed: int, snr_db: float = SNR_DB) -> tuple[ChipSum, WindowEvidence]:
    expected = WindowExpectation(
        nodes=(0, 1, 2),
        rx_amplitude=RX_AMPLITUDE,
        noise_power=noise_power(snr_db),
        level_variances=np.full(3, LEVEL_STD**2),
        walk_variances_rad2=np.zeros(3),
    )
    window = Window(samples[: FRAME.n_window], FRAME, SCHEME, seed)
    (read,), found = decode_window(window, expected)
    return read, found


@pytest.mark.parametrize("snr_db", [10.0, 25.0, 45.0])
@pytest.mark.parametrize("left_hz", [0.0, 7.6])
def test_clean_windows_are_read_whatever_offset_the_grid_leaves(
    snr_db: float, left_hz: float
) -> None:
    for seed in range(1, N_SEEDS):
        cfos = left_hz * ONE_HZ * np.array([1, -1, 1])
        read, found = decoded(received(seed, cfos=cfos, snr_db=snr_db), seed, snr_db)
        assert abs(read.value - SUM) < 5 * read.std
        assert found.rx_amplitude == pytest.approx(RX_AMPLITUDE, rel=5 * LEVEL_STD)
        assert found.noise_power < 2 * noise_power(snr_db) + 1e-3 * RX_AMPLITUDE**2


def test_a_weak_echo_is_no_fault_however_small_the_symbols_are() -> None:
    """It changes a sum by a share of its own."""
    for seed in range(1, N_SEEDS):
        samples = received(seed, snr_db=50.0, symbols=(0.01, -0.005, 0.01), echo=0.05)
        read, _ = decoded(samples, seed, snr_db=50.0)
        assert abs(read.value - 0.015) < 5 * read.std


@pytest.mark.parametrize("common_hz", [50.0, -300.0])
def test_a_common_offset_is_corrected(common_hz: float) -> None:
    for seed in range(1, N_SEEDS):
        samples = received(seed, cfos=[common_hz * ONE_HZ] * 3)
        read, found = decoded(samples, seed)
        assert abs(read.value - SUM) < 5 * read.std
        # The Cramer-Rao bound of the whole window is 0.1 Hz; periods alone cost a little.
        assert found.cfo == pytest.approx(common_hz * ONE_HZ, abs=1.5 * ONE_HZ)
        assert all(abs(pilot.cfo) < 3 * ONE_HZ for pilot in found.pilots)


@pytest.mark.parametrize("level", [0.6, 1.26, 1.8])
def test_a_common_level_is_corrected(level: float) -> None:
    for seed in range(1, N_SEEDS):
        read, found = decoded(received(seed, gains=[level] * 3), seed)
        assert found.rx_amplitude == pytest.approx(level * RX_AMPLITUDE, rel=0.02)
        assert abs(read.value - SUM) < 5 * read.std


def test_a_node_that_is_louder_is_counted_as_loud_as_it_is() -> None:
    for seed in range(1, N_SEEDS):
        _, found = decoded(received(seed, gains=(1, 1, 1.2)), seed)
        each = found.gains.amplitudes(3) * found.rx_amplitude / RX_AMPLITUDE
        noise_std = 10 ** (-SNR_DB / 20) / np.sqrt(2 * FRAME.n_node_pilot)
        np.testing.assert_allclose(each, [1, 1, 1.2], atol=5 * np.hypot(noise_std, LEVEL_STD))
        assert np.max(found.gains.along_variance) < 2 * noise_std**2


def test_an_offset_of_one_node_is_counted_as_the_level_that_it_costs() -> None:
    offset = 50 * ONE_HZ
    for seed in range(1, N_SEEDS):
        _, found = decoded(received(seed, cfos=(0, 0, offset)), seed)
        lost = np.sinc((np.array([0, 0, offset]) - found.cfo) * FRAME.n_window)
        each = found.gains.amplitudes(3) * found.rx_amplitude / RX_AMPLITUDE
        np.testing.assert_allclose(each, lost, atol=5 * LEVEL_STD)


def test_the_clock_of_a_node_is_measured_and_costs_the_edge_of_its_band_only() -> None:
    frame, drift, delay = FRAME, 40e-6, 100.3
    pilot = frame.node_pilot_chips(0, 1)
    lines = frame.node_pilot(0) / frame.n_period
    times = np.arange(frame.n_window) * (1 - drift) - delay
    wave = np.exp(2j * np.pi * np.outer(times, lines)) @ pilot
    periods = frame.analyse_periods(frame.chip_scale * wave)
    start = PilotStart(delay + drift * frame.n_window / 2 + 0.1, 1e-6, 0.02)
    fit = fit_repeated_pilot(periods, frame, 0, pilot, start)
    assert fit.drift == pytest.approx(drift, rel=0.02)
    assert abs(fit.gain) == pytest.approx(1, abs=1e-3)
    # Over the window the delay goes from end to end by a third of a sample.
    lost = np.sinc(lines * drift * frame.n_window)
    assert fit.kept == pytest.approx(np.sqrt(np.mean(lost**2)), abs=1e-3)
    assert max(fit.steady_rest, fit.moving_rest) < 2e-3


@pytest.mark.parametrize("amplitude", [3.0, 12.0])
def test_what_leaks_from_a_transmitter_on_one_subcarrier_of_a_pilot_is_left_out(
    amplitude: float,
) -> None:
    for seed in range(1, N_SEEDS):
        samples, line = received(seed), FRAME.node_pilot(1)[3] / FRAME.n_period
        tone = (
            amplitude
            * RX_AMPLITUDE
            * FRAME.chip_scale
            * np.exp(2j * np.pi * (line + 4 * ONE_HZ) * np.arange(len(samples)))
        )
        read, found = decoded((samples + tone).astype(np.complex64), seed)
        assert FRAME.n_node_pilot - 4 <= found.pilots[1].n_chips < FRAME.n_node_pilot
        assert abs(read.value - SUM) < 5 * read.std


def test_a_new_steady_interferer_does_not_erase() -> None:
    for seed in range(1, N_SEEDS):
        samples = received(seed, snr_db=45.0)
        power = 1e-2 * float(np.mean(np.abs(samples) ** 2))
        jammed = (samples + noise(len(samples), power, seed + 100)).astype(np.complex64)
        read, found = decoded(jammed, seed, snr_db=45.0)
        assert found.noise_power > 4 * noise_power(45.0)
        assert abs(read.value - SUM) < 5 * read.std


MIDDLE = 3500
"""Sample at which faults begin: inside a period, and past where they would not matter."""


def dropped(n_samples: int) -> Fault:
    return lambda samples: np.delete(samples, slice(MIDDLE, MIDDLE + n_samples))


def stepped(factor: complex) -> Fault:
    return lambda samples: np.concatenate([samples[:MIDDLE], factor * samples[MIDDLE:]])


def with_noise(n_samples: int, level: float, *, kept: bool) -> Fault:
    """Put noise of a level over the window's root mean square on samples, or in their place."""

    def change(samples: Samples) -> Samples:
        changed, part = samples.copy(), slice(MIDDLE, MIDDLE + n_samples)
        rms = float(np.sqrt(np.mean(np.abs(samples) ** 2)))
        changed[part] = kept * changed[part] + noise(
            len(changed[part]), (level * rms) ** 2, n_samples
        )
        return changed

    return change


def settling(samples: Samples) -> Samples:
    return np.asarray(samples * 10 ** (6 * np.exp(-np.arange(len(samples)) / 2000) / 20))


FAULTS: dict[str, Fault] = {
    "1 dropped": dropped(1),
    "10 dropped": dropped(10),
    "100 dropped": dropped(100),
    "+3 dB": stepped(10 ** (3 / 20)),
    "-12 dB": stepped(10 ** (-12 / 20)),
    "phase turned": stepped(np.exp(3j)),
    "2000 zeroed": with_noise(2000, 0.0, kept=False),
    "nodes stop": with_noise(len(range(MIDDLE, FRAME.n_window)), 0.02, kept=False),
    "pulse": with_noise(200, 10.0, kept=True),
    "settles": settling,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_window_whose_periods_differ_is_erased(fault: str) -> None:
    for seed in range(1, N_SEEDS):
        with pytest.raises(Erasure) as erased:
            decoded(FAULTS[fault](received(seed)), seed)
        assert erased.value.reason in ("gain-changed", "interference", "not-found")


def test_a_node_far_from_its_plan_or_silent_is_erased_by_name() -> None:
    with pytest.raises(Erasure, match="gain-changed: node 2's pilot is"):
        decoded(received(3, gains=(1, 1, 1.6)), 3)
    with pytest.raises(Erasure, match="not-found: node 1's pilot"):
        decoded(received(3, gains=(1, 0, 1)), 3)
    with pytest.raises(Erasure, match="not-found: node 0's pilot of this round"):
        decoded(received(3), 4)


def test_nodes_of_another_bench_on_the_same_subcarriers_are_erased() -> None:
    for seed in range(1, N_SEEDS):
        both = received(seed) + np.complex64(0.32) * received(seed + 50)
        with pytest.raises(Erasure, match="interference"):
            decoded(both, seed)


def test_zeros_are_no_silence() -> None:
    with pytest.raises(Erasure, match="radio"):
        decoded(np.zeros(FRAME.n_window, np.complex64), 1)
