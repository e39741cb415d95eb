"""What a Pluto is set to, read back: another program may have changed it since."""

from collections.abc import Mapping
from typing import Any

from sdr_ota.radio.base import RadioInfo, SettingChanged
from sdr_ota.types import RadioSettings

Found = Mapping[str, float]
"""Values by name of the setting."""

ASKED_TOLERANCES = {"center_freq_hz": 10.0, "tx_gain_db": 1.0, "rx_gain_db": 1.0}
"""What the chip rounds; a bandwidth is taken as near as the filter has one."""

_TOLERANCES = {
    **ASKED_TOLERANCES,
    "sample_rate_hz": 2.0,
    "bandwidth_hz": 10.0,
    "automatic_gain": 0.0,
}


def transmitter_settings(sdr: Any) -> Found:
    """Return what an open board's transmitter is set to."""
    return {
        "sample_rate_hz": float(sdr.sample_rate),
        "center_freq_hz": float(sdr.tx_lo),
        "bandwidth_hz": float(sdr.tx_rf_bandwidth),
        "tx_gain_db": float(sdr.tx_hardwaregain_chan0),
    }


def receiver_settings(sdr: Any) -> Found:
    """Return what an open board's receiver is set to."""
    return {
        "sample_rate_hz": float(sdr.sample_rate),
        "center_freq_hz": float(sdr.rx_lo),
        "bandwidth_hz": float(sdr.rx_rf_bandwidth),
        "rx_gain_db": float(sdr.rx_hardwaregain_chan0),
        "automatic_gain": float(sdr.gain_control_mode_chan0 != "manual"),
    }


def radio_settings(transmitter: Found, receiver: Found) -> RadioSettings:
    """Return both as one record; what both have is the receiver's."""
    both = {**transmitter, **receiver}
    return RadioSettings(**{name: both[name] for name in both if name != "automatic_gain"})


def refuse_changed(info: RadioInfo, in_force: Found, found: Found) -> None:
    """Refuse settings that are no longer those that were in force.

    Raises:
        SettingChanged: Naming all that differ.
    """
    differing = [
        f"{name} was {was:g} and reads {found[name]:g}"
        for name, was in in_force.items()
        if not abs(found[name] - was) <= _TOLERANCES[name]
    ]
    if differing:
        raise SettingChanged(
            f"{info.serial}: {', '.join(differing)}: another program has changed it"
        )
