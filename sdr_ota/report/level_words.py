"""What is received, in words and as plain values: one form for terminal, page and machines."""

import math
from collections.abc import Mapping

from sdr_ota.receiver.reading import Reading


def level_rows(reading: Reading) -> Mapping[str, str]:
    """Return names and figures with their units, in the order in which a person reads them."""
    level = reading.level
    return {
        "level": f"{level.power_dbfs:.1f} dBFS",
        "peak": f"{level.peak_dbfs:.1f} dBFS",
        "clipped": f"{100 * level.clipped_share:.3g} %",
        "DC": f"{level.dc_dbfs:.1f} dBFS",
        "strongest": f"{reading.strongest_hz / 1e3:+.1f} kHz",
        "99 % band": band_words(reading.occupied_hz),
    }


def band_words(band_hz: tuple[float, float]) -> str:
    """Return width and edges of a band.

    >>> band_words((-305e3, 310e3))
    '615.0 kHz (-305.0 to +310.0)'
    """
    low_hz, high_hz = band_hz
    if math.isnan(low_hz):
        return "none"
    width_khz = (high_hz - low_hz) / 1e3
    return f"{width_khz:.1f} kHz ({low_hz / 1e3:+.1f} to {high_hz / 1e3:+.1f})"


def level_line(at_s: float, reading: Reading) -> str:
    """Return a reading as one line."""
    figures = ", ".join(f"{name} {words}" for name, words in level_rows(reading).items())
    return f"{at_s:.1f} s: {figures}"


def level_json(at_s: float, reading: Reading) -> Mapping[str, object]:
    """Return a reading as plain values; a bin's power is that in it, full scale 0 dB."""
    level, spectrum = reading.level, reading.spectrum
    low_hz, high_hz = reading.occupied_hz
    return {
        "time_s": at_s,
        "power_dbfs": level.power_dbfs,
        "peak_dbfs": level.peak_dbfs,
        "clipped_share": level.clipped_share,
        "dc_dbfs": level.dc_dbfs,
        "strongest_hz": reading.strongest_hz,
        "occupied_low_hz": low_hz,
        "occupied_high_hz": high_hz,
        "frequency_hz": [float(f"{value:.6g}") for value in spectrum.freqs_hz],
        "bin_dbfs": [float(f"{value:.4g}") for value in spectrum.power_dbfs],
    }
