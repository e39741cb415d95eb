"""What one direction of a SoapySDR channel is set to, and how it is set."""

from typing import Any

from sdr_ota.radio.refusal import AUTOMATIC_GAIN, Found
from sdr_ota.types import RadioSettings


def gain_name(soapy: Any, way: int) -> str:
    """Return what a direction's gain is called in `RadioSettings`."""
    return "tx_gain_db" if way == soapy.SOAPY_SDR_TX else "rx_gain_db"


def apply_settings(
    soapy: Any, device: Any, way: int, channel: int, settings: RadioSettings
) -> None:
    """Set rate, frequency, filter and gain of one direction."""
    device.setSampleRate(way, channel, settings.sample_rate_hz)
    device.setFrequency(way, channel, settings.center_freq_hz)
    device.setBandwidth(way, channel, settings.bandwidth_hz)
    if device.hasGainMode(way, channel):
        device.setGainMode(way, channel, False)
    device.setGain(way, channel, getattr(settings, gain_name(soapy, way)))


def settings_found(soapy: Any, device: Any, way: int, channel: int) -> Found:
    """Return what one direction is set to."""
    is_automatic = device.hasGainMode(way, channel) and device.getGainMode(way, channel)
    return {
        "sample_rate_hz": float(device.getSampleRate(way, channel)),
        "center_freq_hz": float(device.getFrequency(way, channel)),
        "bandwidth_hz": float(device.getBandwidth(way, channel)),
        gain_name(soapy, way): float(device.getGain(way, channel)),
        AUTOMATIC_GAIN: float(is_automatic),
    }
