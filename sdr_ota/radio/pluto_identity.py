"""A Pluto that answers: who it is and what its transmitter does. Nothing is written here."""

import uuid
from typing import Any

from sdr_ota.radio.base import RadioInfo, RadioNotFound
from sdr_ota.radio.libiio_errors import quiet_destructors, radio_error
from sdr_ota.radio.owner import RadioInUse, user_at
from sdr_ota.radio.pluto_ranges import (
    center_freqs_hz,
    rx_gains_db,
    sample_rates_hz,
    tx_gains_db,
)

MUTED_DB = -89.75
"""Full attenuation of the transmitter."""

PASS_SAMPLES = "pass_samples"
"""Debug attribute of virtual boards: so many samples of time pass in their world."""


def connect(uri: str) -> Any:
    """Return pyadi-iio's object of a board.

    Raises:
        RadioNotFound: If it does not answer, or pyadi-iio is not installed.
        RadioInUse: If it does not answer and another process uses it: over USB it has one client.
    """
    try:
        import adi
    except ImportError as missing:
        raise RadioNotFound(
            f"a PlutoSDR needs pyadi-iio and libiio: pip install 'sdr-ota[pluto]' and the "
            f"package libiio0 ({missing})"
        ) from missing
    quiet_destructors()
    try:
        return adi.Pluto(uri=uri)
    except Exception as error:  # pyadi-iio raises a plain Exception where nobody answers
        if user := user_at(uri):
            raise RadioInUse(f"the PlutoSDR at uri={uri} {user}") from error
        raise RadioNotFound(
            f"no PlutoSDR answers at uri={uri} ({error}); is it plugged in, and is the address "
            "the one that iio_info -s shows?"
        ) from error


def pluto_info(sdr: Any, uri: str, is_triggered: bool = False) -> RadioInfo:
    """Return who a board is and what it can do."""
    return RadioInfo(
        driver="pluto",
        serial=str(sdr._ctx.attrs.get("hw_serial", uri)),
        has_hardware_time=is_triggered,
        is_full_duplex=True,
        sample_rates_hz=sample_rates_hz(sdr._ctrl),
        center_freqs_hz=center_freqs_hz(sdr._ctrl),
        center_freq_step_hz=1.0,
        tx_gains_db=tx_gains_db(sdr._ctrl),
        rx_gains_db=rx_gains_db(sdr._ctrl),
        init_id=uuid.uuid4().hex,  # opening tunes the synthesisers anew
        tx_bits=12,
        rx_bits=12,
    )


def has_virtual_time(sdr: Any) -> bool:
    """Return whether a board is a virtual one, in whose world time passes when it is told to."""
    return PASS_SAMPLES in sdr._ctrl.debug_attrs


def oscillator_down(sdr: Any) -> Any:
    """Return the attribute that powers the transmit synthesiser down."""
    return sdr._ctrl.find_channel("altvoltage1", True).attrs["powerdown"]


def left_on_db(sdr: Any) -> float | None:
    """Return the gain of a transmitter that is on, in dB; None for one that is off."""
    gain_db = float(sdr.tx_hardwaregain_chan0)
    return gain_db if oscillator_down(sdr).value == "0" and gain_db > MUTED_DB else None


def temperature_c(sdr: Any) -> float | None:
    """Return the transceiver's temperature in degrees Celsius; None without a sensor."""
    sensor = sdr._ctrl.find_channel("temp0")
    return None if sensor is None else float(sensor.attrs["input"].value) / 1000


def probe_pluto(uri: str, is_triggered: bool = False) -> tuple[RadioInfo, dict[str, str]]:
    """Return who a board is, and what it does now; nothing is changed.

    Args:
        uri: Where it is, as libiio writes it.
        is_triggered: Whether its buffers start on an external pulse.

    Raises:
        RadioError: If it does not answer.
    """
    sdr = connect(uri)
    info = pluto_info(sdr, uri, is_triggered)
    try:
        on_db, celsius = left_on_db(sdr), temperature_c(sdr)
    except OSError as error:
        raise radio_error(info.serial, error) from error
    return info, {
        "transmitter": "off" if on_db is None else f"on, at {on_db:g} dB",
        "temperature": "no sensor" if celsius is None else f"{celsius:.1f} degrees C",
    }
