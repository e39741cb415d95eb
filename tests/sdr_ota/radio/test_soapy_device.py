"""What SoapySDR's programs see of a virtual device: streams as UHD's, and nothing unchecked."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SoapySDR
from SoapySDR import (
    SOAPY_SDR_CF32,
    SOAPY_SDR_CS16,
    SOAPY_SDR_END_BURST,
    SOAPY_SDR_HAS_TIME,
    SOAPY_SDR_OVERFLOW,
    SOAPY_SDR_RX,
    SOAPY_SDR_TIME_ERROR,
    SOAPY_SDR_TIMEOUT,
    SOAPY_SDR_TX,
    SOAPY_SDR_UNDERFLOW,
)

from sdr_ota.air.presets import AirPreset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.address import AddressError, open_radio, open_radios
from sdr_ota.radio.base import SettingNotTaken
from sdr_ota.radio.virtual.soapy_bursts import MOST_SAMPLES
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld
from sdr_ota.types import RadioSettings, Samples

pytestmark = pytest.mark.usefixtures("virtual_soapy_driver")

QUIET = AirPreset("quiet", snr_db=70.0, shared_clock=True)
RATE_HZ = 1e6
SETTINGS = RadioSettings(915e6, RATE_HZ, 0.8e6)


@dataclass
class Pair:
    """A transmitting and the receiving device of a world, opened as any program opens them."""

    world: SoapyWorld
    served: VirtualSoapy
    node: Any
    receiver: Any

    def tick(self) -> int:
        return int(SoapySDR.timeNsToTicks(self.receiver.getHardwareTime(), RATE_HZ))

    def ns(self, tick: int) -> int:
        return int(SoapySDR.ticksToTimeNs(tick, RATE_HZ))

    def receive(self, start: int, n_samples: int) -> Samples:
        stream = self.receiver.setupStream(SOAPY_SDR_RX, SOAPY_SDR_CF32)
        flags = SOAPY_SDR_HAS_TIME | SOAPY_SDR_END_BURST
        self.receiver.activateStream(stream, flags, self.ns(start), n_samples)
        samples, n_there = np.zeros(n_samples, np.complex64), 0
        while n_there < n_samples:
            got = self.receiver.readStream(stream, [samples[n_there:]], n_samples - n_there)
            assert got.ret > 0
            n_there += got.ret
        self.receiver.closeStream(stream)
        return samples

    def transmitter(self, kind: str = SOAPY_SDR_CF32) -> Any:
        stream = self.node.setupStream(SOAPY_SDR_TX, kind)
        self.node.activateStream(stream)
        return stream

    def write(self, stream: Any, samples: Any, flags: int = 0, tick: int = 0) -> int:
        done = self.node.writeStream(stream, [samples], samples.size, flags, self.ns(tick), 1000)
        return int(done.ret)

    def events(self, stream: Any) -> list[int]:
        found = []
        while (status := self.node.readStreamStatus(stream, 0)).ret != SOAPY_SDR_TIMEOUT:
            found.append(status.ret)
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    world = SoapyWorld(AirSettings(QUIET, 1, RATE_HZ, 915e6, seed=1))
    with VirtualSoapy(world) as served:
        node, receiver = (SoapySDR.Device(words) for words in served.soapy_arguments)
        for device, way in ((node, SOAPY_SDR_TX), (receiver, SOAPY_SDR_RX)):
            device.setClockSource("external")
            device.setFrequency(way, 0, 915e6)
            device.setHardwareTime(0)
        yield Pair(world, served, node, receiver)


def tone(n_samples: int, level: float = 0.5) -> Samples:
    return (level * np.exp(2j * np.pi * 0.1 * np.arange(n_samples))).astype(np.complex64)


def test_a_burst_without_an_end_is_sent_and_then_runs_dry(pair: Pair) -> None:
    stream, start = pair.transmitter(), pair.tick() + 5000
    assert pair.write(stream, tone(600), SOAPY_SDR_HAS_TIME, start) == 600
    assert pair.events(stream) == []
    received = pair.receive(start - 100, 1000)
    np.testing.assert_allclose(np.abs(received[110:690]), 0.5, atol=5e-3)
    assert np.abs(received[:90]).max() < 0.01
    assert np.abs(received[710:]).max() < 0.01
    assert pair.events(stream) == [SOAPY_SDR_UNDERFLOW]


def test_a_burst_that_is_fed_in_time_has_no_gap(pair: Pair) -> None:
    stream, start, whole = pair.transmitter(), pair.tick() + 5000, tone(1800)
    pair.write(stream, whole[:600], SOAPY_SDR_HAS_TIME, start)
    pair.write(stream, whole[600:1200])
    first = pair.receive(start, 900)
    pair.write(stream, whole[1200:], SOAPY_SDR_END_BURST)
    second = pair.receive(start + 900, 900)
    received = np.concatenate([first, second])
    np.testing.assert_allclose(np.abs(received[10:-10]), 0.5, atol=5e-3)
    assert pair.events(stream) == [0]


@pytest.mark.parametrize("is_open", [False, True])
def test_the_end_of_a_burst_may_come_without_samples(pair: Pair, is_open: bool) -> None:
    stream, start = pair.transmitter(), pair.tick() + 5000
    nothing = np.zeros(0, np.complex64)
    if is_open:
        pair.write(stream, tone(600), SOAPY_SDR_HAS_TIME, start)
    assert pair.write(stream, nothing, SOAPY_SDR_END_BURST) == 0
    assert pair.events(stream) == [0]
    pair.write(stream, tone(600), SOAPY_SDR_HAS_TIME | SOAPY_SDR_END_BURST, start + 2000)
    received = pair.receive(start, 3000)  # the device is as alive as before
    assert (np.abs(received[100:500]).min() > 0.4) == is_open
    assert np.abs(received[2100:2500]).min() > 0.4


def test_a_late_burst_is_thrown_away_and_reported_once(pair: Pair) -> None:
    stream, now = pair.transmitter(), pair.tick()
    pair.write(stream, tone(100), SOAPY_SDR_HAS_TIME, now)
    pair.write(stream, tone(100), SOAPY_SDR_END_BURST)
    assert pair.events(stream) == [SOAPY_SDR_TIME_ERROR]
    assert np.abs(pair.receive(now + 10, 2000)).max() < 0.01


def test_samples_that_nobody_fetched_in_time_are_an_overflow(pair: Pair) -> None:
    stream = pair.receiver.setupStream(SOAPY_SDR_RX, SOAPY_SDR_CF32)
    pair.receiver.activateStream(stream)
    buffer = np.zeros(500, np.complex64)
    first, second = (pair.receiver.readStream(stream, [buffer], 500) for _ in range(2))
    assert second.timeNs - first.timeNs == 500_000
    pair.receiver.writeSetting("pass_samples", "100000")
    assert pair.receiver.readStream(stream, [buffer], 500).ret == SOAPY_SDR_OVERFLOW
    again = pair.receiver.readStream(stream, [buffer], 500)
    assert again.ret == 500
    assert again.timeNs - second.timeNs >= 100_000_000


def test_integers_are_samples_as_good(pair: Pair) -> None:
    stream, start = pair.transmitter(SOAPY_SDR_CS16), pair.tick() + 5000
    wanted = tone(800, 0.25)
    codes = np.rint(wanted.view(np.float32) * 2**15).astype(np.int16)
    flags = SOAPY_SDR_HAS_TIME | SOAPY_SDR_END_BURST
    done = pair.node.writeStream(stream, [codes], 800, flags, pair.ns(start), 1000)
    assert done.ret == 800
    listening = pair.receiver.setupStream(SOAPY_SDR_RX, SOAPY_SDR_CS16)
    pair.receiver.activateStream(listening, flags, pair.ns(start), 800)
    received = np.zeros(1600, np.int16)
    assert pair.receiver.readStream(listening, [received], 800).ret == 800
    level = np.abs((received / 2.0**15).view(np.complex128)[20:-20])
    np.testing.assert_allclose(level, 0.25, atol=2e-3)
    assert set(pair.node.getStreamFormats(SOAPY_SDR_TX, 0)) == {SOAPY_SDR_CF32, SOAPY_SDR_CS16}


def test_a_device_takes_no_more_than_it_can_hold(pair: Pair) -> None:
    stream, start = pair.transmitter(), pair.tick() + 2**30
    silence, n_taken = np.zeros(1000, np.complex64), 0
    channel = pair.world.devices[0].channels[0]
    channel.write(np.zeros(MOST_SAMPLES - 1500, np.complex64), start, False)
    while (done := pair.write(stream, silence)) > 0:
        n_taken += done
    assert (done, n_taken) == (SOAPY_SDR_TIMEOUT, 1000)


def test_what_is_no_number_does_not_poison_the_air(pair: Pair) -> None:
    stream, start, burst = pair.transmitter(), pair.tick() + 5000, tone(900)
    burst[450], burst[451] = np.nan, 1e30
    pair.write(stream, burst, SOAPY_SDR_HAS_TIME | SOAPY_SDR_END_BURST, start)
    received = pair.receive(start, 900)
    assert np.all(np.isfinite(received))
    np.testing.assert_allclose(np.abs(received[20:400]), 0.5, atol=5e-3)


def refusals(device: Any) -> list[Any]:
    return [
        lambda: device.setAntenna(SOAPY_SDR_TX, 0, "RX2"),
        lambda: device.setClockSource("sundial"),
        lambda: device.setTimeSource("gpsdo"),
        lambda: device.readSensor("mood"),
        lambda: device.setSampleRate(SOAPY_SDR_TX, 0, 0.0),
        lambda: device.setSampleRate(SOAPY_SDR_TX, 0, -1.0),
        lambda: device.setSampleRate(SOAPY_SDR_TX, 0, float("nan")),
        lambda: device.setFrequency(SOAPY_SDR_TX, 0, float("nan")),
        lambda: device.setGain(SOAPY_SDR_TX, 0, float("inf")),
        lambda: device.setGain(SOAPY_SDR_TX, 1, 0.0),
        lambda: device.setGain(SOAPY_SDR_RX, 0, 0.0),
        lambda: device.setupStream(SOAPY_SDR_TX, SOAPY_SDR_CF32, [0, 1]),
        lambda: device.setupStream(SOAPY_SDR_TX, SOAPY_SDR_CF32, [1]),
        lambda: device.setupStream(SOAPY_SDR_RX, SOAPY_SDR_CF32),
        lambda: device.setupStream(SOAPY_SDR_TX, "CS4"),
        lambda: device.setFrontendMapping(SOAPY_SDR_TX, "B:B"),
        lambda: device.writeSetting("pass_samples", "many"),
        lambda: device.writeSetting("colour", "3"),
    ]


def test_what_a_device_has_not_is_refused(pair: Pair) -> None:
    for refused in refusals(pair.node):
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            refused()
    assert pair.node.getClockSource() == "external"  # as it was set
    assert pair.node.getTimeSource() == "internal"
    assert list(pair.receiver.listAntennas(SOAPY_SDR_RX, 0)) == ["TX/RX", "RX2"]
    pair.receiver.setAntenna(SOAPY_SDR_RX, 0, "TX/RX")
    assert pair.receiver.getAntenna(SOAPY_SDR_RX, 0) == "TX/RX"


def test_soapys_own_tool_finds_every_device_under_what_is_printed(
    pair: Pair, virtual_soapy_driver: Path
) -> None:
    tool = shutil.which("SoapySDRUtil")
    assert tool, "SoapySDRUtil is missing: apt-get install soapysdr-tools"
    there = os.environ | {"SOAPY_SDR_PLUGIN_PATH": str(virtual_soapy_driver.parent)}
    for words in pair.served.soapy_arguments:
        for option in ("--find", "--probe"):
            said = subprocess.run(
                [tool, f"{option}={words}"], capture_output=True, text=True, env=there, timeout=60,
                check=True,
            )  # fmt: skip
            if option == "--find":
                shown = set(said.stdout.replace(" ", "").splitlines())
                assert set(words.split(",")) <= shown
                assert said.stdout.count("Found device") == 1


@pytest.fixture
def double() -> Iterator[VirtualSoapy]:
    """A device with two transmitters, as a B210 has."""
    world = SoapyWorld(AirSettings(QUIET, 2, RATE_HZ, 915e6, seed=1), n_channels=2)
    with VirtualSoapy(world) as served:
        yield served


def test_two_transmitters_of_a_device_are_two_nodes(double: VirtualSoapy) -> None:
    assert [address.split(",")[4] for address in double.node_addresses] == [
        "channel=0",
        "channel=1",
    ]
    addresses = (double.receiver_address, *double.node_addresses)
    with open_radios(addresses) as (receiver, one, two):
        assert (one.info.serial, two.info.serial) == ("virtual-node-0", "virtual-node-0:1")
        for radio in (receiver, one, two):
            radio.configure(SETTINGS)
        start = receiver.now_tick() + 5000
        pending = receiver.begin_receive(3000, start)
        one.transmit(tone(1000, 0.5), start)
        two.transmit(tone(1000, 0.25), start + 1500)
        samples = pending.result(5.0).samples
        np.testing.assert_allclose(np.abs(samples[20:980]), 0.5, atol=5e-3)
        np.testing.assert_allclose(np.abs(samples[1520:2480]), 0.25, atol=5e-3)
        for node in (one, two):
            node.confirm_sent(1.0)
        two.close()  # the other goes on
        start = receiver.now_tick() + 5000
        pending = receiver.begin_receive(1000, start)
        one.transmit(tone(1000, 0.5), start)
        assert np.abs(pending.result(5.0).samples[20:980]).min() > 0.49


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("channel=2", "asked for channel=2, it has 2, counted from 0"),
        ("antenna=RX2", "asked for antenna=RX2, it has: TX/RX"),
        ("clock_source=gpsdo", "asked for clock_source=gpsdo, it has: internal, external"),
        ("time_source=gpsdo", "asked for time_source=gpsdo, it has: internal, external"),
    ],
)
def test_a_connector_that_is_not_there_is_named_with_those_that_are(
    double: VirtualSoapy, more: str, words: str
) -> None:
    address = double.node_addresses[0].partition(",channel")[0]
    with pytest.raises(SettingNotTaken, match=words), open_radio(f"{address},{more}"):
        pass


def test_a_channel_is_a_number() -> None:
    with pytest.raises(AddressError, match="channel=B is no channel"):
        open_radio("driver=soapy,device=otavirtual,port=1,place=0,channel=B")


def test_connectors_are_taken_from_the_address(double: VirtualSoapy) -> None:
    address = double.node_addresses[0].partition(",channel")[0]
    with open_radio(f"{address},subdevice=A:A A:B,channel=1,antenna=TX/RX") as node:
        assert node.info.serial == "virtual-node-0:1"


@pytest.mark.parametrize(
    ("asked_hz", "is_taken"), [(1e6 + 0.9, True), (1e6 + 1.1, False), (1.2e6, False)]
)
def test_a_rounded_rate_is_taken_within_a_millionth_and_the_nearest_named_beyond(
    double: VirtualSoapy, asked_hz: float, is_taken: bool
) -> None:
    settings = RadioSettings(915e6, asked_hz, 0.8e6)
    with open_radio(double.receiver_address) as receiver:
        if is_taken:
            assert receiver.configure(settings).sample_rate_hz == RATE_HZ
        else:
            with pytest.raises(SettingNotTaken, match="nearest possible is 1000000; set radio"):
                receiver.configure(settings)
