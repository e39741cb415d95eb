"""The SoapySDR back-end against virtual devices, through the real SoapySDR."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import SoapySDR
from ota_calibration.paths.sounding import make_plan

from sdr_ota.air.presets import AirPreset, air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.radio.address import AddressError, open_radio, open_radios
from sdr_ota.radio.base import (
    Corruption,
    Radio,
    RadioError,
    RadioNotFound,
    SettingChanged,
    SettingNotTaken,
    TimeError,
    Timeout,
    Underflow,
)
from sdr_ota.radio.simulated import SimulatedRadio
from sdr_ota.radio.virtual import soapy_module
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.rounds.exchange import Bench, Link
from sdr_ota.rounds.given_symbols import exchange_symbols
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.types import RadioSettings, Samples
from tests.sounded_nodes import sound_nodes

pytestmark = pytest.mark.usefixtures("virtual_soapy_driver")

SETTINGS = RadioSettings(915e6, 1e6, 0.8e6)
QUIET = AirPreset("quiet", snr_db=70.0, shared_clock=True)


@dataclass
class Served:
    world: SoapyWorld
    soapy: VirtualSoapy

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.soapy.receiver_address, *self.soapy.node_addresses)


@pytest.fixture
def served() -> Iterator[Served]:
    world = SoapyWorld(AirSettings(QUIET, 2, 1e6, 915e6, seed=1))
    with VirtualSoapy(world) as soapy:
        yield Served(world, soapy)


def tone(level: float = 0.5, n_samples: int = 2500) -> Samples:
    return (level * np.exp(2j * np.pi * 0.1 * np.arange(n_samples))).astype(np.complex64)


def sent(transmitters: list[Radio], receiver: Radio, samples: Samples) -> Samples:
    """Return what is received while all send the same burst at the same tick."""
    start = receiver.now_tick() + 2000
    pending = receiver.begin_receive(samples.size, start)
    for radio in transmitters:
        radio.transmit(samples, start)
    received = pending.result(2.0).samples
    for radio in transmitters:
        radio.confirm_sent(2.0)
    return received


def test_bursts_longer_than_a_write_add_up_sample_by_sample(served: Served) -> None:
    with open_radios(served.addresses) as (receiver, one, two):
        for radio in (receiver, one, two):
            radio.configure(SETTINGS)
        received = sent([one, two], receiver, tone(0.25))  # two and a half writes
    expected = 2 * tone(0.25)
    assert np.abs(received - expected).max() < 0.01


@pytest.mark.parametrize("tx_gain_db", [0.0, -13.0])
@pytest.mark.parametrize("rx_gain_db", [0.0, 3.0])
def test_gains_act(served: Served, tx_gain_db: float, rx_gain_db: float) -> None:
    with open_radios(served.addresses) as (receiver, node, _):
        for radio in (receiver, node):
            radio.configure(replace(SETTINGS, tx_gain_db=tx_gain_db, rx_gain_db=rx_gain_db))
        level = np.sqrt(np.mean(np.abs(sent([node], receiver, tone(0.5))) ** 2))
    assert level == pytest.approx(0.5 * 10 ** ((tx_gain_db + rx_gain_db) / 20), rel=0.01)


OTHER_GAINS_DB = {SoapySDR.SOAPY_SDR_RX: 7.0, SoapySDR.SOAPY_SDR_TX: -7.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda device, way: device.setFrequency(way, 0, 868e6), "center_freq_hz was 9.15e+08"),
        (lambda device, way: device.setBandwidth(way, 0, 0.2e6), "bandwidth_hz was 800000"),
        (lambda device, way: device.setGain(way, 0, OTHER_GAINS_DB[way]), "gain_db was 0 and"),
    ],
)
@pytest.mark.parametrize("receives", [True, False])
def test_what_another_program_has_set_is_named_and_set_again(
    served: Served, change: Callable[[object, int], None], said: str, receives: bool
) -> None:
    with open_radios(served.addresses) as (receiver, node, _):
        for radio in (receiver, node):
            radio.configure(SETTINGS)
        place, way = (0, SoapySDR.SOAPY_SDR_RX) if receives else (1, SoapySDR.SOAPY_SDR_TX)
        names = list(served.soapy.soapy_arguments)
        other = SoapySDR.Device(names[-1] if receives else names[0])
        change(other, way)
        with pytest.raises(SettingChanged, match="; it is set as before") as changed:
            (receiver.begin_receive(100) if receives else node.transmit(tone()))
        assert said in str(changed.value) and [receiver, node][place].info.serial in str(
            changed.value
        )
        level = np.sqrt(np.mean(np.abs(sent([node], receiver, tone(0.5))) ** 2))
    assert level == pytest.approx(0.5, rel=0.01)


def test_clipping_is_counted(served: Served) -> None:
    with open_radios(served.addresses) as (receiver, node, _):
        for radio in (receiver, node):
            radio.configure(replace(SETTINGS, rx_gain_db=10.0))
        start = receiver.now_tick() + 2000
        pending = receiver.begin_receive(2500, start)
        node.transmit(tone(0.9), start)
        # Nearly three times full scale: I or Q is beyond it, above or below, wherever the tone is.
        assert pending.result(1.0).n_clipped > 2400


def test_devices_with_one_pulse_count_alike_and_others_do_not(served: Served) -> None:
    without = [address.split(",clock_source")[0] for address in served.addresses]
    with open_radios(without) as radios:
        ticks = [radio.now_tick() for radio in radios]
        assert max(ticks) - min(ticks) > 1e6
    with open_radios(served.addresses) as radios:
        ticks = [radio.now_tick() for radio in radios]
        assert max(ticks) == min(ticks)


def test_a_device_that_sees_another_pulse_is_named(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = served.world.devices[1]
    monkeypatch.setattr(type(device), "set_at_pulse", _deaf_to_pulses(device))
    with (
        pytest.raises(SettingNotTaken, match=r"do not count alike.*virtual-node-1 at"),
        open_radios(served.addresses),
    ):
        pass


def _deaf_to_pulses(deaf: object) -> object:
    ordinary = type(deaf).set_at_pulse  # type: ignore[attr-defined]

    def set_at_pulse(device: object, tick: int) -> None:
        if device is not deaf:
            ordinary(device, tick)

    return set_at_pulse


def test_a_missing_reference_is_said(served: Served) -> None:
    served.world.has_reference = False
    with (
        pytest.raises(SettingNotTaken, match=r"clock_source=external.*10 MHz"),
        open_radio(served.addresses[0]),
    ):
        pass


def test_without_a_shared_reference_carriers_are_apart(served: Served) -> None:
    own_clock = served.addresses[1].replace("clock_source=external", "clock_source=internal")
    with open_radios((served.addresses[0], own_clock)) as (receiver, node):
        for radio in (receiver, node):
            radio.configure(SETTINGS)
        received = sent([node], receiver, tone(0.5))
    turn = np.angle(np.vdot(received[:-1], received[1:])) / (2 * np.pi) - 0.1
    expected_hz = 915e6 * served.world.devices[0].free_ppm * 1e-6
    assert abs(expected_hz) > 100
    assert turn * 1e6 == pytest.approx(expected_hz, abs=20)


def test_a_burst_that_the_device_found_late_is_known_afterwards(served: Served) -> None:
    with open_radios(served.addresses) as (receiver, node, _):
        for radio in (receiver, node):
            radio.configure(SETTINGS)
        preset = replace(QUIET, late_probability=1.0)
        served.world.air.paths[0].preset = served.world.air.preset = preset
        node.transmit(tone(), receiver.now_tick() + 2000)
        with pytest.raises(TimeError, match="virtual-node-0: TIME_ERROR"):
            node.confirm_sent(1.0)
        node.confirm_sent(1.0)  # it is told once


@pytest.mark.parametrize(
    ("code", "error"), [(-1, Timeout), (-3, Corruption), (-7, Underflow), (-2, RadioError)]
)
def test_soapys_codes_become_our_errors(served: Served, code: int, error: type[Exception]) -> None:
    with open_radio(served.addresses[1]) as node, pytest.raises(error):
        node._checked(code)  # type: ignore[attr-defined]


@pytest.mark.parametrize("off", [7, -7])
def test_samples_of_another_time_are_a_corruption(
    served: Served, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    with open_radio(served.addresses[0]) as receiver:
        receiver.configure(SETTINGS)
        start = receiver.now_tick() + 2000
        pending = receiver.begin_receive(1000, start)
        tick = type(receiver)._tick  # type: ignore[attr-defined]
        monkeypatch.setattr(type(receiver), "_tick", lambda radio, ns: tick(radio, ns) + off)
        with pytest.raises(Corruption, match=f"{start + off} instead of {start}"):
            pending.result(1.0)


def test_the_transmit_gain_is_down_before_and_after(served: Served) -> None:
    channel = served.world.devices[0].channels[0]
    channel.settings["gain"] = -3.0
    with open_radio(served.addresses[1]) as node:
        assert channel.settings["gain"] == -60.0
        node.configure(SETTINGS)
        assert channel.settings["gain"] == 0.0
    assert channel.settings["gain"] == -60.0


def test_nobody_there_is_said(served: Served) -> None:
    with pytest.raises(RadioNotFound, match="driver=uhd,serial=F00"):
        open_radio("driver=soapy,device=uhd,serial=F00")
    with pytest.raises(AddressError, match="driver=soapy,device=DRIVER"):
        open_radio("driver=soapy,serial=F00")


def test_a_driver_is_compiled_once_and_a_missing_compiler_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = soapy_module.build_module(tmp_path)
    stamp = first.stat().st_mtime_ns
    assert soapy_module.build_module(tmp_path).stat().st_mtime_ns == stamp
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RadioNotFound, match=r"apt-get install g[+][+]"):
        soapy_module.build_module(tmp_path / "other")


def nmse(bench: Bench, n_rounds: int) -> float:
    link = Link(FrameFormat(), load_scheme("coherent"), max_cfo_hz=6e3)
    rng, errors, power = np.random.default_rng(3), 0.0, 0.0
    for seed in range(n_rounds):
        symbols = rng.uniform(-1, 1, len(bench.nodes))
        plan = make_plan(sound_nodes(bench, link), 0.5, 20.0)
        total = exchange_symbols(symbols, plan, bench, link, seed).total.value
        errors += (total - symbols.sum()) ** 2
        power += symbols.sum() ** 2
    return errors / power


@pytest.mark.slow
def test_the_sum_is_as_good_as_over_simulated_radios() -> None:
    preset, n_rounds = air_preset("lab-wired"), 150
    air = SimulatedAir(AirSettings(preset, 4, 1e6, 915e6, 1))
    radios = [SimulatedRadio(air, node) for node in (None, 0, 1, 2, 3)]
    simulated = nmse(Bench(radios[0], tuple(radios[1:]), 1e6), n_rounds)
    with (
        VirtualSoapy(SoapyWorld(AirSettings(preset, 4, 1e6, 915e6, 1))) as soapy,
        open_radios((soapy.receiver_address, *soapy.node_addresses)) as (receiver, *nodes),
    ):
        for radio in (receiver, *nodes):
            radio.configure(SETTINGS)
        virtual = nmse(Bench(receiver, tuple(nodes), 1e6), n_rounds)
    # Squared Gaussian errors: each estimate spreads by sqrt(2 / n), and symbols are the same.
    assert abs(10 * np.log10(virtual / simulated)) < 10 * np.log10(1 + 3 * np.sqrt(4 / n_rounds))
