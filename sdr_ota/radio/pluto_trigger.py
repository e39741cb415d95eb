"""The TDD engine of a PlutoSDR's firmware (0.39 and later): buffers that start on one pulse.

With the engine waiting for an external pulse, transmit and receive buffers of all boards on
the same line begin on the same edge. Channel numbers and the two switches are those of
pyadi-iio's ``examples/pluto_tddn.py``. Its class ``adi.tddn`` is not used: it keeps the
channels of all boards in one list, so that a second board's are those of the first. Tried on
virtual boards only.
"""

from typing import Any

from sdr_ota.radio.base import RadioNotFound

PULSE_TICKS = 2**20
"""Pulses are counted as if they were this many samples apart; nobody measures when they come."""

_ENGINE, _SWITCHES = "iio-axi-tdd-0", "one-bit-adc-dac"
_START_RX, _START_TX = 1, 2


def start_engine(context: Any) -> None:
    """Let the next buffers wait for a pulse.

    Args:
        context: libiio's context of the board.

    Raises:
        RadioNotFound: If its firmware has no such engine.
    """
    engine, switches = context.find_device(_ENGINE), context.find_device(_SWITCHES)
    if engine is None or switches is None:
        raise RadioNotFound(
            f"the board has no {_ENGINE} or no {_SWITCHES}: trigger=external needs firmware 0.39 "
            "or later"
        )
    for channel in switches.channels:
        if channel.attrs["label"].value in {"tdd_ext_sync", "phaser_enable"}:
            channel.attrs["raw"].value = "1"
    _set(engine.attrs, enable=0, startup_delay_ms=0, frame_length_ms=1, burst_count=1)
    for number in (_START_RX, _START_TX):
        channel = engine.find_channel(f"voltage{number}", True)
        _set(channel.attrs, on_raw=0, off_raw=10, polarity=0, enable=1)
    _set(engine.attrs, sync_external=1, enable=1)


def stop_engine(context: Any) -> None:
    """Let buffers start at once again."""
    engine = context.find_device(_ENGINE)
    if engine is not None:
        _set(engine.attrs, enable=0, sync_external=0)


def _set(attributes: Any, **values: int) -> None:
    for name, value in values.items():
        attributes[name].value = str(value)
