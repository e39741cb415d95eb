"""A node knows time, carrier and level as well as the Cramer-Rao bound allows, and sets them."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.downlink.beacon import BeaconFix, Moment, beacon_fix, on_time, with_beacon_times
from sdr_ota.receiver.control_frame import SenderClock, receive_control_frame
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.rounds.transmitter import precompensated
from sdr_ota.signal.control_frame import ControlFormat
from sdr_ota.types import PathErrors, RadioSettings, TransmitPlan
from tests.sdr_ota.receiver.independent_air import chirps, taps_of
from tests.sdr_ota.receiver.independent_control import BENCH, Reception, captured

FRAME = ControlFormat(bench=BENCH)
SETTINGS = RadioSettings(center_freq_hz=915e6, sample_rate_hz=1e6, bandwidth_hz=1e6)
CAPTURE_TICK = 5_000_000
MAX_CFO = 0.06
PAGE = Path(__file__).parents[3] / "docs/explanation/no-cables.md"


def fix(how: Reception, rng: np.random.Generator, detuned_cfo: float = 0.0) -> BeaconFix:
    """What the shortest frame shows: all of it is in the preamble."""
    samples = captured(b"x", FRAME, how, rng)
    clock = SenderClock(SETTINGS.sample_rate_hz / SETTINGS.center_freq_hz, detuned_cfo)
    found = receive_control_frame(samples, FRAME, MAX_CFO, clock)
    return beacon_fix(found.burst, CAPTURE_TICK, SETTINGS.sample_rate_hz, clock)


def bound(snr: float) -> tuple[float, float, float]:
    """Least deviations of time (samples), offset (cycles a sample) and relative amplitude.

    Fisher's information of a known signal in white noise by numerical derivatives; delay, offset,
    phase and amplitude unknown, the first by band-limited interpolation of the documented chirps.
    """
    wave = np.pad(FRAME.known_amplitude * chirps(FRAME.n_chirp), 64)
    spectrum, frequency = np.fft.fft(wave), np.fft.fftfreq(len(wave))
    time = np.arange(len(wave)) - (len(wave) - 1) / 2

    def moved(delay: float, cfo: float) -> NDArray[np.complex128]:
        shifted = np.fft.ifft(spectrum * np.exp(-2j * np.pi * frequency * delay))
        return shifted * np.exp(2j * np.pi * cfo * (time - delay))

    step = 1e-4
    slope = (moved(step, 0) - moved(-step, 0)) / (2 * step)
    turn = (moved(0, step / 1e3) - moved(0, -step / 1e3)) / (2 * step / 1e3)
    columns = np.stack([slope, turn, 1j * wave, wave])
    fisher = 2 * snr * (columns.conj() @ columns.T).real
    deviations = np.sqrt(np.diag(np.linalg.inv(fisher)))
    return float(deviations[0]), float(deviations[1]), float(deviations[3])


@pytest.mark.parametrize("snr_db", [-5.0, 30.0])
def test_time_carrier_and_level_are_as_sure_as_theory_allows(snr_db: float) -> None:
    """Mean square errors over the bound, against chi-square of as many trials."""
    rng, n_trials, gain = np.random.default_rng(1), 80, 0.05
    chip_snr = 10 ** (snr_db / 10)
    sample_snr = chip_snr / float(np.sum(taps_of(FRAME) ** 2))
    least = np.array(bound(sample_snr))
    off, stated = [], []
    for _ in range(n_trials):
        cfo = rng.uniform(-0.05, 0.05)
        clock_error = cfo * SETTINGS.sample_rate_hz / SETTINGS.center_freq_hz
        turned = gain * np.exp(2j * np.pi * rng.random())
        start = 500 + rng.random()
        how = Reception(start, cfo, turned, clock_error, chip_snr_db=snr_db)
        found = fix(how, rng)
        began = found.began.tick - CAPTURE_TICK + found.began.late_samples
        level = found.rx_amplitude / gain
        off.append((began - start, found.cfo_hz / SETTINGS.sample_rate_hz - cfo, level - 1))
        stated.append(
            (found.began.std_samples, found.cfo_std_hz / 1e6, found.rx_amplitude_std / gain)
        )
    ratios = np.mean(np.square(off), axis=0) / least**2
    low, high = (stats.chi2.ppf(p, n_trials) / n_trials for p in (1e-4, 1 - 1e-4))
    assert (low < ratios).all(), ratios
    assert (ratios < high).all(), ratios
    assert np.sqrt(np.mean(np.square(stated), axis=0)) == pytest.approx(least, rel=0.1)


def test_the_page_states_the_bound() -> None:
    table = PAGE.read_text().partition("| chip SNR | time |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| (\S+) dB \| (\S+) us \| (\S+) Hz \| (\S+) % \|", table)
    assert [row[0] for row in rows] == ["-5", "15"]
    for snr_db, *stated in rows:
        sample_snr = 10 ** (float(snr_db) / 10) / float(np.sum(taps_of(FRAME) ** 2))
        time, cfo, level = bound(sample_snr)
        assert [float(s) for s in stated] == pytest.approx([time, 1e6 * cfo, 100 * level], rel=0.04)


def test_a_synthesiser_that_was_tuned_leaves_the_clock_as_it_was() -> None:
    """A node 40 ppm off that has tuned its carrier to 0.2 ppm."""
    clock_error, cfo = 40e-6, 0.2e-6 * SETTINGS.center_freq_hz / SETTINGS.sample_rate_hz
    detuned = clock_error * SETTINGS.center_freq_hz / SETTINGS.sample_rate_hz - cfo
    how = Reception(700.3, cfo, clock_error=clock_error)
    found = fix(how, np.random.default_rng(4), detuned)
    assert found.clock_error == pytest.approx(clock_error, abs=1e-9)
    assert found.cfo_hz == pytest.approx(0.2e-6 * SETTINGS.center_freq_hz, abs=0.1)
    began = found.began.tick - CAPTURE_TICK + found.began.late_samples
    assert began == pytest.approx(700.3, abs=0.005)


@pytest.mark.parametrize(("cfo_hz", "step_hz", "tuned_hz"), [
    (45_750.0, 1.0, 45_750.0),
    (-45_750.3, 2.5, -45_750.0),
    (700.0, 1000.0, 1000.0),
    (400.0, 1000.0, 0.0),
])  # fmt: skip
def test_the_synthesiser_goes_to_its_step_next_to_the_servers_carrier(
    cfo_hz: float, step_hz: float, tuned_hz: float
) -> None:
    found = BeaconFix(Moment(0, 0.0, 0.0), cfo_hz, 0.1, 0.1, 0.01, 0.0, 0.0)
    assert found.tuning_hz(step_hz) == tuned_hz
    assert abs(cfo_hz - found.tuning_hz(step_hz)) <= step_hz / 2


def test_a_burst_that_is_due_between_two_samples_is_sent_there() -> None:
    """Samples at the node's ticks, read at the moment that is meant, are those of no lateness."""
    rng = np.random.default_rng(3)
    tone = np.exp(2j * np.pi * 0.07 * np.arange(400)).astype(np.complex64)
    plain = PayloadOrder(3, (0.5, 0.2), 3.6e-6, 150.0, 9000, True, 2, 0.0, 1.0, 0.0, 9000)
    for late in (-0.5, -0.2, 0.0, 0.37, 0.5):
        moved = on_time(plain, Moment(9000, late, 0.0), 1e6)
        bursts = [precompensated(tone, o.precoder, 9000, 1e6) for o in (plain, moved)]
        at = 9200 + int(rng.integers(100))
        values = [complex(b.samples[at - b.start_tick]) for b in bursts]
        # The tone of the moved burst is late by that much, and nothing else has changed.
        assert values[1] / values[0] == pytest.approx(np.exp(-2j * np.pi * 0.07 * late), abs=2e-3)


def test_a_plan_counts_the_errors_of_two_beacons() -> None:
    plan = TransmitPlan((), 0.1, 1e-6, (PathErrors(timing_std_s=3e-8), PathErrors(cfo_std_hz=2.0)))
    counted = with_beacon_times(plan, 4e-8 / math.sqrt(2))
    assert [e.timing_std_s for e in counted.path_errors] == pytest.approx([5e-8, 4e-8])
    assert counted.path_errors[1].cfo_std_hz == 2.0
