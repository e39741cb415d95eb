"""Find a SoapySDR device and say what it is."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdr_ota.radio.base import ANY, RadioInfo, RadioNotFound, Range, SettingNotTaken


@dataclass(frozen=True)
class Wiring:
    """Which of a device's connectors are used, and what it takes its clocks from.

    Attributes:
        channel: Transmit and receive channel; two channels of one device are two radios.
        subdevice: What its channels are made of, as the driver writes it (``A:A A:B`` for both
            halves of a B210); the device's default if empty.
        antenna: Connector of the channel; the device's default if empty.
        clock_source: Where the 10 MHz come from; the device's default if empty.
        time_source: Where the pulse per second comes from; several devices that have one
            are brought to count alike by `sdr_ota.radio.clock.align_clocks`.
    """

    channel: int = 0
    subdevice: str = ""
    antenna: str = ""
    clock_source: str = ""
    time_source: str = ""


def wire(soapy: Any, device: Any, wiring: Wiring, name: str) -> list[int]:
    """Choose connectors and clocks; return the directions that the channel has.

    Args:
        soapy: The SoapySDR module.
        device: The device.
        wiring: What is used.
        name: What the device is called in messages.

    Raises:
        SettingNotTaken: If there is no such thing, or the oscillator does not lock.
    """
    if wiring.subdevice:
        _choose_subdevice(soapy, device, wiring.subdevice, name)
    ways = _ways(soapy, device, wiring.channel, name)
    if wiring.antenna:
        _choose_antenna(device, wiring, ways, name)
    if wiring.clock_source:
        there = list(device.listClockSources())
        _refuse_unlisted(name, "clock_source", wiring.clock_source, there)
        device.setClockSource(wiring.clock_source)
        _check_locked(device, wiring.clock_source, name)
    if wiring.time_source:
        _refuse_unlisted(name, "time_source", wiring.time_source, list(device.listTimeSources()))
        device.setTimeSource(wiring.time_source)
    return ways


def _ways(soapy: Any, device: Any, channel: int, name: str) -> list[int]:
    """Return the directions that a channel has."""
    every = (soapy.SOAPY_SDR_TX, soapy.SOAPY_SDR_RX)
    counts = {way: int(device.getNumChannels(way)) for way in every}
    ways = [way for way, count in counts.items() if channel < count]
    if not ways:
        most = max(counts.values())
        raise SettingNotTaken(f"{name}: asked for channel={channel}, it has {most}, counted from 0")
    return ways


def _choose_subdevice(soapy: Any, device: Any, subdevice: str, name: str) -> None:
    for way in (soapy.SOAPY_SDR_TX, soapy.SOAPY_SDR_RX):
        if device.getNumChannels(way):
            device.setFrontendMapping(way, subdevice)
            there = device.getFrontendMapping(way)
            if there != subdevice:
                raise SettingNotTaken(
                    f"{name}: asked for subdevice={subdevice}, it reads back {there or 'nothing'}"
                )


def _choose_antenna(device: Any, wiring: Wiring, ways: list[int], name: str) -> None:
    """Take the antenna for whatever direction has it: RX2 of a USRP receives only."""
    offered = {way: list(device.listAntennas(way, wiring.channel)) for way in ways}
    every = sorted({antenna for antennas in offered.values() for antenna in antennas})
    _refuse_unlisted(name, "antenna", wiring.antenna, every)
    for way, antennas in offered.items():
        if wiring.antenna in antennas:
            device.setAntenna(way, wiring.channel, wiring.antenna)


def _refuse_unlisted(name: str, key: str, asked: str, there: list[str]) -> None:
    if asked not in there:
        raise SettingNotTaken(
            f"{name}: asked for {key}={asked}, it has: {', '.join(there) or 'none'}"
        )


def _check_locked(device: Any, source: str, name: str) -> None:
    """Wait a moment for the oscillator to follow its reference."""
    if "ref_locked" not in device.listSensors():
        return
    for _ in range(20):
        if device.readSensor("ref_locked") == "true":
            return
        time.sleep(0.02)
    raise SettingNotTaken(
        f"{name}: asked for clock_source={source}, the oscillator does not lock; "
        "are the 10 MHz connected?"
    )


def open_device(device: Mapping[str, str]) -> tuple[Any, Any]:
    """Return the SoapySDR module and the device of its arguments.

    Raises:
        RadioNotFound: If SoapySDR or the device is not there.
    """
    try:
        import SoapySDR
    except ImportError as missing:
        raise RadioNotFound(
            f"this radio needs SoapySDR: apt-get install python3-soapysdr ({missing})"
        ) from missing
    words = ",".join(f"{key}={value}" for key, value in device.items())
    try:
        return SoapySDR, SoapySDR.Device(dict(device))
    except RuntimeError as error:
        raise RadioNotFound(
            f"SoapySDR opens no device for {words} ({error}); is it plugged in, and its driver's "
            "module installed? SoapySDRUtil --info lists the modules"
        ) from error


def name_of(device: Any, words: Mapping[str, str], channel: int) -> str:
    """Return what tells a device's channel from all others.

    Args:
        device: The device.
        words: The arguments by which it was opened: its name where it has no serial.
        channel: The first one needs no number.
    """
    about = dict(device.getHardwareInfo())
    key = f"{device.getHardwareKey()} {' '.join(words.values())}"  # two without serials differ
    serial = str(about.get("serial") or words.get("serial") or key)
    return f"{serial}:{channel}" if channel else serial


def describe(soapy: Any, device: Any, name: str, channel: int, ways: list[int]) -> RadioInfo:
    """Return who a device is and what it can do, as its driver says.

    Args:
        soapy: The SoapySDR module.
        device: The device.
        name: What it is called.
        channel: Which of its channels.
        ways: The channel's directions.
    """
    tx, rx = soapy.SOAPY_SDR_TX, soapy.SOAPY_SDR_RX

    def gains(way: int) -> Range:
        if way not in ways:
            return Range(0.0, 0.0)
        there = device.getGainRange(way, channel)
        return Range(there.minimum(), there.maximum())

    return RadioInfo(
        driver="soapy",
        serial=name,
        has_hardware_time=bool(device.hasHardwareTime()),
        is_full_duplex=len(ways) == 2 and bool(device.getFullDuplex(rx, channel)),
        can_repeat=False,
        sample_rates_hz=_common([device.getSampleRateRange(way, channel) for way in ways]),
        center_freqs_hz=_common([device.getFrequencyRange(way, channel) for way in ways]),
        center_freq_step_hz=1.0,
        tx_gains_db=gains(tx),
        rx_gains_db=gains(rx),
        init_id=uuid.uuid4().hex,  # opening tunes the synthesisers anew
    )


def _common(of_each: list[Any]) -> Range:
    """Return what all directions can take, gaps included; a driver may report nothing."""
    hulls = [
        Range(min(r.minimum() for r in ranges), max(r.maximum() for r in ranges))
        for ranges in of_each
        if len(ranges)
    ]
    if not hulls:
        return ANY
    return Range(max(hull.low for hull in hulls), min(hull.high for hull in hulls))


def probe_soapy(words: Mapping[str, str], wiring: Wiring) -> tuple[RadioInfo, dict[str, str]]:
    """Return who a device is, and what it does now; nothing is set.

    Args:
        words: SoapySDR's arguments.
        wiring: Of which its channel is looked at.

    Raises:
        RadioNotFound: If it is not there.
        SettingNotTaken: If it has no such channel.
    """
    soapy, device = open_device(words)
    celsius, channel = temperature_c(device), wiring.channel
    name = name_of(device, words, channel)
    info = describe(soapy, device, name, channel, _ways(soapy, device, channel, name))
    return info, {"temperature": "no sensor" if celsius is None else f"{celsius:.1f} degrees C"}


def temperature_c(device: Any) -> float | None:
    """Return what a device's temperature sensor says, in degrees Celsius; None without one."""
    sensors = [name for name in device.listSensors() if "temp" in name]
    return float(device.readSensor(sensors[0])) if sensors else None
