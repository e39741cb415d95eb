"""What a Pluto is set to, read back: another program may have changed it since."""

from typing import Any

from sdr_ota.radio.refusal import AUTOMATIC_GAIN, Found
from sdr_ota.types import RadioSettings


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
        AUTOMATIC_GAIN: float(sdr.gain_control_mode_chan0 != "manual"),
    }


def radio_settings(transmitter: Found, receiver: Found) -> RadioSettings:
    """Return both as one record; what both have is the receiver's."""
    both = {**transmitter, **receiver}
    return RadioSettings(**{name: both[name] for name in both if name != AUTOMATIC_GAIN})
