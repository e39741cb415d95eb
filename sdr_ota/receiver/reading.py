"""What a receiver shows of itself, whoever sends: level, spectrum, occupied band."""

from dataclasses import dataclass

import numpy as np

from sdr_ota.signal.level import Level, level_of
from sdr_ota.signal.spectrum import Spectrum, occupied_band_hz, power_spectrum
from sdr_ota.types import Samples


@dataclass(frozen=True)
class Reading:
    """A piece of what was received.

    Attributes:
        level: Of its samples.
        spectrum: Of the same, the DC offset included.
        strongest_hz: Where the spectrum is highest, from the carrier; this and the next without the
            DC offset, which is the receiver's own.
        occupied_hz: Edges of the band that holds 99 % of the power, from the carrier; not a number
            where there is nothing but the offset.
    """

    level: Level
    spectrum: Spectrum
    strongest_hz: float
    occupied_hz: tuple[float, float]


def reading_of(samples: Samples, sample_rate_hz: float) -> Reading:
    """Measure a piece.

    Args:
        samples: Shape ``(n_samples,)``, at least two.
        sample_rate_hz: Samples a second.
    """
    without_dc = samples - np.complex64(np.mean(samples, dtype=np.complex128))
    on_air = power_spectrum(without_dc, sample_rate_hz)
    return Reading(
        level=level_of(samples),
        spectrum=power_spectrum(samples, sample_rate_hz),
        strongest_hz=on_air.strongest_hz,
        occupied_hz=occupied_band_hz(on_air),
    )
