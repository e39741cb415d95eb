"""What every radio promises, whatever is behind it. A back-end adds one line to `BENCHES`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from sdr_ota.air import SimulatedAir
from sdr_ota.presets import AirPreset
from sdr_ota.radio.base import (
    Overflow,
    Radio,
    RadioError,
    SettingNotTaken,
    TimeError,
    TransmitRefused,
)
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.types import RadioSettings, Samples

TIMEOUT_S = 5.0
LEAD_TICKS = 2000


@dataclass(frozen=True)
class RadioBench:
    """A transmitter and a receiver that hear each other, and settings both can take."""

    transmitter: Radio
    receiver: Radio
    settings: RadioSettings
    level: float
    """Received amplitude of a burst at full scale."""


def simulated() -> RadioBench:
    preset = AirPreset("contract", path_gain_db=-6.0, snr_db=60.0)
    air = SimulatedAir(preset, 1, sample_rate_hz=1e6, center_freq_hz=915e6, seed=3)
    settings = RadioSettings(center_freq_hz=915e6, sample_rate_hz=1e6, bandwidth_hz=1e6)
    return RadioBench(SimulatedRadio(air, 0), SimulatedRadio(air, None), settings, 10 ** (-6 / 20))


BENCHES: dict[str, Callable[[], RadioBench]] = {"simulated": simulated}


@pytest.fixture(params=BENCHES, ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[RadioBench]:
    made = BENCHES[request.param]()
    with made.transmitter, made.receiver:
        yield made


def burst(level: float = 1.0, n_samples: int = 500) -> Samples:
    n = np.arange(n_samples)
    return (level * np.exp(2j * np.pi * 0.11 * n)).astype(np.complex64)


def level_heard(bench: RadioBench, samples: Samples) -> float:
    """Send a tone and return the amplitude at which it arrives."""
    start = bench.receiver.now_tick() + LEAD_TICKS
    pending = bench.receiver.begin_receive(3 * samples.size, start)
    bench.transmitter.transmit(samples, start + samples.size)
    heard = pending.result(TIMEOUT_S).samples[samples.size : 2 * samples.size]
    return float(np.abs(np.vdot(burst(1.0, samples.size), heard)) / samples.size)


def test_says_who_it_is(bench: RadioBench) -> None:
    for radio in (bench.transmitter, bench.receiver):
        assert radio.info.driver
        assert radio.info.serial
    assert bench.transmitter.info.serial != bench.receiver.info.serial


def test_settings_in_force_are_read_back(bench: RadioBench) -> None:
    for radio in (bench.transmitter, bench.receiver):
        there = radio.configure(bench.settings)
        assert there.sample_rate_hz == pytest.approx(bench.settings.sample_rate_hz, rel=1e-6)
        assert there.center_freq_hz == pytest.approx(bench.settings.center_freq_hz, rel=1e-6)


@pytest.mark.parametrize("rate_hz", [-1.0, 0.0, 1e15])
def test_a_setting_that_cannot_be_taken_is_refused_by_value(
    bench: RadioBench, rate_hz: float
) -> None:
    impossible = RadioSettings(bench.settings.center_freq_hz, rate_hz, 1e6)
    with pytest.raises(SettingNotTaken, match="asked for"):
        bench.transmitter.configure(impossible)


def test_a_capture_has_the_length_and_place_that_were_asked_for(bench: RadioBench) -> None:
    for n_samples in (1, 1000, 4096):
        start = bench.receiver.now_tick() + LEAD_TICKS
        capture = bench.receiver.begin_receive(n_samples, start).result(TIMEOUT_S)
        assert capture.samples.shape == (n_samples,)
        assert capture.samples.dtype == np.complex64
        assert capture.n_clipped == 0
        if bench.receiver.info.has_hardware_time:
            assert capture.start_tick == start


def test_time_never_runs_backwards(bench: RadioBench) -> None:
    ticks = []
    for _ in range(5):
        ticks.append(bench.receiver.now_tick())
        bench.receiver.begin_receive(100).result(TIMEOUT_S)
    assert ticks == sorted(ticks)
    assert ticks[-1] > ticks[0]


@pytest.mark.parametrize("level", [1.0, 0.3, 0.01])
def test_full_scale_is_one_and_amplitudes_are_linear(bench: RadioBench, level: float) -> None:
    assert level_heard(bench, burst(level)) == pytest.approx(level * bench.level, rel=0.02)


def test_input_is_never_changed_nor_kept(bench: RadioBench) -> None:
    samples = burst(0.5)
    before = samples.copy()
    start = bench.receiver.now_tick() + LEAD_TICKS
    pending = bench.receiver.begin_receive(500, start)
    samples.flags.writeable = False
    bench.transmitter.transmit(samples, start)
    np.testing.assert_array_equal(samples, before)
    samples.flags.writeable = True
    samples[:] = 0  # the caller may use its array again at once
    heard = pending.result(TIMEOUT_S).samples
    assert np.sqrt(np.mean(np.abs(heard) ** 2)) == pytest.approx(0.5 * bench.level, rel=0.05)


@pytest.mark.parametrize("peak", [1.01, 3.0, np.nan, np.inf])
def test_more_than_full_scale_is_refused_and_not_sent(bench: RadioBench, peak: float) -> None:
    samples = burst(0.5)
    samples[7] = peak
    start = bench.receiver.now_tick() + LEAD_TICKS
    pending = bench.receiver.begin_receive(500, start)
    with pytest.raises(TransmitRefused, match="full scale"):
        bench.transmitter.transmit(samples, start)
    assert np.abs(pending.result(TIMEOUT_S).samples).max() < 0.1 * bench.level


def test_silent_before_the_first_and_after_the_last_burst(bench: RadioBench) -> None:
    start = bench.receiver.now_tick() + LEAD_TICKS
    pending = bench.receiver.begin_receive(3000, start)
    bench.transmitter.transmit(burst(), start + 1000)
    power = np.abs(pending.result(TIMEOUT_S).samples) ** 2
    assert power[:900].max() < 1e-3 * bench.level**2
    assert power[1600:].max() < 1e-3 * bench.level**2
    assert power[1100:1400].min() > 0.5 * bench.level**2


def test_a_late_start_is_a_time_error(bench: RadioBench) -> None:
    if not bench.transmitter.info.has_hardware_time:
        pytest.skip("no hardware time")
    bench.receiver.begin_receive(1000, bench.receiver.now_tick() + 10).result(TIMEOUT_S)
    now = bench.transmitter.now_tick()
    with pytest.raises(TimeError, match=str(now - 1)):
        bench.transmitter.transmit(burst(), now - 1)
    with pytest.raises(TimeError):
        bench.receiver.begin_receive(10, now - 1)
    bench.transmitter.transmit(burst(), now + LEAD_TICKS)  # it goes on afterwards


def test_lost_samples_are_an_overflow(bench: RadioBench) -> None:
    start = bench.receiver.now_tick() + LEAD_TICKS
    early = bench.receiver.begin_receive(100, start)
    bench.receiver.begin_receive(100, start + 1000).result(TIMEOUT_S)
    with pytest.raises(Overflow, match="gone"):
        early.result(TIMEOUT_S)


def test_closing_twice_is_closing_once(bench: RadioBench) -> None:
    for radio in (bench.transmitter, bench.receiver):
        radio.close()
        radio.close()


def test_use_after_close_is_refused(bench: RadioBench) -> None:
    bench.transmitter.close()
    bench.receiver.close()
    for use in (
        lambda: bench.transmitter.transmit(burst()),
        lambda: bench.receiver.begin_receive(10),
        lambda: bench.transmitter.configure(bench.settings),
    ):
        with pytest.raises(RadioError, match="is closed"):
            use()


def test_an_exception_passes_through_and_closes(bench: RadioBench) -> None:
    with pytest.raises(KeyError, match="mine"), bench.transmitter:
        raise KeyError("mine")
    with pytest.raises(RadioError, match="is closed"):
        bench.transmitter.transmit(burst())


def test_every_error_is_a_radio_error() -> None:
    for error in (TimeError, Overflow, TransmitRefused, SettingNotTaken):
        assert issubclass(error, RadioError)
