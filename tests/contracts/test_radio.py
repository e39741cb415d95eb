"""What every radio promises, whatever is behind it. A back-end adds one line to `BENCHES`.

On real hardware, over 40 dB: two radios on a cable, or one full-duplex radio from its TX to its RX:

    pytest -m hardware tests/contracts --radio driver=pluto,uri=ip:192.168.2.1
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import pytest
from ota_flowgraphs.virtual_radios import VirtualRadios

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.address import open_radios
from sdr_ota.radio.base import (
    Overflow,
    Radio,
    RadioError,
    SettingNotTaken,
    TimeError,
    TransmitRefused,
)
from sdr_ota.radio.limited import LimitedRadio, Limits
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual.pluto_board import PlutoWorld
from sdr_ota.radio.virtual.pluto_server import VirtualPlutos
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.remote import receiver as remote_receiver
from sdr_ota.remote.offer import Offer
from sdr_ota.remote.receiver import RemoteReceiver
from sdr_ota.types import RadioSettings, Samples
from tests.sdr_ota.remote.direct_agent import DirectAgent

pytestmark = pytest.mark.usefixtures("virtual_soapy_driver")

TIMEOUT_S = 5.0
LEAD_TICKS = 2000
SETTLE_TICKS = 5000
PRESET = AirPreset("contract", path_gain_db=-6.0, snr_db=60.0, shared_clock=True)
SETTINGS = RadioSettings(center_freq_hz=915e6, sample_rate_hz=1e6, bandwidth_hz=1e6)
WORLD = AirSettings(PRESET, 1, SETTINGS.sample_rate_hz, SETTINGS.center_freq_hz, 3)


@dataclass(frozen=True)
class RadioBench:
    """A transmitter and a receiver that receive each other, and settings both can take."""

    transmitter: Radio
    receiver: Radio
    settings: RadioSettings
    level: float
    """Received amplitude of a burst at full scale."""

    @property
    def is_timed(self) -> bool:
        return self.transmitter.info.has_hardware_time and self.receiver.info.has_hardware_time


@contextmanager
def simulated(has_hardware_time: bool) -> Iterator[RadioBench]:
    air = SimulatedAir(WORLD)
    with (
        SimulatedRadio(air, 0, has_hardware_time) as transmitter,
        SimulatedRadio(air, None, has_hardware_time) as receiver,
    ):
        yield RadioBench(transmitter, receiver, SETTINGS, 10 ** (-6 / 20))


@contextmanager
def lent(has_hardware_time: bool) -> Iterator[RadioBench]:
    """What an owner lends, within limits that these tests do not reach."""
    limits = Limits(((900e6, 930e6),), 1000.0, 0.99)
    with simulated(has_hardware_time) as there:
        transmitter = LimitedRadio(there.transmitter, limits)
        transmitter.configure(SETTINGS)
        yield replace(there, transmitter=transmitter)


@contextmanager
def receiver_elsewhere() -> Iterator[RadioBench]:
    """A receiver behind its agent's calls and bytes; the agent lives in this process."""
    with VirtualPlutos(PlutoWorld(WORLD)) as served, ExitStack() as stack:
        sender, there = (
            f"driver=pluto,uri={uri}" for uri in (*served.node_uris, served.receiver_uri)
        )
        offer = Offer("desk", (there,), ".", Limits())
        stack.enter_context(patch.dict(os.environ, offer.environment()))
        stack.enter_context(
            patch.multiple(
                remote_receiver,
                connect=lambda: None,
                check_free=lambda *_: None,
                start_agent=lambda kind, host, actor: DirectAgent(host, actor()),
            )
        )
        far = stack.enter_context(RemoteReceiver("desk", there))
        with at_addresses(sender) as near:
            far.configure(SETTINGS)
            yield replace(near, receiver=far)


@contextmanager
def at_addresses(*addresses: str) -> Iterator[RadioBench]:
    with open_radios(addresses) as radios:
        for radio in radios:
            radio.configure(SETTINGS)
        yield RadioBench(radios[0], radios[-1], SETTINGS, 10 ** (-6 / 20))


