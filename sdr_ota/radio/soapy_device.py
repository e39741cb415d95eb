"""Find a SoapySDR device and say what it is."""

import uuid
from collections.abc import Mapping
from typing import Any

from sdr_ota.radio.base import RadioInfo, RadioNotFound, Range


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


def describe(soapy: Any, device: Any, words: Mapping[str, str]) -> RadioInfo:
    """Return who a device is and what it can do.

    Args:
        soapy: The SoapySDR module.
        device: The device.
        words: The arguments by which it was opened: its name where it has no serial.
    """
    tx, rx = soapy.SOAPY_SDR_TX, soapy.SOAPY_SDR_RX
    ways = [way for way in (tx, rx) if device.getNumChannels(way)]

    def gains(way: int) -> Range:
        if way not in ways:
            return Range(0.0, 0.0)
        there = device.getGainRange(way, 0)
        return Range(there.minimum(), there.maximum())

    about = dict(device.getHardwareInfo())
    key = f"{device.getHardwareKey()} {' '.join(words.values())}"  # two without serials differ
    serial = str(about.get("serial") or words.get("serial") or key)
    return RadioInfo(
        driver="soapy",
        serial=serial,
        has_hardware_time=bool(device.hasHardwareTime()),
        is_full_duplex=len(ways) == 2 and bool(device.getFullDuplex(rx, 0)),
        can_repeat=False,
        sample_rates_hz=_hull(device.getSampleRateRange(ways[0], 0)),
        center_freqs_hz=_hull(device.getFrequencyRange(ways[0], 0)),
        center_freq_step_hz=1.0,
        tx_gains_db=gains(tx),
        rx_gains_db=gains(rx),
        init_id=uuid.uuid4().hex,  # opening tunes the synthesisers anew
    )


def _hull(ranges: Any) -> Range:
    return Range(min(r.minimum() for r in ranges), max(r.maximum() for r in ranges))


def probe_soapy(words: Mapping[str, str]) -> tuple[RadioInfo, dict[str, str]]:
    """Return who a device is, and what it does now; nothing is set.

    Args:
        words: SoapySDR's arguments.

    Raises:
        RadioNotFound: If it is not there.
    """
    soapy, device = open_device(words)
    celsius = temperature_c(device)
    return describe(soapy, device, words), {
        "temperature": "no sensor" if celsius is None else f"{celsius:.1f} degrees C"
    }


def temperature_c(device: Any) -> float | None:
    """Return what a device's temperature sensor says, in degrees Celsius; None without one."""
    sensors = [name for name in device.listSensors() if "temp" in name]
    return float(device.readSensor(sensors[0])) if sensors else None