@contextmanager
def virtual_pluto(more: str) -> Iterator[RadioBench]:
    with VirtualPlutos(PlutoWorld(WORLD)) as served:
        uris = (*served.node_uris, served.receiver_uri)
        with at_addresses(*(f"driver=pluto,uri={uri}{more}" for uri in uris)) as bench:
            yield bench


@contextmanager
def virtual_soapy() -> Iterator[RadioBench]:
    with (
        VirtualSoapy(SoapyWorld(WORLD)) as served,
        at_addresses(*served.node_addresses, served.receiver_address) as bench,
    ):
        yield bench


@contextmanager
def virtual_processes() -> Iterator[RadioBench]:
    with (
        VirtualRadios(WORLD) as served,
        at_addresses(*served.node_addresses, served.receiver_address) as bench,
    ):
        yield bench


Opened = AbstractContextManager[RadioBench]
BENCHES: dict[str, Callable[[], Opened]] = {
    "simulated": lambda: simulated(True),
    "simulated-cyclic": lambda: simulated(False),
    "lent": lambda: lent(True),
    "lent-cyclic": lambda: lent(False),
    "receiver-elsewhere": receiver_elsewhere,
    "virtual-pluto": lambda: virtual_pluto(""),
    "virtual-pluto-triggered": lambda: virtual_pluto(",trigger=external"),
    "virtual-soapy": virtual_soapy,
    "virtual-processes": virtual_processes,
}
TIMED = ("simulated", "lent", "virtual-pluto-triggered", "virtual-soapy")
CYCLIC = (
    "simulated-cyclic",
    "lent-cyclic",
    "receiver-elsewhere",
    "virtual-pluto",
    "virtual-processes",
)
HARDWARE = pytest.param("hardware", marks=pytest.mark.hardware)


@contextmanager
def hardware(config: pytest.Config) -> Iterator[RadioBench]:
    addresses = config.getoption("--radio")
    assert addresses, "name the radios: --radio ADDRESS, once or twice"
    with at_addresses(*addresses) as there:
        settings = replace(SETTINGS, center_freq_hz=config.getoption("--radio-freq-hz"))
        for radio in (there.transmitter, there.receiver):
            radio.configure(settings)
        level = 2 * level_heard(there, burst(0.5))
        yield replace(there, settings=settings, level=level)


def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "virtual-processes":
        request.getfixturevalue("gnuradio")
    made = BENCHES.get(request.param)
    return made() if made else hardware(request.config)


@pytest.fixture(params=[*BENCHES, HARDWARE], ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[RadioBench]:
    with opened(request) as made:
        yield made


@pytest.fixture(params=[*TIMED, HARDWARE], ids=str)
def timed(request: pytest.FixtureRequest) -> Iterator[RadioBench]:
    with opened(request) as made:
        if not made.is_timed:
            pytest.skip("this radio has no hardware time")
        yield made


@pytest.fixture(params=[*CYCLIC, HARDWARE], ids=str)
def cyclic(request: pytest.FixtureRequest) -> Iterator[RadioBench]:
    with opened(request) as made:
        if not made.transmitter.info.can_repeat:
            pytest.skip("this radio sends no cyclic frames")
        yield made


def burst(level: float = 1.0, n_samples: int = 2000) -> Samples:
    n = np.arange(n_samples)
    return (level * np.exp(2j * np.pi * 0.11 * n)).astype(np.complex64)


def received(bench: RadioBench, samples: Samples) -> Samples:
    """Send samples and return as many of what is received meanwhile."""
    if not bench.is_timed:
        bench.transmitter.begin_cyclic(samples)
        pending = bench.receiver.begin_receive(SETTLE_TICKS + samples.size)
        received = pending.result(TIMEOUT_S).samples[SETTLE_TICKS:]
        bench.transmitter.end_cyclic()
        return received
    start = bench.receiver.now_tick() + LEAD_TICKS
    pending = bench.receiver.begin_receive(3 * samples.size, start)
    bench.transmitter.transmit(samples, start + samples.size)
    received = pending.result(TIMEOUT_S).samples[samples.size : 2 * samples.size]
    bench.transmitter.confirm_sent(TIMEOUT_S)
    return received


def silence(bench: RadioBench, n_samples: int = 2000) -> Samples:
    pending = bench.receiver.begin_receive(SETTLE_TICKS + n_samples)
    return pending.result(TIMEOUT_S).samples[SETTLE_TICKS:]


def level_heard(bench: RadioBench, samples: Samples) -> float:
    """Send a tone and return the amplitude at which it arrives."""
    return float(np.abs(np.vdot(burst(1.0, samples.size), received(bench, samples))) / samples.size)


def test_says_who_it_is_and_what_it_can(bench: RadioBench) -> None:
    for radio in {bench.transmitter, bench.receiver}:
        assert radio.info.driver
        assert radio.info.serial
        assert bench.settings.sample_rate_hz in radio.info.sample_rates_hz
        assert bench.settings.center_freq_hz in radio.info.center_freqs_hz
        assert radio.info.has_hardware_time or radio.info.can_repeat
    if bench.transmitter is not bench.receiver:
        assert bench.transmitter.info.serial != bench.receiver.info.serial


def test_settings_in_force_are_read_back(bench: RadioBench) -> None:
    for radio in (bench.transmitter, bench.receiver):
        there = radio.configure(bench.settings)
        assert there.sample_rate_hz == pytest.approx(bench.settings.sample_rate_hz, rel=1e-6)
        assert there.center_freq_hz == pytest.approx(bench.settings.center_freq_hz, rel=1e-6)
        assert there.tx_gain_db == pytest.approx(bench.settings.tx_gain_db, abs=1.0)
        assert there.rx_gain_db == pytest.approx(bench.settings.rx_gain_db, abs=1.0)


@pytest.mark.parametrize("rate_hz", [-1.0, 0.0, 1e15])
def test_a_setting_that_cannot_be_taken_is_refused_by_value(
    bench: RadioBench, rate_hz: float
) -> None:
    impossible = RadioSettings(bench.settings.center_freq_hz, rate_hz, 1e6)
    with pytest.raises(SettingNotTaken, match="asked for"):
        bench.transmitter.configure(impossible)


def test_a_capture_has_the_length_that_was_asked_for(bench: RadioBench) -> None:
    for n_samples in (64, 1000, 4096):
        capture = bench.receiver.begin_receive(n_samples).result(TIMEOUT_S)
        assert capture.samples.shape == (n_samples,)
        assert capture.samples.dtype == np.complex64
        assert capture.n_clipped == 0


def test_a_capture_begins_at_the_tick_that_was_asked_for(timed: RadioBench) -> None:
    for n_samples in (64, 1000, 4096):
        start = timed.receiver.now_tick() + LEAD_TICKS
        assert timed.receiver.begin_receive(n_samples, start).result(TIMEOUT_S).start_tick == start


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


def test_input_is_never_changed_nor_kept(timed: RadioBench) -> None:
    samples = burst(0.5)
    before = samples.copy()
    start = timed.receiver.now_tick() + LEAD_TICKS
    pending = timed.receiver.begin_receive(samples.size, start)
    samples.flags.writeable = False
    timed.transmitter.transmit(samples, start)
    np.testing.assert_array_equal(samples, before)
    samples.flags.writeable = True
    samples[:] = 0  # the caller may use its array again at once
    level = np.sqrt(np.mean(np.abs(pending.result(TIMEOUT_S).samples) ** 2))
    assert level == pytest.approx(0.5 * timed.level, rel=0.05)


def test_a_cyclic_frame_is_never_changed_nor_kept(cyclic: RadioBench) -> None:
    samples = burst(0.5)
    before = samples.copy()
    samples.flags.writeable = False
    cyclic.transmitter.begin_cyclic(samples)
    np.testing.assert_array_equal(samples, before)
    samples.flags.writeable = True
    samples[:] = 0
    level = np.sqrt(np.mean(np.abs(silence(cyclic)) ** 2))
    assert level == pytest.approx(0.5 * cyclic.level, rel=0.05)


@pytest.mark.parametrize("peak", [1.01, 3.0, np.nan, np.inf])
def test_more_than_full_scale_is_refused_and_not_sent(bench: RadioBench, peak: float) -> None:
    samples = burst(0.5)
    samples[7] = peak
    send = bench.transmitter.transmit if bench.is_timed else bench.transmitter.begin_cyclic
    with pytest.raises(TransmitRefused, match="full scale"):
        send(samples)
    assert np.abs(silence(bench)).max() < 0.1 * bench.level


def test_silent_before_the_first_and_after_the_last_burst(timed: RadioBench) -> None:
    start = timed.receiver.now_tick() + LEAD_TICKS
    pending = timed.receiver.begin_receive(4500, start)
    timed.transmitter.transmit(burst(), start + 1000)
    power = np.abs(pending.result(TIMEOUT_S).samples) ** 2
    assert power[:900].max() < 1e-3 * timed.level**2
    assert power[3100:].max() < 1e-3 * timed.level**2
    assert power[1100:2900].min() > 0.5 * timed.level**2


def test_silent_before_and_after_cyclic_frames(cyclic: RadioBench) -> None:
    assert np.abs(silence(cyclic)).max() < 0.03 * cyclic.level
    assert level_heard(cyclic, burst()) > 0.9 * cyclic.level
    assert np.abs(silence(cyclic)).max() < 0.03 * cyclic.level
    cyclic.transmitter.end_cyclic()  # nothing is sent: nothing happens


def test_a_late_start_is_a_time_error(timed: RadioBench) -> None:
    timed.receiver.begin_receive(1000, timed.receiver.now_tick() + 10).result(TIMEOUT_S)
    now = timed.transmitter.now_tick()
    with pytest.raises(TimeError, match=str(now - 1)):
        timed.transmitter.transmit(burst(), now - 1)
    with pytest.raises(TimeError):
        timed.receiver.begin_receive(10, now - 1)
    assert level_heard(timed, burst()) > 0.9 * timed.level  # it goes on afterwards


def test_start_ticks_are_refused_without_hardware_time(cyclic: RadioBench) -> None:
    if cyclic.is_timed:
        pytest.skip("this radio has hardware time")
    with pytest.raises(RadioError, match="no hardware time"):
        cyclic.transmitter.transmit(burst(), cyclic.transmitter.now_tick() + LEAD_TICKS)
    with pytest.raises(RadioError, match="no hardware time"):
        cyclic.receiver.begin_receive(10, cyclic.receiver.now_tick() + LEAD_TICKS)


def test_lost_samples_are_an_overflow(timed: RadioBench) -> None:
    start = timed.receiver.now_tick() + LEAD_TICKS
    early = timed.receiver.begin_receive(100, start)
    timed.receiver.begin_receive(100, start + 1000).result(TIMEOUT_S)
    with pytest.raises(Overflow, match="gone"):
        early.result(TIMEOUT_S)


def test_closing_twice_is_closing_once(bench: RadioBench) -> None:
    if not bench.is_timed:
        bench.transmitter.begin_cyclic(burst())
    for _ in range(2):
        bench.transmitter.close()
    if bench.transmitter is not bench.receiver:
        assert np.abs(silence(bench)).max() < 0.03 * bench.level
    for _ in range(2):
        bench.receiver.close()
    with pytest.raises(RadioError, match="is closed"):
        bench.receiver.begin_receive(10)


def test_use_after_close_is_refused(bench: RadioBench) -> None:
    bench.transmitter.close()
    bench.receiver.close()
    for use in (
        lambda: bench.transmitter.transmit(burst()),
        lambda: bench.transmitter.begin_cyclic(burst()),
        lambda: bench.receiver.begin_receive(10),
        lambda: bench.transmitter.configure(bench.settings),
    ):
        with pytest.raises(RadioError, match="is closed"):
            use()


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_an_exception_passes_through_and_closes(
    bench: RadioBench, error: type[BaseException]
) -> None:
    with pytest.raises(error, match="mine"), ExitStack() as stack:
        stack.enter_context(bench.transmitter)
        if not bench.is_timed:
            bench.transmitter.begin_cyclic(burst())
        raise error("mine")
    with pytest.raises(RadioError, match="is closed"):
        bench.transmitter.transmit(burst())
    if bench.transmitter is not bench.receiver:
        assert np.abs(silence(bench)).max() < 0.03 * bench.level


def test_every_error_is_a_radio_error() -> None:
    for error in (TimeError, Overflow, TransmitRefused, SettingNotTaken):
        assert issubclass(error, RadioError)
